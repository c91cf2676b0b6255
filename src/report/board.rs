//! What a run is doing right now, in a few lines: a fold of its journal's entries alone.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::legible::line;
use super::live::phase_line;
use crate::journal::{Answer, Entry, Event, Outcome, Phase};
use crate::plan::Plan;
use crate::verdict::wording::seconds;

/// How far back rates are counted: long enough for a rate of some a minute, short enough to follow.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// The fewest columns that a line is worth having.
const NARROWEST: usize = 20;

/// A run under way, as far as its entries tell.
#[derive(Debug)]
pub struct Board {
    name: String,
    at: Duration,
    phase: Option<Phase>,
    steady: Option<(Duration, &'static str)>,
    /// By index: what is broken, what became of it, since when.
    faults: BTreeMap<usize, (String, &'static str, Duration)>,
    /// In the plan's order: a node and its state.
    nodes: Vec<(String, String)>,
    leader: Option<String>,
    /// By service, slot and identity: the state, and where.
    tasks: BTreeMap<(String, u64, String), String>,
    /// By workload: when, and whether it was answered as it should.
    clients: BTreeMap<String, VecDeque<(Duration, bool)>>,
    error: Option<(Duration, String)>,
}

impl Board {
    /// Before the first entry.
    pub fn of(plan: &Plan) -> Self {
        let nodes = plan.node_names();
        Self {
            name: plan.name.clone(),
            at: Duration::ZERO,
            phase: None,
            steady: None,
            faults: BTreeMap::new(),
            nodes: nodes
                .map(|name| (name.to_owned(), "…".to_owned()))
                .collect(),
            leader: None,
            tasks: BTreeMap::new(),
            clients: BTreeMap::new(),
            error: None,
        }
    }

    /// True while there is something to follow: between machines that are made and machines that
    /// are removed.
    pub fn is_live(&self) -> bool {
        let phase = self.phase;
        phase.is_some_and(|phase| {
            matches!(
                phase,
                Phase::SteadyBefore | Phase::Load | Phase::SteadyAfter | Phase::ReadBack
            )
        })
    }

    /// Takes in an entry.
    pub fn note(&mut self, entry: &Entry) {
        let at = entry.at();
        self.at = at;
        match &entry.event {
            Event::Phase(phase) => self.phase = Some(*phase),
            Event::Steady(look) => self.steady(at, look.holds, look.cannot_tell),
            Event::Intent(intent) => {
                let what = format!("{} {}", intent.verb, intent.targets.join(", "));
                self.faults.insert(intent.fault, (what, "chosen", at));
            }
            Event::Injecting { fault } => self.fault(*fault, "being injected", at),
            Event::Confirmed { fault, .. } => self.fault(*fault, "in force", at),
            Event::NotConfirmed { fault, last } => {
                self.fault(*fault, "not seen to bite", at);
                self.error(at, last);
            }
            Event::Healing { fault } => self.fault(*fault, "being healed", at),
            Event::Healed { fault, .. } => drop(self.faults.remove(fault)),
            Event::HealFailed { fault, error } => {
                self.fault(*fault, "not healed", at);
                self.error(at, error);
            }
            Event::Poll(poll) => self.leader = poll.leader().map(str::to_owned),
            Event::Node(node) => {
                let known = self.nodes.iter_mut().find(|(name, _)| *name == node.name);
                if let Some((_, state)) = known {
                    state.clone_from(&node.state);
                    if node.availability != "active" {
                        *state = format!("{state} ({})", node.availability);
                    }
                }
            }
            Event::Task(task) => {
                let key = (task.service.clone(), task.slot, task.id.clone());
                if task.desired == "running" {
                    let on = task.node.as_deref().unwrap_or("no node yet");
                    self.tasks.insert(key, format!("{} on {on}", task.state));
                } else {
                    self.tasks.remove(&key);
                }
            }
            Event::TaskGone { id } => self.tasks.retain(|(_, _, known), _| known != id),
            Event::Inserted {
                workload, outcome, ..
            } => {
                self.client(workload, at, *outcome == Outcome::Acknowledged);
                if let Outcome::Refused(why) | Outcome::Unknown(why) = outcome {
                    self.error(at, &format!("{workload}: {why}"));
                }
            }
            Event::Got {
                workload,
                via,
                answer,
                ..
            } => {
                if !matches!(answer, Answer::Unasked(_) | Answer::Unsent(_)) {
                    self.client(workload, at, *answer == Answer::Right);
                }
                if let Answer::Wrong(what)
                | Answer::Failed(what)
                | Answer::Unasked(what)
                | Answer::Unsent(what) = answer
                {
                    self.error(at, &format!("{workload} through {via}: {what}"));
                }
            }
            Event::Trouble { what } | Event::GaveWay { what } => self.error(at, what),
            _ => {}
        }
    }

    fn steady(&mut self, at: Duration, holds: bool, cannot_tell: bool) {
        let word = match (holds, cannot_tell) {
            (true, _) => "holds",
            (_, true) => "cannot be told",
            _ => "does not hold",
        };
        if self.steady.is_none_or(|(_, before)| before != word) {
            self.steady = Some((at, word));
        }
    }

    fn fault(&mut self, index: usize, state: &'static str, at: Duration) {
        if let Some(fault) = self.faults.get_mut(&index) {
            (fault.1, fault.2) = (state, at);
        }
    }

    fn client(&mut self, workload: &str, at: Duration, answered: bool) {
        let told = self.clients.entry(workload.to_owned()).or_default();
        told.push_back((at, answered));
        let old = at.saturating_sub(RATE_WINDOW);
        while told.front().is_some_and(|(at, _)| *at < old) {
            told.pop_front();
        }
    }

    fn error(&mut self, at: Duration, what: &str) {
        self.error = Some((at, what.to_owned()));
    }

    /// At most `height` lines of at most `width` columns, without line ends: the more important a
    /// line, the higher. None while nothing is live, or where there is no room.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        if !self.is_live() || width < NARROWEST {
            return Vec::new();
        }
        let all = [
            Some(self.now()),
            Some(self.broken()),
            Some(self.swarm()),
            self.told_tasks(),
            self.rates(),
            self.told_error(),
        ];
        let all = all.into_iter().flatten().take(height);
        all.map(|told| cut(&line(&told), width)).collect()
    }

