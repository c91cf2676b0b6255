//! Requests that were due and that the harness did not send. Whether the node would have answered
//! nobody knows; so its share is somewhere between what it is with all of them and with none.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Bounds, Excuse, OnNode, part, percent, share};
use crate::journal::{Answer, Entry, Event, History};
use crate::verdict::wording::{count, counted};

/// When requests of a workload were due that were not sent, by node.
pub(super) fn of<'a>(history: &'a History, wanted: &str) -> BTreeMap<&'a str, Vec<Duration>> {
    let mut unsent: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for entry in &history.entries {
        if let Event::Got {
            workload,
            via,
            answer: Answer::Unsent(_),
            ..
        } = &entry.event
            && workload == wanted
        {
            unsent.entry(via).or_default().push(Entry::at(entry));
        }
    }
    unsent
}

/// How many of them the node would have owed an answer.
pub(super) fn owed(due: Option<&Vec<Duration>>, excuses: &[Excuse]) -> usize {
    let excused = |at: Duration| excuses.iter().any(|one| one.covers(at, at));
    let due = due.into_iter().flatten();
    due.filter(|at| !excused(**at)).count()
}

/// The share of a node, had it answered all that were not sent.
pub(super) fn best(one: &OnNode) -> f64 {
    part(one.right + one.unsent, one)
}

/// Why nobody can say whether a node kept its share, if so.
pub(super) fn doubt(nodes: &[OnNode], bounds: Bounds) -> Option<String> {
    let open = nodes
        .iter()
        .find(|one| one.unsent > 0 && share(one) < bounds.share)?;
    Some(format!(
        "{} was not sent {} that were due, for too many were under way: {} of {} were answered, {} \
         must be",
        open.node,
        counted(open.unsent as u64, "request"),
        count(open.right as u64),
        count((open.judged + open.unsent) as u64),
        percent(bounds.share)
    ))
}
