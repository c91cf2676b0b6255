//! `nothing_lost`: acknowledged ⊆ found ⊆ attempted, through every node, once each.
//!
//! The rows are read once, in order. What is kept is ranges of row numbers, so the memory grows
//! with the rows that are not settled yet, not with the length of the run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::row_set::RowSet;
use crate::journal::timeline::Timeline;
use crate::journal::{Entry, Event, History, Outcome, Rows};
use crate::verdict::wording::{count, counted, some_of};
use crate::verdict::{Finding, RowCount, Verdict};

/// How many rows, or ranges of rows, a summary names.
const NAMED: usize = 3;

/// What the clients were told of one ledger's rows.
#[derive(Debug, Default)]
struct Told {
    attempted: RowSet,
    acknowledged: RowSet,
    refused: RowSet,
    /// Neither acknowledged nor refused: no outcome, or an unknown one.
    unsettled: RowSet,
    /// The last entry about an insert.
    last: u64,
    /// Entries that contradict what was told before.
    contradictions: Vec<u64>,
}

impl Told {
    /// A row is about to be inserted.
    fn insert(&mut self, entry: &Entry, row: u64) {
        self.last = entry.seq;
        if self.attempted.insert(row) {
            self.unsettled.insert(row);
        } else {
            self.contradictions.push(entry.seq);
        }
    }

    /// What became of it. Only the first certain outcome counts.
    fn outcome(&mut self, entry: &Entry, row: u64, outcome: &Outcome) {
        self.last = entry.seq;
        if matches!(outcome, Outcome::Unknown(_)) {
            if !self.attempted.contains(row) {
                self.contradictions.push(entry.seq);
            }
            return;
        }
        if !self.unsettled.remove(row) {
            self.contradictions.push(entry.seq);
            return;
        }
        match outcome {
            Outcome::Acknowledged => self.acknowledged.insert(row),
            _ => self.refused.insert(row),
        };
    }
}

/// One read-back that can be used, or why none can.
enum Reading<'a> {
    Table {
        set: RowSet,
        /// When it was asked for, if the journal says so, and when it was there.
        asked: (Option<Duration>, Duration),
        duplicates: &'a [u64],
        strange: &'a [String],
    },
    NoTable,
    Useless(String),
}

/// Judges one ledger.
pub(super) fn check(history: &History, timeline: &Timeline, ledger: &str) -> Finding {
    let mut told = Told::default();
    let mut readings: BTreeMap<&str, (u64, Reading)> = BTreeMap::new();
    // A node that left the swarm and did not come back serves nobody.
    let nodes = history.plan.node_names();
    for node in nodes.filter(|node| !timeline.left_for_good(node)) {
        readings.insert(
            node,
            (0, Reading::Useless("it was not read back".to_owned())),
        );
    }
    for entry in &history.entries {
        match &entry.event {
            Event::Insert { workload, row, .. } if workload == ledger => told.insert(entry, *row),
            Event::Inserted {
                workload,
                row,
                outcome,
            } if workload == ledger => {
                told.outcome(entry, *row, outcome);
            }
            Event::ReadBack {
                workload,
                via,
                began_us,
                rows,
            } if workload == ledger => {
                let in_force = timeline
                    .faults
                    .iter()
                    .any(|window| window.in_force(entry.at()));
                let reading = if in_force {
                    Reading::Useless("it was read while a fault was in force".to_owned())
                } else {
                    let began = began_us.map(Duration::from_micros);
                    reading(rows, (began, entry.at()))
                };
                // A later try that comes to nothing replaces none that told.
                let useless = |(_, old): &(u64, Reading)| matches!(old, Reading::Useless(_));
                if readings.get(via.as_str()).is_none_or(useless)
                    || !matches!(reading, Reading::Useless(_))
                {
                    readings.insert(via, (entry.seq, reading));
                }
            }
            _ => {}
        }
    }
    for (seq, reading) in readings.values_mut() {
        if *seq > 0 && *seq < told.last {
            *reading = Reading::Useless("it was read while rows were still written".to_owned());
        }
    }
    judge(history, ledger, &told, &readings)
}

