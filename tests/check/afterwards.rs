//! `steady` where nothing was broken or changed, and something else is to hold after the load.

use seatrial::units::Span;

use super::story::{holds, not_yet};
use super::*;

/// What the looks after the load come to.
fn afterwards(looks: &[(f64, Event)]) -> Finding {
    let mut story = Story::kept("story", &[Check::Exercised]);
    story.plan.faults.clear();
    without_faults(&mut story);
    story.plan.steady_after = story.plan.steady.clone();
    story.plan.deadlines.steady_again = Span::secs(10);
    story.without(|at, e| matches!(e, Event::Steady(_)) && at > 20.0);
    for (at, look) in looks {
        story.at(*at, look.clone());
    }
    finding(&story.history(), "steady")
}

#[test]
fn what_held_is_asked_once_more_where_nothing_was_broken() {
    let quiet = |looks: &[(f64, Event)]| {
        let mut story = Story::kept("story", &[Check::Exercised]);
        story.plan.faults.clear();
        without_faults(&mut story);
        story.without(|at, e| matches!(e, Event::Steady(_)) && at > 20.0);
        for (at, look) in looks {
            story.at(*at, look.clone());
        }
        finding(&story.history(), "steady")
    };
    let gone = || not_yet("http :80: `server-1` refuses");
    says(&quiet(&[(96.0, holds())]), Verdict::Pass, "until the end");
    says(
        &quiet(&[(50.0, holds()), (99.9, gone())]),
        Verdict::Unknown,
        "not at the end, though nothing was broken by us: http :80",
    );
    says(&quiet(&[]), Verdict::Unknown, "nobody looked at the end");
}

#[test]
fn what_holds_once_and_not_any_more_is_unknown() {
    let lost = || not_yet("mariadb 0/1");
    let looks = |looks: &[(f64, Event)]| {
        let mut story = Story::kept("story", &[recovers()]);
        story.without(|at, e| matches!(e, Event::Steady(_)) && at > 90.0);
        for (at, look) in looks {
            story.at(*at, look.clone());
        }
        finding(&story.history(), "steady")
    };
    says(
        &looks(&[(95.5, holds()), (98.0, lost())]),
        Verdict::Unknown,
        "held again at [95.5s], and not any more at the end: mariadb 0/1",
    );
    says(
        &looks(&[(95.5, holds()), (96.5, lost()), (98.0, holds())]),
        Verdict::Pass,
        "again 8.0s after the last heal",
    );
    // While the ledgers are read nothing is asked of it any more.
    let read = looks(&[(95.5, holds()), (101.0, lost())]);
    says(&read, Verdict::Pass, "again 5.5s after the last heal");
}

#[test]
fn what_is_to_hold_after_a_fault_is_told_from_its_heal() {
    let mut story = Story::kept("story", &[recovers()]);
    story.plan.steady_after = story.plan.steady.clone();
    says(
        &finding(&story.history(), "steady"),
        Verdict::Pass,
        "held before, and 5.5s after the last fault or action held: mariadb 1/1",
    );
}

#[test]
fn what_is_to_hold_after_the_load_is_judged_by_what_was_seen_then() {
    let open = || not_yet("port_closed :2375: open on `server-1`");
    says(
        &afterwards(&[(50.0, open()), (96.0, holds())]),
        Verdict::Pass,
        "held before the load, and after it held",
    );
    says(
        &afterwards(&[(50.0, holds()), (99.9, open())]),
        Verdict::Fail,
        "did not hold within 10.0s of asking: port_closed :2375: open",
    );
    let nobody = afterwards(&[(50.0, holds())]);
    says(&nobody, Verdict::Unknown, "nobody looked");
    let mut dark = not_yet("port_closed :2375: no answer of `server-1`");
    if let Event::Steady(look) = &mut dark {
        look.cannot_tell = true;
    }
    let dark = afterwards(&[(99.9, dark)]);
    says(&dark, Verdict::Unknown, "could not tell");
}
