//! `answers` at its edges.

use super::*;
use seatrial::journal::Answer;
use seatrial::plan::Workload;
use seatrial::scenario::{Part, Target};
use seatrial::units::{Rate, Share, Span};

/// The check with bounds of its own.
fn allows(share: f64, gap: Span) -> Check {
    Check::Answers {
        workload: "get".to_owned(),
        share: Share(share),
        gap,
    }
}

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

/// The first server answers the second request, the fourth, and so on.
fn lose_every_other(story: &mut Story) {
    let mut odd = false;
    story.change(|at, event| {
        if matches!(event, Event::Got { via, .. } if via == "server-1") {
            odd = !odd;
            if odd {
                catalogue::fail_on("server-1", 0.0..100.0, *at, event);
            }
        }
    });
}

#[test]
fn a_low_share_is_a_failure_without_a_long_gap() {
    says(
        &judged(answers(), lose_every_other),
        Verdict::Fail,
        "19 of 38 requests on server-1 were answered, 97% must be; 19 of 130 requests lost, \
         longest gap 4.0s",
    );
}

#[test]
fn a_share_of_exactly_what_is_allowed_is_allowed() {
    let half = |share| judged(allows(share, Span::secs(10)), lose_every_other);
    says(&half(0.5), Verdict::Pass, "19 of 130 requests lost");
    let said = "19 of 38 requests on server-1 were answered";
    says(&half(0.501), Verdict::Fail, said);
}

#[test]
fn a_gap_of_exactly_what_is_allowed_is_allowed() {
    let two_lost = |gap| {
        judged(allows(0.9, gap), |story| {
            story.change(|at, event| {
                catalogue::fail_on("server-1", 30.0..32.0, *at, event);
                catalogue::fail_on("server-1", 60.0..62.0, *at, event);
            });
        })
    };
    let said = "longest gap 4.0s of 4.0s";
    says(&two_lost(Span::secs(4)), Verdict::Pass, said);
    // Of two that are as long the first is told.
    let said = "no answer on server-1 for 4.0s from [28.5s]";
    says(&two_lost(Span::millis(3_999)), Verdict::Fail, said);
}

#[test]
fn a_load_that_nobody_asked_in_at_its_end_may_be_as_long_as_a_gap() {
    let stopped = |gap| {
        judged(allows(0.97, gap), |story| {
            story.without(|at, event| matches!(event, Event::Got { .. }) && at > 91.0);
        })
    };
    let said = "longest gap 2.0s of 4.5s";
    says(&stopped(Span::millis(4_490)), Verdict::Pass, said);
    let said = "nobody asked in the last 4.5s of the load";
    says(&stopped(Span::millis(4_489)), Verdict::Unknown, said);
}

/// The first server is asked so often, every 8 s; the first of the requests may be lost.
fn seldom(times: u32, lost: bool) -> Finding {
    judged(allows(0.97, Span::secs(20)), |story| {
        story.without(|_, event| matches!(event, Event::Got { via, .. } if via == "server-1"));
        for time in 0..times {
            let at = 21.0 + f64::from(time) * 8.0;
            story.at(at, got("server-1", at, Answer::Right));
        }
        if lost {
            story.change(|at, event| catalogue::fail_on("server-1", 20.0..22.0, *at, event));
        }
    })
}

#[test]
fn ten_requests_say_something_about_a_node_and_nine_do_not() {
    says(&seldom(10, false), Verdict::Pass, "longest gap 8.0s");
    let said = "9 of 10 requests on server-1 were answered, 97% must be";
    says(&seldom(10, true), Verdict::Fail, said);
    let said = "only 9 requests on server-1 while it was not broken";
    says(&seldom(9, false), Verdict::Unknown, said);
    says(&seldom(9, true), Verdict::Unknown, said);
}

#[test]
fn a_node_owes_no_answer_from_the_blow_to_its_first_right_one() {
    let wrong = |began: f64, ended: f64| {
        judged(answers(), |story| {
            let answer = Answer::Wrong("502".to_owned());
            story.at(ended, got("server-3", began, answer));
        })
    };
    // It is struck at 50 s, and answers right again at 92.51 s.
    let (owed, not_owed) = ("wrong answer on server-3: `502`", "at least 100%");
    says(&wrong(49.9, 50.0), Verdict::Fail, owed);
    says(&wrong(49.9, 50.01), Verdict::Pass, not_owed);
    says(&wrong(92.5, 92.6), Verdict::Pass, not_owed);
    says(&wrong(92.51, 92.6), Verdict::Fail, owed);
}

