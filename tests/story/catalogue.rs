//! The stories whose journals lie in `tests/journals`, by name.

use std::time::Duration;

use seatrial::journal::{Answer, ApiError, Event, Outcome, Phase, Rows};
use seatrial::plan::Check;
use seatrial::scenario::Control;
use seatrial::units::{Share, Span};

use super::story::{
    Story, broken, cannot_tell, checked, container, containers, ended, no_leader, not_yet,
    poll_errors, read_back, rows, table, task,
};

pub(crate) fn recovers() -> Check {
    Check::Recovers {
        within: Span::secs(60),
    }
}

pub(crate) fn nothing_lost() -> Check {
    Check::NothingLost {
        workload: "ledger".to_owned(),
    }
}

pub(crate) fn never_two() -> Check {
    Check::NeverTwo {
        service: "mariadb".to_owned(),
    }
}

pub(crate) fn answers() -> Check {
    let (share, gap) = (Share(0.97), Span(Duration::from_secs(10)));
    Check::Answers {
        workload: "get".to_owned(),
        share,
        gap,
    }
}

pub(crate) fn control(expected: Control) -> Check {
    Check::Control { expected }
}

pub(crate) fn intact() -> Check {
    Check::Intact {
        service: "mariadb".to_owned(),
    }
}

/// A kept story with a change, under the name of its files.
fn tell(
    name: &'static str,
    checks: &[Check],
    change: impl Fn(&mut Story),
) -> (&'static str, Story) {
    let mut story = Story::kept(name.split_once('.').expect("a verdict").0, checks);
    change(&mut story);
    (name, story)
}

/// Every story on disk.
pub(crate) fn all() -> Vec<(&'static str, Story)> {
    let mut all = Vec::from(about_recovery());
    all.extend(about_rows());
    all.extend(about_the_table());
    all.extend(about_two());
    all.extend(about_answers());
    all.extend(about_control());
    all.extend(about_exercise());
    all.extend(about_the_run());
    all.extend(about_must_fail());
    all.extend(about_disturbance());
    all.extend(about_residue());
    all
}

