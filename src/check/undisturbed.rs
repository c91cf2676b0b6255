//! `undisturbed`: while nothing was broken by us, no task of the plan's services ended.
//!
//! Implied by every run that has services. What broke behind our back is no promise of the swarm,
//! and what the other checks saw afterwards may be its doing: so it is `unknown`. Only in a control
//! that names it is a task's end what the scenario is about, and then it is `fail`.

use std::collections::BTreeMap;

use super::clocks;
use crate::journal::timeline::{Mark, Timeline};
use crate::journal::{ContainerSeen, ContainersSeen, Event, History, Phase, TaskSeen};
use crate::verdict::wording::{counted, seconds};
use crate::verdict::{Finding, Verdict};

/// States that a task never leaves, and how a sentence says that it got there.
const ENDED: [(&str, &str); 6] = [
    ("complete", "completed"),
    ("failed", "failed"),
    ("orphaned", "was orphaned"),
    ("rejected", "was rejected"),
    ("remove", "was removed"),
    ("shutdown", "was shut down"),
];

/// Judges the time from the start of the load to the tear-down.
pub(super) fn check(history: &History, timeline: &Timeline) -> Option<Finding> {
    history.plan.services().next()?;
    let unknown = |said: &str| Finding::new("undisturbed", Verdict::Unknown, said, Vec::new());
    let Some(load) = timeline.phase(Phase::Load) else {
        return Some(unknown("the workloads never began"));
    };
    let quiet = Quiet::of(history, timeline, load);
    let mut watch = Watch::new(history, &quiet);
    for entry in &history.entries {
        watch.note(entry.into(), &entry.event);
    }
    if watch.lives.values().all(|life| life.running.is_none()) {
        return Some(unknown("no task was ever seen to run"));
    }
    let mut ended: Vec<&Life> = watch
        .lives
        .values()
        .filter(|l| !l.ends.is_empty())
        .collect();
    ended.sort_by_key(|life| life.ends.first().map(|end| end.mark.seq));
    let Some((first, others)) = ended.split_first() else {
        if let Some((seq, said)) = clocks::ahead(history, timeline) {
            return Some(Finding::new(
                "undisturbed",
                Verdict::Unknown,
                said,
                vec![seq],
            ));
        }
        let said = "no task ended while nothing was broken by us";
        return Some(Finding::new(
            "undisturbed",
            Verdict::Pass,
            said,
            vec![load.seq],
        ));
    };
    let more = match others.len() as u64 {
        0 => String::new(),
        more => format!(" (and {})", counted(more, "other")),
    };
    let mut evidence: Vec<u64> = ended.iter().flat_map(|life| life.evidence()).collect();
    evidence.sort_unstable();
    evidence.dedup();
    let said = format!("{}{more}", first.told());
    let asked_for = history
        .plan
        .must_fail
        .iter()
        .any(|name| name == "undisturbed");
    let verdict = match asked_for {
        true => Verdict::Fail,
        false => Verdict::Unknown,
    };
    Some(Finding::new("undisturbed", verdict, said, evidence))
}

/// When nothing is broken by us, told by numbers of entries.
struct Quiet<'a> {
    from: u64,
    to: u64,
    forces: Vec<Force<'a>>,
}

/// A fault, from its injection to the first steady state after it was seen to be gone; or an action
/// that ends tasks, to the first after it was seen. Without such a steady state it may explain
/// whatever follows.
struct Force<'a> {
    targets: &'a [String],
    ends: Ends<'a>,
    from: u64,
    to: u64,
}

/// Whose ends it explains.
#[derive(Clone, Copy)]
enum Ends<'a> {
    /// Any task's: what a fault leads to, nobody foresees.
    All,
    /// A service's tasks'.
    Of(&'a str),
    /// Those of the tasks on its targets.
    There,
}

impl Force<'_> {
    /// True if it may be why a task of this service on this node ends. A task without a node is
    /// nobody's witness.
    fn explains(&self, service: &str, node: Option<&str>) -> bool {
        match self.ends {
            Ends::All => true,
            Ends::Of(changed) => changed == service,
            Ends::There => node.is_none_or(|node| self.targets.iter().any(|name| name == node)),
        }
    }
}

