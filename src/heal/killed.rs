//! Removes what a run left on this computer, by its journal alone, once its harness is gone.

use std::path::{Path, PathBuf};

use super::outstanding;
use crate::journal::{Cleared, Event, History, Lent, Phase, Resource};
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
pub fn lent(history: &History) -> impl Iterator<Item = &Lent> {
    let entries = history.entries.iter();
    entries.filter_map(|entry| match &entry.event {
        Event::Creating(Resource::Lent(lent)) => Some(&**lent),
        _ => None,
    })
}

/// A swarm that was lent and is not given back: the inventory that a journal names has commands in
/// it, and a journal is a file that anybody may have written.
fn not_given(lent: &Lent) -> leavings::Outcome {
    let inventory = &lent.inventory;
    leavings::Outcome {
        done: Vec::new(),
        failed: vec![format!(
            "the swarm of `{inventory}` was lent and not given back; if that file is yours, add \
             `--inventory {inventory}`"
        )],
    }
}

/// Ends the machines of a run whose harness is gone, removes its folders, and says what became of
/// its faults. A swarm that was lent is given back by this inventory. Does nothing that was done
/// before.
pub async fn clear(history: &History, inventory: Option<&Path>) -> Cleared {
    let mut outcome = leavings::clear(&announced(history)).await;
    for (engine, swarm) in on_engines(history) {
        outcome.take_in(dind::clear(engine, swarm).await);
    }
    if !is_settled(history) {
        for lent in lent(history) {
            outcome.take_in(match inventory {
                Some(inventory) => hosts::give_back(lent, inventory).await,
                None => not_given(lent),
            });
        }
    }
    let leavings::Outcome { mut done, failed } = outcome;
    let before = history.cleared().any(|cleared| cleared.failed.is_empty());
    if failed.is_empty() && !before {
        // Faults are rules and machines of the harness, and end with it.
        done.extend(outstanding(history).iter().map(|intent| {
            let (number, targets) = (intent.fault + 1, intent.targets.join(", "));
            let verb = &intent.verb;
            match lent(history).next() {
                Some(_) => format!("fault {number} ({verb} {targets}) was undone by its hosts"),
                None => format!("fault {number} ({verb} {targets}) is gone with its machines"),
            }
        }));
    }
    Cleared {
        done,
        failed,
        torn: None,
    }
}

/// True for a run of which it is written down that nothing is left to be done: it reached its end,
/// or another process saw to it. A swarm that was lent has to be given back too: what could not be
/// is trouble of the tear-down.
pub fn is_settled(history: &History) -> bool {
    if let Some(last) = history.cleared().last() {
        return last.failed.is_empty();
    }
    let mut given = lent(history).next().is_none();
    for entry in history.own() {
        match &entry.event {
            Event::Phase(Phase::TearDown) => given = true,
            Event::Trouble { .. } => given &= lent(history).next().is_none(),
            _ => {}
        }
    }
    history.ended() && given
}
