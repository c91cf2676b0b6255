//! `recovers` at its edges.

use seatrial::journal::{ActionEntry, ActionStep};
use seatrial::plan::{Action, Change};
use seatrial::units::Span;

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

#[test]
fn a_late_recovery_is_unknown_where_nobody_could_tell_at_the_deadline() {
    let could_not_tell = |story: &mut Story| {
        catalogue::never_comes_back(story, &not_yet("mariadb 0/1"));
        story.change(|at, event| {
            if let Event::Steady(look) = event
                && (105.0..112.0).contains(at)
            {
                look.cannot_tell = true;
            }
        });
        story.at(112.5, broken(holds()));
    };
    // At 102 s somebody could still tell that it did not hold, and 8 s were left.
    says(
        &judged(recovers(), could_not_tell),
        Verdict::Unknown,
        "nobody could see it at the deadline",
    );
}

#[test]
fn our_cure_may_begin_a_little_before_the_deadline() {
    let cured = |begun: f64| {
        judged(recovers(), |story| {
            catalogue::never_comes_back(story, &not_yet("mariadb 0/1"));
            story.change(|at, event| {
                if matches!(event, Event::Healing { .. }) {
                    *at = begun;
                }
            });
        })
    };
    says(&cured(108.0), Verdict::Fail, "not within 60.0s");
    says(
        &cured(107.9),
        Verdict::Unknown,
        "not before our cure, 2.1s short of the deadline",
    );
}

#[test]
fn of_faults_that_were_all_overcome_the_slowest_is_told() {
    let one = judged(recovers(), |_| {});
    assert_eq!(one.summary, "stop server-3: 25.0s of 60.0s");
    let two = |back: f64| {
        judged(recovers(), |story| {
            also_breaks(story, "server-2", [30.0, 31.0, 78.0, 79.0]);
            story.at(back, holds());
        })
    };
    says(
        &two(40.0),
        Verdict::Pass,
        "stop server-3: 25.0s of 60.0s, the slowest of 2 faults",
    );
    says(
        &two(74.9),
        Verdict::Pass,
        "stop server-2: 44.9s of 60.0s, the slowest of 2 faults",
    );
}

/// A database that stays away, where `mariadb` begins to be scaled at one moment, and is seen to
/// be at another.
fn scaled(acting: f64, seen: Option<f64>, change: impl Fn(&mut Story)) -> Finding {
    let step = |step| Event::Action(ActionEntry { action: 0, step });
    judged(recovers(), |story| {
        catalogue::never_comes_back(story, &not_yet("mariadb 0/1"));
        story.plan.steady_after = story.plan.steady.clone();
        story.plan.actions.push(Action {
            at: Span::secs(10),
            change: Change::Scale {
                service: "mariadb".to_owned(),
                replicas: 2,
            },
            within: Span::secs(30),
        });
        story.at(acting, step(ActionStep::Acting));
        if let Some(seen) = seen {
            story.at(seen, step(ActionStep::Confirmed("2 live".to_owned())));
        }
        change(story);
    })
}

#[test]
fn an_action_that_was_not_seen_before_the_fault() {
    let unseen = "last seen: mariadb 0/1, but scale mariadb to 2 was not seen before it";
    says(&scaled(30.0, None, |_| {}), Verdict::Unknown, unseen);
    says(&scaled(30.0, Some(60.0), |_| {}), Verdict::Unknown, unseen);
    let late = "stop server-3: not within 60.0s; last seen: mariadb 0/1";
    says(&scaled(30.0, Some(35.0), |_| {}), Verdict::Fail, late);
    says(&scaled(55.0, None, |_| {}), Verdict::Fail, late);
    // What held before is to hold again, whatever the action came to.
    let the_same = |story: &mut Story| story.plan.steady_after.clear();
    says(&scaled(30.0, None, the_same), Verdict::Fail, late);
    // What came back in time needs no excuse.
    let comes_back = |story: &mut Story| {
        story.at(75.0, broken(holds()));
    };
    let in_time = "stop server-3: 25.0s of 60.0s";
    says(&scaled(30.0, None, comes_back), Verdict::Pass, in_time);
}
