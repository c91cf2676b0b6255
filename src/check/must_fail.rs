//! Controls: scenarios that pass when exactly the checks they name fail.

use std::collections::BTreeSet;

use crate::verdict::{ControlOutcome, Finding, Verdict};

/// Settles a control. A named check that passed is a finding of its own: either the harness is
/// blind, or, when the run did not exercise what it should, nobody can tell.
pub(super) fn settle(
    must_fail: &[String],
    findings: &mut Vec<Finding>,
) -> (Verdict, ControlOutcome) {
    let named = |check: &str| must_fail.iter().any(|name| name == check);
    let came_to = |name: &str| {
        let of_name = findings.iter().filter(|finding| finding.check == name);
        Verdict::worst(of_name.map(|finding| finding.verdict))
    };
    let others: Vec<Verdict> = findings
        .iter()
        .filter(|f| !named(&f.check))
        .map(|f| f.verdict)
        .collect();
    // A plan always has `exercised`; without any other check nothing vouches for the run.
    let others = Verdict::worst(others);
    let failed: BTreeSet<&str> = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| finding.check.as_str())
        .collect();
    let outcome = ControlOutcome {
        must_fail: must_fail.to_vec(),
        failed: failed.into_iter().map(str::to_owned).collect(),
        as_expected: others == Verdict::Pass
            && must_fail.iter().all(|name| came_to(name) == Verdict::Fail),
    };
    let mut verdict = others;
    let mut blind = Vec::new();
    for name in must_fail {
        let evidence = findings.iter().filter(|finding| &finding.check == name);
        let evidence: Vec<u64> = evidence.flat_map(|f| f.evidence.iter().copied()).collect();
        let (came_to, said) = match came_to(name) {
            Verdict::Fail => continue,
            Verdict::Pass if others == Verdict::Unknown => (
                Verdict::Unknown,
                "was expected to fail and passed, in a run that shows too little",
            ),
            Verdict::Pass => (Verdict::Fail, "was expected to fail and passed"),
            Verdict::Unknown => (Verdict::Unknown, "was expected to fail and is unknown"),
        };
        verdict = verdict.and(came_to);
        blind.push(Finding::new(
            "must_fail",
            came_to,
            format!("`{name}` {said}"),
            evidence,
        ));
    }
    findings.extend(blind);
    (verdict, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Fail, Pass, Unknown};

    /// Settles a control that must fail by `lost` among findings of these verdicts, the first of
    /// which is shown by entry 7, the next by entry 8, and so on.
    fn settled(all: &[(&str, Verdict)]) -> (Verdict, ControlOutcome, Vec<Finding>) {
        let one = |(seq, (check, verdict)): (u64, &(&str, Verdict))| {
            Finding::new(*check, *verdict, "", vec![seq])
        };
        let mut findings: Vec<Finding> = (7..).zip(all).map(one).collect();
        let (verdict, outcome) = settle(&["lost".to_owned()], &mut findings);
        (verdict, outcome, findings)
    }

    #[test]
    fn it_passes_when_exactly_the_named_check_fails() {
        let (verdict, outcome, findings) = settled(&[("lost", Fail), ("exercised", Pass)]);
        assert_eq!(verdict, Pass);
        assert!(outcome.as_expected);
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn a_named_check_that_passes_fails_the_control() {
        let (verdict, outcome, findings) = settled(&[("lost", Pass), ("exercised", Pass)]);
        assert_eq!(verdict, Fail);
        assert!(!outcome.as_expected);
        assert_eq!(
            findings[2].summary,
            "`lost` was expected to fail and passed"
        );
        assert_eq!(findings[2].evidence, [7]);
    }

    #[test]
    fn a_run_that_shows_too_little_blames_nobody() {
        assert_eq!(
            settled(&[("lost", Pass), ("exercised", Unknown)]).0,
            Unknown
        );
        assert_eq!(
            settled(&[("lost", Fail), ("exercised", Unknown)]).0,
            Unknown
        );
        assert_eq!(
            settled(&[("lost", Unknown), ("exercised", Pass)]).0,
            Unknown
        );
        assert_eq!(settled(&[("exercised", Pass)]).0, Unknown);
        assert_eq!(settled(&[("lost", Fail)]).0, Unknown);
    }

    #[test]
    fn any_other_failure_is_a_failure() {
        let (verdict, outcome, _) = settled(&[("lost", Fail), ("recovers", Fail)]);
        assert_eq!(verdict, Fail);
        assert!(!outcome.as_expected);
        assert_eq!(outcome.failed, ["lost", "recovers"]);
    }
}
