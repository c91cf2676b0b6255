//! Where the time of a recovery went, beside what Swarm's own constants say it takes at least.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::aftermath::{Moved, alone, moved, recovered, told};
use crate::journal::timeline::{Mark, Window};
use crate::journal::{Entry, Event, History};
use crate::verdict::wording::seconds;

/// From a power cut to a node that is `down`. A node beats every 5 s, give or take 0.5 s, and is
/// given 3 beats from the last: 13.5 s to 16.5 s, of which up to 5.5 s had passed before the cut
/// (moby/swarmkit `manager/dispatcher/dispatcher.go`, `DefaultHeartBeatPeriod`, and
/// `manager/dispatcher/nodes.go`, `gracePeriodMultiplier`). A clean stop beats on for a while.
const HEARTBEAT: [Duration; 2] = [Duration::from_secs(8), Duration::from_millis(16_500)];

/// The same when the leader itself is lost: an election of 10 to 20 ticks of 1 s
/// (`manager/state/raft/raft.go`, `DefaultRaftConfig`), then 6 beats for every node that the new
/// leader has not heard of: 27 s to 33 s (`manager/dispatcher/nodes.go`).
const HEARTBEAT_OF_LEADER: [Duration; 2] = [Duration::from_secs(37), Duration::from_secs(53)];

/// From the assignment of a replacement to the order to run it: the delay of the restart policy
/// (moby/swarmkit `api/defaults/service.go`, `Service.Task.Restart.Delay`). A stack file may set
/// another.
const RESTART_DELAY: Duration = Duration::from_secs(5);

/// One part of a recovery.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Part {
    /// `heartbeat`, `reassignment`, `start`, `health` or `first answer`.
    pub(super) part: &'static str,
    /// Whose: a node, a task, or a workload and a node.
    pub(super) of: String,
    /// Seconds that it took.
    pub(super) took: f64,
    /// The least that Swarm's constants allow, in seconds, where they say anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) floor: Option<f64>,
    /// The most that they explain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ceiling: Option<f64>,
    /// The entry that ended it.
    pub(super) entry: u64,
}

impl Part {
    fn new(part: &'static str, of: String, from: Duration, to: &Entry) -> Self {
        Self {
            part,
            of,
            took: to.at().saturating_sub(from).as_secs_f64(),
            floor: None,
            ceiling: None,
            entry: to.seq,
        }
    }

    fn within(mut self, [least, most]: [Duration; 2]) -> Self {
        (self.floor, self.ceiling) = (Some(least.as_secs_f64()), Some(most.as_secs_f64()));
        self
    }

    fn at_least(mut self, least: Duration) -> Self {
        self.floor = Some(least.as_secs_f64());
        self
    }

    /// One line: `heartbeat     16.0s  server-3 (Swarm: 8.0s to 16.5s)`.
    pub(super) fn line(&self) -> String {
        let time = |of: f64| seconds(Duration::from_secs_f64(of));
        let floor = match (self.floor, self.ceiling) {
            (Some(least), Some(most)) => format!(" (Swarm: {} to {})", time(least), time(most)),
            (Some(least), None) => format!(" (Swarm: {} or more)", time(least)),
            _ => String::new(),
        };
        format!(
            "{:<13}{:>8}  {}{floor}",
            self.part,
            time(self.took),
            self.of
        )
    }
}

/// The parts of the recovery from a fault, in the order in which they follow from each other;
/// none for a fault after which the steady state was not seen while it lasted.
pub(super) fn of(history: &History, window: &Window) -> Vec<Part> {
    let Some(struck) = window.struck() else {
        return Vec::new();
    };
    if recovered(history, window).is_none() {
        return Vec::new();
    }
    let healing = window.healing.map_or(u64::MAX, |mark| mark.seq);
    let until = alone(history, window);
    let leader = leader_before(history, struck.seq);
    let mut parts = Vec::new();
    let mut down: Option<Duration> = None;
    for target in &window.targets {
        let seen = between(history, struck.seq, healing).find(|entry| {
            matches!(&entry.event, Event::Node(node)
                if &node.name == target && node.state == "down")
        });
        let Some(entry) = seen else { continue };
        let led = leader == Some(target.as_str());
        let usual = if led { HEARTBEAT_OF_LEADER } else { HEARTBEAT };
        let of = format!("{target} is down to the managers");
        parts.push(Part::new("heartbeat", of, struck.at, entry).within(usual));
        down = Some(down.map_or(entry.at(), |first| first.min(entry.at())));
    }
    let mut last_running: Option<Duration> = None;
    for service in history.plan.services() {
        let steps = moved(history, &service.name, struck, until);
        for chain in chains(&steps) {
            parts.extend(chain.parts(history, down.unwrap_or(struck.at), (struck.seq, until)));
            let runs = chain.running.map(|step| step.entry.at());
            last_running = last_running.max(runs);
        }
    }
    if let Some(running) = last_running {
        parts.extend(first_answers(history, window, running, (struck, until)));
    }
    parts
}

