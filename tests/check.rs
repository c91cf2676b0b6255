//! Every checker against journals written by hand: one that it passes, one that it fails, one
//! that it cannot judge.
//!
//! `tests/journals/NAME.VERDICT.jsonl` is judged; `NAME.VERDICT.expected` is what must come out.
//! `SEATRIAL_WRITE_JOURNALS=1 cargo test --test check` writes the journals anew from the stories
//! in `tests/story`; what is expected of them is only ever written by hand.

use std::fs;
use std::path::{Path, PathBuf};

use rstest::rstest;
use seatrial::check::check;
use seatrial::journal::{self, Event, History, Outcome, Rows};
use seatrial::plan::Check;
use seatrial::verdict::{Finding, Judgement, Verdict};

#[path = "story/catalogue.rs"]
mod catalogue;
mod story;

use catalogue::{answers, never_two, nothing_lost, recovers};
use story::{Story, container, containers, got, read_back, rows};

#[rstest]
fn a_journal_is_judged_as_expected(#[files("tests/journals/*.jsonl")] path: PathBuf) {
    let history = journal::read(&path).expect("a sound journal");
    let judgement = check(&history);
    let expected = fs::read_to_string(path.with_extension("expected")).unwrap_or_default();
    assert_eq!(told(&judgement), expected, "{}", path.display());
    let name = path.file_stem().expect("a name").to_string_lossy();
    assert!(
        name.ends_with(&format!(".{}", judgement.verdict)),
        "{}",
        judgement.verdict
    );
    for finding in &judgement.findings {
        let there = |seq: &u64| (*seq as usize) < history.entries.len() && *seq > 1;
        assert!(
            finding.evidence.iter().all(there),
            "no such entry: {finding:?}"
        );
        let decided = finding.verdict == Verdict::Fail;
        assert!(
            !decided || !finding.evidence.is_empty(),
            "no evidence: {finding:?}"
        );
    }
}

#[test]
fn journals_on_disk_are_those_of_the_stories() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals");
    for (name, story) in catalogue::all() {
        let path = folder.join(format!("{name}.jsonl"));
        if std::env::var_os("SEATRIAL_WRITE_JOURNALS").is_some() {
            fs::write(&path, story.text()).expect("writable");
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            text == story.text(),
            "`{}` is not the story's journal",
            path.display()
        );
    }
}

/// A judgement as the `.expected` files spell it.
fn told(judgement: &Judgement) -> String {
    let mut text = format!("{}\n", judgement.verdict);
    for Finding {
        check,
        verdict,
        summary,
        ..
    } in &judgement.findings
    {
        text += &format!("{verdict} {check}: {summary}\n");
    }
    text
}

/// The finding of one check.
fn finding(history: &History, name: &str) -> Finding {
    let found = check(history)
        .findings
        .into_iter()
        .find(|finding| finding.check == name);
    found.expect("the check was made")
}

/// A story of one check with a change, and what that check comes to.
fn judged(check: Check, change: impl Fn(&mut Story)) -> Finding {
    let name = check.name();
    let mut story = Story::kept("story", &[check]);
    change(&mut story);
    finding(&story.history(), name)
}

/// Asserts a finding's verdict and a part of its summary.
#[track_caller]
fn says(finding: &Finding, verdict: Verdict, part: &str) {
    assert_eq!(finding.verdict, verdict, "{}", finding.summary);
    assert!(finding.summary.contains(part), "{}", finding.summary);
}

mod record {
    use super::*;

    #[test]
    fn a_run_without_its_end_is_unknown() {
        let mut story = Story::kept("story", &[recovers()]);
        story.without(|_, event| *event == Event::End);
        let judgement = check(&story.history());
        assert_eq!(judgement.verdict, Verdict::Unknown);
        says(
            &judgement.findings[0],
            Verdict::Unknown,
            "did not reach its end",
        );
    }

    #[test]
    fn a_truncated_journal_is_unknown() {
        let mut story = Story::kept("story", &[recovers()]);
        story.cut = true;
        let history = story.history();
        assert!(history.truncated);
        let judgement = check(&history);
        assert_eq!(judgement.verdict, Verdict::Unknown);
        says(&judgement.findings[0], Verdict::Unknown, "breaks off");
    }