    fn now(&self) -> String {
        let word = self.phase.map_or("", |phase| phase_line(phase).0);
        let steady = self.steady.map_or_else(String::new, |(since, word)| {
            format!("; steady state {word} since [{}]", seconds(since))
        });
        labelled(
            &seconds(self.at),
            &format!("{}: {}{steady}", self.name, word.to_lowercase()),
        )
    }

    fn broken(&self) -> String {
        let faults = self.faults.values();
        let told = faults
            .map(|(what, state, since)| format!("{what} {state} since [{}]", seconds(*since)));
        let told: Vec<String> = told.collect();
        match told.as_slice() {
            [] => labelled("faults", "none in force"),
            some => labelled("faults", &some.join("; ")),
        }
    }

    fn swarm(&self) -> String {
        let nodes = self.nodes.iter().map(|(name, state)| {
            let leads = self.leader.as_ref() == Some(name);
            format!("{name} {state}{}", if leads { ", leads" } else { "" })
        });
        let nodes: Vec<String> = nodes.collect();
        let leader = self.leader.as_ref().map_or("; nobody leads", |_| "");
        labelled("nodes", &format!("{}{leader}", nodes.join("; ")))
    }

    fn told_tasks(&self) -> Option<String> {
        let tasks = self
            .tasks
            .iter()
            .map(|((service, slot, _), state)| match slot {
                0 => format!("{service} {state}"),
                slot => format!("{service}.{slot} {state}"),
            });
        let tasks: Vec<String> = tasks.collect();
        (!tasks.is_empty()).then(|| labelled("tasks", &tasks.join("; ")))
    }

    fn rates(&self) -> Option<String> {
        let old = self.at.saturating_sub(RATE_WINDOW);
        let over = RATE_WINDOW.min(self.at).as_secs_f64().max(1.0);
        let told = self.clients.iter().map(|(name, told)| {
            let recent = || told.iter().filter(|(at, _)| *at >= old);
            let good = recent().filter(|(_, answered)| *answered).count() as f64 / over;
            let bad = recent().filter(|(_, answered)| !answered).count() as f64 / over;
            format!("{name} {good:.1}/s answered, {bad:.1}/s not")
        });
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| labelled("rates", &told.join("; ")))
    }

    fn told_error(&self) -> Option<String> {
        let (at, what) = self.error.as_ref()?;
        Some(labelled("error", &format!("[{}] {what}", seconds(*at))))
    }
}

/// A label as wide as those of the lines above.
fn labelled(label: &str, said: &str) -> String {
    format!("{label:>12} {said}")
}

/// The text, or its beginning where it is too wide.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width - 1).collect();
    format!("{kept}…")
}
