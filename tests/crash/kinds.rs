//! The kinds of entries that a journal can have, as finely as a killed run can differ by them.

use std::fmt;

use seatrial::journal::{ActionEntry, ActionStep, Event, Phase, Resource};

/// One list for the names and for the match, so that a new kind of entry does not compile before
/// it is here, and is not here before the matrix has a point for it.
macro_rules! kinds {
    ($($kind:literal = $event:pat,)*) => {
        /// Every kind.
        pub(crate) const KINDS: &[&str] = &[$($kind),*];

        /// The kind of an entry.
        pub(crate) fn kind(event: &Event) -> &'static str {
            match event {
                $($event => $kind,)*
            }
        }
    };
}

/// A step of an action.
macro_rules! step {
    ($step:pat) => {
        Event::Action(ActionEntry { step: $step, .. })
    };
}

kinds! {
    "header" = Event::Header(_),
    "plan" = Event::Plan(_),
    "inventory" = Event::Inventory(_),
    "phase bring_up" = Event::Phase(Phase::BringUp),
    "creating folder" = Event::Creating(Resource::Folder { .. }),
    // What is on an engine is killed and healed by `tests/dind`: `sim` has none.
    "creating machine" = Event::Creating(
        Resource::Machine { .. } | Resource::Labelled { .. } | Resource::Lent(_)
    ),
    "phase deploy" = Event::Phase(Phase::Deploy),
    "phase steady_before" = Event::Phase(Phase::SteadyBefore),
    "phase checkpoint" = Event::Phase(Phase::Checkpoint),
    "phase load" = Event::Phase(Phase::Load),
    "steady" = Event::Steady(_),
    "poll" = Event::Poll(_),
    "node" = Event::Node(_),
    "task" = Event::Task(_),
    "task_gone" = Event::TaskGone { .. },
    "containers" = Event::Containers(_),
    "insert" = Event::Insert { .. },
    "inserted" = Event::Inserted { .. },
    "got" = Event::Got { .. },
    "intent" = Event::Intent(_),
    "injecting" = Event::Injecting { .. },
    "injected" = Event::Injected { .. },
    "confirmed" = Event::Confirmed { .. },
    "not_confirmed" = Event::NotConfirmed { .. },
    "recovered" = Event::Recovered { .. },
    "healing" = Event::Healing { .. },
    "healed" = Event::Healed { .. },
    "heal_failed" = Event::HealFailed { .. },
    "action intent" = step!(ActionStep::Intent(_)),
    "action acting" = step!(ActionStep::Acting),
    "action turn" = step!(ActionStep::Turn(_)),
    "action acted" = step!(ActionStep::Acted),
    "action refused" = step!(ActionStep::Refused(_)),
    "action confirmed" = step!(ActionStep::Confirmed(_)),
    "action not_confirmed" = step!(ActionStep::NotConfirmed(_)),
    "phase steady_after" = Event::Phase(Phase::SteadyAfter),
    "phase read_back" = Event::Phase(Phase::ReadBack),
    "read_back" = Event::ReadBack { .. },
    "table_check" = Event::TableCheck(_),
    "trouble" = Event::Trouble { .. },
    "gave_way" = Event::GaveWay { .. },
    "excerpt" = Event::Excerpt { .. },
    "exhibit" = Event::Exhibit(_),
    "phase tear_down" = Event::Phase(Phase::TearDown),
    "residue" = Event::Residue(_),
    "seal" = Event::Seal(_),
    "end" = Event::End,
    "cleared" = Event::Cleared(_),
}

/// The entry at which a harness is killed: the n-th of its kind, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) kind: &'static str,
    pub(crate) nth: usize,
}

impl Point {
    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, nth) = text.rsplit_once(' ')?;
        let kind = KINDS.iter().find(|known| **known == kind)?;
        let nth = nth.parse().ok()?;
        Some(Self { kind, nth })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.nth)
    }
}
