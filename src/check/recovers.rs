//! `recovers`: the steady state holds again within a time of each fault, without our cure.

use std::time::Duration;

use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{Deed, History, Steady};
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

/// One fault, and what is asked of it.
struct Asked<'a> {
    what: String,
    window: &'a Window,
    struck: Mark,
    deadline: Duration,
    within: Duration,
    /// The first of our cures after it: its own heal, or that of another fault.
    cure: Option<&'a Window>,
    /// The end of what can be seen without our cure.
    end: Duration,
}

/// Judges every fault; the worst is told.
pub(super) fn check(history: &History, timeline: &Timeline, within: Duration) -> Finding {
    let all = timeline.faults.iter();
    let mut all: Vec<Recovery> = all
        .map(|window| recovery(history, timeline, window, within))
        .collect();
    let evidence: Vec<u64> = all
        .iter()
        .flat_map(|one| one.evidence.iter().copied())
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse((one.verdict, one.took)));
    let Some(worst) = all.first() else {
        let said = "no fault was planned";
        return Finding::new("recovers", Verdict::Pass, said, evidence);
    };
    let summary = match (worst.verdict, all.len()) {
        (Verdict::Pass, 2..) => format!("{}, the slowest of {} faults", worst.said, all.len()),
        _ => worst.said.clone(),
    };
    Finding::new("recovers", worst.verdict, summary, evidence)
}

/// Judges one fault.
fn recovery(history: &History, timeline: &Timeline, window: &Window, within: Duration) -> Recovery {
    let what = window.named();
    let (Some(struck), Some(confirmed)) = (window.struck(), window.confirmed) else {
        let said = format!("{what}: the fault was never confirmed, so nothing had to recover");
        return unknown(said, window.evidence());
    };
    let cure = timeline.cure(window);
    let healing = cure.map_or(u64::MAX, |(_, mark)| mark.seq);
    let looks = history.looks(confirmed.seq, healing);
    let asked = Asked {
        what,
        window,
        struck,
        deadline: struck.at.saturating_add(within),
        within,
        cure: cure.map(|(one, _)| one),
        end: cure.map_or(timeline.end, |(_, mark)| mark.at),
    };
    let mut evidence = vec![struck.seq, confirmed.seq];
    evidence.dedup();
    let recovery = match looks.iter().position(|(_, look)| look.holds) {
        Some(found) => {
            let whole = asked.came_back(looks[found].0, &looks[..found], evidence);
            let mut seen = history.looks(struck.seq, looks[found].0.seq).into_iter();
            whole.disturbed(seen.any(|(_, look)| !look.holds))
        }
        None => asked.stayed_away(&looks, evidence),
    };
    match unseen(history, timeline, struck) {
        Some(deed) if recovery.verdict == Verdict::Fail => {
            let said = format!(
                "{}, but {} was not seen before it",
                recovery.said,
                deed.named()
            );
            unknown(said, recovery.evidence)
        }
        _ => recovery,
    }
}

/// An action before a fault that was never seen: what is to hold after it was then no promise.
fn unseen<'a>(history: &History, timeline: &'a Timeline, struck: Mark) -> Option<&'a Deed> {
    let mut deeds = timeline
        .actions
        .iter()
        .filter(|_| !history.plan.steady_after.is_empty());
    deeds.find(|deed| {
        let begun = deed.acting.is_some_and(|acting| acting.seq < struck.seq);
        let seen = deed.confirmed.is_some_and(|seen| seen.seq < struck.seq);
        begun && !seen
    })
}

impl Asked<'_> {
    /// The steady state was seen again.
    fn came_back(
        &self,
        mark: Mark,
        before: &[(Mark, &Steady)],
        mut evidence: Vec<u64>,
    ) -> Recovery {
        let took = mark.at.saturating_sub(self.struck.at);
        let said = format!(
            "{}: {} of {}",
            self.what,
            seconds(took),
            seconds(self.within)
        );
        if took <= self.within {
            evidence.push(mark.seq);
            return Recovery {
                verdict: Verdict::Pass,
                said,
                took,
                evidence,
            };
        }
        // Late. It counts against the swarm only if somebody looked while there was time left.
        let covers = |(at, look): &&(Mark, &Steady)| covers(*at, look, self.deadline);
        let after = before.iter().filter(|(at, _)| at.at >= self.deadline);
        let proof = after.clone().find(covers).or(before.last().filter(covers));
        evidence.extend(proof.map(|(at, _)| at.seq));
        evidence.push(mark.seq);
        if proof.is_none() {
            return unknown(
                format!("{said}, but nobody could see it at the deadline"),
                evidence,
            );
        }
        Recovery {
            verdict: Verdict::Fail,
            said,
            took,
            evidence,
        }
    }

    /// The steady state was not seen again before our cure.
    fn stayed_away(&self, looks: &[(Mark, &Steady)], mut evidence: Vec<u64>) -> Recovery {
        let what = &self.what;
        let Some((last, look)) = looks.last().copied() else {
            return unknown(
                format!("{what}: nobody asked whether it recovered"),
                evidence,
            );
        };
        evidence.push(last.seq);
        let seen = look.probes.join("; ");
        if self.end.saturating_add(EARLY_HEAL) < self.deadline {
            let left = seconds(self.deadline.saturating_sub(self.end));
            let cause = match self.cure {
                Some(cure) if cure == self.window => "our cure".to_owned(),
                Some(other) => format!("the cure of `{}`", other.named()),
                None => "the record's end".to_owned(),
            };
            let said = format!("{what}: not before {cause}, {left} short of the deadline");
            return unknown(said, evidence);
        }
        if !covers(last, look, self.deadline) {
            let said = format!("{what}: the last look before the deadline could not tell ({seen})");
            return unknown(said, evidence);
        }
        let said = format!(
            "{what}: not within {}; last seen: {seen}",
            seconds(self.within)
        );
        Recovery {
            verdict: Verdict::Fail,
            said,
            took: self.within,
            evidence,
        }
    }
}

impl Recovery {
    /// Says so if the fault was never seen to disturb anything: there was little to recover from.
    fn disturbed(mut self, seen: bool) -> Self {
        if self.verdict == Verdict::Pass && !seen {
            self.said.push_str(", the steady state never seen to break");
        }
        self
    }
}

/// What the record does not show.
fn unknown(said: String, evidence: Vec<u64>) -> Recovery {
    Recovery {
        verdict: Verdict::Unknown,
        said,
        took: Duration::ZERO,
        evidence,
    }
}

/// True when this look says for certain that the steady state did not hold near the deadline.
fn covers(last: Mark, look: &Steady, deadline: Duration) -> bool {
    !look.holds && !look.cannot_tell && last.at.saturating_add(LONGEST_LOOK) >= deadline
}
