//! `never_two` at its edges.

use super::*;
use seatrial::journal::TaskSeen;
use story::{node_seen, task};

#[test]
fn the_managers_own_list_is_enough() {
    let finding = judged(never_two(), |story| {
        story.at(80.0, task("third", 50, "server-2", "running", "running"));
    });
    says(
        &finding,
        Verdict::Fail,
        "the managers list two live tasks of mariadb slot 1",
    );
}

#[test]
fn the_managers_may_list_other_tasks() {
    let changes: [fn(&mut TaskSeen); 4] = [
        |task| "nginx".clone_into(&mut task.service),
        |task| task.slot = 2,
        |task| "preparing".clone_into(&mut task.state),
        |task| "shutdown".clone_into(&mut task.desired),
    ];
    for change in changes {
        let mut third = task("third", 50, "server-2", "running", "running");
        if let Event::Task(task) = &mut third {
            change(task);
        }
        let finding = judged(never_two(), |story| {
            story.at(80.0, third.clone());
        });
        says(&finding, Verdict::Pass, "never two at a time");
    }
}

#[test]
fn a_round_is_judged_as_a_whole() {
    let finding = judged(never_two(), |story| {
        // In one round: the new task is written before the old one's end.
        story.at(80.0, task("third", 50, "server-2", "running", "running"));
        story.at(80.1, task("new", 51, "server-4", "shutdown", "shutdown"));
    });
    says(&finding, Verdict::Pass, "never two at a time");
}

#[test]
fn a_manager_that_lags_behind_is_not_believed() {
    let finding = judged(never_two(), |story| {
        story.at(92.0, task("old", 20, "server-3", "running", "running"));
    });
    says(&finding, Verdict::Pass, "never two at a time");
}

#[test]
fn a_task_that_is_gone_or_whose_node_is_down_is_not_live() {
    let third_beside = |events: &[(f64, Event)]| {
        judged(never_two(), |story| {
            story.at(70.2, task("third", 50, "server-2", "running", "running"));
            for (at, event) in events {
                story.at(*at, event.clone());
            }
        })
    };
    let alone = third_beside(&[]);
    says(&alone, Verdict::Fail, "the managers list two live tasks");
    let id = "third".to_owned();
    let gone = third_beside(&[(70.3, Event::TaskGone { id })]);
    says(&gone, Verdict::Pass, "never two at a time");
    // A manager that lags behind still calls it ready.
    let down = [
        (70.1, node_seen("server-2", 35, "down")),
        (70.3, node_seen("server-2", 12, "ready")),
    ];
    says(
        &third_beside(&down[..1]),
        Verdict::Pass,
        "never two at a time",
    );
    says(&third_beside(&down), Verdict::Pass, "never two at a time");
}

/// An answer of `node` from `began` to `ended`, in which `task` runs, or nothing does.
fn look(story: &mut Story, node: &str, (began, ended): (f64, f64), task: Option<&str>) {
    let mut event = containers(
        node,
        Ok(task.map(|t| container(t, true)).into_iter().collect()),
    );
    if let Event::Containers(look) = &mut event {
        look.began_us = Some(story::micros(began));
    }
    story.at(ended, event);
}

/// Takes out what this node's engine said in this time.
fn forget(story: &mut Story, node: &str, when: std::ops::Range<f64>) {
    story.without(|at, event| {
        matches!(event, Event::Containers(look) if look.node == node && when.contains(&at))
    });
}

/// `third` on server-1, seen in these answers and then no longer; `new` on server-4 first in that.
fn third_and_new(third: &[(f64, f64)], gone: (f64, f64), new: (f64, f64)) -> Finding {
    judged(never_two(), |story| {
        forget(story, "server-1", 60.0..80.0);
        forget(story, "server-4", 60.0..72.0);
        look(story, "server-1", (62.0, 62.1), None);
        look(story, "server-4", (62.0, 62.1), None);
        for time in third {
            look(story, "server-1", *time, Some("third"));
        }
        look(story, "server-1", gone, None);
        look(story, "server-4", new, Some("new"));
    })
}

