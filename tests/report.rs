//! What users see of a run, pinned.

use seatrial::check::check;
use seatrial::journal::{Event, Outcome, Rule, Slowness};
use seatrial::plan::{Check, Direction};
use seatrial::report::{Style, SummaryRow, json, line, summary, terminal};
use seatrial::units::{Port, Share, Span};

#[path = "report/board.rs"]
mod board;
#[path = "report/bundle.rs"]
mod bundle;
#[path = "story/catalogue.rs"]
#[expect(dead_code, reason = "only some of the stories are shown")]
mod catalogue;
#[path = "report/compared.rs"]
mod compared;
#[path = "report/formats.rs"]
mod formats;
#[path = "report/html.rs"]
mod html;
#[path = "report/page.rs"]
mod page;
#[path = "report/readers.rs"]
mod readers;
mod story;

use story::Story;

/// The story with everything in it.
fn whole(name: &str) -> Story {
    let checks = [
        catalogue::recovers(),
        catalogue::nothing_lost(),
        catalogue::never_two(),
        catalogue::answers(),
        Check::Exercised,
    ];
    Story::kept(name, &checks)
}

/// A story as a terminal shows it.
fn shown(story: &Story) -> String {
    let history = story.history();
    terminal(
        &history,
        &check(&history),
        &Style {
            colour: false,
            width: 100,
        },
    )
}

#[test]
fn a_run_that_passes() {
    insta::assert_snapshot!(shown(&whole("mariadb-nfs-survives-node-stop")));
}

/// A run that breaks two promises.
fn failing() -> Story {
    let mut story = whole("mariadb-nfs-survives-node-stop");
    catalogue::read_everywhere(&mut story, &[(1, 12), (27, 38)]);
    catalogue::settle(
        &mut story,
        9,
        &Outcome::Unknown("no answer within 5s".to_owned()),
    );
    story.change(|at, event| catalogue::fail_on("server-2", 60.0..75.0, *at, event));
    story
}

#[test]
fn a_run_that_fails() {
    insta::assert_snapshot!(shown(&failing()));
}

/// A run whose fault was not seen to bite, and which broke off.
fn too_little() -> Story {
    let mut story = whole("mariadb-nfs-survives-node-stop");
    story.without(|at, event| {
        at > 51.0 && !matches!(event, Event::Got { .. } | Event::Containers(_)) || at > 80.0
    });
    let last = "server-3 still answers".to_owned();
    story.at(80.0, Event::NotConfirmed { fault: 0, last });
    let what = "server-2: no space left in `runs`; free 2 GiB and run again".to_owned();
    story.at(80.0, Event::Trouble { what });
    story
}

#[test]
fn a_run_that_shows_too_little() {
    insta::assert_snapshot!(shown(&too_little()));
}

/// A control that fails as it must.
fn control() -> Story {
    let mut story = whole("async-export-loses-rows");
    story.plan.must_fail = vec!["nothing_lost".to_owned()];
    catalogue::read_everywhere(&mut story, &[(1, 12), (27, 38)]);
    story
}

#[test]
fn a_control_that_fails_as_it_must() {
    insta::assert_snapshot!(shown(&control()));
}

