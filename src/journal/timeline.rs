//! When each phase and each fault began, bit and ended: read once from the entries.

use std::time::Duration;

use super::{ActionEntry, Deed, Entry, Event, History, Intent, Phase, Rule, Steady};

/// An entry's place in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its sequence number.
    pub seq: u64,
    /// Its time since the run began.
    pub at: Duration,
}

impl From<&Entry> for Mark {
    fn from(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at(),
        }
    }
}

/// What became of one fault of the plan; a mark is missing when its entry is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The fault's verb, as the plan says.
    pub verb: String,
    /// The nodes that were chosen; empty before the intent.
    pub targets: Vec<String>,
    /// The frames that are meant, where not all of them are.
    pub rule: Option<Rule>,
    /// The targets were chosen.
    pub intent: Option<Mark>,
    /// The injection was started.
    pub injecting: Option<Mark>,
    /// The injection's commands came back.
    pub injected: Option<Mark>,
    /// It was seen to bite.
    pub confirmed: Option<Mark>,
    /// It was not seen to bite.
    pub not_confirmed: Option<Mark>,
    /// The run saw the steady state again while it lasted.
    pub recovered: Option<Mark>,
    /// The heal was started.
    pub healing: Option<Mark>,
    /// It was seen to be gone.
    pub healed: Option<Mark>,
    /// It could not be healed.
    pub heal_failed: Option<Mark>,
}

impl Window {
    /// What was done, and to whom: `stop server-3`.
    pub fn named(&self) -> String {
        let rule = self.rule.as_ref().map(ToString::to_string);
        let rule = rule.unwrap_or_default();
        format!("{} {}{rule}", self.verb, self.targets.join(", "))
            .trim_end()
            .to_owned()
    }

    /// The moment that the fault is counted from: its injection was started. A clean shutdown takes
    /// a service away long before its commands come back, so a later moment would flatter.
    pub fn struck(&self) -> Option<Mark> {
        self.injecting.or(self.injected).or(self.confirmed)
    }

    /// True while our hand may be on its targets: from the injection's start until it was seen to
    /// be gone. A fault that was started and never seen gone lasts for ever.
    pub fn in_force(&self, at: Duration) -> bool {
        self.injecting.is_some_and(|start| start.at <= at)
            && self.healed.is_none_or(|healed| at < healed.at)
    }

    /// True while we are sure that its targets have no power.
    pub fn powerless(&self, at: Duration) -> bool {
        self.power_cut()
            .is_some_and(|(from, to)| from <= at && to.is_none_or(|to| at < to))
    }

    /// From when, and until when, its targets have no power for certain. A power cut counts from
    /// the return of its commands, if the fault was confirmed; and ends when the heal starts.
    pub fn power_cut(&self) -> Option<(Duration, Option<Duration>)> {
        let confirmed = self.confirmed?;
        let cuts = self.verb == "stop" || self.verb == "kill";
        let from = self.injected.map_or(confirmed.at, |injected| injected.at);
        cuts.then(|| (from, self.healing.map(|healing| healing.at)))
    }

    /// From when, and until when, its targets did nothing for certain: without power, or paused.
    pub fn standstill(&self) -> Option<(Duration, Option<Duration>)> {
        self.power_cut().or_else(|| self.pause())
    }

    /// From when, and until when, its targets were frozen with their power on.
    pub fn pause(&self) -> Option<(Duration, Option<Duration>)> {
        let confirmed = self.confirmed.filter(|_| self.verb == "pause")?;
        let from = self.injected.map_or(confirmed.at, |injected| injected.at);
        Some((from, self.healing.map(|healing| healing.at)))
    }

    /// True while we are sure that its targets stand still with their power on.
    pub fn still(&self, at: Duration) -> bool {
        self.pause()
            .is_some_and(|(from, to)| from <= at && to.is_none_or(|to| at < to))
    }

