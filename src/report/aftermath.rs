//! What followed a fault, step by step, in seconds from the fault.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{Answer, Entry, Event, History, Outcome, TaskSeen};
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
    let healing = window.healing.map_or(u64::MAX, |mark| mark.seq);
    let during = || {
        history
            .entries
            .iter()
            .filter(|e| e.seq > struck.seq && e.seq < healing)
    };
    let until = alone(history, window);
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
        for step in moved(history, service, struck, until) {
            add(step.entry, step.said());
        }
    }
    if let Some((mark, _)) = recovered(history, window)
        && let Some(entry) = history.entries.iter().find(|entry| entry.seq == mark.seq)
    {
        add(entry, "the steady state holds again".to_owned());
    }
    for (entry, said) in answered_again(history, struck, until) {
        add(entry, said);
    }
    steps.sort_by_key(|step| (step.after, step.entry));
    steps
}

/// The entry up to which whatever moves is the work of this fault alone: the first blow or cure of
/// any fault after it.
pub(super) fn alone(history: &History, window: &Window) -> u64 {
    let timeline = Timeline::of(history);
    let struck = window.struck().map_or(u64::MAX, |mark| mark.seq);
    let marks = timeline.faults.iter();
    let marks = marks.flat_map(|one| [one.struck(), one.healing]).flatten();
    let later = marks.map(|mark| mark.seq).filter(|seq| *seq > struck);
    later.min().unwrap_or(u64::MAX)
}

/// The first look at the steady state that held while a fault lasted, before any cure, and how long
/// after it.
pub(super) fn recovered(history: &History, window: &Window) -> Option<(Mark, Duration)> {
    let (struck, confirmed) = (window.struck()?, window.confirmed?);
    let timeline = Timeline::of(history);
    let cure = timeline.cure(window).map_or(u64::MAX, |(_, mark)| mark.seq);
    let looks = history.looks(confirmed.seq, cure);
    let (mark, _) = looks.iter().find(|(_, look)| look.holds)?;
    Some((*mark, mark.at.saturating_sub(struck.at)))
}

/// A task that was new after a fault, at one of two moments.
pub(super) struct Moved<'a> {
    pub(super) entry: &'a Entry,
    pub(super) task: &'a TaskSeen,
    /// True when it was first seen running, false when it was first seen assigned.
    pub(super) runs: bool,
}

/// Tasks of a service that were new after the fault: when assigned, and when running.
pub(super) fn moved<'a>(
    history: &'a History,
    service: &str,
    struck: Mark,
    until: u64,
) -> Vec<Moved<'a>> {
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
        if task.node.is_none() || known.contains(&task.id.as_str()) {
            continue;
        }
        let mut step = |runs| steps.push(Moved { entry, task, runs });
        if !assigned.contains(&task.id.as_str()) {
            assigned.push(&task.id);
            step(false);
        }
        if task.state == "running" && !running.contains(&task.id.as_str()) {
            running.push(&task.id);
            step(true);
        }
    }
    steps
}

impl Moved<'_> {
    /// Its name without the stack's: `mariadb.1`.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.task.service, self.task.slot)
    }

    /// The step in words.
    fn said(&self) -> String {
        let (name, node) = (self.name(), self.task.node.as_deref().unwrap_or_default());
        if self.runs {
            format!("container of {name} running on {node}")
        } else {
            format!("task {name} reassigned to {node}")
        }
    }
}

/// What one client was told.
pub(super) struct Told<'a> {
    pub(super) entry: &'a Entry,
    pub(super) workload: &'a str,
    /// The node that it went through.
    pub(super) via: &'a str,
    /// When it asked.
    pub(super) began: Duration,
    /// True for an acknowledged row, or the right page.
    pub(super) good: bool,
}

/// What the clients of all workloads were told, in order.
pub(super) fn told(history: &History) -> Vec<Told<'_>> {
    let mut asked: BTreeMap<(&str, u64), (&str, Duration)> = BTreeMap::new();
    let mut all = Vec::new();
    for entry in &history.entries {
        let (workload, via, began, good) = match &entry.event {
            Event::Insert { workload, row, via } => {
                asked.insert((workload, *row), (via, entry.at()));
                continue;
            }
            Event::Inserted {
                workload,
                row,
                outcome,
            } => {
                let Some((via, began)) = asked.remove(&(workload.as_str(), *row)) else {
                    continue;
                };
                let good = *outcome == Outcome::Acknowledged;
                (workload.as_str(), via, began, good)
            }
            Event::Got {
                workload,
                via,
                began_us,
                answer,
            } => {
                let began = Duration::from_micros(*began_us);
                (
                    workload.as_str(),
                    via.as_str(),
                    began,
                    *answer == Answer::Right,
                )
            }
            _ => continue,
        };
        all.push(Told {
            entry,
            workload,
            via,
            began,
            good,
        });
    }
    all
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
    let mut clients: BTreeMap<(&str, &str), Client> = BTreeMap::new();
    for told in told(history) {
        let Told {
            entry,
            workload,
            via,
            good,
            ..
        } = told;
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
