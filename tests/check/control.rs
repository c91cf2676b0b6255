//! `control` at its edges.

use super::*;
use seatrial::journal::{ManagerAnswer, Poll};
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
