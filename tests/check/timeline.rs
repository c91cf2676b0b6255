//! The timeline itself: when a fault is in force, what its target does meanwhile, and when an
//! action keeps a node away.

use std::time::Duration;

use seatrial::journal::timeline::{Mark, Timeline, Window};
use seatrial::journal::{Deed, Turn};

use super::*;

/// The first second at which something is so, and the first at which it is so no more.
type Spell = (u64, u64);

const NEVER: Spell = (0, 0);

fn at(second: u64) -> Mark {
    Mark {
        seq: second,
        at: Duration::from_secs(second),
    }
}

fn mark(second: u64) -> Option<Mark> {
    Some(at(second))
}

/// A fault of `server-3`, begun at 10 s and seen to be gone at 24 s.
fn window(verb: &str) -> Window {
    Window {
        verb: verb.to_owned(),
        targets: vec!["server-3".to_owned()],
        injecting: mark(10),
        injected: mark(12),
        confirmed: mark(14),
        healing: mark(20),
        healed: mark(24),
        ..Window::default()
    }
}

/// Asserts at which of thirty seconds something is so.
#[track_caller]
fn is_so((from, to): Spell, so: impl Fn(Duration) -> bool) {
    for second in 0..30 {
        let expected = (from..to).contains(&second);
        assert_eq!(so(Duration::from_secs(second)), expected, "at {second}s");
    }
}

#[test]
fn a_fault_is_in_force_from_its_start_until_it_is_gone() {
    let mut stop = window("stop");
    is_so((10, 24), |at| stop.in_force(at));
    let timeline = Timeline {
        faults: vec![stop.clone()],
        ..Timeline::default()
    };
    is_so((10, 24), |at| timeline.broken("server-3", at));
    is_so(NEVER, |at| timeline.broken("server-4", at));
    stop.healed = None;
    is_so((10, 30), |at| stop.in_force(at));
    stop.injecting = None;
    is_so(NEVER, |at| stop.in_force(at));
}

#[rstest]
#[case::stop("stop", (12, 20), NEVER, NEVER)]
#[case::kill("kill", (12, 20), NEVER, NEVER)]
#[case::pause("pause", NEVER, (12, 20), NEVER)]
#[case::isolate("isolate", NEVER, NEVER, (10, 24))]
#[case::drop("drop", NEVER, NEVER, NEVER)]
fn what_a_target_cannot_do_is_known(
    #[case] verb: &str,
    #[case] powerless: Spell,
    #[case] still: Spell,
    #[case] cut_off: Spell,
) {
    let window = window(verb);
    is_so(powerless, |at| window.powerless(at));
    is_so(still, |at| window.still(at));
    is_so(cut_off, |at| window.cut_off(at));
    let rests = [powerless, still].into_iter().find(|one| *one != NEVER);
    let second = Duration::from_secs;
    let rests = rests.map(|(from, to)| (second(from), Some(second(to))));
    assert_eq!(window.standstill(), rests);
}