impl<'a> Quiet<'a> {
    fn of(history: &History, timeline: &'a Timeline, load: Mark) -> Self {
        let steady_after = |healed: Mark| {
            let looks = history.looks(healed.seq, u64::MAX);
            let held = looks.into_iter().find(|(_, look)| look.holds);
            held.map(|(mark, _)| mark.seq)
        };
        let forces = timeline.faults.iter().filter_map(|window| {
            Some(Force {
                targets: &window.targets,
                ends: Ends::All,
                from: window.injecting?.seq,
                to: window.healed.and_then(steady_after).unwrap_or(u64::MAX),
            })
        });
        let deeds = timeline.actions.iter().filter(|deed| deed.ends_tasks);
        let deeds = deeds.filter_map(|deed| {
            Some(Force {
                targets: &deed.targets,
                ends: deed.service.as_deref().map_or(Ends::There, Ends::Of),
                from: deed.acting?.seq,
                to: deed.confirmed.and_then(steady_after).unwrap_or(u64::MAX),
            })
        });
        Self {
            from: load.seq,
            to: timeline
                .phase(Phase::TearDown)
                .map_or(u64::MAX, |mark| mark.seq),
            forces: forces.chain(deeds).collect(),
        }
    }

    /// True at an entry where nothing of ours explains the end of such a task.
    fn at(&self, seq: u64, service: &str, node: Option<&str>) -> bool {
        let in_force =
            |force: &Force| force.from <= seq && seq < force.to && force.explains(service, node);
        self.from < seq && seq < self.to && !self.forces.iter().any(in_force)
    }

    /// True if a fault was in force against a node at some moment between two entries.
    fn struck(&self, node: &str, after: u64, before: u64) -> bool {
        self.forces.iter().any(|force| {
            let overlaps = force.from < before && after < force.to;
            overlaps && force.targets.iter().any(|target| target == node)
        })
    }
}

/// One task's life, as managers and engines told it.
struct Life<'a> {
    service: &'a str,
    slot: u64,
    node: Option<&'a str>,
    index: u64,
    /// First heard of.
    born: Mark,
    /// First seen running.
    running: Option<Mark>,
    /// Its end was told, or ordered, when it is not for us to judge.
    excused: bool,
    /// What told its end, when nothing explains it.
    ends: Vec<End<'a>>,
}

/// One entry that tells a task's end.
struct End<'a> {
    mark: Mark,
    what: &'static str,
    message: &'a str,
}

impl<'a> Life<'a> {
    fn new(service: &'a str, slot: u64, born: Mark) -> Self {
        Self {
            service,
            slot,
            node: None,
            index: 0,
            born,
            running: None,
            excused: false,
            ends: Vec::new(),
        }
    }

    /// Takes in its end. The first sign of it decides whether it is excused.
    fn end(&mut self, quiet: bool, end: End<'a>) {
        if self.ends.is_empty() && !quiet {
            self.excused = true;
        } else if !self.excused {
            self.ends.push(end);
        }
    }

    /// The entries that show it.
    fn evidence(&self) -> impl Iterator<Item = u64> {
        let marks = self.ends.iter().map(|end| end.mark);
        self.running.into_iter().chain(marks).map(|mark| mark.seq)
    }

    /// What happened, in a line. The managers' words are better than a missing container.
    fn told(&self) -> String {
        let Some(first) = self.ends.first() else {
            return String::new();
        };
        let words = self.ends.iter().find(|end| !end.message.is_empty());
        let End { what, message, .. } = words.unwrap_or(first);
        let slot = if self.slot == 0 {
            String::new()
        } else {
            format!(".{}", self.slot)
        };
        let node = self
            .node
            .map_or(String::new(), |node| format!(" on {node}"));
        let message: Vec<&str> = message.split_whitespace().collect();
        let said = if message.is_empty() { "" } else { ": " };
        format!(
            "task {}{slot} {what}{node} at [{}], while nothing was broken by us{said}{}",
            self.service,
            seconds(first.mark.at),
            message.join(" ")
        )
    }
}

/// What is known of every task and container, entry by entry.
struct Watch<'a> {
    quiet: &'a Quiet<'a>,
    lives: BTreeMap<&'a str, Life<'a>>,
    /// By node: the containers that run there, their tasks, and when that was last seen.
    running: BTreeMap<&'a str, BTreeMap<&'a str, (&'a str, Mark)>>,
    /// The last entry that lists a task.
    listed: BTreeMap<&'a str, u64>,
}

