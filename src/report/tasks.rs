//! The tasks of each service as `docker service ps` lists them: slot by slot, the newest first.
//!
//! Told from the record alone, so tasks that the managers have forgotten by now are still there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use comfy_table::{Table, presets};
use schemars::JsonSchema;
use serde::Serialize;

use crate::journal::{Entry, Event, History, TaskSeen};
use crate::verdict::wording::seconds;

/// One service and its tasks.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Service<'a> {
    /// Its name in the stack file.
    pub(super) service: &'a str,
    /// Slot by slot, the newest first.
    pub(super) tasks: Vec<Row<'a>>,
}

/// One task as it was seen last.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Task", deny_unknown_fields)]
pub(super) struct Row<'a> {
    /// The task's identity.
    id: &'a str,
    /// `mariadb.1`; of a global service its name alone.
    pub(super) name: String,
    /// True for a task that another one has replaced.
    pub(super) older: bool,
    /// Its node, once it was assigned.
    pub(super) node: Option<&'a str>,
    /// The state that was wanted last.
    pub(super) desired: &'a str,
    /// The state that was seen last.
    pub(super) current: &'a str,
    /// Seconds since the run began when that state was first seen.
    pub(super) since: f64,
    /// The entry that showed it.
    pub(super) entry: u64,
    /// The agent's error, of a task that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'a str>,
    /// True when the managers no longer list it.
    pub(super) forgotten: bool,
}

/// A task through the record.
struct Seen<'a> {
    first: u64,
    last: &'a TaskSeen,
    since: Duration,
    entry: u64,
}

/// Every service of the plan that had a task.
pub(super) fn of(history: &History) -> Vec<Service<'_>> {
    let (mut tasks, mut gone): (BTreeMap<&str, Seen>, BTreeSet<&str>) = Default::default();
    for entry in &history.entries {
        match &entry.event {
            Event::Task(task) => {
                gone.remove(task.id.as_str());
                note(&mut tasks, entry, task);
            }
            Event::TaskGone { id } => {
                gone.insert(id);
            }
            _ => {}
        }
    }
    let services = history.plan.services();
    let services = services.filter_map(|service| {
        let mine = tasks
            .values()
            .filter(|seen| seen.last.service == service.name);
        let mut mine: Vec<&Seen> = mine.collect();
        mine.sort_by_key(|seen| (place(seen.last), std::cmp::Reverse(seen.first)));
        let mut before = None;
        let rows = mine.iter().map(|seen| {
            let here = Some(place(seen.last));
            let older = std::mem::replace(&mut before, here) == here;
            row(seen, older, gone.contains(seen.last.id.as_str()))
        });
        let tasks: Vec<Row> = rows.collect();
        (!tasks.is_empty()).then_some(Service {
            service: &service.name,
            tasks,
        })
    });
    services.collect()
}

/// Takes in what was seen of a task.
fn note<'a>(tasks: &mut BTreeMap<&'a str, Seen<'a>>, entry: &'a Entry, task: &'a TaskSeen) {
    let seen = tasks.entry(&task.id).or_insert(Seen {
        first: entry.seq,
        last: task,
        since: entry.at(),
        entry: entry.seq,
    });
    if seen.last.state != task.state {
        (seen.since, seen.entry) = (entry.at(), entry.seq);
    }
    seen.last = task;
}

/// What older and newer tasks have in common: the slot; of a global service, the node.
fn place(task: &TaskSeen) -> (u64, Option<&str>) {
    (task.slot, task.node.as_deref().filter(|_| task.slot == 0))
}

fn row<'a>(seen: &Seen<'a>, older: bool, forgotten: bool) -> Row<'a> {
    let task = seen.last;
    let failed = matches!(task.state.as_str(), "failed" | "rejected");
    Row {
        id: &task.id,
        name: match task.slot {
            0 => task.service.clone(),
            slot => format!("{}.{slot}", task.service),
        },
        older,
        node: task.node.as_deref(),
        desired: &task.desired,
        current: &task.state,
        since: seen.since.as_secs_f64(),
        entry: seen.entry,
        error: Some(task.message.as_str()).filter(|text| failed && !text.is_empty()),
        forgotten,
    }
}

/// The tables as text; empty without a task. Each line ends with a line end.
pub(super) fn text(history: &History) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "    NAME",
        "NODE",
        "DESIRED STATE",
        "CURRENT STATE",
        "ERROR",
    ]);
    let services = of(history);
    for row in services.iter().flat_map(|service| &service.tasks) {
        let older = if row.older { " \\_ " } else { "" };
        let since = seconds(Duration::from_secs_f64(row.since));
        let forgotten = if row.forgotten {
            ", no longer listed"
        } else {
            ""
        };
        table.add_row([
            format!("    {older}{}", row.name),
            row.node.unwrap_or_default().to_owned(),
            capital(row.desired),
            format!("{} since [{since}]{forgotten}", capital(row.current)),
            row.error.unwrap_or_default().to_owned(),
        ]);
    }
    if services.is_empty() {
        return String::new();
    }
    let lines = table.to_string();
    lines
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

/// As the `docker` client writes states.
pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