    #[test]
    fn a_fault_that_nobody_healed_is_unknown() {
        let mut story = Story::kept("story", &[recovers()]);
        story.without(|_, event| matches!(event, Event::Healing { .. } | Event::Healed { .. }));
        let judgement = check(&story.history());
        assert_eq!(judgement.verdict, Verdict::Unknown);
        says(
            &judgement.findings[0],
            Verdict::Unknown,
            "was never seen to be healed",
        );
    }

    #[test]
    fn a_fault_that_could_not_be_healed_is_unknown() {
        let mut story = Story::kept("story", &[recovers()]);
        let error = "server-3 does not start".to_owned();
        story.at(90.5, Event::HealFailed { fault: 0, error });
        let judgement = check(&story.history());
        assert_eq!(judgement.verdict, Verdict::Unknown);
        says(
            &judgement.findings[0],
            Verdict::Unknown,
            "fault 1 (stop server-3) could not be healed",
        );
    }

    #[rstest]
    #[case::gap(4, r#""seq":4,"#, r#""seq":5,"#, "entry 5 stands where 4 belongs")]
    #[case::time(9, r#""at_us":"#, r#""at_us":9000000000"#, "its time is before")]
    #[case::unknown_fault(0, r#""injected":{"fault":0}"#, r#""injected":{"fault":7}"#, "fault 7")]
    #[case::second_end(0, r#"{"phase":"load"}"#, r#""end""#, "it follows the end")]
    #[case::no_header(0, r#"{"header":"#, r#"{"heeder":"#, "not an entry")]
    fn an_edited_journal_is_refused(
        #[case] line: usize,
        #[case] from: &str,
        #[case] to: &str,
        #[case] why: &str,
    ) {
        let text = Story::kept("story", &[recovers()]).text();
        let edited: String = text
            .lines()
            .enumerate()
            .map(|(index, one)| match line {
                0 => one.replace(from, to) + "\n",
                _ if index == line => one.replacen(from, to, 1) + "\n",
                _ => one.to_owned() + "\n",
            })
            .collect();
        assert_ne!(edited, text);
        let error = History::from_text(Path::new("journal.jsonl"), &edited).expect_err("edited");
        assert!(error.to_string().contains(why), "{error}");
    }
}

mod recovery {
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
            "stop server-3: 61.5s of 60.0s",
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
    fn our_own_cure_is_no_recovery() {
        let cured = |story: &mut Story| {
            story.without(|at, event| {
                matches!(event, Event::Steady(_)) && (73.0..80.0).contains(&at)
            });
            story.at(80.0, holds());
        };
        says(
            &judged(recovers(), cured),
            Verdict::Unknown,
            "not before our cure",
        );
    }

    #[test]
    fn a_look_before_the_confirmation_does_not_count() {
        let early = |story: &mut Story| {
            story.without(|at, event| {
                matches!(event, Event::Steady(_)) && (51.0..80.0).contains(&at)
            });
            story.at(51.2, holds());
        };
        says(&judged(recovers(), early), Verdict::Unknown, "nobody asked");
    }
}

mod rows_read {
    use super::*;

    /// The rows of the story that were acknowledged, and some more.
    const KEPT: [(u64, u64); 2] = [(1, 15), (27, 38)];

    fn found(duplicates: &[u64], strange: &[&str]) -> Rows {
        Rows::Found {
            ranges: KEPT.to_vec(),
            duplicates: duplicates.to_vec(),
            strange: strange.iter().map(|one| (*one).to_owned()).collect(),
        }
    }

