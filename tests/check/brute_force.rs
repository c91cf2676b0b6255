//! `nothing_lost` against a count of every row.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What a client was told of a row; `None` if it never heard.
fn told() -> impl Strategy<Value = Option<Outcome>> {
    prop_oneof![
        4 => Just(Some(Outcome::Acknowledged)),
        1 => Just(Some(Outcome::Refused("read only".to_owned()))),
        2 => Just(Some(Outcome::Unknown("no answer".to_owned()))),
        2 => Just(None),
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
        8 => Just(Read::Sound),
        3 => (1..16_u64).prop_map(Read::Toggled),
        1 => Just(Read::Unreadable),
    ]
}

/// A table that was read, and how many read-backs had ended when it was asked for; `None` where
/// nobody wrote that down.
type Table = (BTreeSet<u64>, Option<usize>);

/// The verdict, row by row.
fn verdict(rows: &[Option<Outcome>], tables: &[Option<Table>]) -> Verdict {
    let with = |wanted: fn(&Outcome) -> bool| -> BTreeSet<u64> {
        let numbered = (1..).zip(rows);
        numbered
            .filter(|(_, o)| o.as_ref().is_some_and(wanted))
            .map(|(row, _)| row)
            .collect()
    };
    let acknowledged = with(|outcome| *outcome == Outcome::Acknowledged);
    let refused = with(|outcome| matches!(outcome, Outcome::Refused(_)));
    let read: Vec<(usize, &Table)> = (tables.iter().enumerate())
        .filter_map(|(at, table)| Some((at, table.as_ref()?)))
        .collect();
    let broken = read.iter().any(|(_, (table, _))| {
        !acknowledged.is_subset(table)
            || table
                .iter()
                .any(|row| *row > rows.len() as u64 || refused.contains(row))
    });
    // An unknown row may appear between two read-backs, one after the other; nothing may vanish.
    let vanished = read.iter().any(|(first, (before, _))| {
        read.iter().any(|(second, (after, asked))| {
            let follows = first < second && asked.is_none_or(|ended| ended > *first);
            follows && !before.is_subset(after)
        })
    });
    if broken || vanished {
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
        reads in prop::collection::vec((read(), prop::option::of(0..4_usize)), 4),
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
        for (at, (node, (read, ended))) in story::NODES.iter().zip(reads).enumerate() {
            // Nobody is asked after having answered.
            let ended = ended.map(|ended| ended.min(at));
            let at = 101.0 + at as f64;
            let mut table = table.clone();
            if let Read::Toggled(row) = read
                && !table.remove(&row)
            {
                table.insert(row);
            }
            let ranges: Vec<(u64, u64)> = table.iter().map(|row| (*row, *row)).collect();
            if matches!(read, Read::Unreadable) {
                story.at(at, rows(node, Rows::Unreadable("no session".to_owned())));
                tables.push(None);
            } else {
                let event = match ended {
                    Some(ended) => asked(100.5 + ended as f64, node, &ranges),
                    None => read_back(node, &ranges),
                };
                story.at(at, event);
                tables.push(Some((table, ended)));
            }
        }
        let finding = finding(&story.history(), "nothing_lost");
        prop_assert_eq!(finding.verdict, verdict(&outcomes, &tables), "{}", finding.summary);
    }
}
