//! What a comparison came to, in one plain sentence with its figures.

use super::change::{Called, Change};
use super::{CheckChange, Comparison, Outcome, VERDICT};
use crate::report::legible::legible;
use crate::report::quantity::Kind;
use crate::verdict::Verdict;

/// The sentence.
pub(super) fn of(comparison: &Comparison) -> String {
    let (worse, better) = (
        changes(comparison, Called::Worse),
        changes(comparison, Called::Better),
    );
    let mut said = Vec::new();
    if !worse.is_empty() {
        said.push(format!("worse: {}", worse.join("; ")));
    }
    said.extend(blind(comparison));
    if !better.is_empty() {
        said.push(format!("better: {}", better.join("; ")));
    }
    if said.is_empty() {
        said.push("no difference: nothing changed by more than noise".to_owned());
    }
    let elsewhere = |one: &Change| one.decides && one.called == Called::Elsewhere;
    if comparison.quantities.iter().any(elsewhere) {
        let why = "what followed the faults is not compared, because they struck other kinds of \
                   nodes: give both one `--seed`, or `--repeat` more often";
        said.push(why.to_owned());
    }
    said.extend(measure(comparison));
    legible(&said.join("; ")).replace('\n', " ")
}

/// Everything that decides and is called so.
fn changes(comparison: &Comparison, wanted: Called) -> Vec<String> {
    let checks = comparison.checks.iter().filter(|one| one.called == wanted);
    let mut checks: Vec<&CheckChange> = checks.collect();
    // The verdict follows from the checks, except where a control no longer fails.
    if checks.len() > 1 {
        checks.retain(|one| one.check != VERDICT);
    }
    let quantities = comparison.quantities.iter();
    let quantities = quantities.filter(|one| one.decides && one.called == wanted);
    let quantities = quantities.map(|one| of_quantity(comparison, one));
    checks.into_iter().map(of_check).chain(quantities).collect()
}

/// `` `recovers` failed in 2 of 5 runs, before in 0 of 5``.
fn of_check(check: &CheckChange) -> String {
    let failed = |counts: &std::collections::BTreeMap<Verdict, usize>| {
        let bad = |verdict: &Verdict| *verdict != Verdict::Pass;
        let bad = counts.iter().filter(|(verdict, _)| bad(verdict));
        let (bad, all): (usize, usize) = (bad.map(|(_, runs)| runs).sum(), counts.values().sum());
        (bad, all)
    };
    let ((was, before), (is, after)) = (failed(&check.base), failed(&check.new));
    let name = &check.check;
    let named = match name.as_str() {
        VERDICT => "the verdict".to_owned(),
        _ => format!("`{name}`"),
    };
    let noun = if after == 1 { "run" } else { "runs" };
    format!("{named} did not pass in {is} of {after} {noun}, before in {was} of {before}")
}

/// `recovery from stop worker takes 26.1s, 2.0s longer (start: 2.0s longer)`.
fn of_quantity(comparison: &Comparison, change: &Change) -> String {
    let what = &change.what;
    let now = change.new.median.map(|now| change.kind.written(now));
    let (Some(now), Some(by)) = (now, change.change) else {
        let seen = |one: &crate::report::spread::Spread| format!("{} of {}", one.reached, one.runs);
        let (was, is) = (seen(&change.base), seen(&change.new));
        return format!("{what} was seen in {is} runs, before in {was}");
    };
    let because = match cause(comparison, change, by) {
        Some(part) => format!(" ({}: {})", part.what, moved(part)),
        None => String::new(),
    };
    format!("{what} is {now}, {}{because}", moved(change))
}

/// By how much, and which way: `2.0s longer`.
pub(super) fn moved(change: &Change) -> String {
    let Some(by) = change.change else {
        return String::new();
    };
    let way = match (change.kind, by > 0.0) {
        (Kind::RowsMissed | Kind::PagesMissed | Kind::RowsLost, true) => "more",
        (Kind::RowsMissed | Kind::PagesMissed | Kind::RowsLost, false) => "less",
        (Kind::Latency, true) => "slower",
        (Kind::Latency, false) => "quicker",
        (_, true) => "longer",
        (_, false) => "shorter",
    };
    format!("{} {way}", change.kind.written(by.abs()))
}

/// The part of a recovery that explains at least half of its change, and most of it.
fn cause<'a>(comparison: &'a Comparison, whole: &Change, by: f64) -> Option<&'a Change> {
    let parts = comparison.quantities.iter().filter(|one| {
        let ours = one.kind == Kind::Part && one.fault == whole.fault;
        ours && whole.kind == Kind::Recovery
    });
    let share = |part: &Change| part.change.map_or(0.0, |change| change / by);
    let most = parts.max_by(|one, other| share(one).total_cmp(&share(other)))?;
    (share(most) >= 0.5).then_some(most)
}

/// Which runs have no verdict, if that decided.
fn blind(comparison: &Comparison) -> Option<String> {
    if comparison.outcome != Outcome::Unknown {
        return None;
    }
    let unknown = |runs: &[super::Run]| {
        let unknown = runs.iter().filter(|run| run.verdict == Verdict::Unknown);
        format!("{} of {}", unknown.count(), runs.len())
    };
    let (was, is) = (unknown(&comparison.base), unknown(&comparison.new));
    Some(format!(
        "cannot tell: {is} runs have no verdict, before {was}"
    ))
}

/// What a change was measured by.
fn measure(comparison: &Comparison) -> Option<String> {
    let deciding = || comparison.quantities.iter().filter(|one| one.decides);
    let of_time = deciding().find(|one| one.kind == Kind::Recovery);
    let measured = of_time.or_else(|| deciding().next())?;
    let runs = measured.base.runs.min(measured.new.runs);
    let least = measured.kind.written(measured.floor);
    let what = match measured.kind {
        Kind::Recovery => "a recovery".to_owned(),
        _ => measured.what.clone(),
    };
    match runs {
        0 => None,
        1 if measured.base.runs == measured.new.runs => Some(format!(
            "one run each: a change of {what} under {least} is called noise"
        )),
        _ if measured.chance.is_some() || measured.called == Called::Same => None,
        _ => Some(format!(
            "too few runs for a test: a change of {what} under {least} is called noise"
        )),
    }
}