    #[rstest]
    #[case::duplicates(found(&[4, 5], &[]), "2 rows there more than once (4-5)")]
    #[case::strange(found(&[], &["row 7 holds `x`"]), "1 strange row: row 7 holds `x`")]
    #[case::no_table(Rows::NoTable, "26 rows lost, the table is gone")]
    fn one_bad_read_back_is_enough(#[case] bad: Rows, #[case] said: &str) {
        let finding = judged(nothing_lost(), |story| {
            story.without(|_, e| matches!(e, Event::ReadBack { via, .. } if via == "server-2"));
            story.at(101.1, rows("server-2", bad.clone()));
        });
        says(&finding, Verdict::Fail, said);
        says(&finding, Verdict::Fail, "through server-2");
    }

    #[rstest]
    #[case::nobody_inserted(&[(1, 15), (27, 39)], "1 row there that nobody inserted (39)")]
    #[case::refused(&[(1, 16), (27, 38)], "1 row refused but present (16)")]
    #[case::lost(&[(1, 3), (5, 15), (27, 38)], "1 row lost (4)")]
    fn what_is_read_must_be_what_was_told(#[case] ranges: &[(u64, u64)], #[case] said: &str) {
        let finding = judged(nothing_lost(), |story| {
            catalogue::read_everywhere(story, ranges);
        });
        says(&finding, Verdict::Fail, said);
        says(
            &finding,
            Verdict::Fail,
            "through server-1, server-2, server-3, server-4",
        );
    }

    #[rstest]
    #[case::present(&[(1, 15), (27, 38)], "25 acknowledged rows", "2 unknown, 2 of them present")]
    #[case::absent(&[(1, 6), (8, 14), (27, 38)], "25 acknowledged rows", "2 unknown, 0 of them present")]
    fn an_unknown_row_may_be_there_or_not(
        #[case] ranges: &[(u64, u64)],
        #[case] acknowledged: &str,
        #[case] unknown: &str,
    ) {
        // Row 7's outcome was never written; row 15's is unknown.
        let finding = judged(nothing_lost(), |story| {
            catalogue::forget(story, &[7]);
            catalogue::read_everywhere(story, ranges);
        });
        says(&finding, Verdict::Pass, acknowledged);
        says(&finding, Verdict::Pass, unknown);
    }

    #[test]
    fn nodes_that_read_different_rows_are_a_failure() {
        let finding = judged(nothing_lost(), |story| {
            catalogue::settle(story, 7, &Outcome::Unknown("no answer".to_owned()));
            story.without(|_, e| matches!(e, Event::ReadBack { via, .. } if via == "server-4"));
            story.at(101.9, read_back("server-4", &[(1, 6), (8, 15), (27, 38)]));
        });
        says(
            &finding,
            Verdict::Fail,
            "server-1 and server-4 hold different rows",
        );
    }

    #[test]
    fn no_acknowledged_row_is_unknown() {
        let finding = judged(nothing_lost(), |story| {
            story.without(|_, event| matches!(event, Event::Inserted { .. }));
        });
        says(&finding, Verdict::Unknown, "no acknowledged row");
    }

    #[test]
    fn a_read_back_under_fault_or_load_does_not_count() {
        let finding = judged(nothing_lost(), |story| {
            story.without(|_, event| matches!(event, Event::ReadBack { .. }));
            story.without(|at, event| matches!(event, Event::Insert { .. }) && at > 59.0);
            story.without(|at, event| matches!(event, Event::Inserted { .. }) && at > 59.0);
            for node in story::NODES {
                story.at(60.0, read_back(node, &[]));
            }
        });
        says(&finding, Verdict::Unknown, "while a fault was in force");
        let finding = judged(nothing_lost(), |story| {
            story.change(|at, event| {
                if matches!(event, Event::ReadBack { .. }) {
                    *at = 92.0;
                }
            });
        });
        says(&finding, Verdict::Unknown, "while rows were still written");
    }

    #[test]
    fn loss_that_one_read_back_proves_outweighs_one_that_is_missing() {
        let finding = judged(nothing_lost(), |story| {
            catalogue::read_everywhere(story, &[(2, 15), (27, 38)]);
            story.without(|_, e| matches!(e, Event::ReadBack { via, .. } if via == "server-2"));
        });
        says(&finding, Verdict::Fail, "1 row lost (1)");
    }