fn about_recovery() -> [(&'static str, Story); 3] {
    [
        tell("recovers.pass", &[recovers()], |_| {}),
        tell("recovers.fail", &[recovers()], |story| {
            never_comes_back(story, &not_yet("mariadb 0/1"));
        }),
        tell("recovers.unknown", &[recovers()], |story| {
            story.without(|at, event| {
                matches!(event, Event::Steady(_)) && (51.4..76.0).contains(&at)
            });
            never_comes_back(story, &cannot_tell("server-1 did not answer"));
        }),
    ]
}

fn about_rows() -> [(&'static str, Story); 3] {
    [
        tell("nothing-lost.pass", &[nothing_lost()], |_| {}),
        tell("nothing-lost.fail", &[nothing_lost()], |story| {
            read_everywhere(story, &[(1, 12), (27, 38)]);
        }),
        tell("nothing-lost.unknown", &[nothing_lost()], |story| {
            story.without(|_, e| matches!(e, Event::ReadBack { via, .. } if via == "server-2"));
            story.at(
                101.2,
                rows(
                    "server-2",
                    Rows::Unreadable("no session within 30s".to_owned()),
                ),
            );
        }),
    ]
}

fn about_the_table() -> [(&'static str, Story); 3] {
    [
        tell("intact.pass", &[intact()], |_| {}),
        tell("intact.fail", &[intact()], |story| {
            let words = [
                (
                    "Warning",
                    "InnoDB: Index row contains 21 entries, should be 27",
                ),
                ("error", "Corrupt"),
            ];
            says_through(story, "server-2", &table("server-2", &words));
        }),
        tell("intact.unknown", &[intact()], |story| {
            let why = Err("no session within 30s".to_owned());
            says_through(story, "server-2", &checked("server-2", why));
        }),
    ]
}

/// What the database says of its table through one node is this.
pub(crate) fn says_through(story: &mut Story, node: &str, said: &Event) {
    story.change(|_, event| {
        if matches!(event, Event::TableCheck(one) if one.via == node) {
            *event = said.clone();
        }
    });
}

fn about_two() -> [(&'static str, Story); 3] {
    [
        tell("never-two.pass", &[never_two()], |_| {}),
        tell("never-two.fail", &[never_two()], |story| {
            // The old container is still there when its node comes back.
            for at in [91.0, 93.6] {
                story.at(at, containers("server-3", Ok(vec![container("old", true)])));
            }
            story.without(|at, event| {
                matches!(event, Event::Containers(look) if look.node == "server-3" && at > 88.0
                    && ![91.0, 93.6].contains(&at))
            });
        }),
        tell("never-two.unknown", &[never_two()], |story| {
            // Nobody sees what the old node does after 49.5 s, and its power was never cut.
            story.change(|_, event| {
                if let Event::Intent(intent) = event {
                    intent.verb = "isolate".to_owned();
                }
            });
        }),
    ]
}

fn about_answers() -> [(&'static str, Story); 3] {
    [
        tell("answers.pass", &[answers()], |_| {}),
        tell("answers.fail", &[answers()], |story| {
            story.change(|at, event| fail_on("server-2", 60.0..75.0, *at, event));
        }),
        tell("answers.unknown", &[answers()], |story| {
            story.without(|at, event| {
                matches!(event, Event::Got { via, .. } if via == "server-2") && at > 36.0
            });
        }),
    ]
}

fn about_control() -> [(&'static str, Story); 6] {
    let (kept, lost) = ([control(Control::Kept)], [control(Control::Lost)]);
    [
        tell("control-kept.pass", &kept, |_| {}),
        tell("control-kept.fail", &kept, |story| {
            no_answers(story, &no_leader());
        }),
        tell("control-kept.unknown", &kept, |story| {
            no_answers(story, &ApiError::TimedOut("5s".to_owned()));
        }),
        tell("control-lost.pass", &lost, |story| {
            no_answers(story, &no_leader());
        }),
        tell("control-lost.fail", &lost, |_| {}),
        tell("control-lost.unknown", &lost, |story| {
            no_answers(
                story,
                &ApiError::NotUnderstood("`tasks` is not a list".to_owned()),
            );
        }),
    ]
}

fn about_exercise() -> [(&'static str, Story); 2] {
    [
        tell(
            "exercised.pass",
            &[answers(), nothing_lost(), Check::Exercised],
            |_| {},
        ),
        tell("exercised.unknown", &[Check::Exercised], |story| {
            story.without(|_, event| matches!(event, Event::Confirmed { .. }));
            let last = "server-3 still answers".to_owned();
            story.at(55.0, Event::NotConfirmed { fault: 0, last });
        }),
    ]
}

fn about_the_run() -> [(&'static str, Story); 3] {
    [
        tell("steady.fail", &[recovers()], stays_away),
        tell("steady.unknown", &[recovers()], |story| {
            after_the_heal(story, &cannot_tell("server-1 did not answer"));
        }),
        tell("run.unknown", &[recovers(), Check::Exercised], |story| {
            let what = "server-2: no space left in `runs`; free 2 GiB and run again".to_owned();
            story.at(60.0, Event::Trouble { what });
        }),
    ]
}

fn about_must_fail() -> [(&'static str, Story); 3] {
    let checks = [nothing_lost(), Check::Exercised];
    let must_fail = |story: &mut Story| story.plan.must_fail = vec!["nothing_lost".to_owned()];
    [
        tell("must-fail.pass", &checks, |story| {
            must_fail(story);
            read_everywhere(story, &[(1, 12), (27, 38)]);
        }),
        tell("must-fail.fail", &checks, must_fail),
        tell("must-fail.unknown", &checks, |story| {
            must_fail(story);
            story.without(|_, event| matches!(event, Event::Inserted { .. }));
        }),
    ]
}

fn about_disturbance() -> [(&'static str, Story); 2] {
    [
        tell("undisturbed.pass", &[recovers()], |story| {
            // Ordered while the fault lasted; its node tells it when all is well again.
            story.at(97.0, task("old", 60, "server-3", "shutdown", "shutdown"));
        }),
        tell("undisturbed.unknown", &[recovers()], killed_behind_our_back),
    ]
}

fn about_residue() -> [(&'static str, Story); 3] {
    [
        tell("residue.pass", &[recovers()], |story| audited(story, &[])),
        tell("residue.fail", &[recovers()], |story| {
            let folder = "folder `/home/me/seatrial-4711-0a1b2c3d`";
            audited(story, &["process 4712 (`qemu-system-x86`)", folder]);
        }),
        tell("residue.unknown", &[recovers()], |story| {
            audited(story, &[]);
            story.without(|_, event| matches!(event, Event::Residue(_)));
        }),
    ]
}

/// Somebody looked what was there before, and what is left.
pub(crate) fn audited(story: &mut Story, left: &[&str]) {
    let before = vec!["listening TCP port 8000".to_owned()];
    story.at(0.0, Event::Inventory(before));
    let left = left.iter().map(|thing| (*thing).to_owned());
    story.at(104.9, Event::Residue(left.collect()));
}

/// The database is killed at 97 s, while nothing is broken by us; its slot is tried again in vain.
pub(crate) fn killed_behind_our_back(story: &mut Story) {
    story.change(|at, event| {
        if matches!(event, Event::Containers(look) if look.node == "server-4") && *at > 97.0 {
            *event = containers("server-4", Ok(vec![container("new", false)]));
        }
    });
    story.at(
        97.3,
        ended("new", 50, "failed", "task: non-zero exit (137)"),
    );
    story.at(97.3, task("third", 51, "server-4", "preparing", "running"));
    let missing = "invalid mount config for type \"bind\": bind source path does not exist";
    story.at(98.0, ended("third", 52, "rejected", missing));
}

/// The steady state does not come back after the last heal.
pub(crate) fn stays_away(story: &mut Story) {
    after_the_heal(story, &not_yet("mariadb 0/1"));
}

/// After the last heal the steady state is like this until the deadline.
fn after_the_heal(story: &mut Story, look: &Event) {
    story.without(|at, event| matches!(event, Event::Steady(_)) && at > 95.0);
    story.change(|at, event| {
        if matches!(
            event,
            Event::End | Event::Phase(Phase::ReadBack | Phase::TearDown)
        ) {
            *at += 20.0;
        }
    });
    for at in [95.5, 100.5, 105.5, 110.5, 115.0] {
        story.at(at, look.clone());
    }
}

/// The steady state is looked at until the deadline, and is like this to the last.
pub(crate) fn never_comes_back(story: &mut Story, look: &Event) {
    story.without(|at, event| {
        matches!(event, Event::Recovered { .. })
            || (matches!(event, Event::Steady(_)) && at > 72.0 && at < 95.0)
    });
    story.change(|at, event| {
        if *at >= 76.0 && !matches!(event, Event::Containers(_) | Event::Poll(_)) {
            *at += 40.0;
        }
    });
    for at in [77.0, 82.0, 87.0, 92.0, 97.0, 102.0, 107.0, 110.9] {
        story.at(at, broken(look.clone()));
    }
}

/// Every node reads these rows.
pub(crate) fn read_everywhere(story: &mut Story, ranges: &[(u64, u64)]) {
    story.change(|_, event| {
        if let Event::ReadBack { via, .. } = event {
            *event = read_back(via, ranges);
        }
    });
}

/// Requests on this node fail in this time.
pub(crate) fn fail_on(node: &str, when: std::ops::Range<f64>, at: f64, event: &mut Event) {
    if let Event::Got { via, answer, .. } = event
        && via == node
        && when.contains(&at)
    {
        *answer = Answer::Failed("no answer within 2s".to_owned());
    }
}

/// No manager answers while the fault lasts.
pub(crate) fn no_answers(story: &mut Story, error: &ApiError) {
    story.change(|at, event| {
        if matches!(event, Event::Poll(_)) && (51.4..76.0).contains(at) {
            *event = poll_errors(error);
        }
    });
}

/// Every row's outcome is forgotten.
pub(crate) fn forget(story: &mut Story, rows: &[u64]) {
    story.without(|_, event| matches!(event, Event::Inserted { row, .. } if rows.contains(row)));
}

/// Changes what became of one row.
pub(crate) fn settle(story: &mut Story, wanted: u64, to: &Outcome) {
    story.change(|_, event| {
        if let Event::Inserted { row, outcome, .. } = event
            && *row == wanted
        {
            *outcome = to.clone();
        }
    });
}