    /// True while no frame passes to or from its targets, as far as we decide.
    pub fn cut_off(&self, at: Duration) -> bool {
        self.verb == "isolate" && self.rule.is_none() && self.in_force(at)
    }

    /// Numbers of the entries that tell its story, in order.
    pub fn evidence(&self) -> Vec<u64> {
        let marks = [
            self.injected,
            self.confirmed,
            self.not_confirmed,
            self.healing,
            self.healed,
            self.heal_failed,
        ];
        let mut seqs: Vec<u64> = marks.into_iter().flatten().map(|mark| mark.seq).collect();
        seqs.sort_unstable();
        seqs
    }
}

/// The run's phases and faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// One window a fault, in the plan's order.
    pub faults: Vec<Window>,
    /// One deed an action, in the plan's order.
    pub actions: Vec<Deed>,
    /// Every phase that was entered, in order.
    pub phases: Vec<(Phase, Mark)>,
    /// The last entry's time.
    pub end: Duration,
}

impl Timeline {
    /// Reads it from a history. Entries about faults that the plan does not have are left out;
    /// [`History::from_text`] refuses them.
    pub fn of(history: &History) -> Self {
        let verb = |fault: &crate::plan::Fault| fault.action.verb().to_owned();
        let mut faults: Vec<Window> = history
            .plan
            .faults
            .iter()
            .map(|fault| Window {
                verb: verb(fault),
                ..Window::default()
            })
            .collect();
        let planned = &history.plan.actions;
        let mut actions: Vec<Deed> = planned.iter().map(|one| Deed::of(&one.change)).collect();
        let mut phases = Vec::new();
        for entry in &history.entries {
            if let Event::Phase(phase) = entry.event {
                phases.push((phase, entry.into()));
            } else if let Event::Action(ActionEntry { action, step }) = &entry.event {
                if let (Some(deed), Some(plan)) = (actions.get_mut(*action), planned.get(*action)) {
                    deed.note(entry, &plan.change, step);
                }
            } else if let Some(fault) = fault_of(&entry.event)
                && let Some(window) = faults.get_mut(fault)
            {
                window.note(entry);
            }
        }
        let end = history.entries.last().map_or(Duration::ZERO, Entry::at);
        Self {
            faults,
            actions,
            phases,
            end,
        }
    }

    /// When a phase was first entered.
    pub fn phase(&self, wanted: Phase) -> Option<Mark> {
        let found = self.phases.iter().find(|(phase, _)| *phase == wanted);
        found.map(|(_, mark)| *mark)
    }

    /// The faults aimed at a node.
    pub fn against<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Window> {
        self.faults
            .iter()
            .filter(move |window| window.targets.iter().any(|one| one == node))
    }

    /// The first of our cures after a fault was seen to bite: its own heal, or that of another
    /// fault. What recovers later may owe it to that.
    pub fn cure(&self, of: &Window) -> Option<(&Window, Mark)> {
        let bit = of.confirmed?;
        let healings = self.faults.iter();
        let healings = healings.filter_map(|one| Some((one, one.healing?)));
        healings
            .filter(|(_, healing)| healing.seq > bit.seq)
            .min_by_key(|(_, healing)| healing.seq)
    }

    /// True while our hand may be on a node.
    pub fn broken(&self, node: &str, at: Duration) -> bool {
        self.against(node).any(|window| window.in_force(at))
    }

    /// When a node was out of the swarm because an action had it leave, or an upgrade turned it
    /// off: from before it was told to, until it was seen to be back.
    pub fn absences(&self, node: &str) -> Vec<(Mark, Option<Mark>)> {
        let about = |deed: &&Deed| deed.targets.iter().any(|one| one == node);
        let mut absences: Vec<(Mark, Option<Mark>)> = Vec::new();
        for deed in self.actions.iter().filter(about) {
            let turns = deed.turns.iter().filter(|turn| turn.node == node);
            absences.extend(turns.filter_map(|turn| Some((turn.exchanging?, turn.back))));
            match (deed.verb.as_str(), deed.acting, deed.confirmed) {
                ("leave", Some(acting), _) => absences.push((acting, None)),
                ("join", _, Some(confirmed)) if !deed.must_be_refused => {
                    if let Some((_, back)) = absences.last_mut() {
                        *back = back.or(Some(confirmed));
                    }
                }
                _ => {}
            }
        }
        absences
    }