#[test]
fn what_tells_of_a_fault_or_an_action_is_in_order() {
    assert_eq!(window("stop").evidence(), [12, 14, 20, 24]);
    let turn = Turn {
        draining: mark(3),
        exchanging: mark(4),
        back: mark(5),
        as_before: mark(6),
        ..Turn::default()
    };
    let deed = Deed {
        acting: mark(2),
        not_confirmed: mark(7),
        turns: vec![turn],
        ..Deed::default()
    };
    assert_eq!(deed.evidence(), [2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_fault_is_told_step_by_step() {
    let timeline = Timeline::of(&Story::kept("story", &[recovers()]).history());
    let stop = &timeline.faults[0];
    let marks = [
        stop.intent,
        stop.injecting,
        stop.injected,
        stop.confirmed,
        stop.recovered,
        stop.healing,
        stop.healed,
    ];
    let marks = marks.into_iter().flatten();
    let times: Vec<u128> = marks.map(|mark| mark.at.as_millis()).collect();
    let expected = [49_900, 50_000, 51_000, 51_400, 75_100, 76_000, 90_000];
    assert_eq!(times, expected);
}

#[test]
fn a_fault_that_never_began_is_called_by_what_was_planned() {
    let mut story = Story::kept("story", &[recovers()]);
    without_faults(&mut story);
    let timeline = Timeline::of(&story.history());
    assert_eq!(timeline.faults[0].named(), "stop");
}

#[test]
fn of_a_heal_that_is_tried_again_the_last_outcome_counts() {
    let failed = |at: f64| {
        let mut story = Story::kept("story", &[recovers()]);
        let error = "server-3 does not start".to_owned();
        story.at(at, Event::HealFailed { fault: 0, error });
        let stop = Timeline::of(&story.history()).faults[0].clone();
        (stop.healed.is_some(), stop.heal_failed.is_some())
    };
    assert_eq!(failed(85.0), (true, false));
    assert_eq!(failed(90.5), (false, true));
}

#[test]
fn looks_between_two_entries_leave_both_out() {
    let history = Story::kept("story", &[recovers()]).history();
    let seqs = |after: u64, before: u64| -> Vec<u64> {
        let looks = history.looks(after, before).into_iter();
        looks.map(|(mark, _)| mark.seq).collect()
    };
    let all = seqs(0, u64::MAX);
    assert_eq!(all.len(), 9);
    assert_eq!(seqs(all[1], all[4]), [all[2], all[3]]);
}

/// An action about `server-4`.
fn deed(verb: &str, acting: u64, confirmed: u64) -> Deed {
    Deed {
        verb: verb.to_owned(),
        targets: vec!["server-4".to_owned()],
        acting: mark(acting),
        confirmed: mark(confirmed),
        ..Deed::default()
    }
}

#[test]
fn a_span_is_from_the_first_start_to_the_last_end() {
    let kill = Window {
        injecting: mark(5),
        healed: mark(28),
        ..window("kill")
    };
    let deeds = [(7, 8), (2, 9), (1, 3)];
    let mut timeline = Timeline {
        faults: vec![window("stop"), kill],
        actions: deeds.map(|(from, to)| deed("drain", from, to)).to_vec(),
        ..Timeline::default()
    };
    assert_eq!(timeline.broken_span(), (mark(5), mark(28)));
    assert_eq!(timeline.changed_span(), (mark(1), mark(9)));
    timeline.faults[0].healed = None;
    assert_eq!(timeline.broken_span(), (mark(5), None));
}

#[test]
fn a_node_that_left_is_away_until_it_is_seen_to_be_back() {
    let refused = Deed {
        must_be_refused: true,
        ..deed("join", 12, 13)
    };
    let mut timeline = Timeline {
        actions: vec![deed("leave", 10, 11), refused, deed("join", 14, 15)],
        ..Timeline::default()
    };
    assert_eq!(timeline.absences("server-4"), [(at(10), mark(15))]);
    assert!(!timeline.left_for_good("server-4"));
    assert!(timeline.absences("server-3").is_empty());
    timeline.actions.pop();
    assert_eq!(timeline.absences("server-4"), [(at(10), None)]);
    assert!(timeline.left_for_good("server-4"));
}

#[test]
fn a_node_is_away_while_its_system_disk_is_exchanged() {
    let turn = |node: &str, exchanging: u64, back: u64| Turn {
        node: node.to_owned(),
        exchanging: mark(exchanging),
        back: mark(back),
        ..Turn::default()
    };
    let upgrade = Deed {
        targets: ["server-3", "server-4"].map(str::to_owned).to_vec(),
        turns: vec![turn("server-3", 10, 12), turn("server-4", 14, 16)],
        ..deed("upgrade", 9, 20)
    };
    let timeline = Timeline {
        actions: vec![upgrade],
        ..Timeline::default()
    };
    assert_eq!(timeline.absences("server-4"), [(at(14), mark(16))]);
}

#[rstest]
#[case::to_whom("drain", "worker", &["server-4"], "drain server-4")]
#[case::to_several("leave", "worker", &["server-4", "server-5"], "leave server-4, server-5")]
#[case::not_chosen_yet("drain", "worker", &[], "drain worker")]
#[case::to_a_service("scale", "nginx to 4", &[], "scale nginx to 4")]
#[case::by_more_than_a_name("join", "server-4 as worker", &["server-4"], "join server-4 as worker")]
fn an_action_is_called_by_what_it_did(
    #[case] verb: &str,
    #[case] about: &str,
    #[case] targets: &[&str],
    #[case] named: &str,
) {
    let deed = Deed {
        verb: verb.to_owned(),
        about: about.to_owned(),
        targets: targets.iter().map(|&name| name.to_owned()).collect(),
        ..Deed::default()
    };
    assert_eq!(deed.named(), named);
}