impl<'a> Watch<'a> {
    fn new(history: &'a History, quiet: &'a Quiet<'a>) -> Self {
        let listed = history
            .entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Task(task) => Some((task.id.as_str(), entry.seq)),
                _ => None,
            });
        Self {
            quiet,
            lives: BTreeMap::new(),
            running: BTreeMap::new(),
            listed: listed.collect(),
        }
    }

    fn note(&mut self, mark: Mark, event: &'a Event) {
        match event {
            Event::Task(task) => self.note_task(mark, task),
            Event::TaskGone { id } => self.note_gone(mark, id),
            Event::Containers(look) => self.note_containers(mark, look),
            _ => {}
        }
    }

    /// Takes in a task. A manager that lags behind may tell an older version: it is left out.
    fn note_task(&mut self, mark: Mark, task: &'a TaskSeen) {
        let quiet = self.quiet;
        let life = self
            .lives
            .entry(&task.id)
            .or_insert_with(|| Life::new(&task.service, task.slot, mark));
        if task.index < life.index {
            return;
        }
        life.index = task.index;
        // A task never moves, and a node that was removed has no name any more.
        life.node = life.node.or(task.node.as_deref());
        if task.state == "running" {
            life.running = life.running.or(Some(mark));
        }
        let is_quiet = |seq| quiet.at(seq, life.service, life.node);
        let quiet_now = is_quiet(mark.seq);
        // One that never ran is a sign as well, if it was made while nothing was broken.
        let stillborn =
            matches!(task.state.as_str(), "failed" | "rejected") && is_quiet(life.born.seq);
        // Ended by order: the order decides, for the agent may carry it out much later.
        let ordered = matches!(task.desired.as_str(), "shutdown" | "remove");
        if ordered && life.ends.is_empty() && !quiet_now {
            life.excused = true;
        }
        let Some((_, what)) = ENDED.iter().find(|(state, _)| *state == task.state) else {
            return;
        };
        if life.running.is_some() || stillborn {
            let message = &task.message;
            life.end(
                quiet_now,
                End {
                    mark,
                    what,
                    message,
                },
            );
        }
    }

    /// Takes in that a task is no longer listed, unless it is again later.
    fn note_gone(&mut self, mark: Mark, id: &str) {
        let again = self.listed.get(id).is_some_and(|last| *last > mark.seq);
        if let Some(life) = self.lives.get_mut(id)
            && life.running.is_some()
            && life.ends.is_empty()
            && !again
        {
            let (what, message) = ("was no longer listed", "");
            let quiet = self.quiet.at(mark.seq, life.service, life.node);
            life.end(
                quiet,
                End {
                    mark,
                    what,
                    message,
                },
            );
        }
    }

    /// Takes in what one node's engine lists. An engine that does not answer says nothing.
    fn note_containers(&mut self, mark: Mark, look: &'a ContainersSeen) {
        let Ok(seen) = &look.seen else { return };
        let (quiet, node) = (self.quiet, look.node.as_str());
        let is_running = |one: &&'a ContainerSeen| one.running;
        let now: BTreeMap<&str, (&str, Mark)> = seen
            .iter()
            .filter(is_running)
            .map(|one| (one.id.as_str(), (one.task.as_str(), mark)))
            .collect();
        for one in seen.iter().filter(is_running) {
            let fresh = || Life::new(&one.service, one.slot, mark);
            let life = self.lives.entry(&one.task).or_insert_with(fresh);
            life.node = life.node.or(Some(node));
            life.running = life.running.or(Some(mark));
        }
        let before = self.running.insert(node, now).unwrap_or_default();
        let now = self.running.get(node);
        for (id, (task, last)) in before {
            if now.is_some_and(|now| now.contains_key(id)) {
                continue;
            }
            // A node that we broke since then may have lost it then, whenever that shows.
            let ours = quiet.struck(node, last.seq, mark.seq);
            if let Some(life) = self.lives.get_mut(task) {
                let (what, message) = ("lost its container", "");
                life.end(
                    quiet.at(mark.seq, life.service, Some(node)) && !ours,
                    End {
                        mark,
                        what,
                        message,
                    },
                );
            }
        }
    }
}