/// The four ways in which a run can come out.
fn outcomes() -> [(&'static str, Story); 4] {
    let passing = whole("mariadb-nfs-survives-node-stop");
    [
        ("pass", passing),
        ("fail", failing()),
        ("unknown", too_little()),
        ("control", control()),
    ]
}

#[test]
fn progress_while_the_run_is_under_way() {
    let history = whole("mariadb-nfs-survives-node-stop").history();
    let lines = history
        .entries
        .iter()
        .filter_map(|entry| line(entry, &history.plan));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn many_runs_in_one_table() {
    let kept = whole("mariadb-nfs-survives-node-stop").history();
    let mut lossy = whole("async-export-loses-rows");
    catalogue::read_everywhere(&mut lossy, &[(1, 12), (27, 38)]);
    let lossy = lossy.history();
    insta::assert_snapshot!(summary(&[
        SummaryRow::of(&kept, &check(&kept), "runs/1"),
        SummaryRow::of(&lossy, &check(&lossy), "runs/2"),
        SummaryRow::skipped("nginx-on-nfs", "dind on this kernel has no routing mesh"),
    ]));
}

#[test]
fn programs_get_json() {
    let history = Story::kept("recovers", &[catalogue::recovers()]).history();
    insta::assert_snapshot!(json(&history, &check(&history)));
}

/// What a terminal shows of the same run with another fault: the node's lane, and its name.
fn with_fault(verb: &str, rule: Option<&Rule>) -> (String, String) {
    let mut story = whole("mariadb-nfs-survives-node-stop");
    story.change(|_, event| {
        if let Event::Intent(intent) = event {
            verb.clone_into(&mut intent.verb);
            intent.rule = rule.cloned();
        }
    });
    let told = shown(&story);
    let line = |start: &str| {
        let mut lines = told.lines().map(str::trim);
        let found = lines.find(|line| line.starts_with(start));
        found.unwrap_or_default().to_owned()
    };
    (line("server-3 "), line("FAULT "))
}

#[test]
fn a_node_that_is_paused_or_struck_in_part_is_not_drawn_without_power() {
    let (lane, _) = with_fault("stop", None);
    assert!(lane.contains("...") && !lane.contains('z'), "{lane}");
    let (lane, fault) = with_fault("pause", None);
    assert!(lane.contains("zzz") && !lane.contains('.'), "{lane}");
    assert!(fault.contains("pause server-3 "), "{fault}");
    let (lane, _) = with_fault("isolate", None);
    assert!(lane.contains("xxx"), "{lane}");
    let rule = Rule {
        node: "server-3".to_owned(),
        from: vec!["server-1".to_owned()],
        direction: Direction::Out,
        port: Some(Port::udp(7946)),
        slow: None,
        witness: "server-1".to_owned(),
    };
    let (lane, fault) = with_fault("isolate", Some(&rule));
    assert!(!lane.contains(['x', 'z', '.']), "{lane}");
    let named = "isolate server-3 from server-1, 7946/udp, out ";
    assert!(fault.contains(named), "{fault}");
    let slow = Slowness {
        delay: Span::millis(50),
        jitter: Span::millis(20),
        loss: Share(0.01),
        before_us: None,
    };
    let slow = Rule {
        slow: Some(slow),
        from: Vec::new(),
        direction: Direction::Both,
        ..rule
    };
    let (_, fault) = with_fault("slow", Some(&slow));
    let named = "slow server-3, 7946/udp, by 50ms ± 20ms, 1% lost ";
    assert!(fault.contains(named), "{fault}");
}

/// One block of what a terminal shows, by the words that it has.
fn block(text: &str, words: &str) -> String {
    let blocks = text.split("\n\n");
    let found: Vec<&str> = blocks.filter(|block| block.contains(words)).collect();
    assert!(found.len() < 2, "{words} is in two blocks:\n{text}");
    found.concat()
}

/// A database that was tried twice, a page on two nodes, and a task that was forgotten.
fn many_tasks() -> Story {
    let mut story = Story::kept("many-tasks", &[catalogue::recovers()]);
    story.at(
        66.12,
        story::ended("second", 34, "failed", "task: non-zero exit (1)"),
    );
    story.at(
        66.15,
        story::task("third", 35, "server-2", "rejected", "shutdown"),
    );
    story.at(
        80.0,
        Event::TaskGone {
            id: "second".to_owned(),
        },
    );
    for (id, index, node) in [("page-1", 21, "server-1"), ("page-2", 22, "server-2")] {
        for (at, id, state) in [
            (16.0, id.to_owned(), "shutdown"),
            (17.0, format!("{id}b"), "running"),
        ] {
            let mut event = story::task(&id, index, node, state, state);
            if let Event::Task(task) = &mut event {
                (task.service, task.slot) = ("nginx".to_owned(), 0);
            }
            story.at(at, event);
        }
    }
    story
}

#[test]
fn tasks_are_listed_as_docker_does() {
    let text = shown(&many_tasks());
    insta::assert_snapshot!(block(&text, "DESIRED STATE"));
    let history = many_tasks().history();
    let whole: serde_json::Value =
        serde_json::from_str(&json(&history, &check(&history))).expect("JSON");
    insta::assert_json_snapshot!(whole["tasks"], { "[].tasks[].id" => "[id]" });
}

#[test]
fn without_tasks_there_is_no_table() {
    let mut story = many_tasks();
    story.without(|_, event| matches!(event, Event::Task(_) | Event::TaskGone { .. }));
    assert_eq!(block(&shown(&story), "DESIRED STATE"), "");
}

/// The lines under RECOVERED.
fn parts(story: &Story) -> String {
    let text = shown(story);
    let lines = text.lines().skip_while(|line| !line.contains("RECOVERED"));
    let lines = lines.take_while(|line| !line.contains("HEALED"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_recovery_is_told_in_parts() {
    insta::assert_snapshot!(parts(&whole("parts")));
    // The leader's own loss takes an election and twice the patience.
    let mut story = whole("parts");
    story.change(|_, event| {
        if let Event::Poll(poll) = event {
            for answer in &mut poll.managers {
                answer.leader = answer.leader.take().map(|_| "server-3".to_owned());
            }
        }
    });
    let text = parts(&story);
    assert!(
        text.contains("server-3 is down to the managers (Swarm: 37.0s to 53.0s)"),
        "{text}"
    );
    // A second try counts to the start.
    let text = parts(&many_tasks());
    assert!(
        text.contains("container of mariadb.1 on server-4, try 3"),
        "{text}"
    );
}

#[test]
fn what_did_not_recover_has_no_parts() {
    let mut story = whole("parts");
    catalogue::never_comes_back(&mut story, &story::not_yet("mariadb 0/1"));
    let history = story.history();
    let told: serde_json::Value =
        serde_json::from_str(&json(&history, &check(&history))).expect("JSON");
    assert_eq!(told["faults"][0]["breakdown"], serde_json::json!([]));
}

#[test]
fn colour_only_repeats_what_the_words_say() {
    let history = whole("mariadb-nfs-survives-node-stop").history();
    let judgement = check(&history);
    let coloured = terminal(
        &history,
        &judgement,
        &Style {
            colour: true,
            width: 100,
        },
    );
    assert!(coloured.contains("\u{1b}["));
    let plain = terminal(
        &history,
        &judgement,
        &Style {
            colour: false,
            width: 100,
        },
    );
    assert!(!plain.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn the_picture_keeps_to_its_width() {
    let history = whole("mariadb-nfs-survives-node-stop").history();
    for width in [60, 80, 132] {
        let text = terminal(
            &history,
            &check(&history),
            &Style {
                colour: false,
                width,
            },
        );
        let picture = text.split("\n\n").nth(1).expect("a picture");
        assert!(
            picture.lines().all(|line| line.chars().count() <= width),
            "{picture}"
        );
        assert!(picture.contains("server-4"), "{picture}");
    }
}
