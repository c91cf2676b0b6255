//! `exercised` at its edges.

use seatrial::journal::{ActionEntry, ActionStep, Answer};
use seatrial::plan::{Action, Change};
use seatrial::units::Span;

use super::story::{no_leader, node_seen, poll, poll_errors};
use super::*;

fn lacking(change: impl Fn(&mut Story)) -> Finding {
    let mut story = Story::kept("story", &[answers(), Check::Exercised]);
    change(&mut story);
    finding(&story.history(), "exercised")
}

fn got_between(story: &mut Story, from: f64, to: f64) {
    story.without(|at, e| matches!(e, Event::Got { .. }) && (from..to).contains(&at));
}

#[test]
fn a_workload_must_be_busy_before_during_and_after() {
    says(
        &lacking(|_| {}),
        Verdict::Pass,
        "1 fault confirmed and healed",
    );
    let finding = lacking(|story| got_between(story, 0.0, 50.0));
    says(
        &finding,
        Verdict::Unknown,
        "`get` had no success before the first fault",
    );
    let finding = lacking(|story| got_between(story, 51.0, 76.0));
    says(
        &finding,
        Verdict::Unknown,
        "`get` tried nothing during fault 1",
    );
    let finding = lacking(|story| got_between(story, 90.0, 200.0));
    says(
        &finding,
        Verdict::Unknown,
        "`get` had no success after the last heal",
    );
}

#[test]
fn what_the_harness_did_not_ask_is_no_try() {
    let finding = lacking(|story| {
        story.change(|at, event| {
            if let Event::Got { answer, .. } = event
                && (51.0..76.0).contains(at)
            {
                *answer = Answer::Unasked("no way to it".to_owned());
            }
        });
    });
    says(
        &finding,
        Verdict::Unknown,
        "`get` tried nothing during fault 1",
    );
}

#[test]
fn a_fault_in_force_when_all_was_to_be_well_is_told() {
    let finding = lacking(|story| {
        story.change(|at, event| {
            if matches!(event, Event::Healed { .. }) {
                *at = 99.0;
            }
        });
        let error = "`server-3` is not ready".to_owned();
        story.at(90.0, Event::HealFailed { fault: 0, error });
    });
    says(
        &finding,
        Verdict::Unknown,
        "was healed only after the steady state was asked for",
    );
}

#[test]
fn with_a_fault_a_workload_must_do_a_little_too() {
    // Busy before, during and after, and hardly at all.
    let finding = lacking(|story| {
        story.without(|_, e| matches!(e, Event::Got { via, .. } if via != "server-1"));
        got_between(story, 22.0, 60.0);
        got_between(story, 62.0, 92.0);
    });
    says(&finding, Verdict::Unknown, "`get` succeeded ");
}

#[test]
fn without_faults_a_workload_must_do_a_little() {
    let fault_free = |story: &mut Story, until: f64| {
        story.plan.faults.clear();
        let checks = story.plan.checks.clone();
        let workloads = story.plan.workloads.clone();
        without_faults(story);
        got_between(story, until, 200.0);
        (story.plan.checks, story.plan.workloads) = (checks, workloads);
    };
    says(
        &lacking(|story| fault_free(story, 30.0)),
        Verdict::Pass,
        "no fault planned",
    );
    let few = lacking(|story| fault_free(story, 22.0));
    says(&few, Verdict::Unknown, "`get` succeeded 4 times only");
    let on_one_node = |until: f64| {
        lacking(|story| {
            fault_free(story, until);
            story.without(|_, e| matches!(e, Event::Got { via, .. } if via != "server-1"));
        })
    };
    let said = "`get` succeeded 9 times only";
    says(&on_one_node(38.0), Verdict::Unknown, said);
    let said = "`get` succeeded 10 times";
    says(&on_one_node(40.0), Verdict::Pass, said);
}

#[test]
fn without_workloads_either_a_fault_or_a_steady_state_must_be_seen() {
    let judged = |change: fn(&mut Story)| {
        let mut story = Story::kept("story", &[Check::Exercised]);
        change(&mut story);
        finding(&story.history(), "exercised")
    };
    let unseen = |story: &mut Story| {
        story.without(|_, event| matches!(event, Event::Steady(_)));
    };
    let nothing = |story: &mut Story| {
        story.plan.faults.clear();
        without_faults(story);
    };
    let said = "1 fault confirmed and healed";
    says(&judged(unseen), Verdict::Pass, said);
    says(&judged(nothing), Verdict::Pass, "no fault planned");
    let said = "no fault, no workload, and no steady state";
    let neither = |story: &mut Story| {
        story.plan.faults.clear();
        without_faults(story);
        story.without(|_, event| matches!(event, Event::Steady(_)));
    };
    says(&judged(neither), Verdict::Unknown, said);
}

