//! What the managers list, moment by moment: their own record of a service's live tasks.

use std::collections::BTreeMap;

use crate::journal::timeline::Mark;
use crate::journal::{Event, History, NodeSeen, TaskSeen};

/// A slot; global services have one a node.
pub(super) type Slot = (u64, Option<String>);

/// A task as it was last seen, and the entry that says so.
pub(super) type Seen<'a> = (&'a TaskSeen, u64);

/// The newest of every task and node.
#[derive(Default)]
struct Listing<'a> {
    tasks: BTreeMap<&'a str, Seen<'a>>,
    nodes: BTreeMap<&'a str, &'a NodeSeen>,
}

impl<'a> Listing<'a> {
    /// Takes in an entry. A manager that lags behind may tell an older version: it is left out.
    fn note(&mut self, seq: u64, event: &'a Event, service: &str) {
        match event {
            Event::Task(task) if task.service == service => {
                let newest = self.tasks.get(task.id.as_str());
                if newest.is_none_or(|(old, _)| old.index <= task.index) {
                    self.tasks.insert(&task.id, (task, seq));
                }
            }
            Event::TaskGone { id } => {
                self.tasks.remove(id.as_str());
            }
            Event::Node(node) => {
                let newest = self.nodes.entry(&node.name).or_insert(node);
                if newest.index <= node.index {
                    *newest = node;
                }
            }
            _ => {}
        }
    }

    /// The live tasks by slot: running, desired running, on a node that is ready.
    fn live(&self) -> BTreeMap<Slot, Vec<Seen<'a>>> {
        let mut live: BTreeMap<Slot, Vec<Seen>> = BTreeMap::new();
        for (task, seq) in self.tasks.values() {
            let Some(node) = &task.node else { continue };
            let ready = self
                .nodes
                .get(node.as_str())
                .is_some_and(|seen| seen.state == "ready");
            if ready && task.state == "running" && task.desired == "running" {
                let slot = (task.slot, (task.slot == 0).then(|| node.clone()));
                live.entry(slot).or_default().push((task, *seq));
            }
        }
        live
    }
}

/// Two live tasks of one slot in one moment of the managers' own record.
///
/// What one round of questions found is written entry by entry; only the state at the end of a
/// round is a moment, so it is looked at with each round and at the end.
pub(super) fn two_listed<'a>(history: &'a History, service: &str) -> Option<(Vec<Seen<'a>>, Mark)> {
    let mut listing = Listing::default();
    let last = history.entries.len().saturating_sub(1);
    for (index, entry) in history.entries.iter().enumerate() {
        listing.note(entry.seq, &entry.event, service);
        let moment = index == last || matches!(entry.event, Event::Poll(_));
        if moment && let Some(two) = listing.live().into_values().find(|tasks| tasks.len() > 1) {
            return Some((two, entry.into()));
        }
    }
    None
}
