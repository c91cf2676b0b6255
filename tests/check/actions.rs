//! Actions at their edges: what was tried and must be refused, what was never seen, and what ends
//! because we asked for it.

use seatrial::journal::{ActionEntry, ActionIntent, ActionStep, Before, NodeSeen, ServiceBefore};
use seatrial::plan::{Action, Change, Role};
use seatrial::scenario::Token;
use seatrial::units::Span;

use super::story::{ended, node_seen};
use super::*;

/// A story whose only step is this action, begun at 60 s.
fn story(checks: &[Check], change: &Change, before: Before, steps: &[(f64, ActionStep)]) -> Story {
    let mut story = Story::kept("story", checks);
    story.plan.faults.clear();
    story.plan.actions.push(Action {
        at: Span::secs(40),
        change: change.clone(),
        within: Span::secs(30),
    });
    without_faults(&mut story);
    story.without(|at, e| matches!(e, Event::Node(_) | Event::Task(_)) && at > 50.0);
    story.without(|at, e| matches!(e, Event::Containers(_)) && at > 49.0);
    let targets = match change {
        Change::Join { node, .. } => vec![node.clone()],
        _ => Vec::new(),
    };
    let intent = ActionStep::Intent(Box::new(ActionIntent {
        verb: change.verb().to_owned(),
        chosen: change.about(),
        targets,
        before,
    }));
    for (at, step) in [(59.9, intent), (60.0, ActionStep::Acting)] {
        story.at(at, step_of(step));
    }
    for (at, step) in steps {
        story.at(*at, step_of(step.clone()));
    }
    story
}

fn step_of(step: ActionStep) -> Event {
    Event::Action(ActionEntry { action: 0, step })
}

fn refused(words: &str) -> ActionStep {
    ActionStep::Refused(words.to_owned())
}

fn seen(words: &str) -> ActionStep {
    ActionStep::Confirmed(words.to_owned())
}

fn unseen(words: &str) -> ActionStep {
    ActionStep::NotConfirmed(words.to_owned())
}

fn intruder(steps: &[(f64, ActionStep)]) -> Story {
    let change = Change::Join {
        node: "server-9".to_owned(),
        role: Role::Worker,
        token: Token::Wrong,
    };
    story(&[Check::Exercised], &change, Before::default(), steps)
}

#[test]
fn a_wrong_token_must_be_refused_and_nobody_may_join_by_it() {
    let no = refused("refused with 400: A valid join token is necessary to join this cluster");
    let held = [(61.0, no.clone()), (62.0, seen("4 nodes, 4 before"))];
    let judged = |story: &Story| finding(&story.history(), "refused");
    says(
        &judged(&intruder(&held)),
        Verdict::Pass,
        "server-9 as worker with a wrong token: refused with 400: A valid join token is",
    );
    let taken = [(61.0, ActionStep::Acted), (62.0, unseen("it was taken"))];
    says(&judged(&intruder(&taken)), Verdict::Fail, "was taken");
    let mut listed = intruder(&held);
    listed.at(64.0, node_seen("server-9", 70, "ready"));
    says(
        &judged(&listed),
        Verdict::Fail,
        "the managers list server-9",
    );
    let silent = [(61.0, unseen("nobody refused it: no answer within 20s"))];
    says(
        &judged(&intruder(&silent)),
        Verdict::Unknown,
        "nobody refused it",
    );
    let seen_only = [(61.0, seen("4 nodes, 4 before"))];
    says(&judged(&intruder(&seen_only)), Verdict::Unknown, "4 nodes");
}

/// Any error is an answer, and only one of them is about the token.
#[test]
fn a_join_that_fails_for_another_reason_shows_nothing() {
    let other = [
        (
            61.0,
            refused("refused with 503: dial tcp: no route to host"),
        ),
        (62.0, seen("4 nodes, 4 before")),
    ];
    says(
        &finding(&intruder(&other).history(), "refused"),
        Verdict::Unknown,
        "not because of its token: refused with 503",
    );
}

/// A join that was refused as it must be.
fn held() -> [(f64, ActionStep); 2] {
    [
        (61.0, refused("A valid join token is necessary")),
        (62.0, seen("4 nodes, 4 before")),
    ]
}

/// The node `n9`, listed under this name.
fn listed_as(name: &str) -> NodeSeen {
    NodeSeen {
        id: "n9".to_owned(),
        name: name.to_owned(),
        index: 70,
        state: "ready".to_owned(),
        availability: "active".to_owned(),
        role: "worker".to_owned(),
        leader: false,
        reachability: None,
    }
}

