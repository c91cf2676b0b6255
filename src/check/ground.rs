//! What the swarm stands on: where that gave way, a broken promise is no proof against the swarm.

use crate::journal::{Entry, Event, History};
use crate::verdict::{Finding, Verdict};

/// Takes every failure of a run whose ground gave way for unknown. When it did is not told apart:
/// it is noticed later than it is, and what it does lasts.
pub(super) fn settle(history: &History, findings: &mut [Finding]) {
    let gave_way = |entry: &&Entry| matches!(entry.event, Event::GaveWay { .. });
    let Some(first) = history.entries.iter().find(gave_way) else {
        return;
    };
    for finding in findings {
        if finding.verdict == Verdict::Fail {
            finding.verdict = Verdict::Unknown;
            finding.summary += "; that is no proof, for the ground gave way";
            finding.evidence.push(first.seq);
        }
    }
}
