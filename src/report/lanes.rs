//! The run as lanes side by side: what each node, task slot, fault and action did, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{Deed, Event, History, Phase, TaskSeen};

/// What a stretch of a lane tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A phase of the run.
    Phase,
    /// The steady state held when it was looked at.
    Holds,
    /// It did not hold.
    NotYet,
    /// Nobody could tell whether it held.
    CannotTell,
    /// An action was under way.
    Acts,
    /// A fault was in force.
    InForce,
    /// It was being healed.
    Healing,
    /// The managers named this leader.
    Leads,
    /// No manager named a leader, or not all the same.
    NoLeader,
    /// The managers called the node ready.
    Ready,
    /// They called it down.
    Down,
    /// They called it neither, as after an election, or have not said since it was off.
    Unsure,
    /// It had no power.
    NoPower,
    /// It stood still, with its power on.
    Paused,
    /// It was cut off.
    Isolated,
    /// A task ran.
    Runs,
}

impl State {
    /// The state in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Holds => "holds",
            Self::NotYet => "does not hold",
            Self::CannotTell => "cannot tell",
            Self::Acts => "under way",
            Self::InForce => "in force",
            Self::Healing => "being healed",
            Self::Leads => "leads",
            Self::NoLeader => "no leader named",
            Self::Ready => "ready",
            Self::Down => "down to the managers",
            Self::Unsure => "not certain",
            Self::NoPower => "no power",
            Self::Paused => "paused",
            Self::Isolated => "isolated",
            Self::Runs => "runs",
        }
    }
}

/// A stretch of time in which nothing changed in a lane.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) from: Duration,
    /// Missing where it lasted to the end of the record.
    pub(super) to: Option<Duration>,
    pub(super) state: State,
    /// What else there is to say: who leads, on which node, what was done.
    pub(super) said: String,
    /// The entry that it begins with.
    pub(super) entry: u64,
}

impl Stretch {
    /// The state and what else there is to say.
    pub(super) fn told(&self) -> String {
        match (self.state, self.said.as_str()) {
            (State::Phase, said) => said.to_owned(),
            (state, "") => state.words().to_owned(),
            (state, said) if said.starts_with(state.words()) => said.to_owned(),
            (state, said) => format!("{}: {said}", state.words()),
        }
    }
}

/// One lane.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) stretches: Vec<Stretch>,
}

/// Every lane: phases, the steady state, actions, faults, who leads, nodes, and task slots.
pub(super) fn of(history: &History, timeline: &Timeline) -> Vec<Lane> {
    let mut lanes = vec![
        lane("phase", phases(timeline)),
        lane("steady state", steady(history)),
    ];
    let actions = timeline.actions.iter().enumerate();
    lanes.extend(actions.map(|(at, deed)| lane(format!("action {}", at + 1), action(deed))));
    let faults = timeline.faults.iter().enumerate();
    lanes.extend(faults.map(|(at, window)| lane(format!("fault {}", at + 1), fault(window))));
    lanes.push(lane("leader", leader(history)));
    let nodes = history.plan.node_names();
    lanes.extend(nodes.map(|name| lane(name, node(history, timeline, name))));
    lanes.extend(slots(history));
    lanes
}

fn lane(name: impl Into<String>, stretches: Vec<Stretch>) -> Lane {
    let name = name.into();
    Lane { name, stretches }
}

/// Stretches that each last until the next one begins.
fn until_the_next(points: Vec<(Mark, State, String)>) -> Vec<Stretch> {
    let ends: Vec<Duration> = points.iter().skip(1).map(|(mark, ..)| mark.at).collect();
    let stretches = points.into_iter().enumerate();
    let stretches = stretches.map(|(index, (mark, state, said))| Stretch {
        from: mark.at,
        to: ends.get(index).copied(),
        state,
        said,
        entry: mark.seq,
    });
    stretches.collect()
}

