//! The lattice of verdicts, and the findings that carry them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod wording;

/// What a check, or a whole run, came to: `pass < unknown < fail`, merged by the worst.
///
/// "Skipped" is no verdict: it is decided in the plan, never by a run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The promise was kept, and the harness saw it being put to the test.
    Pass,
    /// The evidence supports neither answer.
    Unknown,
    /// The promise was broken, and the evidence says where.
    Fail,
}

impl Verdict {
    /// The worse of two verdicts.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// The worst of many; `Unknown` for none, because nothing was judged.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max().unwrap_or(Self::Unknown)
    }

    /// The process's exit code for this verdict: 0, 1 or 2 (design, section 2).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Unknown => 2,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        })
    }
}

/// One checker's answer, with the journal entries that show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The check's name as the scenario spells it, such as `nothing_lost`.
    pub check: String,
    /// What the check came to.
    pub verdict: Verdict,
    /// One line: the numbers that decided, without the check's name.
    pub summary: String,
    /// Sequence numbers of the journal entries that decided.
    pub evidence: Vec<u64>,
    /// The numbers behind it, where requests were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
    /// The numbers behind it, where rows were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowCount>,
}

/// What became of the requests that a finding counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Requests that owed an answer.
    pub made: u64,
    /// Those without the right answer.
    pub lost: u64,
    /// Microseconds of the longest time on one node without a right answer.
    pub longest_gap_us: u64,
}

/// What became of the acknowledged rows that a finding counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowCount {
    /// Rows of which a client was told that they are committed.
    pub acknowledged: u64,
    /// Those that some node did not read back; the most that one node lacked.
    pub lost: u64,
}

impl Finding {
    /// A finding with its evidence.
    pub fn new(
        check: impl Into<String>,
        verdict: Verdict,
        summary: impl Into<String>,
        evidence: Vec<u64>,
    ) -> Self {
        Self {
            check: check.into(),
            verdict,
            summary: summary.into(),
            evidence,
            requests: None,
            rows: None,
        }
    }
}

/// What a whole run came to: the checkers' answers and the verdict that follows from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The worst of the findings; for a control, whether it failed as it must.
    pub verdict: Verdict,
    /// `run` first where it has something to say, then the plan's checks in their order.
    pub findings: Vec<Finding>,
    /// Present when the plan is a control, a scenario that must fail.
    pub control: Option<ControlOutcome>,
    /// Every trouble that the harness had, in order; the finding `run` sums them up.
    pub trouble: Vec<String>,
}

impl Judgement {
    /// True for a finding by which a control failed as it must.
    pub fn failed_as_it_must(&self, finding: &Finding) -> bool {
        let control = self.control.as_ref();
        let named = control.is_some_and(|control| control.must_fail.contains(&finding.check));
        named && finding.verdict == Verdict::Fail
    }
}

/// How a scenario that must fail came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlOutcome {
    /// The checks that must fail.
    pub must_fail: Vec<String>,
    /// The checks that failed.
    pub failed: Vec<String>,
    /// True when exactly those failed and all others passed.
    pub as_expected: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_wins_and_nothing_judged_is_unknown() {
        use Verdict::{Fail, Pass, Unknown};
        assert_eq!(Verdict::worst([Pass, Fail, Unknown]), Fail);
        assert_eq!(Verdict::worst([Pass, Unknown]), Unknown);
        assert_eq!(Verdict::worst([Pass]), Pass);
        assert_eq!(Verdict::worst([]), Unknown);
        assert_eq!(Pass.and(Unknown), Unknown);
    }

    #[test]
    fn every_verdict_has_an_exit_code_of_its_own() {
        assert_eq!(Verdict::Pass.exit_code(), 0);
        assert_eq!(Verdict::Fail.exit_code(), 1);
        assert_eq!(Verdict::Unknown.exit_code(), 2);
    }
}