/// A node is listed by its identity until it has told its name.
#[test]
fn who_got_in_and_told_its_name_late_is_seen() {
    let judged = |named: &[(f64, &str)]| {
        let mut story = intruder(&held());
        for (at, name) in named {
            story.at(*at, Event::Node(listed_as(name)));
        }
        finding(&story.history(), "refused")
    };
    let late = judged(&[(64.0, "n9"), (66.0, "server-9")]);
    says(&late, Verdict::Fail, "the managers list n9");
    let never = judged(&[(64.0, "n9")]);
    says(&never, Verdict::Fail, "the managers list n9");
    // Whoever was there before is no stranger, and a node of another name is another's doing.
    let before = judged(&[(59.0, "n9"), (64.0, "server-9")]);
    assert_eq!(before.verdict, Verdict::Pass, "{}", before.summary);
    assert_eq!(judged(&[(64.0, "server-8")]).verdict, Verdict::Pass);
}

#[test]
fn whom_the_managers_listed_when_it_was_planned_is_no_stranger() {
    let mut story = intruder(&held());
    story.at(64.0, Event::Node(listed_as("server-9")));
    let unknown = finding(&story.history(), "refused");
    says(&unknown, Verdict::Fail, "the managers list server-9");
    story.change(|_, event| {
        if let Event::Action(ActionEntry {
            step: ActionStep::Intent(intent),
            ..
        }) = event
        {
            intent.before.nodes = vec![listed_as("n9")];
        }
    });
    let known = finding(&story.history(), "refused");
    says(&known, Verdict::Pass, "A valid join token is necessary");
}

/// Tried with another token as well, at another moment; these nodes were there then, and `n9` is
/// told of at a third.
fn tried_twice(also: f64, before: &[NodeSeen], told: f64) -> Finding {
    let mut story = intruder(&held());
    let change = Change::Join {
        node: "server-9".to_owned(),
        role: Role::Worker,
        token: Token::Rotated,
    };
    let intent = ActionStep::Intent(Box::new(ActionIntent {
        verb: change.verb().to_owned(),
        chosen: change.about(),
        targets: vec!["server-9".to_owned()],
        before: Before {
            nodes: before.to_vec(),
            ..Before::default()
        },
    }));
    story.plan.actions.push(Action {
        at: Span::secs(48),
        change,
        within: Span::secs(30),
    });
    let [(_, no), (_, nobody)] = held();
    let steps = [
        (also - 4.0, intent),
        (also, ActionStep::Acting),
        (also + 1.0, no),
        (also + 2.0, nobody),
    ];
    for (at, step) in steps {
        story.at(at, Event::Action(ActionEntry { action: 1, step }));
    }
    story.at(told, Event::Node(listed_as("n9")));
    finding(&story.history(), "refused")
}

#[test]
fn a_stranger_is_the_doing_of_the_attempt_before_it() {
    // That the next attempt finds it there is no excuse for the one that let it in.
    let first = tried_twice(68.0, &[listed_as("n9")], 66.0);
    says(
        &first,
        Verdict::Fail,
        "with a wrong token: the managers list n9",
    );
    let unheard = tried_twice(68.0, &[listed_as("n9")], 72.0);
    says(
        &unheard,
        Verdict::Fail,
        "with a wrong token: the managers list n9",
    );
    let second = tried_twice(68.0, &[], 72.0);
    says(
        &second,
        Verdict::Fail,
        "with a rotated token: the managers list n9",
    );
    // What the plan names second was tried first.
    let late = tried_twice(54.0, &[], 64.0);
    says(
        &late,
        Verdict::Fail,
        "with a wrong token: the managers list n9",
    );
}

/// Only another join could have let it in as well.
#[test]
fn a_stranger_is_not_the_doing_of_whatever_else_is_changed() {
    let mut story = intruder(&held());
    let change = Change::Scale {
        service: "mariadb".to_owned(),
        replicas: 2,
    };
    story.plan.actions.push(Action {
        at: Span::secs(48),
        change,
        within: Span::secs(30),
    });
    let step = ActionStep::Acting;
    story.at(63.5, Event::Action(ActionEntry { action: 1, step }));
    story.at(64.0, Event::Node(listed_as("server-9")));
    let finding = finding(&story.history(), "refused");
    says(&finding, Verdict::Fail, "the managers list server-9");
}