/// The phases, each until the next.
fn phases(timeline: &Timeline) -> Vec<Stretch> {
    let phases = timeline.phases.iter().map(|(phase, mark)| {
        let said = match phase {
            Phase::BringUp => "bring up",
            Phase::Deploy => "deploy",
            Phase::SteadyBefore => "wait for the steady state",
            Phase::Checkpoint => "keep the steady state",
            Phase::Load => "load",
            Phase::SteadyAfter => "wait for the steady state, all faults over",
            Phase::ReadBack => "read back",
            Phase::TearDown => "tear down",
        };
        (*mark, State::Phase, said.to_owned())
    });
    until_the_next(phases.collect())
}

/// What the looks at the steady state came to, whenever that changed.
fn steady(history: &History) -> Vec<Stretch> {
    let looks = history.looks(0, u64::MAX).into_iter();
    let mut points: Vec<(Mark, State, String)> = looks
        .map(|(mark, look)| {
            let state = match (look.holds, look.cannot_tell) {
                (true, _) => State::Holds,
                (false, true) => State::CannotTell,
                (false, false) => State::NotYet,
            };
            (mark, state, look.probes.join("; "))
        })
        .collect();
    points.dedup_by_key(|(_, state, _)| *state);
    until_the_next(points)
}

/// From the first order to the moment that it was seen, or given up.
fn action(deed: &Deed) -> Vec<Stretch> {
    let over = deed.confirmed.or(deed.not_confirmed);
    let end = match (deed.refused, deed.confirmed, over) {
        (Some(_), Some(_), _) => ", refused, seen",
        (_, Some(_), _) => ", seen",
        (_, _, Some(_)) => ", not seen",
        _ => ", no outcome",
    };
    let begun = deed.acting.map(|acting| Stretch {
        from: acting.at,
        to: over.map(|mark| mark.at),
        state: State::Acts,
        said: deed.named() + end,
        entry: acting.seq,
    });
    begun.into_iter().collect()
}

/// From the injection to the heal, and from there to the moment that it was seen to be gone.
fn fault(window: &Window) -> Vec<Stretch> {
    let stretch = |from: Mark, to: Option<Mark>, state| Stretch {
        from: from.at,
        to: to.map(|mark| mark.at),
        state,
        said: window.named(),
        entry: from.seq,
    };
    let gone = window.healed.or(window.heal_failed);
    let struck = window.struck();
    let in_force = struck.map(|at| stretch(at, window.healing.or(gone), State::InForce));
    let healing = window.healing.map(|at| stretch(at, gone, State::Healing));
    in_force.into_iter().chain(healing).collect()
}

/// Whom the managers named, whenever that changed.
fn leader(history: &History) -> Vec<Stretch> {
    let polls = history.entries.iter().filter_map(|entry| {
        let Event::Poll(poll) = &entry.event else {
            return None;
        };
        Some((entry, poll.leader()))
    });
    let mut points: Vec<(Mark, State, String)> = Vec::new();
    for (entry, named) in polls {
        let (state, said) = match named {
            Some(name) => (State::Leads, name),
            None => (State::NoLeader, ""),
        };
        let last = points.last();
        if last.is_none_or(|(_, before, who)| (*before, who.as_str()) != (state, said)) {
            points.push((entry.into(), state, said.to_owned()));
        }
    }
    until_the_next(points)
}

/// Whether the node was up, and else what the managers thought of it.
pub(super) fn node(history: &History, timeline: &Timeline, name: &str) -> Vec<Stretch> {
    let mut seen: Vec<(Mark, State, &str)> = Vec::new();
    for entry in &history.entries {
        if let Event::Node(node) = &entry.event
            && node.name == name
        {
            let (state, said) = match node.state.as_str() {
                "ready" => (State::Ready, ""),
                "down" => (State::Down, ""),
                other => (State::Unsure, other),
            };
            seen.push((entry.into(), state, said));
        }
    }
    let mut times: Vec<Duration> = seen.iter().map(|(mark, ..)| mark.at).collect();
    for window in timeline.against(name) {
        let marks = [window.injecting, window.injected, window.confirmed];
        let marks = marks.into_iter().chain([window.healing, window.healed]);
        times.extend(marks.flatten().map(|mark| mark.at));
    }
    times.sort_unstable();
    times.dedup();
    let mut points: Vec<(Mark, State, String)> = Vec::new();
    for at in times {
        let Some((seq, state, said)) = node_at(timeline, name, &seen, at) else {
            continue;
        };
        let last = points.last();
        if last.is_none_or(|(_, before, words)| (*before, words.as_str()) != (state, said)) {
            points.push((Mark { seq, at }, state, said.to_owned()));
        }
    }
    until_the_next(points)
}

