//! A node whose clock is ahead of ours: nobody can have told us of a task's state before it was so.
//!
//! One that we set ourselves is no news. A clock that is behind cannot be told from an agent that
//! tells late.

use jiff::SignedDuration;

use crate::journal::timeline::Timeline;
use crate::journal::{Event, History};
use crate::verdict::wording::counted;

/// How far ahead a node's clock may be. Machines are set by ours, and drift by less.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// The first entry that shows a clock that is ahead, and what it says.
pub(super) fn ahead(history: &History, timeline: &Timeline) -> Option<(u64, String)> {
    history.entries.iter().find_map(|entry| {
        let Event::Task(task) = &entry.event else {
            return None;
        };
        let (node, told) = (task.node.as_ref()?, task.timestamp?);
        let ours = |node| timeline.against(node).any(|window| window.verb == "skew");
        if ours(node) {
            return None;
        }
        let ahead = told.duration_since(entry.wall);
        let seconds = u64::try_from(ahead.as_secs()).ok()?;
        let said = || {
            format!(
                "the clock of {node} is {} ahead",
                counted(seconds, "second")
            )
        };
        (ahead > AHEAD).then(|| (entry.seq, said()))
    })
}
