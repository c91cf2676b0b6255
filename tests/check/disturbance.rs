//! `undisturbed` at its edges.

use super::*;
use seatrial::journal::{ApiError, ContainerSeen, Phase, TaskSeen};
use story::{ended, task};

/// What a changed story comes to.
fn disturbed(change: impl Fn(&mut Story)) -> Finding {
    let mut story = Story::kept("story", &[recovers()]);
    change(&mut story);
    finding(&story.history(), "undisturbed")
}

/// What `server-4`'s engine says after this moment.
fn engine_says(story: &mut Story, after: f64, seen: &Result<Vec<ContainerSeen>, ApiError>) {
    story.change(|at, event| {
        if matches!(event, Event::Containers(look) if look.node == "server-4") && *at > after {
            *event = containers("server-4", seen.clone());
        }
    });
}

#[test]
fn the_entries_that_show_it_are_named() {
    let mut story = Story::kept("story", &[recovers()]);
    catalogue::killed_behind_our_back(&mut story);
    let history = story.history();
    let finding = finding(&history, "undisturbed");
    says(
        &finding,
        Verdict::Unknown,
        "task mariadb.1 failed on server-4 at [97.3s]",
    );
    says(
        &finding,
        Verdict::Unknown,
        "by us: task: non-zero exit (137) (and 1 other)",
    );
    let shown = |seq: &u64| history.entries[*seq as usize].event.clone();
    let events: Vec<Event> = finding.evidence.iter().map(shown).collect();
    let rejected = |event: &Event| {
        matches!(event, Event::Task(TaskSeen { state, message, .. })
            if state == "rejected" && message.contains("bind source path"))
    };
    let listed = |running: bool| {
        let wanted = Ok(vec![container("new", running)]);
        events.iter().any(|event| {
            matches!(event, Event::Containers(listed)
                if listed.node == "server-4" && listed.seen == wanted)
        })
    };
    assert!(listed(true) && listed(false), "{events:?}");
    assert!(events.iter().any(rejected), "{events:?}");
}

#[rstest]
#[case::failed("failed", "failed on server-4")]
#[case::complete("complete", "completed on server-4")]
#[case::shutdown("shutdown", "was shut down on server-4")]
#[case::orphaned("orphaned", "was orphaned on server-4")]
#[case::rejected("rejected", "was rejected on server-4")]
#[case::remove("remove", "was removed on server-4")]
fn every_end_of_a_task_counts(#[case] state: &str, #[case] said: &str) {
    let finding = disturbed(|story| {
        story.at(97.0, ended("new", 50, state, "a\nreason"));
    });
    says(&finding, Verdict::Unknown, said);
    says(&finding, Verdict::Unknown, "by us: a reason");
}

#[rstest]
#[case::stopped(Ok(vec![container("new", false)]))]
#[case::removed(Ok(Vec::new()))]
fn a_container_that_ended_is_enough(#[case] seen: Result<Vec<ContainerSeen>, ApiError>) {
    let finding = disturbed(|story| engine_says(story, 97.0, &seen));
    says(
        &finding,
        Verdict::Unknown,
        "task mariadb.1 lost its container on server-4 at [99.5s]",
    );
}

#[test]
fn a_task_that_is_no_longer_listed_counts_unless_it_is_listed_again() {
    let gone = |story: &mut Story| {
        let id = "new".to_owned();
        story.at(97.0, Event::TaskGone { id });
    };
    says(
        &disturbed(gone),
        Verdict::Unknown,
        "no longer listed on server-4",
    );
    let finding = disturbed(|story| {
        gone(story);
        story.at(97.5, task("new", 33, "server-4", "running", "running"));
    });
    says(&finding, Verdict::Pass, "no task ended");
}

#[test]
fn before_the_first_fault_it_counts_and_during_one_it_does_not() {
    let killed = |at: f64| {
        disturbed(|story| {
            let mut event = ended("old", 25, "failed", "task: non-zero exit (137)");
            if let Event::Task(task) = &mut event {
                task.node = Some("server-3".to_owned());
            }
            story.at(at, event);
        })
    };
    says(&killed(19.5), Verdict::Pass, "no task ended");
    says(
        &killed(49.95),
        Verdict::Unknown,
        "failed on server-3 at [50.0s]",
    );
    says(&killed(50.05), Verdict::Pass, "no task ended");
    says(&killed(94.0), Verdict::Pass, "no task ended");
}

