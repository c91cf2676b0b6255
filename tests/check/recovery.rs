//! `recovers` at its edges.

use super::*;
use story::{broken, holds, not_yet};

#[test]
fn later_than_allowed_is_a_failure_when_somebody_looked() {
    let late = |story: &mut Story| {
        catalogue::never_comes_back(story, &not_yet("mariadb 0/1"));
        story.at(112.5, broken(holds()));
    };
    says(
        &judged(recovers(), late),
        Verdict::Fail,
        "stop server-3: 62.5s of 60.0s",
    );
    let unseen = |story: &mut Story| {
        late(story);
        story.without(|at, event| matches!(event, Event::Steady(_)) && at > 90.0 && at < 112.0);
    };
    says(
        &judged(recovers(), unseen),
        Verdict::Unknown,
        "nobody could see it at the deadline",
    );
}

#[test]
fn a_fault_that_was_never_seen_to_disturb_is_told() {
    let calm = |story: &mut Story| {
        story.without(|at, event| matches!(event, Event::Steady(_)) && (50.0..80.0).contains(&at));
        story.at(66.0, broken(holds()));
    };
    says(
        &judged(recovers(), calm),
        Verdict::Pass,
        "of 60.0s, the steady state never seen to break",
    );
    let lost = |story: &mut Story| {
        calm(story);
        story.at(51.2, not_yet("mariadb 0/1"));
    };
    let Finding { summary, .. } = judged(recovers(), lost);
    assert!(!summary.contains("never seen"), "{summary}");
}

#[test]
fn our_own_cure_is_no_recovery() {
    let cured = |story: &mut Story| {
        story.without(|at, event| matches!(event, Event::Steady(_)) && (73.0..80.0).contains(&at));
        story.at(80.0, holds());
    };
    says(
        &judged(recovers(), cured),
        Verdict::Unknown,
        "not before our cure",
    );
}

#[test]
fn the_cure_of_another_fault_is_no_recovery() {
    let cured = |at: f64| {
        judged(recovers(), |story| {
            also_breaks(story, "server-2", [30.0, 31.0, at, at + 1.0]);
            // The other was over it long before.
            story.at(40.0, holds());
        })
    };
    says(&cured(78.0), Verdict::Pass, "stop server-3: 25.0s of 60.0s");
    says(
        &cured(70.0),
        Verdict::Unknown,
        "stop server-3: not before the cure of `stop server-2`, 40.0s short of the deadline",
    );
}

#[test]
fn a_look_before_the_confirmation_does_not_count() {
    let early = |story: &mut Story| {
        story.without(|at, event| matches!(event, Event::Steady(_)) && (51.0..80.0).contains(&at));
        story.at(51.2, holds());
    };
    says(&judged(recovers(), early), Verdict::Unknown, "nobody asked");
}