    /// True for a node that left the swarm and was not seen to be back.
    pub fn left_for_good(&self, node: &str) -> bool {
        let absences = self.absences(node);
        absences.last().is_some_and(|(_, back)| back.is_none())
    }

    /// The first moment that an action began, and the last that one was seen.
    pub fn changed_span(&self) -> (Option<Mark>, Option<Mark>) {
        let first = self.actions.iter().filter_map(|deed| deed.acting);
        let last = self.actions.iter().filter_map(|deed| deed.confirmed);
        (
            first.min_by_key(|mark| mark.seq),
            last.max_by_key(|mark| mark.seq),
        )
    }

    /// The first moment that a fault was started, and the last that one was seen to be gone; the
    /// latter is missing while some fault is still in force.
    pub fn broken_span(&self) -> (Option<Mark>, Option<Mark>) {
        let first = self
            .faults
            .iter()
            .filter_map(|w| w.injecting)
            .min_by_key(|mark| mark.seq);
        let started = self
            .faults
            .iter()
            .filter(|window| window.injecting.is_some());
        let healed: Option<Vec<Mark>> = started.map(|window| window.healed).collect();
        let last = healed.and_then(|marks| marks.into_iter().max_by_key(|mark| mark.seq));
        (first, last)
    }
}

impl Window {
    /// Takes in one entry about this fault. The first of a kind counts, except that a heal may be
    /// tried again: its last outcome counts.
    fn note(&mut self, entry: &Entry) {
        let mark = Some(Mark::from(entry));
        match &entry.event {
            Event::Intent(Intent {
                verb,
                targets,
                rule,
                ..
            }) => {
                rule.clone_into(&mut self.rule);
                verb.clone_into(&mut self.verb);
                targets.clone_into(&mut self.targets);
                self.intent = self.intent.or(mark);
            }
            Event::Injecting { .. } => self.injecting = self.injecting.or(mark),
            Event::Injected { .. } => self.injected = self.injected.or(mark),
            Event::Confirmed { .. } => self.confirmed = self.confirmed.or(mark),
            Event::NotConfirmed { .. } => self.not_confirmed = self.not_confirmed.or(mark),
            Event::Recovered { .. } => self.recovered = self.recovered.or(mark),
            Event::Healing { .. } => self.healing = self.healing.or(mark),
            Event::Healed { .. } => (self.healed, self.heal_failed) = (mark, None),
            Event::HealFailed { .. } => (self.healed, self.heal_failed) = (None, mark),
            _ => {}
        }
    }
}

impl History {
    /// Looks at the steady state between two entries, neither included.
    pub fn looks(&self, after: u64, before: u64) -> Vec<(Mark, &Steady)> {
        let between = self
            .entries
            .iter()
            .filter(|entry| entry.seq > after && entry.seq < before);
        let looks = between.filter_map(|entry| match &entry.event {
            Event::Steady(look) => Some((Mark::from(entry), look)),
            _ => None,
        });
        looks.collect()
    }
}

/// The fault that an event is about.
pub(super) fn fault_of(event: &Event) -> Option<usize> {
    match event {
        Event::Intent(Intent { fault, .. })
        | Event::Injecting { fault }
        | Event::Injected { fault }
        | Event::Confirmed { fault, .. }
        | Event::NotConfirmed { fault, .. }
        | Event::Recovered { fault }
        | Event::Healing { fault }
        | Event::Healed { fault, .. }
        | Event::HealFailed { fault, .. } => Some(*fault),
        _ => None,
    }
}
