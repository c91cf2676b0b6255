//! What a simulated database stores.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Sabotage;
use super::world::World;
use crate::journal::{Rows, TableWord};

/// After how long a server that answers at once has written (Linux `vm.dirty_expire_centisecs`
/// is three times that).
const WRITTEN: Duration = Duration::from_secs(10);

/// One ledger's table.
#[derive(Clone, Default)]
pub(super) struct Table {
    pub(super) created: bool,
    /// Row number to the number of times it is there.
    rows: BTreeMap<u64, u32>,
    /// When each row came, oldest first.
    order: Vec<(Instant, u64)>,
}

impl World {
    /// The table that a task stores in.
    pub(super) fn table(&mut self, task: usize) -> Option<&mut Table> {
        if self.plan.topology.storage.is_some() || self.is(&Sabotage::RowsOutliveTheirTask) {
            return Some(&mut self.shared);
        }
        self.tasks.get_mut(task).map(|task| &mut task.table)
    }

    /// Stores a row; false if there is no table.
    pub(super) fn commit(&mut self, task: usize, row: u64) -> bool {
        let forgotten = self.is(&Sabotage::AckWithoutCommit) && row.is_multiple_of(10);
        let twice = self.is(&Sabotage::DuplicateRow) && row == 7;
        let now = self.now;
        if self.is_struck(&Sabotage::TableDropped) {
            return false;
        }
        match self.table(task) {
            Some(table) if table.created => {
                if !forgotten {
                    table.order.push((now, row));
                    *table.rows.entry(row).or_default() += 1 + u32::from(twice);
                }
                true
            }
            _ => false,
        }
    }

    /// The storage machine loses its power, and what it had answered and not written yet.
    pub(super) fn lose_unwritten(&mut self) {
        let answers_early = match self.plan.topology.async_share {
            true => !self.is(&Sabotage::AsyncIsSync),
            false => self.is(&Sabotage::SyncIsAsync),
        };
        let now = self.now;
        let Table { rows, order, .. } = &mut self.shared;
        let unwritten = |(came, _): &mut (Instant, u64)| answers_early && *came + WRITTEN > now;
        while let Some((_, row)) = order.pop_if(unwritten) {
            rows.remove(&row);
        }
    }

    /// What a database says of its table when it has checked it.
    pub(super) fn words(&mut self, task: usize) -> Vec<TableWord> {
        let there = self.table(task).is_some_and(|table| table.created);
        let said: &[(&str, &str)] = if !there {
            &[
                ("Error", "Table 'seatrial.ledger' doesn't exist"),
                ("status", "Operation failed"),
            ]
        } else if self.is(&Sabotage::CorruptTable) {
            &[
                (
                    "Warning",
                    "InnoDB: Index row contains 7 entries, should be 9",
                ),
                ("error", "Corrupt"),
            ]
        } else {
            &[("status", "OK")]
        };
        let word = |(kind, text): &(&str, &str)| TableWord {
            kind: (*kind).to_owned(),
            text: (*text).to_owned(),
        };
        said.iter().map(word).collect()
    }

    /// Everything that a task's table holds.
    pub(super) fn rows(&mut self, task: usize) -> Rows {
        let (lose, strange) = (self.is(&Sabotage::LoseRow), self.is(&Sabotage::StrangeRow));
        let others = self.is(&Sabotage::SecondWriter);
        let dropped = self.is_struck(&Sabotage::TableDropped);
        let table = self.table(task).filter(|table| table.created);
        let Some(table) = table.filter(|_| !dropped) else {
            return Rows::NoTable;
        };
        let lost = lose.then(|| table.rows.keys().nth(table.rows.len() / 2).copied());
        let lost = lost.flatten();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for row in table.rows.keys().copied().filter(|row| Some(*row) != lost) {
            match ranges.last_mut() {
                Some((_, end)) if *end + 1 == row => *end = row,
                _ => ranges.push((row, row)),
            }
        }
        ranges.extend(others.then_some((1_000_001, 1_000_003)));
        let more = table.rows.iter().filter(|(_, count)| **count > 1);
        Rows::Found {
            ranges,
            duplicates: more.map(|(row, _)| *row).collect(),
            strange: strange
                .then(|| "row 1 has the content of row 2".to_owned())
                .into_iter()
                .collect(),
        }
    }
}