/// A node's state at a moment, and the entry that shows it.
fn node_at<'a>(
    timeline: &Timeline,
    name: &str,
    seen: &[(Mark, State, &'a str)],
    at: Duration,
) -> Option<(u64, State, &'a str)> {
    if let Some(window) = timeline.against(name).find(|window| window.powerless(at)) {
        let cut = window.injected.or(window.confirmed)?;
        return Some((cut.seq, State::NoPower, ""));
    }
    if let Some(window) = timeline.against(name).find(|window| window.still(at)) {
        let still = window.injected.or(window.confirmed)?;
        return Some((still.seq, State::Paused, ""));
    }
    let isolates = |window: &&Window| window.cut_off(at);
    if let Some(window) = timeline.against(name).find(isolates) {
        return Some((window.injecting?.seq, State::Isolated, ""));
    }
    let before = seen.partition_point(|(mark, ..)| mark.at <= at);
    let (mark, state, said) = seen.get(before.checked_sub(1)?)?;
    // What was said before the power was cut says nothing about a node that starts again.
    let stale = timeline.against(name).find_map(|window| {
        let (cut, back) = window.power_cut()?;
        let over = window.healed.map_or(Duration::MAX, |healed| healed.at);
        (mark.at < cut && back? <= at && at < over).then_some(window.healing?.seq)
    });
    if let Some(healing) = stale {
        return Some((healing, State::Unsure, "no word since its power is back"));
    }
    Some((mark.seq, *state, said))
}

/// A task while it ran, as the managers tell it: from `running` to anything else.
struct Run<'a> {
    task: &'a TaskSeen,
    from: Duration,
    /// [`Duration::MAX`] where it ran to the end of the record.
    to: Duration,
    /// The entry that showed it running.
    entry: u64,
}

/// Every task that ran: those that ended in the order in which they did, then the others.
fn runs(history: &History) -> Vec<Run<'_>> {
    let mut open: BTreeMap<&str, Run> = BTreeMap::new();
    let mut runs = Vec::new();
    for entry in &history.entries {
        match &entry.event {
            Event::Task(task) if task.state == "running" && task.desired == "running" => {
                open.entry(&task.id).or_insert(Run {
                    task,
                    from: entry.at(),
                    to: Duration::MAX,
                    entry: entry.seq,
                });
            }
            Event::Task(TaskSeen { id, .. }) | Event::TaskGone { id } => {
                if let Some(run) = open.remove(id.as_str()) {
                    runs.push(Run {
                        to: entry.at(),
                        ..run
                    });
                }
            }
            _ => {}
        }
    }
    runs.extend(open.into_values());
    runs
}

/// A lane for each slot; of a global service, for each node.
pub(super) fn slots(history: &History) -> Vec<Lane> {
    let mut slots: BTreeMap<(&str, u64, &str), Vec<Stretch>> = BTreeMap::new();
    for run in runs(history) {
        let task = run.task;
        let node = task.node.as_deref().unwrap_or("no node");
        let place = if task.slot == 0 { node } else { "" };
        let slot = slots.entry((&task.service, task.slot, place)).or_default();
        slot.push(Stretch {
            from: run.from,
            to: (run.to < Duration::MAX).then_some(run.to),
            state: State::Runs,
            said: format!("on {node}"),
            entry: run.entry,
        });
    }
    let lanes = slots
        .into_iter()
        .map(|((service, slot, node), mut stretches)| {
            stretches.sort_by_key(|stretch| (stretch.from, stretch.entry));
            let name = match slot {
                0 => format!("{service} {node}"),
                _ => format!("{service}.{slot}"),
            };
            lane(name, stretches)
        });
    lanes.collect()
}
