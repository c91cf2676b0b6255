//! `steady`: what held before the first fault holds again after the last.
//!
//! It is implied by the scenario's `steady`, as `exercised` is by its faults.

use crate::journal::timeline::Timeline;
use crate::journal::{History, Phase};
use crate::verdict::wording::seconds;
use crate::verdict::{Finding, Verdict};

/// Judges both ends; nothing to judge when the plan has no probes.
pub(super) fn check(history: &History, timeline: &Timeline) -> Option<Finding> {
    if history.plan.steady.is_empty() {
        return None;
    }
    let finding =
        |verdict, said: String, evidence| Some(Finding::new("steady", verdict, said, evidence));
    let load = timeline.phase(Phase::Load);
    let end = load.map_or(u64::MAX, |mark| mark.seq);
    let before = history.looks(0, end);
    let Some((held, _)) = before.iter().find(|(_, look)| look.holds) else {
        let last = before.last();
        let seen = last.map_or("nobody asked".to_owned(), |(_, look)| {
            look.probes.join("; ")
        });
        let said = format!("it never held, so nothing could be put to the test: {seen}");
        return finding(
            Verdict::Unknown,
            said,
            last.iter().map(|(mark, _)| mark.seq).collect(),
        );
    };
    if history.plan.faults.is_empty() && history.plan.actions.is_empty() {
        return finding(
            Verdict::Pass,
            format!("held from {}", seconds(held.at)),
            vec![held.seq],
        );
    }
    let Some(start) = timeline.phase(Phase::SteadyAfter) else {
        let said = "nobody asked whether it holds again after the last fault".to_owned();
        return finding(Verdict::Unknown, said, vec![held.seq]);
    };
    let after = history.looks(start.seq, u64::MAX);
    if let Some((again, again_seen)) = after.iter().find(|(_, look)| look.holds) {
        let said = if history.plan.actions.is_empty() {
            let healed = timeline.broken_span().1.unwrap_or(start);
            let took = seconds(again.at.saturating_sub(healed.at));
            format!("held before the first fault, and again {took} after the last heal")
        } else {
            let over = timeline.broken_span().1.into_iter().chain(timeline.changed_span().1);
            let over = over.max_by_key(|mark| mark.seq).unwrap_or(start);
            let took = seconds(again.at.saturating_sub(over.at));
            let seen = again_seen.probes.join("; ");
            format!("held before, and {took} after the last fault or action held: {seen}")
        };
        return finding(Verdict::Pass, said, vec![held.seq, again.seq]);
    }
    let Some((last, look)) = after.last() else {
        let said = "nobody looked after the last fault".to_owned();
        return finding(Verdict::Unknown, said, vec![held.seq, start.seq]);
    };
    let (waited, allowed) = (
        last.at.saturating_sub(start.at),
        history.plan.deadlines.steady_again.0,
    );
    let seen = look.probes.join("; ");
    let evidence = vec![held.seq, start.seq, last.seq];
    // A wait that was cut short, or could not see, is no proof that it never came back.
    let patient = waited.saturating_add(std::time::Duration::from_secs(10)) >= allowed;
    if look.cannot_tell || !patient {
        let said = format!(
            "could not tell for {} whether it holds again: {seen}",
            seconds(waited)
        );
        return finding(Verdict::Unknown, said, evidence);
    }
    // What was to hold after an action that was never seen is no promise of the swarm.
    let unseen = timeline.actions.iter().find(|deed| deed.confirmed.is_none());
    if let Some(deed) = unseen.filter(|_| !history.plan.steady_after.is_empty()) {
        let said = format!("{} was not seen, so nobody can ask for more: {seen}", deed.named());
        return finding(Verdict::Unknown, said, evidence);
    }
    let said = format!(
        "did not hold again within {} of asking: {seen}",
        seconds(allowed)
    );
    finding(Verdict::Fail, said, evidence)
}