#[rstest]
#[case::as_every_node(Target::EveryNode, "server-2")]
#[case::by_its_name(Target::Node("server-2".to_owned()), "server-2")]
#[case::as_a_part(Target::Part(Part::Balancer), "balancer")]
fn a_planned_node_that_nobody_asked_is_missed(#[case] planned: Target, #[case] node: &str) {
    let workload = |name: &str, via: &Target| Workload::Get {
        name: name.to_owned(),
        via: via.clone(),
        port: 8080,
        path: "/".to_owned(),
        body: "hello".to_owned(),
        rate: Rate { per_second: 0.5 },
        within: Span::secs(2),
    };
    let finding = judged(answers(), |story| {
        let other = Target::Node("server-1".to_owned());
        story.plan.workloads = vec![workload("other", &other), workload("get", &planned)];
        story.without(|_, event| matches!(event, Event::Got { via, .. } if via == "server-2"));
    });
    let said = format!("only 0 requests on {node} while it was not broken");
    says(&finding, Verdict::Unknown, &said);
}

#[test]
fn a_time_in_which_nobody_asked_a_node_is_no_failure_of_it() {
    // Requests that were lost long before, or as it began, are none of that time.
    let finding = judged(allows(0.9, Span::secs(10)), |story| {
        story.change(|at, event| catalogue::fail_on("server-2", 30.0..32.0, *at, event));
        let lost = Answer::Failed("no answer within 2s".to_owned());
        story.at(58.51, got("server-2", 56.5, lost));
        story.without(|at, event| {
            matches!(event, Event::Got { via, .. } if via == "server-2")
                && (60.0..76.0).contains(&at)
        });
    });
    let said = "nobody asked server-2 for 18.0s from [58.5s]";
    says(&finding, Verdict::Unknown, said);
}

#[test]
fn a_node_that_nobody_asked_after_its_heal_was_not_silent() {
    let finding = judged(answers(), |story| {
        story.change(|at, event| {
            if matches!(event, Event::Healed { .. }) {
                *at = 80.0;
            }
        });
        story.without(|at, event| {
            matches!(event, Event::Got { via, .. } if via == "server-3") && at > 80.0
        });
    });
    let said = "nobody asked server-3 for 14.5s from [80.0s]";
    says(&finding, Verdict::Unknown, said);
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

#[test]
fn an_answer_at_the_last_moment_is_in_time() {
    let late = |allowed| {
        judged(answers(), |story| {
            story.plan.deadlines.steady_again = allowed;
            story.change(|at, event| match event {
                Event::Healing { .. } => *at = 69.0,
                Event::Healed { .. } => *at = 70.0,
                _ => {}
            });
            // We break it again at the very moment of its answer.
            also_breaks(story, "server-3", [92.51, 93.0, 93.5, 94.0]);
        })
    };
    let said = "; server-3 answered again 22.5s after it was back";
    says(&late(Span::millis(22_510)), Verdict::Pass, said);
    let said = "server-3 was back and did not answer again for 22.5s";
    says(&late(Span::millis(22_509)), Verdict::Fail, said);
}

/// So many requests on `server-1` were due, and not sent.
fn judged_without(unsent: usize, share: f64) -> Finding {
    judged(allows(share, Span::secs(10)), |story| {
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
    let finding = judged_without(1, 0.97);
    says(
        &finding,
        Verdict::Pass,
        "0 of 130 requests lost; at least 97.4%",
    );
    says(
        &judged_without(2, 0.97),
        Verdict::Unknown,
        "server-1 was not sent 2 requests that were due, for too many were under way: 38 of 40 \
         were answered, 97% must be",
    );
    // 38 of 40 are 95 of 100.
    let said = "0 of 130 requests lost";
    says(&judged_without(2, 0.95), Verdict::Pass, said);
    let said = "server-1 was not sent 2 requests";
    says(&judged_without(2, 0.951), Verdict::Unknown, said);
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
fn the_first_request_that_was_lost_is_named() {
    let mut story = Story::kept("story", &[answers()]);
    story.change(|at, event| catalogue::fail_on("server-1", 60.0..64.0, *at, event));
    let history = story.history();
    let lost = |event: &Event| match event {
        Event::Got { via, answer, .. } => via == "server-1" && *answer != Answer::Right,
        _ => false,
    };
    let first = history.entries.iter().find(|entry| lost(&entry.event));
    let first = first.expect("a request").seq;
    let finding = finding(&history, "answers");
    says(&finding, Verdict::Fail, "36 of 38 requests on server-1");
    assert_eq!(finding.evidence, [first]);
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
    let every = allows(1.0, Span::secs(10));
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
