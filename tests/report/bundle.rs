//! The parts of the evidence bundle that follow from the journal, and how the others are named.

use insta::assert_snapshot;
use seatrial::check::check;
use seatrial::report::{bundle, json, markdown};
use serde_json::Value;

use super::html::exhibited;
use super::{many_tasks, whole};

#[test]
fn task_chains_and_node_timelines_are_pinned() {
    let [repeat, _, nodes] = bundle(&whole("bundle").history());
    assert_snapshot!("bundle-repeat", repeat.1);
    assert_snapshot!("bundle-nodes", nodes.1);
    let [_, tasks, _] = bundle(&many_tasks().history());
    assert_snapshot!("bundle-tasks", tasks.1);
}

#[test]
fn the_command_that_repeats_a_run_comes_first() {
    let mut history = whole("repeat").history();
    history.header.command_line = ["seatrial", "run", "a b.yaml"].map(str::to_owned).into();
    let [(path, text), ..] = bundle(&history);
    assert_eq!(path, "evidence/repeat.txt");
    let seed = history.header.seed;
    let first = format!("seatrial run 'a b.yaml' --seed {seed:#x}");
    assert_eq!(text.lines().next(), Some(first.as_str()));
}

#[test]
fn a_run_that_showed_nothing_says_so() {
    let mut story = whole("nothing");
    story.without(|_, _| true);
    let [_, tasks, _] = bundle(&story.history());
    assert_eq!(tasks.1, "nothing was seen\n");
}

#[test]
fn what_was_kept_is_named_for_people_and_programs() {
    let history = exhibited().history();
    let judgement = check(&history);
    let text = markdown(&history, &judgement);
    let line = text.lines().find(|line| line.starts_with("Evidence "));
    let line = line.expect("a line");
    assert!(line.contains("evidence/server-3/engine.log"), "{line}");
    assert!(!line.contains("ipvs.txt"), "{line}");
    let told: Value = serde_json::from_str(&json(&history, &judgement)).expect("JSON");
    let evidence = told["evidence"].as_array().expect("a list");
    assert_eq!(evidence.len(), 4);
    assert_eq!(evidence[0]["kept"]["Ok"]["bytes"], 262_139);
    assert_eq!(evidence[1]["kept"]["Err"], "it has no power");
}
