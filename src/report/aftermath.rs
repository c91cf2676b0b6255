//! What followed a fault, step by step, in seconds from the fault.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::timeline::{Mark, Window};
use crate::journal::{Answer, Entry, Event, History, Outcome};
use crate::verdict::wording::seconds;

/// One step, its time, and what was seen.
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) said: String,
    pub(super) entry: u64,
}

/// The steps that followed a fault, in order of time; empty for a fault that never struck.
pub(super) fn of(history: &History, window: &Window) -> Vec<Step> {
    let Some(struck) = window.struck() else {
        return Vec::new();
    };
    let until = window.healing.map_or(u64::MAX, |mark| mark.seq);
    let during = || {
        history
            .entries
            .iter()
            .filter(|e| e.seq > struck.seq && e.seq < until)
    };
    let mut steps = Vec::new();
    let mut add = |entry: &Entry, said: String| {
        let after = entry.at().saturating_sub(struck.at);
        steps.push(Step {
            after,
            said,
            entry: entry.seq,
        });
    };
    for target in &window.targets {
        let down = |entry: &&Entry| {
            matches!(&entry.event, Event::Node(node)
                if &node.name == target && node.state == "down")
        };
        if let Some(entry) = during().find(down) {
            add(entry, format!("managers see {target} down"));
        }
    }
    let services = history.plan.services();
    for service in services.map(|service| service.name.as_str()) {
        for (entry, said) in moved(history, service, struck, until) {
            add(entry, said);
        }
    }
    if let Some(mark) = history
        .looks(struck.seq, until)
        .iter()
        .find(|(_, look)| look.holds)
    {
        let entry = &history.entries[usize::try_from(mark.0.seq).unwrap_or(0)];
        add(entry, "the steady state holds again".to_owned());
    }
    for (entry, said) in answered_again(history, struck, until) {
        add(entry, said);
    }
    steps.sort_by_key(|step| (step.after, step.entry));
    steps
}

/// Tasks of a service that were new after the fault: when assigned, and when running.
fn moved<'a>(
    history: &'a History,
    service: &str,
    struck: Mark,
    until: u64,
) -> Vec<(&'a Entry, String)> {
    let mut known: Vec<&str> = Vec::new();
    let (mut assigned, mut running): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut steps = Vec::new();
    for entry in history.entries.iter().take_while(|entry| entry.seq < until) {
        let Event::Task(task) = &entry.event else {
            continue;
        };
        if task.service != service {
            continue;
        }
        if entry.seq < struck.seq {
            known.push(&task.id);
            continue;
        }
        let Some(node) = task
            .node
            .as_deref()
            .filter(|_| !known.contains(&task.id.as_str()))
        else {
            continue;
        };
        let name = format!("{service}.{}", task.slot);
        if !assigned.contains(&task.id.as_str()) {
            assigned.push(&task.id);
            steps.push((entry, format!("task {name} reassigned to {node}")));
        }
        if task.state == "running" && !running.contains(&task.id.as_str()) {
            running.push(&task.id);
            steps.push((entry, format!("container of {name} running on {node}")));
        }
    }
    steps
}

/// One workload through one node.
#[derive(Default)]
struct Client<'a> {
    last_good: Option<Duration>,
    missed: bool,
    /// The longest time without an answer, and the answer that ended it.
    longest: Option<(Duration, &'a Entry)>,
}

/// For each workload and node that missed an answer in the fault: how long it had none, and the
/// answer that ended that.
fn answered_again(history: &History, struck: Mark, until: u64) -> Vec<(&Entry, String)> {
    let mut via_of_row: BTreeMap<(&str, u64), &str> = BTreeMap::new();
    let mut clients: BTreeMap<(&str, &str), Client> = BTreeMap::new();
    for entry in &history.entries {
        let (workload, via, good) = match &entry.event {
            Event::Insert { workload, row, via } => {
                via_of_row.insert((workload, *row), via);
                continue;
            }
            Event::Inserted {
                workload,
                row,
                outcome,
            } => {
                let Some(via) = via_of_row.remove(&(workload.as_str(), *row)) else {
                    continue;
                };
                (workload.as_str(), via, *outcome == Outcome::Acknowledged)
            }
            Event::Got {
                workload,
                via,
                answer,
                ..
            } => (workload.as_str(), via.as_str(), *answer == Answer::Right),
            _ => continue,
        };
        let client = clients.entry((workload, via)).or_default();
        if !good {
            client.missed |= entry.seq > struck.seq && entry.seq < until;
            continue;
        }
        if client.missed {
            let silent = entry
                .at()
                .saturating_sub(client.last_good.unwrap_or(struck.at));
            let longer = client.longest.is_none_or(|(longest, _)| silent > longest);
            client.longest = if longer {
                Some((silent, entry))
            } else {
                client.longest
            };
        }
        (client.last_good, client.missed) = (Some(entry.at()), false);
    }
    let ended = clients.into_iter().filter_map(|((workload, via), client)| {
        let (silent, entry) = client.longest?;
        let silent = seconds(silent);
        Some((
            entry,
            format!("first answer for {workload} through {via}, after {silent} without"),
        ))
    });
    ended.collect()
}

/// A step as a line: ` +  15.0s  managers see server-3 down`.
pub(super) fn line(step: &Step) -> String {
    format!("+{:>8}  {}", seconds(step.after), step.said)
}