/// `mariadb` with this many replicas from one.
fn scaled(replicas: u32, before: u32, steps: &[(f64, ActionStep)]) -> Story {
    let change = Change::Scale {
        service: "mariadb".to_owned(),
        replicas,
    };
    let before = Before {
        service: Some(ServiceBefore {
            replicas: Some(before),
            image: "mariadb".to_owned(),
            args: Vec::new(),
            env: Vec::new(),
        }),
        ..Before::default()
    };
    story(&[answers(), Check::Exercised], &change, before, steps)
}

#[test]
fn an_action_that_was_not_seen_is_not_exercised() {
    let good = scaled(2, 1, &[(61.0, ActionStep::Acted), (70.0, seen("2 live"))]);
    let judged = finding(&good.history(), "exercised");
    assert_eq!(judged.verdict, Verdict::Pass);
    let said = "1 action seen; `get` succeeded 131 times";
    assert_eq!(judged.summary, said);
    let bad = scaled(
        2,
        1,
        &[(61.0, ActionStep::Acted), (70.0, unseen("1 of 2 live"))],
    );
    let judged = finding(&bad.history(), "exercised");
    says(
        &judged,
        Verdict::Unknown,
        "action 1 (scale mariadb to 2) was not seen: 1 of 2 live",
    );
    let cut = scaled(2, 1, &[]);
    says(
        &finding(&cut.history(), "exercised"),
        Verdict::Unknown,
        "was not seen",
    );
}

#[test]
fn a_task_may_end_when_there_shall_be_fewer_and_not_when_there_shall_be_more() {
    let steps = [(61.0, ActionStep::Acted), (70.0, seen("so many live"))];
    let judged = |mut story: Story| {
        story.at(65.0, ended("old", 50, "failed", "exit 1"));
        finding(&story.history(), "undisturbed")
    };
    says(
        &judged(scaled(0, 1, &steps)),
        Verdict::Pass,
        "no task ended",
    );
    for replicas in [1, 2] {
        says(
            &judged(scaled(replicas, 1, &steps)),
            Verdict::Unknown,
            "mariadb.1 failed",
        );
    }
}

#[test]
fn a_steady_state_after_an_unseen_action_is_no_promise() {
    let after = |step: ActionStep, differs: bool| {
        let mut story = scaled(2, 1, &[(61.0, ActionStep::Acted), (70.0, step)]);
        if differs {
            story.plan.steady_after = story.plan.steady.clone();
        }
        story.without(|at, e| matches!(e, Event::Steady(_)) && at > 95.0);
        story.at(99.0, super::story::not_yet("mariadb 1/2"));
        story.plan.deadlines.steady_again = Span::secs(5);
        finding(&story.history(), "steady")
    };
    assert_eq!(after(seen("2 live"), true).verdict, Verdict::Fail);
    assert_eq!(after(unseen("1 live"), false).verdict, Verdict::Fail);
    assert_eq!(after(unseen("1 live"), true).verdict, Verdict::Unknown);
}

/// What one task's end comes to while an action is under way that ends other tasks.
fn ended_beside(change: &Change, targets: &[&str]) -> Finding {
    let steps = [(62.0, seen("so it is"))];
    let mut story = story(&[Check::Exercised], change, Before::default(), &steps);
    story.change(|_, event| {
        if let Event::Action(ActionEntry {
            step: ActionStep::Intent(intent),
            ..
        }) = event
        {
            intent.targets = targets.iter().map(|&name| name.to_owned()).collect();
        }
    });
    let mut end = ended("old", 40, "failed", "task: non-zero exit (137)");
    if let Event::Task(task) = &mut end {
        task.node = Some("server-3".to_owned());
    }
    story.at(61.0, end);
    finding(&story.history(), "undisturbed")
}

#[test]
fn an_action_explains_the_end_of_those_that_it_is_about_and_of_no_other() {
    let update = |service: &str| Change::Update {
        service: service.to_owned(),
        image: None,
        env: Default::default(),
        args: Some(Vec::new()),
    };
    let drain = |node: &str| Change::Drain(seatrial::scenario::Target::Node(node.to_owned()));
    let passes = [
        ended_beside(&update("mariadb"), &[]),
        ended_beside(&drain("server-3"), &["server-3"]),
    ];
    for finding in &passes {
        says(finding, Verdict::Pass, "no task ended");
    }
    let noticed = [
        ended_beside(&update("nginx"), &[]),
        ended_beside(&drain("server-4"), &["server-4"]),
    ];
    for finding in &noticed {
        says(finding, Verdict::Unknown, "mariadb.1 failed on server-3");
    }
}