#[rstest]
#[case::both_for_a_while(
    &[(66.0, 66.1), (72.0, 72.1)],
    (72.5, 72.6),
    (68.0, 68.1),
    "3.9s from [68.1s]"
)]
#[case::in_slow_answers(
    &[(63.0, 66.0), (71.5, 74.0)],
    (74.5, 74.6),
    (66.5, 71.0),
    "0.5s from [71.0s]"
)]
#[case::one_answer_amid_many(&[(75.0, 77.0)], (77.5, 77.6), (68.0, 68.1), "from [77.0s]")]
fn each_seen_after_the_other_was_seen_is_certain(
    #[case] third: &[(f64, f64)],
    #[case] gone: (f64, f64),
    #[case] new: (f64, f64),
    #[case] said: &str,
) {
    let finding = third_and_new(third, gone, new);
    says(&finding, Verdict::Fail, "two live mariadb for");
    says(&finding, Verdict::Fail, said);
}

#[test]
fn answers_that_touch_are_no_overlap() {
    // It may have ended at 67.5 s, before the other began at 69 s.
    let finding = third_and_new(&[(66.0, 66.1), (67.0, 70.0)], (70.5, 70.6), (69.0, 71.0));
    says(&finding, Verdict::Pass, "never two at a time");
    let both = third_and_new(&[(66.0, 66.1), (67.0, 71.0)], (71.5, 71.6), (69.0, 71.0));
    says(&both, Verdict::Pass, "never two at a time");
}

#[test]
fn answers_that_touch_prove_nothing() {
    let asked_then = third_and_new(&[(66.0, 66.1), (68.1, 68.2)], (68.5, 68.6), (68.0, 68.1));
    says(
        &asked_then,
        Verdict::Unknown,
        "perhaps two live mariadb for 0.1s from [68.1s]",
    );
    // One answer lists `new`, and is asked for as the first that lists `third` is there.
    let listed_once = judged(never_two(), |story| {
        forget(story, "server-1", 60.0..80.0);
        forget(story, "server-4", 60.0..106.0);
        look(story, "server-1", (62.0, 62.1), None);
        look(story, "server-4", (62.0, 62.1), None);
        look(story, "server-1", (66.0, 66.1), Some("third"));
        look(story, "server-1", (68.0, 68.1), Some("third"));
        look(story, "server-1", (68.5, 68.6), None);
        look(story, "server-4", (66.1, 67.0), Some("new"));
        look(story, "server-4", (78.0, 78.1), None);
    });
    says(
        &listed_once,
        Verdict::Unknown,
        "perhaps two live mariadb for 1.1s from [67.0s]",
    );
}

#[test]
fn containers_of_two_slots_are_not_two_of_one() {
    let mut second = container("second", true);
    second.slot = 2;
    let finding = judged(never_two(), |story| {
        story.change(|at, event| {
            if matches!(event, Event::Containers(look) if look.node == "server-2") && *at > 60.0 {
                *event = containers("server-2", Ok(vec![second.clone()]));
            }
        });
    });
    says(&finding, Verdict::Pass, "3 containers of 2 slots");
}

#[test]
fn a_slow_answer_proves_no_overlap() {
    // The other was seen while the engine of the first took 5 s to answer.
    let finding = third_and_new(&[(66.0, 66.1), (67.0, 72.0)], (72.5, 72.6), (68.0, 68.1));
    says(&finding, Verdict::Unknown, "perhaps two live mariadb");
}

#[test]
fn only_a_long_gap_matters() {
    // Nobody asked server-1 from 66.1 s until the answer that no longer lists it.
    let gap = |gone| third_and_new(&[(66.0, 66.1)], gone, (70.0, 70.1));
    says(&gap((75.0, 75.1)), Verdict::Pass, "never two at a time");
    says(&gap((76.1, 76.2)), Verdict::Pass, "never two at a time");
    let long = gap((77.0, 77.1));
    says(
        &long,
        Verdict::Unknown,
        "perhaps two live mariadb for 7.0s from [70.1s]",
    );
}

