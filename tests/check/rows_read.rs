//! `nothing_lost` at its edges.

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
#[case::absent(
    &[(1, 6), (8, 14), (27, 38)],
    "25 acknowledged rows",
    "2 unknown, 0 of them present"
)]
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
        "server-3 and server-4 hold different rows",
    );
}

#[test]
fn a_row_given_up_may_still_be_settled_between_two_read_backs() {
    let finding = judged(nothing_lost(), |story| {
        catalogue::settle(story, 7, &Outcome::Unknown("no answer".to_owned()));
        story.without(|_, e| matches!(e, Event::ReadBack { via, .. } if via == "server-4"));
        story.at(100.9, read_back("server-4", &[(1, 6), (8, 15), (27, 38)]));
    });
    says(&finding, Verdict::Pass, "all read back through 4 nodes");
}

/// Row 7's fate is unknown. Everybody reads it, and then `server-4` ends without it: it was asked
/// at this time, while the last of the others ended at 101.3.
fn read_without_row_7(began: f64) -> Finding {
    judged(nothing_lost(), |story| {
        catalogue::settle(story, 7, &Outcome::Unknown("no answer".to_owned()));
        story.without(|_, event| matches!(event, Event::ReadBack { .. }));
        for (node, at) in story::NODES.iter().zip([101.1, 101.2, 101.3]) {
            story.at(at, asked(101.0, node, &KEPT));
        }
        let without = asked(began, "server-4", &[(1, 6), (8, 15), (27, 38)]);
        story.at(101.9, without);
    })
}

#[test]
fn a_read_back_that_ends_later_may_have_seen_the_table_earlier() {
    // It was asked before any other ended: the row may have been committed after it looked.
    let finding = read_without_row_7(101.0);
    says(&finding, Verdict::Pass, "all read back through 4 nodes");
    // It was asked after `server-1` had read the row, and `server-3` had not ended.
    let finding = read_without_row_7(101.15);
    let said = "server-1 and server-4 hold different rows";
    says(&finding, Verdict::Fail, said);
    // Nobody knows whether `server-3` had ended by then, and `server-2` had.
    let finding = read_without_row_7(101.3);
    let said = "server-2 and server-4 hold different rows";
    says(&finding, Verdict::Fail, said);
    let finding = read_without_row_7(101.4);
    let said = "server-3 and server-4 hold different rows";
    says(&finding, Verdict::Fail, said);
}

#[test]
fn a_row_that_was_told_is_owed_by_read_backs_at_the_same_time_too() {
    let finding = judged(nothing_lost(), |story| {
        story.without(|_, event| matches!(event, Event::ReadBack { .. }));
        for (node, at) in story::NODES.iter().zip([101.1, 101.2, 101.3]) {
            story.at(at, asked(101.0, node, &KEPT));
        }
        let without = asked(101.0, "server-4", &[(1, 6), (8, 15), (27, 38)]);
        story.at(101.9, without);
    });
    says(&finding, Verdict::Fail, "1 row lost (7) through server-4");
    let said = "server-3 and server-4 hold different rows";
    says(&finding, Verdict::Fail, said);
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

/// All that is told of this ledger is told of another as well, which has no table in the end.
fn another_ledger(story: &mut Story) {
    let mut other = story.clone();
    other.change(|_, event| match event {
        Event::Insert { workload, .. } | Event::Inserted { workload, .. } => {
            "other".clone_into(workload);
        }
        Event::ReadBack { workload, rows, .. } => {
            "other".clone_into(workload);
            *rows = Rows::NoTable;
        }
        _ => {}
    });
    let is_others = |event: &Event| match event {
        Event::Insert { workload, .. }
        | Event::Inserted { workload, .. }
        | Event::ReadBack { workload, .. } => workload == "other",
        _ => false,
    };
    other.without(|_, event| !is_others(event));
    story.events.extend(other.events);
}

#[test]
fn another_ledger_has_its_own_rows() {
    let finding = judged(nothing_lost(), another_ledger);
    let said = "26 acknowledged rows, all read back through 4 nodes";
    says(&finding, Verdict::Pass, said);
}

#[test]
fn the_entries_that_tell_of_lost_rows_are_named() {
    let mut story = Story::kept("story", &[nothing_lost()]);
    catalogue::read_everywhere(&mut story, &[(1, 12), (27, 38)]);
    story.without(|_, e| matches!(e, Event::ReadBack { via, .. } if via == "server-2"));
    another_ledger(&mut story);
    let history = story.history();
    let is_named = |event: &Event| match event {
        Event::Inserted { workload, row, .. } => workload == "ledger" && [13, 14].contains(row),
        Event::ReadBack { workload, .. } => workload == "ledger",
        _ => false,
    };
    let named = history.entries.iter().filter(|one| is_named(&one.event));
    let named: Vec<u64> = named.map(|one| one.seq).collect();
    assert_eq!(named.len(), 5);
    assert_eq!(finding(&history, "nothing_lost").evidence, named);
}

#[test]
fn a_later_try_that_comes_to_nothing_takes_nothing_back() {
    let tries = |first: &Rows, second: &Rows| {
        judged(nothing_lost(), |story| {
            story.without(|_, e| matches!(e, Event::ReadBack { via, .. } if via == "server-2"));
            story.at(101.1, rows("server-2", first.clone()));
            story.at(102.0, rows("server-2", second.clone()));
        })
    };
    let nothing = Rows::Unreadable("no session within 30s".to_owned());
    let told = found(&[], &[]);
    let said = "all read back through 4 nodes";
    says(&tries(&nothing, &told), Verdict::Pass, said);
    says(&tries(&told, &nothing), Verdict::Pass, said);
    let said = "26 rows lost, the table is gone";
    says(&tries(&Rows::NoTable, &nothing), Verdict::Fail, said);
}
