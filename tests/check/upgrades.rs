//! `upgraded`: what a record must show before an upgrade counts as kept, broken, or neither.

use seatrial::journal::timeline::Timeline;
use seatrial::journal::{
    ActionEntry, ActionIntent, ActionStep, Before, Engine, Engines, Stage, TurnStep, UPGRADED,
};
use seatrial::plan::{Action, Change};
use seatrial::scenario::UpgradeOrder;
use seatrial::units::Span;

use super::story::NODES;
use super::*;

fn engines(new: usize, next: &str) -> Engines {
    let all = NODES.iter().enumerate();
    let all = all.map(|(at, node)| {
        let version = if at < new { next } else { "20.10.24" };
        let engine = Engine {
            engine: version.to_owned(),
            kernel: "6.1".to_owned(),
        };
        ((*node).to_owned(), engine)
    });
    all.collect()
}

fn step(at: f64, story: &mut Story, step: ActionStep) {
    story.at(at, Event::Action(ActionEntry { action: 0, step }));
}

fn turn(at: f64, story: &mut Story, node: &str, stage: Stage) {
    let node = node.to_owned();
    step(at, story, ActionStep::Turn(TurnStep { node, stage }));
}

/// A story in which so many nodes were upgraded to an engine, each as before afterwards.
fn upgraded(nodes: usize, next: &str) -> Story {
    let mut story = Story::kept("upgrade", &[Check::Exercised]);
    story.plan.faults.clear();
    without_faults(&mut story);
    story.plan.actions.push(Action {
        at: Span::secs(40),
        change: Change::Upgrade(UpgradeOrder::ManagersFirst),
        within: Span::secs(300),
    });
    let intent = ActionIntent {
        verb: "upgrade".to_owned(),
        targets: NODES.map(str::to_owned).to_vec(),
        chosen: "every node, managers first".to_owned(),
        before: Before {
            engines: engines(0, next),
            ..Before::default()
        },
    };
    step(59.9, &mut story, ActionStep::Intent(Box::new(intent)));
    step(60.0, &mut story, ActionStep::Acting);
    for (done, node) in NODES.iter().enumerate().take(nodes) {
        let at = 60.1 + done as f64 / 10.0;
        turn(at, &mut story, node, Stage::Exchanging);
        turn(
            at + 0.02,
            &mut story,
            node,
            Stage::Back(engines(done + 1, next)),
        );
        let seen = "4 nodes and 4 ports as before".to_owned();
        turn(at + 0.04, &mut story, node, Stage::AsBefore(seen));
    }
    story
}

/// What `upgraded` says of a story whose header says what engine it was to be.
fn judged(story: &Story, to: &str) -> Finding {
    let versions = "\"versions\":{";
    let told = format!("{versions}\"{UPGRADED}\":\"{to}\",");
    let text = sealed(&story.text().replace(versions, &told));
    let history = History::from_text(Path::new("journal.jsonl"), &text);
    finding(&history.expect("a sound journal"), "upgraded")
}

#[test]
fn every_node_must_come_back_with_the_right_engine() {
    let whole = upgraded(NODES.len(), "26.1.5");
    says(
        &judged(&whole, "26.1.5"),
        Verdict::Pass,
        "came back with another engine",
    );
    let other = "has docker 26.1.5 and was to have 28.5.2";
    says(&judged(&whole, "28.5.2"), Verdict::Unknown, other);
    let same = upgraded(NODES.len(), "20.10.24");
    let same = finding(&same.history(), "upgraded");
    says(&same, Verdict::Unknown, "was to have another");
    let half = upgraded(2, "26.1.5");
    says(
        &judged(&half, "26.1.5"),
        Verdict::Unknown,
        "server-3 was never upgraded",
    );
    let none = Story::kept("none", &[Check::Exercised]);
    let findings = check(&none.history()).findings;
    assert!(findings.iter().all(|one| one.check != "upgraded"));
}

#[test]
fn a_difference_fails_and_silence_does_not() {
    let after = |stage: Option<Stage>| {
        let mut story = upgraded(1, "26.1.5");
        let node = NODES[1];
        turn(61.0, &mut story, node, Stage::Exchanging);
        if let Some(stage) = stage {
            turn(61.1, &mut story, node, Stage::Back(engines(2, "26.1.5")));
            turn(61.2, &mut story, node, stage);
        }
        judged(&story, "26.1.5")
    };
    let refuses = Stage::Differs("it refuses port 80".to_owned());
    let failed = after(Some(refuses));
    says(
        &failed,
        Verdict::Fail,
        "with docker 26.1.5: it refuses port 80",
    );
    assert!(!failed.evidence.is_empty());
    says(&after(None), Verdict::Unknown, "was not seen to come back");
    // Between being back and being as before, the record breaks off.
    says(
        &after(Some(Stage::Draining)),
        Verdict::Unknown,
        "nobody saw all as before",
    );
}

#[test]
fn a_turn_is_told_from_its_first_step() {
    let timeline = Timeline::of(&upgraded(2, "26.1.5").history());
    let turns = timeline.actions[0].turns.as_slice();
    let nodes: Vec<&str> = turns.iter().map(|turn| turn.node.as_str()).collect();
    assert_eq!(nodes, NODES[..2]);
    for turn in turns {
        assert!(turn.exchanging.is_some(), "{turn:?}");
        assert_eq!(turn.evidence().count(), 3, "{turn:?}");
    }
}
