//! `control` at its edges.

use super::*;
use seatrial::journal::{ApiError, ManagerAnswer, Poll};
use seatrial::scenario::Control;

#[test]
fn a_manager_that_we_broke_is_not_asked_who_leads() {
    let believes_in_itself = |story: &mut Story| {
        catalogue::no_answers(story, &story::no_leader());
        story.change(|at, event| {
            if let Event::Poll(Poll { managers }) = event
                && (51.4..76.0).contains(at)
            {
                let leader = Some("server-3".to_owned());
                managers[2] = ManagerAnswer {
                    node: "server-3".to_owned(),
                    leader,
                    error: None,
                };
            }
        });
    };
    let finding = judged(catalogue::control(Control::Lost), believes_in_itself);
    says(&finding, Verdict::Pass, "the managers had no leader");
}

/// The others name a leader that has just gone for as long as they have not noticed.
#[test]
fn a_leader_that_we_took_away_does_not_lead() {
    for verb in ["stop", "kill", "pause", "isolate"] {
        let named = |story: &mut Story| {
            story.change(|at, event| match event {
                Event::Intent(intent) => intent.verb = verb.to_owned(),
                Event::Poll(_) if (51.4..76.0).contains(at) => {
                    *event = story::poll("server-3", &["server-3"]);
                }
                _ => {}
            });
        };
        let finding = judged(catalogue::control(Control::Kept), named);
        assert_eq!(finding.verdict, Verdict::Unknown, "{verb}: {finding:?}");
    }
}

/// A harness that was killed during an election saw no promise broken.
#[test]
fn a_record_that_breaks_off_in_an_election_is_unknown() {
    for expected in [Control::Kept, Control::Lost] {
        let breaks_off = |story: &mut Story| {
            catalogue::no_answers(story, &story::no_leader());
            story.without(|at, _| at > 62.0);
        };
        let finding = judged(catalogue::control(expected), breaks_off);
        says(&finding, Verdict::Unknown, "breaks off");
    }
}

/// A fault of `server-2` during which `server-1` leads.
fn also_led(story: &mut Story) {
    also_breaks(story, "server-2", [28.0, 30.0, 45.0, 46.0]);
}

/// Such a fault, and another during which every manager gives this error.
fn led_and(error: &ApiError, expected: Control) -> Finding {
    judged(catalogue::control(expected), |story| {
        also_led(story);
        catalogue::no_answers(story, error);
    })
}

#[test]
fn one_fault_without_a_leader_decides() {
    let led = judged(catalogue::control(Control::Kept), also_led);
    says(
        &led,
        Verdict::Pass,
        "stop server-3: server-1 led; stop server-2: server-1 led",
    );
    let said = "stop server-3: the managers had no leader";
    let kept = led_and(&story::no_leader(), Control::Kept);
    says(&kept, Verdict::Fail, said);
    let lost = led_and(&story::no_leader(), Control::Lost);
    says(&lost, Verdict::Pass, said);
}

#[test]
fn one_fault_in_which_nobody_could_tell_leaves_it_open() {
    let silent = ApiError::TimedOut("5s".to_owned());
    for expected in [Control::Kept, Control::Lost] {
        let finding = led_and(&silent, expected);
        let said = "stop server-3: no manager could tell who leads";
        says(&finding, Verdict::Unknown, said);
    }
}

/// A fault in which `server-1` leads in every round but the one at this moment; there nobody does.
fn leaderless_at(round: f64, expected: Control) -> Finding {
    judged(catalogue::control(expected), |story| {
        story.change(|at, event| {
            if matches!(event, Event::Poll(_)) && *at == round {
                *event = story::poll_errors(&story::no_leader());
            }
        });
    })
}

#[rstest]
#[case::a_leader_at_first(74.0)]
#[case::a_leader_before_and_after(69.0)]
#[case::a_leader_at_last(64.0)]
fn last_rounds_that_do_not_agree_tell_nothing(#[case] round: f64) {
    for expected in [Control::Kept, Control::Lost] {
        let finding = leaderless_at(round, expected);
        says(&finding, Verdict::Unknown, "no manager could tell");
    }
}

#[test]
fn a_round_before_the_last_three_does_not_count() {
    let finding = leaderless_at(59.0, Control::Kept);
    says(&finding, Verdict::Pass, "stop server-3: server-1 led");
}

#[test]
fn where_nothing_was_broken_the_end_of_the_load_decides() {
    let calm = |expected: Control| {
        judged(catalogue::control(expected), |story| {
            story.plan.faults.clear();
            without_faults(story);
        })
    };
    let kept = calm(Control::Kept);
    says(&kept, Verdict::Pass, "no fault: server-1 led");
    let lost = calm(Control::Lost);
    says(&lost, Verdict::Unknown, "no fault was planned");
}