#[test]
fn while_a_fault_lasts_no_success_is_owed_after_the_last_action() {
    let finding = lacking(|story| {
        story.without(|_, e| matches!(e, Event::Healing { .. } | Event::Healed { .. }));
        story.plan.actions.push(Action {
            at: Span::secs(10),
            change: Change::Scale {
                service: "mariadb".to_owned(),
                replicas: 2,
            },
            within: Span::secs(30),
        });
        let seen = ActionStep::Confirmed("2 live".to_owned());
        for (at, step) in [(30.0, ActionStep::Acting), (60.0, seen)] {
            story.at(at, Event::Action(ActionEntry { action: 0, step }));
        }
        got_between(story, 60.0, 200.0);
    });
    assert_eq!(finding.verdict, Verdict::Unknown);
    let said = "fault 1 (stop server-3) was not seen to be healed";
    assert_eq!(finding.summary, said);
}

/// The same fault, which now lasts 80 s longer; its node is called this from 66 s on.
fn long_off(state: &str, led: bool) -> Finding {
    off(80.0, state, led, |_| {})
}

/// The same, so many seconds longer and with a change.
fn off(longer: f64, state: &str, led: bool, change: impl Fn(&mut Story)) -> Finding {
    lacking(|story| {
        change(story);
        story.change(|at, event| {
            if let Event::Node(node) = event
                && *at == 66.0
            {
                state.clone_into(&mut node.state);
            }
            if *at >= 76.0 {
                *at += longer;
            }
        });
        let late = 65.0 + longer;
        story.at(late, got("server-1", late, Answer::Right));
        let nobody = poll_errors(&no_leader());
        let polled = if led {
            poll("server-1", &["server-3"])
        } else {
            nobody
        };
        story.at(late, polled);
    })
}

#[test]
fn ninety_seconds_without_power_are_long() {
    // Its power is gone from 51 s on, and back at 141 s.
    let says_so = "no manager called `server-3` down in 90s";
    let long = off(65.0, "ready", true, |_| {});
    says(&long, Verdict::Unknown, says_so);
    let shorter = off(64.9, "ready", true, |_| {});
    says(&shorter, Verdict::Pass, "1 fault confirmed");
}

#[test]
fn a_node_that_was_called_down_once_since_the_fault_was_noticed() {
    let called = |states: &[(f64, &str)]| {
        off(80.0, "ready", true, |story| {
            for (at, state) in states {
                story.at(*at, node_seen("server-3", 35, state));
            }
        })
    };
    let since = called(&[(60.0, "down")]);
    says(&since, Verdict::Pass, "1 fault confirmed");
    let before = called(&[(30.0, "down"), (40.0, "ready")]);
    says(&before, Verdict::Unknown, "no manager called `server-3`");
    // While it was off, they took it back.
    let before = called(&[(40.0, "down")]);
    says(&before, Verdict::Unknown, "no manager called `server-3`");
}

#[test]
fn a_machine_that_is_no_node_need_not_be_called_down() {
    let finding = off(80.0, "ready", true, |story| {
        story.change(|_, event| {
            if let Event::Intent(intent) = event {
                intent.targets = vec!["storage".to_owned()];
            }
        });
    });
    says(&finding, Verdict::Pass, "1 fault confirmed");
}

#[test]
fn a_node_that_is_off_for_long_must_be_called_down() {
    says(&long_off("down", true), Verdict::Pass, "1 fault confirmed");
    let says_so = "no manager called `server-3` down in 90s";
    says(&long_off("ready", true), Verdict::Unknown, says_so);
    says(&long_off("unknown", true), Verdict::Unknown, says_so);
    // Where nobody leads, nobody is called anything.
    says(
        &long_off("ready", false),
        Verdict::Pass,
        "1 fault confirmed",
    );
}

#[test]
fn a_node_that_is_off_for_a_moment_need_not_be_called_down() {
    let finding = lacking(|story| {
        story.without(|_, event| matches!(event, Event::Node(node) if node.state == "down"));
    });
    says(&finding, Verdict::Pass, "1 fault confirmed");
}