    #[test]
    fn a_journal_that_contradicts_itself_is_unknown() {
        let finding = judged(nothing_lost(), |story| {
            let (workload, outcome) = ("ledger".to_owned(), Outcome::Acknowledged);
            story.at(
                94.0,
                Event::Inserted {
                    workload,
                    row: 4,
                    outcome,
                },
            );
        });
        says(&finding, Verdict::Unknown, "1 entry of the journal");
    }
}

mod brute_force {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// What a client was told of a row; `None` if it never heard.
    fn told() -> impl Strategy<Value = Option<Outcome>> {
        prop_oneof![
            6 => Just(Some(Outcome::Acknowledged)),
            1 => Just(Some(Outcome::Refused("read only".to_owned()))),
            1 => Just(Some(Outcome::Unknown("no answer".to_owned()))),
            1 => Just(None),
        ]
    }

    /// How one node's read-back differs from what it should be.
    #[derive(Clone, Debug)]
    enum Read {
        Sound,
        Toggled(u64),
        Unreadable,
    }

    fn read() -> impl Strategy<Value = Read> {
        prop_oneof![
            12 => Just(Read::Sound),
            1 => (1..16_u64).prop_map(Read::Toggled),
            1 => Just(Read::Unreadable),
        ]
    }

    /// The verdict, row by row.
    fn verdict(rows: &[Option<Outcome>], tables: &[Option<BTreeSet<u64>>]) -> Verdict {
        let with = |wanted: fn(&Outcome) -> bool| -> BTreeSet<u64> {
            let numbered = (1..).zip(rows);
            numbered
                .filter(|(_, o)| o.as_ref().is_some_and(wanted))
                .map(|(row, _)| row)
                .collect()
        };
        let acknowledged = with(|outcome| *outcome == Outcome::Acknowledged);
        let refused = with(|outcome| matches!(outcome, Outcome::Refused(_)));
        let read: Vec<&BTreeSet<u64>> = tables.iter().flatten().collect();
        let broken = read.iter().any(|table| {
            !acknowledged.is_subset(table)
                || table
                    .iter()
                    .any(|row| *row > rows.len() as u64 || refused.contains(row))
                || *table != read[0]
        });
        if broken {
            Verdict::Fail
        } else if acknowledged.is_empty() || read.len() < tables.len() {
            Verdict::Unknown
        } else {
            Verdict::Pass
        }
    }

    proptest! {
        #[test]
        fn nothing_lost_agrees_with_a_count_of_every_row(
            outcomes in prop::collection::vec(told(), 0..14),
            there in prop::collection::vec(any::<bool>(), 14),
            reads in prop::collection::vec(read(), 4),
        ) {
            let mut story = Story::kept("story", &[nothing_lost()]);
            story.without(|_, event| {
                matches!(
                    event,
                    Event::Insert { .. } | Event::Inserted { .. } | Event::ReadBack { .. }
                )
            });
            let mut table = BTreeSet::new();
            for (row, outcome) in (1..).zip(&outcomes) {
                let (workload, via) = ("ledger".to_owned(), "server-1".to_owned());
                story.at(30.0 + row as f64, Event::Insert { workload: workload.clone(), row, via });
                let present = match outcome {
                    Some(Outcome::Acknowledged) => true,
                    Some(Outcome::Refused(_)) => false,
                    _ => there[row as usize - 1],
                };
                if present {
                    table.insert(row);
                }
                if let Some(outcome) = outcome.clone() {
                    story.at(30.5 + row as f64, Event::Inserted { workload, row, outcome });
                }
            }
            let mut tables = Vec::new();
            for (node, read) in story::NODES.iter().zip(reads) {
                let mut table = table.clone();
                if let Read::Toggled(row) = read
                    && !table.remove(&row)
                {
                    table.insert(row);
                }
                let ranges: Vec<(u64, u64)> = table.iter().map(|row| (*row, *row)).collect();
                if matches!(read, Read::Unreadable) {
                    story.at(101.0, rows(node, Rows::Unreadable("no session".to_owned())));
                    tables.push(None);
                } else {
                    story.at(101.0, read_back(node, &ranges));
                    tables.push(Some(table));
                }
            }
            let finding = finding(&story.history(), "nothing_lost");
            prop_assert_eq!(finding.verdict, verdict(&outcomes, &tables), "{}", finding.summary);
        }
    }
}

