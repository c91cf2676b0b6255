//! `exercised` at its edges.

use seatrial::journal::Answer;

use super::story::{no_leader, poll, poll_errors};
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
}

/// The same fault, which now lasts 80 s longer; its node is called this from 66 s on.
fn long_off(state: &str, led: bool) -> Finding {
    lacking(|story| {
        story.change(|at, event| {
            if let Event::Node(node) = event
                && *at == 66.0
            {
                state.clone_into(&mut node.state);
            }
            if *at >= 76.0 {
                *at += 80.0;
            }
        });
        story.at(145.0, got("server-1", 145.0, Answer::Right));
        let nobody = poll_errors(&no_leader());
        let polled = if led {
            poll("server-1", &["server-3"])
        } else {
            nobody
        };
        story.at(145.0, polled);
    })
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
