//! What became of each fault and action, and what followed it.

use super::cited::{Cited, Cites};
use super::measured::Fact;
use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{Event, History};
use crate::report::legible::line;
use crate::report::{aftermath, breakdown};
use crate::verdict::wording::{count, seconds};

/// How many steps after one fault are told.
const STEPS_MAX: usize = 100;

/// One fault.
pub(super) struct FaultPart {
    pub(super) number: usize,
    pub(super) named: String,
    pub(super) facts: Vec<Fact>,
    pub(super) steps: Vec<Fact>,
    pub(super) more_steps: Option<String>,
    pub(super) parts: Vec<RecoveryPart>,
}

/// One part of a recovery.
pub(super) struct RecoveryPart {
    pub(super) part: &'static str,
    pub(super) took: String,
    pub(super) of: String,
    /// What Swarm's constants explain of it.
    pub(super) swarm: String,
    pub(super) cites: Cites,
}

/// One action.
pub(super) struct ActionPart {
    pub(super) number: usize,
    pub(super) named: String,
    pub(super) began: String,
    pub(super) came_to: String,
    pub(super) words: String,
    pub(super) cites: Cites,
}

/// Every fault of the plan.
pub(super) fn faults(history: &History, timeline: &Timeline, cited: &mut Cited) -> Vec<FaultPart> {
    let windows = timeline.faults.iter().enumerate();
    let parts = windows.map(|(index, window)| {
        let steps = aftermath::of(history, window);
        let beyond = steps.len().saturating_sub(STEPS_MAX) as u64;
        let told = steps.iter().take(STEPS_MAX).map(|step| {
            let after = format!("+{}", seconds(step.after));
            Fact::new(&step.said, after, cited.one(step.entry))
        });
        let steps = told.collect();
        FaultPart {
            number: index + 1,
            named: line(&window.named()),
            facts: moments(history, window, cited),
            steps,
            more_steps: (beyond > 0).then(|| count(beyond)),
            parts: parts(history, window, cited),
        }
    });
    parts.collect()
}

/// When it was chosen, struck, was seen, was healed, and what was said then.
fn moments(history: &History, window: &Window, cited: &mut Cited) -> Vec<Fact> {
    let moments = [
        ("chosen", window.intent),
        ("injection began", window.injecting),
        ("injection's commands came back", window.injected),
        ("seen to bite", window.confirmed),
        ("not seen to bite", window.not_confirmed),
        ("steady state seen again", window.recovered),
        ("heal began", window.healing),
        ("seen to be gone", window.healed),
        ("not healed", window.heal_failed),
    ];
    let reached = moments
        .into_iter()
        .filter_map(|(what, mark)| Some((what, mark?)));
    let facts = reached.map(|(what, mark)| {
        let value = format!("[{}]{}", seconds(mark.at), said(history, mark));
        Fact::new(what, value, cited.one(mark.seq))
    });
    facts.collect()
}

/// What an entry about a fault says.
fn said(history: &History, mark: Mark) -> String {
    let index = usize::try_from(mark.seq).ok();
    let entry = index.and_then(|index| history.entries.get(index));
    match entry.map(|entry| &entry.event) {
        Some(Event::Intent(intent)) => format!(" {}", intent.chosen),
        Some(Event::Confirmed { evidence, .. } | Event::Healed { evidence, .. }) => {
            format!(" {evidence}")
        }
        Some(Event::NotConfirmed { last, .. }) => format!(" {last}"),
        Some(Event::HealFailed { error, .. }) => format!(" {error}"),
        _ => String::new(),
    }
}

fn parts(history: &History, window: &Window, cited: &mut Cited) -> Vec<RecoveryPart> {
    let time = |of: f64| seconds(std::time::Duration::from_secs_f64(of));
    let parts = breakdown::of(history, window).into_iter();
    let parts = parts.map(|part| RecoveryPart {
        part: part.part,
        took: time(part.took),
        of: line(&part.of),
        swarm: match (part.floor, part.ceiling) {
            (Some(least), Some(most)) => format!("{} to {}", time(least), time(most)),
            (Some(least), None) => format!("{} or more", time(least)),
            _ => String::new(),
        },
        cites: cited.one(part.entry),
    });
    parts.collect()
}

/// Every action of the plan.
pub(super) fn actions(timeline: &Timeline, cited: &mut Cited) -> Vec<ActionPart> {
    let deeds = timeline.actions.iter().enumerate();
    let parts = deeds.map(|(index, deed)| {
        let refused = if deed.refused.is_some() {
            "refused, "
        } else {
            ""
        };
        let came_to = match (deed.acting, deed.confirmed) {
            (Some(acting), Some(seen)) => {
                let took = seconds(seen.at.saturating_sub(acting.at));
                format!("{refused}seen in {took}")
            }
            (None, _) => "never began".to_owned(),
            _ => format!("{refused}not seen"),
        };
        ActionPart {
            number: index + 1,
            named: line(&deed.named()),
            began: deed.acting.map_or(String::new(), |mark| seconds(mark.at)),
            came_to,
            words: line(&deed.words),
            cites: cited.some(&deed.evidence(), 8),
        }
    });
    parts.collect()
}
