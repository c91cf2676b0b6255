//! `answers` at its edges.

use super::*;
use seatrial::journal::Answer;
use seatrial::units::Span;

#[test]
fn a_wrong_body_shows_its_beginning() {
    let finding = judged(answers(), |story| {
        let body = format!("<html>\n{}", "x".repeat(200));
        story.at(60.0, got("server-1", 59.9, Answer::Wrong(body)));
    });
    says(
        &finding,
        Verdict::Fail,
        r"wrong answer on server-1: `<html>\nxxx",
    );
    assert!(finding.summary.len() < 160, "{}", finding.summary);
}

#[test]
fn a_wrong_body_on_a_broken_node_is_excused() {
    let finding = judged(answers(), |story| {
        story.at(60.0, got("server-3", 59.9, Answer::Wrong("502".to_owned())));
    });
    says(&finding, Verdict::Pass, "at least 100%");
}

#[test]
fn a_low_share_is_a_failure_without_a_long_gap() {
    let finding = judged(answers(), |story| {
        let mut odd = false;
        story.change(|at, event| {
            if matches!(event, Event::Got { via, .. } if via == "server-1") {
                odd = !odd;
                if odd {
                    catalogue::fail_on("server-1", 0.0..100.0, *at, event);
                }
            }
        });
    });
    says(
        &finding,
        Verdict::Fail,
        "19 of 38 requests on server-1 were answered, 97% must be; 19 of 130 requests lost, \
         longest gap 4.0s",
    );
}

/// The third server is healed then, and deaf for a time; it is allowed so long to answer again.
fn deaf(healed: f64, deaf: std::ops::Range<f64>, allowed: u64) -> Finding {
    judged(answers(), |story| {
        story.plan.deadlines.steady_again = Span::secs(allowed);
        story.change(|at, event| {
            if matches!(event, Event::Healed { .. }) {
                *at = healed;
            }
            catalogue::fail_on("server-3", deaf.clone(), *at, event);
        });
    })
}

#[test]
fn a_node_that_never_answers_after_its_heal_is_a_failure() {
    let never = |healed, allowed| deaf(healed, 76.0..100.0, allowed);
    let said = "server-3 was back and did not answer again for 14.5s, allowed 14.0s";
    says(&never(80.0, 14), Verdict::Fail, said);
    // The load ended before its time was over.
    let said = "server-3 was back, and the load ended 14.5s later without an answer";
    says(&never(80.0, 15), Verdict::Unknown, said);
    says(&never(90.0, 15), Verdict::Pass, "at least");
}

#[test]
fn a_node_that_never_answers_is_not_hidden_by_one_that_took_longer() {
    let finding = judged(answers(), |story| {
        story.plan.deadlines.steady_again = Span::secs(23);
        story.change(|at, event| {
            if matches!(event, Event::Healed { .. }) {
                *at = 80.0;
            }
            catalogue::fail_on("server-2", 30.0..78.0, *at, event);
            catalogue::fail_on("server-3", 76.0..100.0, *at, event);
        });
        also_breaks(story, "server-2", [30.0, 31.4, 55.0, 56.0]);
    });
    let said = "server-3 was back, and the load ended 14.5s later without an answer";
    says(&finding, Verdict::Unknown, said);
}

#[test]
fn a_silence_ends_where_we_break_the_node_again() {
    let again = |blow: f64| {
        judged(answers(), |story| {
            story.plan.deadlines.steady_again = Span::secs(14);
            story.change(|at, event| match event {
                Event::Healing { .. } => *at = 69.0,
                Event::Healed { .. } => *at = 70.0,
                _ => catalogue::fail_on("server-3", 66.0..91.0, *at, event),
            });
            also_breaks(story, "server-3", [blow, blow + 1.0, 88.0, 90.0]);
        })
    };
    says(&again(72.0), Verdict::Pass, "longest gap 2.0s of 10.0s");
    let said = "server-3 was back and did not answer again for 15.0s, allowed 14.0s";
    says(&again(85.0), Verdict::Fail, said);
    // Long, and allowed; but it did not answer.
    let finding = again(82.0);
    says(&finding, Verdict::Pass, "longest gap");
    assert!(!finding.summary.contains("answered again"), "{finding:?}");
}

#[test]
fn a_node_that_answers_late_after_its_heal_had_its_networks_made() {
    let late = |allowed| deaf(70.0, 66.0..88.0, allowed);
    let said = "server-3 was back and did not answer again for 22.5s, allowed 22.0s";
    says(&late(22), Verdict::Fail, said);
    says(
        &late(23),
        Verdict::Pass,
        "; server-3 answered again 22.5s after it was back",
    );
}

/// So many requests on `server-1` were due, and not sent.
fn judged_without(unsent: usize) -> Finding {
    judged(answers(), |story| {
        for at in 0..unsent {
            let at = 60.0 + at as f64 / 100.0;
            let answer = Answer::Unsent("256 requests are under way".to_owned());
            story.at(at, got("server-1", at, answer));
        }
    })
}

#[test]
fn a_request_that_was_not_sent_is_neither_answered_nor_lost() {
    // 97 of 100 must be answered: 38 of 39 would be, whatever became of one.
    let finding = judged_without(1);
    says(
        &finding,
        Verdict::Pass,
        "0 of 130 requests lost; at least 97.4%",
    );
    says(
        &judged_without(2),
        Verdict::Unknown,
        "server-1 was not sent 2 requests that were due, for too many were under way: 38 of 40 \
         were answered, 97% must be",
    );
}

#[test]
fn requests_that_were_not_sent_excuse_none_that_were_lost() {
    let lose = |story: &mut Story| {
        story.change(|at, event| catalogue::fail_on("server-1", 60.0..64.0, *at, event));
        let answer = Answer::Unsent("256 requests are under way".to_owned());
        story.at(70.0, got("server-1", 70.0, answer));
    };
    says(
        &judged(answers(), lose),
        Verdict::Fail,
        "requests on server-1 were answered, 97% must be",
    );
}

#[test]
fn never_asked_is_unknown() {
    let finding = judged(answers(), |story| {
        story.without(|_, event| matches!(event, Event::Got { .. }));
    });
    says(&finding, Verdict::Unknown, "never asked for");
}

#[test]
fn a_workload_that_stopped_early_is_unknown() {
    let finding = judged(answers(), |story| {
        story.without(|at, event| matches!(event, Event::Got { .. }) && at > 48.0);
    });
    says(&finding, Verdict::Unknown, "nobody asked in the last");
}

#[test]
fn one_lost_request_is_counted_and_all_means_all() {
    let lose_one = |story: &mut Story| {
        story.change(|at, event| catalogue::fail_on("server-1", 60.0..62.0, *at, event));
    };
    let finding = judged(answers(), lose_one);
    says(
        &finding,
        Verdict::Pass,
        "1 of 130 requests lost; at least 97.3% answered",
    );
    let requests = finding.requests.expect("numbers");
    assert_eq!((requests.lost, requests.made), (1, 130));
    assert_eq!(requests.longest_gap_us, 4_000_000);
    let every = Check::Answers {
        workload: "get".to_owned(),
        share: seatrial::units::Share(1.0),
        gap: seatrial::units::Span::secs(10),
    };
    let finding = judged(every.clone(), lose_one);
    says(
        &finding,
        Verdict::Fail,
        "37 of 38 requests on server-1 were answered, 100% must be; 1 of 130 requests lost, \
         longest gap 4.0s",
    );
    says(
        &judged(every, |_| {}),
        Verdict::Pass,
        "0 of 130 requests lost",
    );
}