#[test]
fn a_fault_that_was_not_confirmed_explains_as_much() {
    let not_confirmed = |story: &mut Story, at: f64| {
        story.without(|_, event| matches!(event, Event::Confirmed { .. }));
        let last = "server-3 still answers".to_owned();
        story.at(51.4, Event::NotConfirmed { fault: 0, last });
        story.at(at, ended("new", 50, "failed", "killed"));
    };
    says(
        &disturbed(|story| not_confirmed(story, 80.0)),
        Verdict::Pass,
        "no task ended",
    );
    says(
        &disturbed(|story| not_confirmed(story, 96.0)),
        Verdict::Unknown,
        "failed",
    );
}

#[test]
fn without_a_steady_state_after_its_heal_a_fault_explains_whatever_follows() {
    let finding = disturbed(|story| {
        story.without(|at, event| matches!(event, Event::Steady(_)) && at > 90.0);
        story.at(97.0, ended("new", 50, "failed", "killed"));
    });
    says(&finding, Verdict::Pass, "no task ended");
}

#[test]
fn a_container_lost_with_the_power_we_cut_is_ours_whenever_that_shows() {
    let late = |node: &str, there: &[&str]| {
        let there = there.iter().map(|task| container(task, true)).collect();
        disturbed(|story| {
            // The engine is silent from before the fault until all is well again.
            let silent = Err(ApiError::Unreachable("no route".to_owned()));
            story.change(|at, event| {
                if matches!(event, Event::Containers(look) if look.node == node) && *at > 29.2 {
                    let seen = if *at > 97.0 {
                        Ok(Vec::new())
                    } else {
                        silent.clone()
                    };
                    *event = containers(node, seen);
                }
            });
            story.at(29.0, containers(node, Ok(Vec::clone(&there))));
        })
    };
    says(
        &late("server-3", &["lone", "old"]),
        Verdict::Pass,
        "no task ended",
    );
    let finding = late("server-1", &["lone"]);
    says(
        &finding,
        Verdict::Unknown,
        "lost its container on server-1 at [99.5s]",
    );
}

#[test]
fn a_container_lost_before_we_broke_its_node_is_not_ours() {
    let finding = disturbed(|story| {
        story.change(|at, event| {
            if matches!(event, Event::Containers(look) if look.node == "server-3")
                && (34.0..50.0).contains(at)
            {
                *event = containers("server-3", Ok(Vec::new()));
            }
        });
    });
    says(
        &finding,
        Verdict::Unknown,
        "task mariadb.1 lost its container on server-3 at [34.5s]",
    );
}

#[test]
fn silence_is_no_disturbance() {
    let finding = disturbed(|story| {
        engine_says(story, 95.0, &Err(ApiError::TimedOut("1s".to_owned())));
        catalogue::no_answers(story, &story::no_leader());
    });
    says(&finding, Verdict::Pass, "no task ended");
}

#[test]
fn a_manager_that_lags_behind_is_not_believed() {
    let told = |index: u64| {
        disturbed(|story| {
            story.at(97.0, ended("new", index, "failed", "killed"));
        })
    };
    says(&told(20), Verdict::Pass, "no task ended");
    says(&told(32), Verdict::Pass, "no task ended");
    // It was told last of the version 33, and does not lag behind that.
    says(&told(33), Verdict::Unknown, "failed on server-4");
}

#[test]
fn a_task_that_never_ran_counts_if_it_was_made_in_a_quiet_time() {
    let rejected = |made: f64| {
        disturbed(|story| {
            story.at(made, task("third", 50, "server-4", "preparing", "running"));
            story.at(98.0, ended("third", 52, "rejected", "no such mount"));
        })
    };
    says(
        &rejected(97.0),
        Verdict::Unknown,
        "was rejected on server-4 at [98.0s]",
    );
    says(&rejected(80.0), Verdict::Pass, "no task ended");
}

#[test]
fn what_follows_the_run_does_not_count() {
    let finding = disturbed(|story| {
        story.at(104.5, ended("new", 50, "shutdown", ""));
    });
    says(&finding, Verdict::Pass, "no task ended");
}

#[test]
fn a_run_that_shows_no_task_is_unknown() {
    let finding = disturbed(|story| {
        story.without(|_, event| matches!(event, Event::Containers(_) | Event::Task(_)));
    });
    says(&finding, Verdict::Unknown, "no task was ever seen to run");
    let finding = disturbed(|story| {
        story.without(|_, event| *event == Event::Phase(Phase::Load));
    });
    says(&finding, Verdict::Unknown, "never began");
}