/// What one read-back says.
fn reading(rows: &Rows, asked: (Option<Duration>, Duration)) -> Reading<'_> {
    match rows {
        Rows::Found {
            ranges,
            duplicates,
            strange,
        } => Reading::Table {
            set: RowSet::of(ranges),
            asked,
            duplicates,
            strange,
        },
        Rows::NoTable => Reading::NoTable,
        Rows::Unreadable(why) => Reading::Useless(why.clone()),
    }
}

/// Weighs what was told against what was read.
fn judge(
    history: &History,
    ledger: &str,
    told: &Told,
    readings: &BTreeMap<&str, (u64, Reading)>,
) -> Finding {
    let mut evidence: Vec<u64> = readings
        .values()
        .map(|(seq, _)| *seq)
        .filter(|s| *s > 0)
        .collect();
    let mut broken = Vec::new();
    for (node, (_, reading)) in readings {
        let (wrongs, rows) = wrongs(told, reading);
        evidence.extend(entries_about(history, ledger, &rows));
        broken.extend(wrongs.into_iter().map(|wrong| (wrong, *node)));
    }
    let tables = tables(readings);
    let mut said = told_by_nodes(&broken);
    said.extend(disagreement(told, &tables));
    evidence.sort_unstable();
    evidence.dedup();
    let rows = Some(lost(told, readings));
    if !said.is_empty() {
        let of = format!(
            "of {}",
            counted(told.acknowledged.len(), "acknowledged row")
        );
        let summary = format!("{} ({of})", said.join("; "));
        let finding = Finding::new("nothing_lost", Verdict::Fail, summary, evidence);
        return Finding { rows, ..finding };
    }
    if let Some(doubt) = doubt(told, readings) {
        evidence.extend(told.contradictions.iter().take(NAMED));
        return Finding::new("nothing_lost", Verdict::Unknown, doubt, evidence);
    }
    let last = tables.last();
    let present = last.map_or(0, |table| told.unsettled.and(table.set).len());
    let summary = format!(
        "{}, all read back through {}; {} unknown, {} of them present; {} refused",
        counted(told.acknowledged.len(), "acknowledged row"),
        counted(tables.len() as u64, "node"),
        count(told.unsettled.len()),
        count(present),
        count(told.refused.len()),
    );
    let finding = Finding::new("nothing_lost", Verdict::Pass, summary, evidence);
    Finding { rows, ..finding }
}

/// How many acknowledged rows were read back by every node that could be read.
fn lost(told: &Told, readings: &BTreeMap<&str, (u64, Reading)>) -> RowCount {
    let lacked = readings.values().map(|(_, reading)| match reading {
        Reading::Table { set, .. } => told.acknowledged.minus(set).len(),
        Reading::NoTable => told.acknowledged.len(),
        Reading::Useless(_) => 0,
    });
    RowCount {
        acknowledged: told.acknowledged.len(),
        lost: lacked.max().unwrap_or(0),
    }
}

/// What one node's table held.
struct Table<'a> {
    seq: u64,
    node: &'a str,
    set: &'a RowSet,
    began: Option<Duration>,
    ended: Duration,
}

impl Table<'_> {
    /// True if this was asked for when the other had been read. Where nobody wrote down when it
    /// was, the order in which they ended has to do.
    fn follows(&self, other: &Self) -> bool {
        self.began.is_none_or(|began| began > other.ended)
    }
}

/// The tables that were read, in the order in which they were there.
fn tables<'a>(readings: &'a BTreeMap<&str, (u64, Reading)>) -> Vec<Table<'a>> {
    let read = readings
        .iter()
        .filter_map(|(node, (seq, reading))| match reading {
            Reading::Table {
                set,
                asked: (began, ended),
                ..
            } => Some(Table {
                seq: *seq,
                node,
                set,
                began: *began,
                ended: *ended,
            }),
            _ => None,
        });
    let mut tables: Vec<Table> = read.collect();
    tables.sort_unstable_by_key(|table| table.seq);
    tables
}

