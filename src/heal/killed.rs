//! Removes what a run left on this computer, by its journal alone, once its harness is gone.

use std::path::PathBuf;

use super::outstanding;
use crate::journal::{Cleared, Event, History, Lent, Resource};
use crate::leavings;
use crate::substrate::{dind, hosts};

/// The folders that a run announced before it made them.
pub fn announced(history: &History) -> Vec<PathBuf> {
    let folders = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Creating(Resource::Folder { path }) => Some(PathBuf::from(path)),
            _ => None,
        });
    folders.collect()
}

/// The engines on which a run announced a swarm, and its name there.
fn on_engines(history: &History) -> impl Iterator<Item = (&str, &str)> {
    let entries = history.entries.iter();
    entries.filter_map(|entry| match &entry.event {
        Event::Creating(Resource::Labelled { engine, swarm }) => {
            Some((engine.as_str(), swarm.as_str()))
        }
        _ => None,
    })
}

/// The swarms that somebody lent to a run.
fn lent(history: &History) -> impl Iterator<Item = &Lent> {
    let entries = history.entries.iter();
    entries.filter_map(|entry| match &entry.event {
        Event::Creating(Resource::Lent(lent)) => Some(&**lent),
        _ => None,
    })
}

/// Ends the machines of a run whose harness is gone, removes its folders, and says what became of
/// its faults. Does nothing that was done before.
pub async fn clear(history: &History) -> Cleared {
    let leavings::Outcome {
        mut done,
        mut failed,
    } = leavings::clear(&announced(history)).await;
    for (engine, swarm) in on_engines(history) {
        let removed = dind::clear(engine, swarm).await;
        done.extend(removed.done);
        failed.extend(removed.failed);
    }
    // A run that reached its end has given it back, and others may have changed it since.
    if !is_settled(history) {
        for lent in lent(history) {
            let given = hosts::give_back(lent).await;
            done.extend(given.done);
            failed.extend(given.failed);
        }
    }
    let before = history.cleared().any(|cleared| cleared.failed.is_empty());
    if failed.is_empty() && !before {
        // Faults are rules and machines of the harness, and end with it.
        done.extend(outstanding(history).iter().map(|intent| {
            let (number, targets) = (intent.fault + 1, intent.targets.join(", "));
            let verb = &intent.verb;
            format!("fault {number} ({verb} {targets}) is gone with its machines")
        }));
    }
    Cleared {
        done,
        failed,
        torn: None,
    }
}

/// True for a run of which it is written down that nothing is left to be done: it reached its end,
/// or another process saw to it.
pub fn is_settled(history: &History) -> bool {
    let last = history.cleared().last();
    last.map_or(history.ended(), |cleared| cleared.failed.is_empty())
}
