//! `recovers`: the steady state holds again within a time of each fault, without our cure.

use std::time::Duration;

use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{History, Steady};
use crate::verdict::wording::seconds;
use crate::verdict::{Finding, Verdict};

/// Looks are written at least every 5 s while somebody waits; twice that without one is a gap in
/// which anything may have happened.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// How much sooner than the deadline a heal may start, because its clock starts elsewhere.
const EARLY_HEAL: Duration = Duration::from_secs(2);

/// What one fault came to.
struct Recovery {
    verdict: Verdict,
    said: String,
    took: Duration,
    evidence: Vec<u64>,
}

/// Judges every fault; the worst is told first.
pub(super) fn check(history: &History, timeline: &Timeline, within: Duration) -> Finding {
    let mut all: Vec<Recovery> = timeline
        .faults
        .iter()
        .map(|window| recovery(history, window, within))
        .collect();
    let evidence: Vec<u64> = all
        .iter()
        .flat_map(|one| one.evidence.iter().copied())
        .collect();
    let verdict = all
        .iter()
        .map(|one| one.verdict)
        .max()
        .unwrap_or(Verdict::Pass);
    all.sort_by_key(|one| std::cmp::Reverse((one.verdict, one.took)));
    let summary = match all.first() {
        None => "no fault was planned".to_owned(),
        Some(worst) if all.len() == 1 => worst.said.clone(),
        Some(worst) if verdict == Verdict::Pass => {
            format!("{}, the slowest of {} faults", worst.said, all.len())
        }
        Some(worst) => worst.said.clone(),
    };
    Finding::new("recovers", verdict, summary, evidence)
}

/// Judges one fault.
fn recovery(history: &History, window: &Window, within: Duration) -> Recovery {
    let what = format!("{} {}", window.verb, window.targets.join(", "));
    let what = what.trim_end();
    let unknown = |said: String, evidence| Recovery {
        verdict: Verdict::Unknown,
        said,
        took: Duration::ZERO,
        evidence,
    };
    let (Some(struck), Some(confirmed)) = (window.struck(), window.confirmed) else {
        let said = format!("{what}: the fault was never confirmed, so nothing had to recover");
        return unknown(said, window.evidence());
    };
    let healing = window.healing.map_or(u64::MAX, |mark| mark.seq);
    let looks = history.looks(confirmed.seq, healing);
    let deadline = struck.at.saturating_add(within);
    let mut evidence = vec![struck.seq, confirmed.seq];
    if let Some(found) = looks.iter().position(|(_, look)| look.holds) {
        let (mark, before) = (looks[found].0, &looks[..found]);
        evidence.push(mark.seq);
        let took = mark.at.saturating_sub(struck.at);
        let said = format!("{what}: {} of {}", seconds(took), seconds(within));
        if took <= within {
            return Recovery {
                verdict: Verdict::Pass,
                said,
                took,
                evidence,
            };
        }
        // Late. It counts against the swarm only if somebody looked while there was time left.
        let proof = before
            .iter()
            .find(|(at, look)| at.at >= deadline && covers(*at, look, deadline));
        let proof = proof.or(before
            .last()
            .filter(|(at, look)| covers(*at, look, deadline)));
        return match proof {
            Some((at, _)) => {
                evidence.insert(2, at.seq);
                Recovery {
                    verdict: Verdict::Fail,
                    said,
                    took,
                    evidence,
                }
            }
            None => unknown(
                format!("{said}, but nobody could see it at the deadline"),
                evidence,
            ),
        };
    }
    let Some((last, look)) = looks.last().copied() else {
        return unknown(
            format!("{what}: nobody asked whether it recovered"),
            evidence,
        );
    };
    evidence.push(last.seq);
    let seen = look.probes.join("; ");
    let end = window.healing.map_or(history_end(history), |mark| mark.at);
    if end.saturating_add(EARLY_HEAL) < deadline {
        let left = seconds(deadline.saturating_sub(end));
        let cause = if window.healing.is_some() {
            "our cure"
        } else {
            "the record's end"
        };
        return unknown(
            format!("{what}: not before {cause}, {left} short of the deadline"),
            evidence,
        );
    }
    if !covers(last, look, deadline) {
        let said = format!("{what}: the last look before the deadline could not tell ({seen})");
        return unknown(said, evidence);
    }
    let said = format!("{what}: not within {}; last seen: {seen}", seconds(within));
    Recovery {
        verdict: Verdict::Fail,
        said,
        took: within,
        evidence,
    }
}

/// True when this look says for certain that the steady state did not hold near the deadline.
fn covers(last: Mark, look: &Steady, deadline: Duration) -> bool {
    !look.holds && !look.cannot_tell && last.at.saturating_add(LONGEST_LOOK) >= deadline
}

/// The last entry's time.
fn history_end(history: &History) -> Duration {
    history
        .entries
        .last()
        .map_or(Duration::ZERO, crate::journal::Entry::at)
}
