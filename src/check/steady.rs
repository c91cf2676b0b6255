//! `steady`: what held before the first fault holds again after the last, or what is to hold then
//! instead of it.
//!
//! It is implied by the scenario's `steady`, as `exercised` is by its faults.

use std::time::Duration;

use crate::journal::timeline::{Mark, Timeline};
use crate::journal::{History, Phase, Steady};
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
    let plan = &history.plan;
    let after = timeline.phase(Phase::SteadyAfter);
    let quiet = plan.faults.is_empty() && plan.actions.is_empty() && plan.steady_after.is_empty();
    if quiet {
        return Some(undisturbed(history, timeline, *held, after));
    }
    let Some(start) = after else {
        let said = "nobody asked whether it holds again after the last fault".to_owned();
        return finding(Verdict::Unknown, said, vec![held.seq]);
    };
    let after = history.looks(start.seq, asked_until(timeline));
    if let Some((again, again_seen)) = lasting(&after) {
        let said = held_again(history, timeline, start, again, again_seen);
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
    let evidence = vec![held.seq, start.seq, last.seq];
    if let Some((once, _)) = after.iter().find(|(_, look)| look.holds) {
        let (at, seen) = (seconds(once.at), look.probes.join("; "));
        let said = format!("held again at [{at}], and not any more at the end: {seen}");
        return finding(Verdict::Unknown, said, [evidence, vec![once.seq]].concat());
    }
    let (verdict, said) = stayed_away(history, timeline, look, (waited, allowed));
    finding(verdict, said, evidence)
}

/// The end of what is asked of the steady state: what is read back then may disturb it.
fn asked_until(timeline: &Timeline) -> u64 {
    let read_back = timeline.phase(Phase::ReadBack);
    read_back.map_or(u64::MAX, |mark| mark.seq)
}

/// The first look from which on the state held, as far as anybody could tell.
fn lasting<'a>(looks: &[(Mark, &'a Steady)]) -> Option<(Mark, &'a Steady)> {
    let lost = |(_, look): &(Mark, &Steady)| !look.holds && !look.cannot_tell;
    let from = looks.iter().rposition(lost).map_or(0, |last| last + 1);
    looks[from..].iter().find(|(_, look)| look.holds).copied()
}

/// Whether it still held at the end of a load during which nothing was broken or changed. If not,
/// nobody knows what did it, so it is no proof against the swarm.
fn undisturbed(history: &History, timeline: &Timeline, held: Mark, after: Option<Mark>) -> Finding {
    let from = seconds(held.at);
    // Nobody looks again after a load that was cut short, which is told elsewhere.
    let Some(start) = after else {
        let said = format!("held from {from}");
        return Finding::new("steady", Verdict::Pass, said, vec![held.seq]);
    };
    let looks = history.looks(start.seq, asked_until(timeline));
    if let Some((again, _)) = lasting(&looks) {
        let said = format!("held from {from} until the end");
        return Finding::new("steady", Verdict::Pass, said, vec![held.seq, again.seq]);
    }
    let Some((last, look)) = looks.last() else {
        let said = format!("held from {from}, and nobody looked at the end");
        return Finding::new("steady", Verdict::Unknown, said, vec![held.seq, start.seq]);
    };
    let said = format!(
        "held from {from}, and not at the end, though nothing was broken by us: {}",
        look.probes.join("; ")
    );
    Finding::new("steady", Verdict::Unknown, said, vec![held.seq, last.seq])
}

/// That it held again, and how long after the last fault or action.
fn held_again(
    history: &History,
    timeline: &Timeline,
    start: Mark,
    again: Mark,
    seen: &Steady,
) -> String {
    let healed = timeline.broken_span().1;
    let took = |over: Option<Mark>| {
        let over = over.unwrap_or(start);
        seconds(again.at.saturating_sub(over.at))
    };
    if history.plan.steady_after.is_empty() && history.plan.actions.is_empty() {
        let took = took(healed);
        return format!("held before the first fault, and again {took} after the last heal");
    }
    let seen = seen.probes.join("; ");
    if history.plan.actions.is_empty() && healed.is_none() {
        return format!("held before the load, and after it held: {seen}");
    }
    let over = healed.into_iter().chain(timeline.changed_span().1);
    let took = took(over.max_by_key(|mark| mark.seq));
    format!("held before, and {took} after the last fault or action held: {seen}")
}

/// What it means that the last look did not hold.
fn stayed_away(
    history: &History,
    timeline: &Timeline,
    look: &Steady,
    (waited, allowed): (Duration, Duration),
) -> (Verdict, String) {
    let seen = look.probes.join("; ");
    // A wait that was cut short, or could not see, is no proof that it never came back.
    let patient = waited.saturating_add(Duration::from_secs(10)) >= allowed;
    if look.cannot_tell || !patient {
        let waited = seconds(waited);
        let said = format!("could not tell for {waited} whether it holds again: {seen}");
        return (Verdict::Unknown, said);
    }
    // What was to hold after an action that was never seen is no promise of the swarm.
    let mut deeds = timeline.actions.iter();
    let unseen = deeds.find(|deed| deed.confirmed.is_none());
    if let Some(deed) = unseen.filter(|_| !history.plan.steady_after.is_empty()) {
        let named = deed.named();
        let said = format!("{named} was not seen, so nobody can ask for more: {seen}");
        return (Verdict::Unknown, said);
    }
    let allowed = seconds(allowed);
    let again = match history.plan.steady_after.is_empty() {
        true => "again ",
        false => "",
    };
    let said = format!("did not hold {again}within {allowed} of asking: {seen}");
    (Verdict::Fail, said)
}
