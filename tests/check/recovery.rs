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
fn a_look_before_the_confirmation_does_not_count() {
    let early = |story: &mut Story| {
        story.without(|at, event| matches!(event, Event::Steady(_)) && (51.0..80.0).contains(&at));
        story.at(51.2, holds());
    };
    says(&judged(recovers(), early), Verdict::Unknown, "nobody asked");
}
