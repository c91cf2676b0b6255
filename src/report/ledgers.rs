//! What became of each ledger's rows, in numbers.

use schemars::JsonSchema;
use serde::Serialize;

use crate::journal::{Event, History, Outcome, Rows};
use crate::plan::Workload;
use crate::verdict::wording::{count, counted};

/// One ledger's numbers.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Ledger {
    /// The workload's name.
    pub(super) name: String,
    /// Rows that a client began to insert.
    pub(super) attempted: u64,
    /// Those of which it was told that they are committed.
    pub(super) acknowledged: u64,
    /// Those that certainly did not happen.
    pub(super) refused: u64,
    /// Without a certain outcome.
    pub(super) unknown: u64,
    /// Each read-back: the node, and what it said.
    pub(super) read_back: Vec<(String, String)>,
    /// The entry of each of them.
    #[serde(skip)]
    pub(super) read_back_entries: Vec<u64>,
}

impl Ledger {
    /// One line about the rows, and one about what was read back.
    pub(super) fn lines(&self) -> [String; 2] {
        let rows = format!(
            "{}: {} acknowledged, {} unknown, {} refused",
            self.name,
            counted(self.acknowledged, "row"),
            count(self.unknown),
            count(self.refused)
        );
        let mut said: Vec<(&str, Vec<&str>)> = Vec::new();
        for (node, what) in &self.read_back {
            match said.iter_mut().find(|(one, _)| one == what) {
                Some((_, nodes)) => nodes.push(node),
                None => said.push((what, vec![node])),
            }
        }
        let said: Vec<String> = said
            .iter()
            .map(|(what, nodes)| format!("{what} through {}", nodes.join(", ")))
            .collect();
        let read = if said.is_empty() {
            "nothing".to_owned()
        } else {
            said.join("; ")
        };
        [rows, format!("{}: read back {read}", self.name)]
    }
}

/// The numbers of every ledger of the plan.
pub(super) fn of(history: &History) -> Vec<Ledger> {
    let ledgers = history
        .plan
        .workloads
        .iter()
        .filter_map(|workload| match workload {
            Workload::Ledger { name, .. } => Some(Ledger {
                name: name.clone(),
                ..Ledger::default()
            }),
            Workload::Get { .. } => None,
        });
    let mut ledgers: Vec<Ledger> = ledgers.collect();
    for entry in &history.entries {
        let (Event::Insert { workload, .. }
        | Event::Inserted { workload, .. }
        | Event::ReadBack { workload, .. }) = &entry.event
        else {
            continue;
        };
        let Some(ledger) = ledgers.iter_mut().find(|one| &one.name == workload) else {
            continue;
        };
        match &entry.event {
            Event::Insert { .. } => ledger.attempted += 1,
            Event::Inserted {
                outcome: Outcome::Acknowledged,
                ..
            } => ledger.acknowledged += 1,
            Event::Inserted {
                outcome: Outcome::Refused(_),
                ..
            } => ledger.refused += 1,
            Event::ReadBack { via, rows, .. } => {
                ledger.read_back.push((via.clone(), read(rows)));
                ledger.read_back_entries.push(entry.seq);
            }
            _ => {}
        }
    }
    for ledger in &mut ledgers {
        let settled = ledger.acknowledged.saturating_add(ledger.refused);
        ledger.unknown = ledger.attempted.saturating_sub(settled);
    }
    ledgers
}

/// What one read-back said.
fn read(rows: &Rows) -> String {
    match rows {
        Rows::Found { ranges, .. } => {
            let lengths = ranges
                .iter()
                .map(|(first, last)| last.saturating_sub(*first));
            let rows = lengths.fold(0, |sum: u64, length| {
                sum.saturating_add(length).saturating_add(1)
            });
            counted(rows, "row")
        }
        Rows::NoTable => "no table".to_owned(),
        Rows::Unreadable(why) => format!("nothing ({why})"),
    }
}
