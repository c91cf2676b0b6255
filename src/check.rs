//! Judges a journal: a pure function of the plan and the entries, the same answer years later.
//!
//! Each checker answers one question from the record alone. What the record cannot show is
//! `unknown`, never `pass`; a checker that panics is `unknown` as well.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::journal::History;
use crate::journal::timeline::Timeline;
use crate::plan::Check;
use crate::verdict::{Finding, Judgement, Verdict};

mod answers;
mod away;
mod clocks;
mod completed;
mod control;
mod exercised;
mod ground;
mod intact;
mod listed;
mod must_fail;
mod never_two;
mod nothing_lost;
mod recovers;
mod refused;
mod residence;
mod residue;
mod row_set;
mod steady;
mod undisturbed;
mod upgraded;

/// A checker that no scenario names; it may find nothing to judge.
type Implied = fn(&History, &Timeline) -> Option<Finding>;

/// What every run is judged by, after the checks of its plan.
const IMPLIED: [(&str, Implied); 5] = [
    ("refused", refused::check),
    ("steady", steady::check),
    ("undisturbed", undisturbed::check),
    ("upgraded", upgraded::check),
    ("residue", residue::check),
];

/// Judges a run by its journal.
pub fn check(history: &History) -> Judgement {
    let timeline = Timeline::of(history);
    let mut findings = Vec::new();
    findings.extend(completed::check(history, &timeline));
    for check in &history.plan.checks {
        findings.push(guarded(check.name(), || one(check, history, &timeline)));
    }
    for (name, implied) in IMPLIED {
        let judged = catch_unwind(AssertUnwindSafe(|| implied(history, &timeline)));
        let judged = judged.unwrap_or_else(|panic| Some(panicked(name, panic.as_ref())));
        findings.extend(judged);
    }
    ground::settle(history, &mut findings);
    let entries = history.entries.iter();
    let trouble = entries.filter_map(|entry| entry.event.trouble().map(str::to_owned));
    let trouble = trouble.collect();
    if history.plan.must_fail.is_empty() {
        let verdict = Verdict::worst(findings.iter().map(|finding| finding.verdict));
        return Judgement {
            verdict,
            findings,
            control: None,
            trouble,
        };
    }
    let (verdict, outcome) = must_fail::settle(&history.plan.must_fail, &mut findings);
    Judgement {
        verdict,
        findings,
        control: Some(outcome),
        trouble,
    }
}

/// Puts one check of the plan to its checker.
fn one(check: &Check, history: &History, timeline: &Timeline) -> Finding {
    match check {
        Check::Recovers { within } => recovers::check(history, timeline, within.0),
        Check::NothingLost { workload } => nothing_lost::check(history, timeline, workload),
        Check::NeverTwo { service } => never_two::check(history, timeline, service),
        Check::Answers {
            workload,
            share,
            gap,
        } => answers::check(
            history,
            timeline,
            workload,
            answers::Bounds {
                share: share.0,
                gap: gap.0,
                again: history.plan.deadlines.steady_again.0.max(gap.0),
            },
        ),
        Check::Control { expected } => control::check(history, timeline, *expected),
        Check::Intact { service } => intact::check(history, timeline, service),
        Check::Exercised => exercised::check(history, timeline),
    }
}

/// Runs a checker; one that panics knows nothing.
fn guarded(name: &str, checker: impl FnOnce() -> Finding) -> Finding {
    catch_unwind(AssertUnwindSafe(checker)).unwrap_or_else(|panic| panicked(name, panic.as_ref()))
}

/// The finding of a checker that panicked.
fn panicked(name: &str, panic: &(dyn std::any::Any + Send)) -> Finding {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let summary = format!("the checker panicked: {said}; please report this with the journal");
    Finding::new(name, Verdict::Unknown, summary, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checker_that_panics_is_unknown() {
        let lines: Vec<u64> = Vec::new();
        let finding = guarded("recovers", || {
            let first = lines[lines.len()];
            Finding::new("recovers", Verdict::Pass, first.to_string(), Vec::new())
        });
        assert_eq!(finding.verdict, Verdict::Unknown);
        assert_eq!(finding.check, "recovers");
        assert!(
            finding
                .summary
                .contains("the checker panicked: index out of bounds")
        );

        let finding = guarded("answers", || panic!("{}", "a formatted message"));
        assert!(
            finding.summary.contains("a formatted message"),
            "{}",
            finding.summary
        );
    }
}