#[test]
fn only_a_long_gap_before_the_first_sight_matters() {
    // `new` runs until 66.1 s. Nobody asks server-1 from 63 s until the answer that lists `third`.
    let gap = |asked: f64| {
        judged(never_two(), |story| {
            forget(story, "server-1", 60.0..106.0);
            forget(story, "server-4", 60.0..106.0);
            look(story, "server-4", (60.0, 60.1), Some("new"));
            look(story, "server-4", (66.0, 66.1), Some("new"));
            look(story, "server-4", (66.5, 66.6), None);
            look(story, "server-1", (61.0, 63.0), None);
            look(story, "server-1", (asked, asked + 0.1), Some("third"));
        })
    };
    says(&gap(73.0), Verdict::Pass, "never two at a time");
    // It may have begun right after server-1 was asked for the last time before.
    says(
        &gap(73.1),
        Verdict::Unknown,
        "perhaps two live mariadb for 5.1s from [61.0s]",
    );
}

#[test]
fn nothing_ran_on_a_node_before_it_was_turned_on() {
    // server-3 was off until 76 s, and nobody asked it from 49.5 s to 91 s.
    let new_until = |began: f64| {
        judged(never_two(), |story| {
            forget(story, "server-3", 88.0..106.0);
            forget(story, "server-4", 72.0..106.0);
            look(story, "server-4", (began, began + 0.1), Some("new"));
            look(story, "server-4", (began + 0.5, began + 0.6), None);
            look(story, "server-3", (91.0, 91.1), Some("third"));
        })
    };
    says(&new_until(73.0), Verdict::Pass, "never two at a time");
    says(
        &new_until(77.0),
        Verdict::Unknown,
        "perhaps two live mariadb for 1.1s from [76.0s]",
    );
}

#[test]
fn a_service_that_was_never_seen_is_unknown() {
    let finding = judged(never_two(), |story| {
        story.without(|_, event| matches!(event, Event::Containers(_)));
    });
    says(
        &finding,
        Verdict::Unknown,
        "server-1's own engine never said",
    );
    let finding = judged(
        Check::NeverTwo {
            service: "nginx".to_owned(),
        },
        |_| {},
    );
    says(
        &finding,
        Verdict::Unknown,
        "no container of nginx was ever seen running",
    );
}

#[test]
fn one_engine_that_says_nothing_leaves_it_open() {
    let finding = judged(never_two(), |story| forget(story, "server-2", 0.0..106.0));
    let said = "server-2's own engine never said";
    says(&finding, Verdict::Unknown, said);
}

/// The old node is not turned off but treated like this; its engine says nothing meanwhile.
fn treated(verb: &str, wakes: impl Fn(&mut Story)) -> Finding {
    judged(never_two(), |story| {
        story.change(|_, event| {
            if let Event::Intent(intent) = event {
                intent.verb = verb.to_owned();
            }
        });
        wakes(story);
    })
}

#[test]
fn a_container_that_was_frozen_goes_on_when_its_node_wakes() {
    // It is not listed any more when its engine answers again, which says nothing of before.
    let paused = treated("pause", |_| {});
    says(&paused, Verdict::Unknown, "perhaps two live mariadb");
    let stopped = treated("stop", |_| {});
    says(&stopped, Verdict::Pass, "never two at a time");
    let isolated = treated("isolate", |_| {});
    says(&isolated, Verdict::Unknown, "perhaps two live mariadb");
}

#[test]
fn what_a_frozen_container_did_is_told_from_when_its_node_woke() {
    let woken = |moment: f64| {
        treated("pause", |story| {
            story.change(|at, event| {
                if matches!(event, Event::Healing { .. }) {
                    *at = moment;
                }
            });
        })
    };
    let said = "for 13.5s from [76.0s] (server-4, and server-3); nobody could see";
    let early = woken(76.0);
    says(&early, Verdict::Unknown, said);
    // The first and last sight of the new one, and the answer that no longer lists the old.
    assert_eq!(early.evidence.len(), 3);
    let late = "perhaps two live mariadb for 0.1s from [89.4s]";
    says(&woken(89.4), Verdict::Unknown, late);
    // That answer was there at 89.5 s.
    let too_late = woken(89.5);
    says(&too_late, Verdict::Pass, "never two at a time");
    assert_eq!(too_late.evidence.len(), 4);
}

#[test]
fn a_container_that_runs_when_its_node_wakes_counts_from_there() {
    let paused = treated("pause", |story| {
        look(story, "server-3", (91.0, 91.1), Some("old"));
        look(story, "server-4", (91.2, 91.3), Some("new"));
        look(story, "server-3", (91.4, 91.5), Some("old"));
    });
    says(&paused, Verdict::Fail, "two live mariadb for");
}
