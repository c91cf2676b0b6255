//! Clients and tasks, one a row.

use std::time::Duration;

use super::cited::{Cited, Cites};
use crate::journal::History;
use crate::report::clients::{Client, Word};
use crate::report::engines;
use crate::report::legible::line;
use crate::report::tasks;
use crate::verdict::wording::{count, seconds};

/// How many clients and tasks are listed.
const ROWS_MAX: usize = 200;

/// One workload through one node.
pub(super) struct ClientRow {
    pub(super) workload: String,
    pub(super) via: String,
    /// Good, failed, wrong, unknown; the mean and the slowest answer, the longest silence.
    pub(super) numbers: Vec<Number>,
}

/// A number with its entries, if it has any.
pub(super) struct Number {
    pub(super) value: String,
    pub(super) cites: Cites,
}

/// What every node ran, before an upgrade and after each turn.
pub(super) struct Steps {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<StepRow>,
}

/// One step of an upgrade.
pub(super) struct StepRow {
    pub(super) cells: Vec<String>,
    pub(super) cites: Cites,
}

/// One task.
pub(super) struct TaskRow {
    pub(super) name: String,
    pub(super) older: bool,
    pub(super) node: String,
    pub(super) desired: String,
    pub(super) current: String,
    pub(super) since: String,
    pub(super) error: String,
    pub(super) cites: Cites,
}

/// A time as answers are measured.
fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

/// How each client fared.
pub(super) fn clients(clients: &[Client], cited: &mut Cited) -> Vec<ClientRow> {
    let rows = clients.iter().take(ROWS_MAX).map(|client| {
        let told = Word::ALL.map(|word| {
            let tally = client.tally(word);
            Number {
                value: count(tally.count),
                cites: cited.some(&tally.entries(), 2),
            }
        });
        let mean = Number {
            value: client.mean().map_or("-".to_owned(), millis),
            cites: cited.some(&client.tally(Word::Good).entries(), 2),
        };
        let mut number = |of: Option<(Duration, u64)>, written: fn(Duration) -> String| {
            let (value, entry) = of.map_or(("-".to_owned(), None), |(took, entry)| {
                (written(took), Some(entry))
            });
            let entry: Vec<u64> = entry.into_iter().collect();
            Number {
                value,
                cites: cited.some(&entry, 1),
            }
        };
        let slowest = number(client.slowest, millis);
        let silence = number(client.silence, seconds);
        ClientRow {
            workload: line(client.workload),
            via: line(client.via),
            numbers: told.into_iter().chain([mean, slowest, silence]).collect(),
        }
    });
    rows.collect()
}

/// What every node ran, step by step; none without an upgrade.
pub(super) fn steps(history: &History, cited: &mut Cited) -> Option<Steps> {
    let engines::Steps {
        header,
        rows,
        entries,
    } = engines::Steps::of(history)?;
    let rows = rows
        .into_iter()
        .zip(entries)
        .map(|(cells, entries)| StepRow {
            cells,
            cites: cited.some(&entries, entries.len()),
        });
    let rows = rows.collect();
    Some(Steps { header, rows })
}

/// The tasks as `docker service ps` lists them.
pub(super) fn tasks(history: &History, cited: &mut Cited) -> Vec<TaskRow> {
    let services = tasks::of(history);
    let tasks = services.iter().flat_map(|service| &service.tasks);
    let rows = tasks.take(ROWS_MAX).map(|task| TaskRow {
        name: line(&task.name),
        older: task.older,
        node: line(task.node.unwrap_or_default()),
        desired: line(&tasks::capital(task.desired)),
        current: format!(
            "{}{}",
            line(&tasks::capital(task.current)),
            if task.forgotten {
                ", no longer listed"
            } else {
                ""
            }
        ),
        since: seconds(Duration::from_secs_f64(task.since)),
        error: line(task.error.unwrap_or_default()),
        cites: cited.one(task.entry),
    });
    rows.collect()
}