/// The entries between two, neither included.
fn between(history: &History, after: u64, before: u64) -> impl Iterator<Item = &Entry> {
    let entries = history.entries.iter();
    entries.filter(move |entry| entry.seq > after && entry.seq < before)
}

/// Who led before an entry, by the last round of questions.
pub(super) fn leader_before(history: &History, before: u64) -> Option<&str> {
    let before = history.entries.iter().filter(|entry| entry.seq < before);
    let mut polls = before.rev().filter_map(|entry| match &entry.event {
        Event::Poll(poll) => poll.leader(),
        _ => None,
    });
    polls.next()
}

/// What replaced one task: from the first assignment to the last task that ran.
struct Chain<'a> {
    assigned: &'a Moved<'a>,
    running: Option<&'a Moved<'a>>,
    tasks: usize,
}

/// One chain a slot; of a global service, one a node.
fn chains<'a>(steps: &'a [Moved<'a>]) -> Vec<Chain<'a>> {
    let mut chains: BTreeMap<(u64, Option<&str>), Chain> = BTreeMap::new();
    for step in steps {
        let node = step.task.node.as_deref().filter(|_| step.task.slot == 0);
        let chain = chains.entry((step.task.slot, node)).or_insert(Chain {
            assigned: step,
            running: None,
            tasks: 0,
        });
        if step.runs {
            chain.running = Some(step);
        } else {
            chain.tasks += 1;
        }
    }
    chains.into_values().collect()
}

impl Chain<'_> {
    fn parts(&self, history: &History, down: Duration, (after, before): (u64, u64)) -> Vec<Part> {
        let name = self.assigned.name();
        let node = self.assigned.task.node.as_deref().unwrap_or_default();
        let assigned = self.assigned.entry;
        let of = format!("{name} to {node}");
        let mut parts = vec![Part::new("reassignment", of, down, assigned)];
        let Some(running) = self.running else {
            return parts;
        };
        let node = running.task.node.as_deref().unwrap_or_default();
        let tries = match self.tasks {
            0 | 1 => String::new(),
            tries => format!(", try {tries}"),
        };
        let of = format!("container of {name} on {node}{tries}");
        let seen = between(history, after, before)
            .filter(|entry| entry.seq <= running.entry.seq)
            .find(|entry| contains(entry, &running.task.id))
            .unwrap_or(running.entry);
        parts.push(Part::new("start", of, assigned.at(), seen).at_least(RESTART_DELAY));
        let of = format!("{name} is running to the managers");
        parts.push(Part::new("health", of, seen.at(), running.entry));
        parts
    }
}

/// True for a node's own list with a running container of this task.
fn contains(entry: &Entry, task: &str) -> bool {
    let Event::Containers(look) = &entry.event else {
        return false;
    };
    let seen = look.seen.iter().flatten();
    seen.into_iter().any(|one| one.running && one.task == task)
}

/// For each workload and unbroken node that missed an answer in the fault: the first right one
/// once the last replacement ran.
fn first_answers(
    history: &History,
    window: &Window,
    running: Duration,
    (struck, until): (Mark, u64),
) -> Vec<Part> {
    let mut missed: BTreeMap<(&str, &str), Option<&Entry>> = BTreeMap::new();
    for told in told(history) {
        let (entry, client) = (told.entry, (told.workload, told.via));
        let ours = window.targets.iter().any(|target| target == told.via);
        if ours || entry.seq < struck.seq || entry.seq >= until {
            continue;
        }
        if !told.good {
            missed.entry(client).or_default();
        } else if entry.at() >= running
            && let Some(first) = missed.get_mut(&client)
        {
            first.get_or_insert(entry);
        }
    }
    let answered = missed.into_iter().filter_map(|((workload, via), first)| {
        let of = format!("{workload} through {via}");
        Some(Part::new("first answer", of, running, first?))
    });
    answered.collect()
}
