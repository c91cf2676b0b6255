//! When a node owes no answer: while it is broken or not in the swarm, and until it has answered
//! right again.

use std::time::Duration;

use super::Request;
use crate::journal::Answer;
use crate::journal::timeline::Timeline;

/// When a node is excused, and how long it then took to answer right again.
pub(super) struct Excuse {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) silence: Option<Silence>,
}

impl Excuse {
    /// True if a request that was under way from `began` to `ended` was owed no answer.
    pub(super) fn covers(&self, began: Duration, ended: Duration) -> bool {
        ended > self.from && began < self.to
    }
}

/// From a heal, or from when a node was in the swarm again, until the first right answer after it.
/// An engine that begins anew, joins, or hears of the others again has its networks made first;
/// so a node may be silent for as long as the steady state may take to be back.
pub(super) struct Silence {
    pub(super) from: Duration,
    /// The first right answer, or our next blow; none if there was neither any more.
    pub(super) to: Option<Duration>,
    /// True if it was the blow.
    pub(super) cut_short: bool,
    /// The heal's entry.
    pub(super) seq: u64,
}

/// The times in which a node owes no answer.
pub(super) fn excuses(
    timeline: &Timeline,
    node: &str,
    list: &[Request],
    last: Duration,
) -> Vec<Excuse> {
    let faults = timeline.against(node);
    let faults = faults.filter_map(|window| Some((window.injecting?, window.healed)));
    let excuses = faults.chain(timeline.absences(node)).map(|(from, over)| {
        let from = from.at;
        let Some(healed) = over else {
            return Excuse {
                from,
                to: Duration::MAX,
                silence: None,
            };
        };
        let right = |r: &&Request| r.began >= healed.at && *r.answer == Answer::Right;
        let silence = |to| Silence {
            from: healed.at,
            to,
            cut_short: false,
            seq: healed.seq,
        };
        let (to, silence) = match list.iter().filter(right).map(|r| r.ended).min() {
            Some(first) => (first, Some(silence(Some(first)))),
            None if list.iter().any(|r| r.began >= healed.at) => (last, Some(silence(None))),
            // Nobody asked it again: a gap like any other.
            None => (healed.at, None),
        };
        Excuse { from, to, silence }
    });
    let mut excuses: Vec<Excuse> = excuses.collect();
    excuses.sort_by_key(|excuse| excuse.from);
    // A node that we broke again before it answered was silent until then.
    let blows: Vec<Duration> = excuses.iter().map(|excuse| excuse.from).collect();
    for silence in excuses.iter_mut().filter_map(|one| one.silence.as_mut()) {
        let next = blows.iter().find(|blow| **blow >= silence.from);
        if let Some(blow) = next.filter(|blow| silence.to.is_none_or(|to| to > **blow)) {
            silence.to = Some(*blow);
            silence.cut_short = true;
        }
    }
    excuses
}
