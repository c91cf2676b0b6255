//! What the drawing shows, in words and in order of time.

use super::cited::{Cited, Cites};
use crate::report::lanes::{Lane, Stretch};
use crate::report::legible::line;
use crate::verdict::wording::seconds;

/// How many changes are told.
const HAPPENINGS_MAX: usize = 400;

/// A change in a lane.
pub(super) struct Happening {
    pub(super) at: String,
    pub(super) lane: String,
    pub(super) told: String,
    /// How long it stayed so.
    pub(super) lasted: String,
    pub(super) cites: Cites,
}

/// The first changes in all lanes, in order of time, and how many more there were.
pub(super) fn of(lanes: &[Lane], cited: &mut Cited) -> (Vec<Happening>, usize) {
    let changes = lanes
        .iter()
        .flat_map(|lane| lane.stretches.iter().map(move |one| (lane, one)));
    let mut changes: Vec<(&Lane, &Stretch)> = changes.collect();
    changes.sort_by_key(|(_, change)| (change.from, change.entry));
    let beyond = changes.len().saturating_sub(HAPPENINGS_MAX);
    let first = changes.into_iter().take(HAPPENINGS_MAX);
    let told = first.map(|(lane, change)| Happening {
        at: seconds(change.from),
        lane: line(&lane.name),
        told: line(&change.told()),
        lasted: match change.to {
            Some(to) => seconds(to.saturating_sub(change.from)),
            None => "to the end".to_owned(),
        },
        cites: cited.one(change.entry),
    });
    (told.collect(), beyond)
}