/// Two read-backs, one after the other, that cannot both be true. A row whose fate was unknown may
/// still be settled between them: the server may finish what its client gave up. It may appear
/// then, and never vanish. Of two that were asked for at the same time, nobody knows which saw the
/// table first: the one that ended later may have.
fn disagreement(told: &Told, tables: &[Table]) -> Option<String> {
    let differ = |before: &Table, after: &Table| {
        let gone = before.set.minus(after.set);
        let appeared = after.set.minus(before.set);
        let settled = |rows: &RowSet| !rows.minus(&told.unsettled).is_empty();
        settled(&gone) || settled(&appeared) || (!gone.is_empty() && after.follows(before))
    };
    tables.iter().enumerate().find_map(|(at, after)| {
        let earlier = tables.iter().take(at).rev();
        let before = earlier.into_iter().find(|before| differ(before, after))?;
        let (one, other) = (before.node, after.node);
        Some(format!("{one} and {other} hold different rows"))
    })
}

/// What is wrong with one read-back, and the first rows of each kind.
fn wrongs(told: &Told, reading: &Reading) -> (Vec<String>, Vec<u64>) {
    let (mut wrongs, mut rows) = (Vec::new(), Vec::new());
    let mut wrong = |set: &RowSet, what: &str| {
        if !set.is_empty() {
            let named = some_of(set.written(), NAMED);
            let noun = if set.len() == 1 { "row" } else { "rows" };
            wrongs.push(format!("{} {noun} {what} ({named})", count(set.len())));
            rows.extend(set.first_rows(NAMED));
        }
    };
    match reading {
        Reading::Useless(_) => {}
        Reading::NoTable => wrong(&told.acknowledged, "lost, the table is gone"),
        Reading::Table {
            set,
            duplicates,
            strange,
            ..
        } => {
            wrong(&told.acknowledged.minus(set), "lost");
            wrong(&set.minus(&told.attempted), "there that nobody inserted");
            wrong(&set.and(&told.refused), "refused but present");
            let pairs: Vec<_> = duplicates.iter().map(|row| (*row, *row)).collect();
            wrong(&RowSet::of(&pairs), "there more than once");
            if !strange.is_empty() {
                let shown = some_of(*strange, NAMED);
                wrongs.push(format!(
                    "{}: {shown}",
                    counted(strange.len() as u64, "strange row")
                ));
            }
        }
    }
    (wrongs, rows)
}

/// Says each wrong once, with the nodes that showed it.
pub(super) fn told_by_nodes(broken: &[(String, &str)]) -> Vec<String> {
    let mut said: Vec<(&str, Vec<&str>)> = Vec::new();
    for (wrong, node) in broken {
        match said.iter_mut().find(|(one, _)| one == wrong) {
            Some((_, nodes)) => nodes.push(node),
            None => said.push((wrong, vec![node])),
        }
    }
    said.iter()
        .map(|(wrong, nodes)| format!("{wrong} through {}", nodes.join(", ")))
        .collect()
}

/// Why the record supports no answer, if it does not.
fn doubt(told: &Told, readings: &BTreeMap<&str, (u64, Reading)>) -> Option<String> {
    if told.acknowledged.is_empty() {
        let attempted = counted(told.attempted.len(), "attempted row");
        return Some(format!("no acknowledged row to lose; {attempted}"));
    }
    let unread = readings
        .iter()
        .find_map(|(node, (_, reading))| match reading {
            Reading::Useless(why) => Some(format!("not read back through {node}: {why}")),
            _ => None,
        });
    let acknowledged = counted(told.acknowledged.len(), "acknowledged row");
    unread
        .map(|unread| format!("{acknowledged}, {unread}"))
        .or_else(|| {
            let contradictions = told.contradictions.len() as u64;
            let noun = if contradictions == 1 {
                "entry"
            } else {
                "entries"
            };
            (contradictions > 0).then(|| {
                format!("{contradictions} {noun} of the journal contradict what was told before")
            })
        })
}

/// The entries that told of these rows.
fn entries_about(history: &History, ledger: &str, rows: &[u64]) -> Vec<u64> {
    if rows.is_empty() {
        return Vec::new();
    }
    let about = history.entries.iter().filter(|entry| match &entry.event {
        Event::Inserted { workload, row, .. } => workload == ledger && rows.contains(row),
        _ => false,
    });
    about.map(|entry| entry.seq).collect()
}