mod two_at_once {
    use super::*;
    use story::task;

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
    fn an_overlap_shorter_than_an_answer_takes_is_no_proof() {
        let finding = judged(never_two(), |story| {
            story.at(
                69.6,
                containers("server-1", Ok(vec![container("third", true)])),
            );
            story.at(71.0, containers("server-1", Ok(Vec::new())));
            story.at(
                69.8,
                containers("server-4", Ok(vec![container("new", true)])),
            );
            story.without(|at, event| {
                matches!(event, Event::Containers(look) if look.node == "server-4" && at == 69.5)
                    || matches!(event, Event::Containers(look) if look.node == "server-1" && at == 69.5)
            });
            story.at(
                70.2,
                containers("server-1", Ok(vec![container("third", true)])),
            );
        });
        says(&finding, Verdict::Unknown, "perhaps two live mariadb");
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
}

mod pages {
    use super::*;
    use seatrial::journal::Answer;

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
        assert!(finding.summary.len() < 120, "{}", finding.summary);
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
            "19 of 38 requests on server-1 were answered, 97% must be",
        );
    }

    #[test]
    fn a_node_that_never_answers_after_its_heal_is_a_failure() {
        let silent = |heal: f64| {
            judged(answers(), |story| {
                story.change(|at, event| {
                    if matches!(event, Event::Healed { .. }) {
                        *at = heal;
                    }
                    catalogue::fail_on("server-3", 76.0..100.0, *at, event);
                });
            })
        };
        says(
            &silent(80.0),
            Verdict::Fail,
            "server-3 was healed and did not answer again for 14.5s",
        );
        says(&silent(90.0), Verdict::Pass, "at least");
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
}

mod control {
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
}

mod exercise {
    use super::*;

    fn lacking(change: impl Fn(&mut Story)) -> Finding {
        let mut story = Story::kept("story", &[answers(), Check::Exercised]);
        change(&mut story);
        finding(&story.history(), "exercised")
    }

    fn got_between(story: &mut Story, from: f64, to: f64) {
        story.without(|at, e| matches!(e, Event::Got { .. }) && (from..to).contains(&at));
    }

    #[test]
    fn a_workload_must_be_busy_before_during_and_after() {
        says(
            &lacking(|_| {}),
            Verdict::Pass,
            "1 fault confirmed and healed",
        );
        let finding = lacking(|story| got_between(story, 0.0, 50.0));
        says(
            &finding,
            Verdict::Unknown,
            "`get` had no success before the first fault",
        );
        let finding = lacking(|story| got_between(story, 51.0, 76.0));
        says(
            &finding,
            Verdict::Unknown,
            "`get` tried nothing during fault 1",
        );
        let finding = lacking(|story| got_between(story, 90.0, 200.0));
        says(
            &finding,
            Verdict::Unknown,
            "`get` had no success after the last heal",
        );
    }

    #[test]
    fn without_faults_a_workload_must_do_a_little() {
        let fault_free = |story: &mut Story, until: f64| {
            story.plan.faults.clear();
            let checks = story.plan.checks.clone();
            let workloads = story.plan.workloads.clone();
            let told = |e: &Event| {
                matches!(
                    e,
                    Event::Intent(_)
                        | Event::Injecting { .. }
                        | Event::Injected { .. }
                        | Event::Confirmed { .. }
                        | Event::Recovered { .. }
                        | Event::Healing { .. }
                        | Event::Healed { .. }
                )
            };
            story.without(|_, event| told(event));
            got_between(story, until, 200.0);
            (story.plan.checks, story.plan.workloads) = (checks, workloads);
        };
        says(
            &lacking(|story| fault_free(story, 30.0)),
            Verdict::Pass,
            "no fault planned",
        );
        let few = lacking(|story| fault_free(story, 22.0));
        says(&few, Verdict::Unknown, "`get` succeeded 4 times only");
    }
}