#[test]
fn a_run_without_services_is_not_judged() {
    let mut story = Story::kept("story", &[recovers()]);
    story.plan.stack = None;
    let judgement = check(&story.history());
    assert!(
        judgement
            .findings
            .iter()
            .all(|one| one.check != "undisturbed")
    );
}

#[test]
fn a_control_that_was_disturbed_shows_too_little() {
    let mut story = Story::kept("story", &[nothing_lost(), Check::Exercised]);
    story.plan.must_fail = vec!["nothing_lost".to_owned()];
    catalogue::read_everywhere(&mut story, &[(1, 12), (27, 38)]);
    assert_eq!(check(&story.history()).verdict, Verdict::Pass);
    catalogue::killed_behind_our_back(&mut story);
    assert_eq!(check(&story.history()).verdict, Verdict::Unknown);
}

/// What ended behind our back is what such a control is about.
#[test]
fn a_control_that_names_it_wants_a_task_to_end() {
    let mut story = Story::kept("story", &[recovers(), Check::Exercised]);
    story.plan.workloads.clear();
    story.plan.must_fail = vec!["undisturbed".to_owned()];
    let quiet = check(&story.history());
    assert_eq!(quiet.verdict, Verdict::Fail);
    says(
        quiet.findings.last().expect("a finding"),
        Verdict::Fail,
        "`undisturbed` was expected to fail and passed",
    );
    let mut blind = story.clone();
    blind.without(|_, event| matches!(event, Event::Containers(_) | Event::Task(_)));
    assert_eq!(check(&blind.history()).verdict, Verdict::Unknown);
    catalogue::killed_behind_our_back(&mut story);
    let judgement = check(&story.history());
    assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
    let ended = finding(&story.history(), "undisturbed");
    says(&ended, Verdict::Fail, "task mariadb.1 failed on server-4");
    assert!(!ended.evidence.is_empty());
}

/// The steady state of every run may fail a control too.
#[test]
fn a_control_that_names_the_steady_state_wants_it_to_stay_away() {
    let mut story = Story::kept("story", &[recovers(), Check::Exercised]);
    story.plan.workloads.clear();
    story.plan.must_fail = vec!["steady".to_owned()];
    assert_eq!(check(&story.history()).verdict, Verdict::Fail);
    catalogue::stays_away(&mut story);
    assert_eq!(check(&story.history()).verdict, Verdict::Pass);
}

/// A state cannot have been told before it was so; one that is told late is nobody's fault.
#[rstest]
#[case::an_hour_ahead(3600, Verdict::Unknown, "the clock of server-4 is 3,600 seconds ahead")]
#[case::more_than_a_little_ahead(61, Verdict::Unknown, "server-4 is 61 seconds ahead")]
#[case::a_little_ahead(60, Verdict::Pass, "no task ended")]
#[case::told_late(-3600, Verdict::Pass, "no task ended")]
fn a_clock_that_is_ahead_is_told(
    #[case] seconds: i64,
    #[case] verdict: Verdict,
    #[case] part: &str,
) {
    let finding = disturbed(|story| {
        let event = task("new", 33, "server-4", "running", "running");
        story.at(70.0, dated(event, 70 + seconds));
    });
    says(&finding, verdict, part);
}

/// A task whose node says that it was so at this second of the run.
fn dated(mut event: Event, second: i64) -> Event {
    if let Event::Task(task) = &mut event {
        let second = 1_475_000_000 + second;
        task.timestamp = Some(jiff::Timestamp::from_second(second).expect("in range"));
    }
    event
}

#[rstest]
#[case::we_set_it("skew", Verdict::Pass, "no task ended")]
#[case::we_did_not("stop", Verdict::Unknown, "server-3 is 3,600 seconds ahead")]
fn a_clock_that_we_set_is_no_news(
    #[case] verb: &str,
    #[case] verdict: Verdict,
    #[case] part: &str,
) {
    let finding = disturbed(|story| {
        story.change(|_, event| {
            if let Event::Intent(intent) = event {
                verb.clone_into(&mut intent.verb);
            }
        });
        let event = task("old", 25, "server-3", "running", "running");
        story.at(60.0, dated(event, 60 + 3600));
    });
    says(&finding, verdict, part);
}
