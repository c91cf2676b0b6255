//! Whether a swarm may be upgraded: runs of the old engine, runs of the new one, and runs of the
//! upgrade itself become one decision. A pure function of their figures and judgements.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::journal::History;
use crate::report::{Comparison, Figures, Outcome, Steps, compare};
use crate::verdict::wording::counted;
use crate::verdict::{Finding, Judgement, Verdict};

mod told;

pub use told::{gate, gate_json, gate_markdown, gate_schema};

/// The version of the JSON.
const FORMAT: u32 = 2;

/// What a gate came to; merged by the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// The new engine keeps every promise that the old one kept, and so does the way there.
    Accept,
    /// Nothing got worse as far as anybody could see, and not everything was seen.
    Undecided,
    /// Something got worse.
    Reject,
}

impl Ruling {
    /// The process's exit code: 0, 1 or 2, as of a verdict.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Accept => Verdict::Pass,
            Self::Reject => Verdict::Fail,
            Self::Undecided => Verdict::Unknown,
        }
        .exit_code()
    }
}

/// How much a reason weighs, the heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Something is worse than before: no upgrade.
    Regression,
    /// Something was not seen: no upgrade yet.
    Unknown,
    /// Somebody should know; it decides nothing.
    Note,
}

/// One reason for a ruling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Reason {
    /// How much it weighs.
    pub weight: Weight,
    /// The scenario; empty for the gate as a whole.
    pub scenario: String,
    /// What was found.
    pub said: String,
}

/// A run that was judged.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it measured.
    pub figures: Figures,
    /// What its checks came to.
    pub judgement: Judgement,
    /// What every node ran, step by step, where it upgraded a swarm.
    pub steps: Option<Steps>,
    /// Its folder in the gate's.
    pub folder: String,
}

impl Run {
    /// A run that was judged, and where it is kept.
    pub fn of(history: &History, judgement: Judgement, folder: impl Into<String>) -> Self {
        Self {
            figures: Figures::of(history, &judgement),
            judgement,
            steps: Steps::of(history),
            folder: folder.into(),
        }
    }
}

/// A run that was looked at, for whoever wants to see it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Seen {
    /// The scenario.
    pub scenario: String,
    /// Its folder in the gate's.
    pub folder: String,
    /// The seed that it ran with.
    pub seed: u64,
    /// What it came to.
    pub verdict: Verdict,
    /// What every node ran, step by step, where it upgraded a swarm.
    pub steps: Option<Steps>,
}

impl From<&Run> for Seen {
    fn from(run: &Run) -> Self {
        Self {
            scenario: run.figures.scenario.clone(),
            folder: run.folder.clone(),
            seed: run.figures.seed,
            verdict: run.judgement.verdict,
            steps: run.steps.clone(),
        }
    }
}

/// All that a gate looks at.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Runs of the old engine.
    pub base: Vec<Run>,
    /// Runs of the new one, of the same scenarios.
    pub target: Vec<Run>,
    /// Runs that upgrade a swarm from the old one to the new one.
    pub upgrades: Vec<Run>,
    /// True if somebody else upgraded the swarm between both sides, and no scenario did.
    pub by_owner: bool,
    /// Scenarios that did not run, and why.
    pub skipped: Vec<(String, String)>,
    /// Scenarios that the place cannot run now, and what it lacks.
    pub unable: Vec<(String, String)>,
    /// How the new engine was spoilt on purpose, if it was: then nothing is accepted.
    pub spoilt: Option<String>,
}

/// A ruling with its reasons, the heaviest first, and the timings side by side.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Decision {
    /// The version of this format: 2.
    #[schemars(extend("const" = FORMAT))]
    format: u32,
    /// What it came to.
    pub ruling: Ruling,
    /// Why; empty if there is nothing to say against it.
    pub reasons: Vec<Reason>,
    /// Both engines, a scenario each.
    pub comparisons: Vec<Comparison>,
    /// Runs that upgraded a swarm.
    pub upgrades: Vec<Seen>,
    /// Runs of the old engine, and then those of the new one.
    pub sides: Vec<Seen>,
}

/// Decides.
pub fn decide(evidence: &Evidence) -> Decision {
    let (mut reasons, comparisons) = side_by_side(evidence);
    for run in &evidence.upgrades {
        reasons.extend(of_upgrade(run));
    }
    if evidence.by_owner {
        reasons.extend(of_owner(evidence));
    } else if evidence.upgrades.is_empty() {
        let said = "no swarm was upgraded: name a scenario with an `upgrade` among its actions";
        reasons.push(unknown("", said));
    }
    if comparisons.is_empty() {
        let said = "nothing ran on both engines: name a scenario without an `upgrade`";
        reasons.push(unknown("", said));
    }
    for (scenario, why) in &evidence.skipped {
        reasons.push(unknown(scenario, format!("it was skipped: {why}")));
    }
    reasons.extend(
        evidence
            .unable
            .iter()
            .map(|(name, why)| lacks(evidence, name, why)),
    );
    if let Some(how) = &evidence.spoilt {
        let said = format!("the new engine was spoilt on purpose: {how}");
        reasons.push(unknown("", said));
    }
    reasons.sort_by_key(|reason| reason.weight);
    reasons.dedup();
    let weighs = |reason: &Reason| match reason.weight {
        Weight::Regression => Ruling::Reject,
        Weight::Unknown => Ruling::Undecided,
        Weight::Note => Ruling::Accept,
    };
    let ruling = reasons.iter().map(weighs).max();
    let sides = evidence.base.iter().chain(&evidence.target);
    Decision {
        format: FORMAT,
        ruling: ruling.unwrap_or(Ruling::Accept),
        reasons,
        comparisons,
        upgrades: evidence.upgrades.iter().map(Seen::from).collect(),
        sides: sides.map(Seen::from).collect(),
    }
}

fn reason(weight: Weight, scenario: &str, said: impl Into<String>) -> Reason {
    Reason {
        weight,
        scenario: scenario.to_owned(),
        said: said.into(),
    }
}

fn unknown(scenario: &str, said: impl Into<String>) -> Reason {
    reason(Weight::Unknown, scenario, said)
}

/// What the place cannot run now: nothing is hidden by that where it could not before either.
fn lacks(evidence: &Evidence, name: &str, why: &str) -> Reason {
    match evidence.base.iter().any(|run| run.figures.scenario == name) {
        true => unknown(
            name,
            format!("it ran before, and now it was skipped: {why}"),
        ),
        false => reason(Weight::Note, name, format!("tried on neither side: {why}")),
    }
}

/// What is to be said where the owner of a swarm upgraded it between both sides.
fn of_owner(evidence: &Evidence) -> Vec<Reason> {
    let mut reasons = vec![reason(
        Weight::Note,
        "",
        "both sides of the upgrade were seen, and the way from one to the other was not",
    )];
    reasons.extend(not_upgraded(evidence).map(|said| unknown("", said)));
    for is in &evidence.target {
        let name = &is.figures.scenario;
        let mut same = evidence.base.iter();
        let Some(was) = same.find(|was| was.figures.scenario == *name) else {
            continue;
        };
        let differ = was.figures.unlike(&is.figures);
        if !differ.is_empty() {
            let differ = differ.join(" and ");
            reasons.push(unknown(
                name,
                format!("the halves differ by more: {differ}"),
            ));
        }
    }
    reasons
}

/// Why nobody can say that every node has another engine, of one version.
fn not_upgraded(evidence: &Evidence) -> Option<String> {
    let nameless = |run: &Run| run.figures.engines().next().is_none();
    if evidence.base.iter().chain(&evidence.target).any(nameless) {
        return Some("nobody knows which docker there was before, or is now".to_owned());
    }
    let (was, is) = (engines(&evidence.base), engines(&evidence.target));
    let named = |all: Vec<&str>| all.join(" and ");
    let same: Vec<&str> = was.intersection(&is).copied().collect();
    if !same.is_empty() {
        let same = named(same);
        return Some(format!(
            "docker {same} was there before and still is: upgrade every node"
        ));
    }
    let is: Vec<&str> = is.into_iter().collect();
    (is.len() > 1).then(|| format!("the nodes have docker {}: give all the same", named(is)))
}

/// The versions of the engines in runs, of every node.
pub fn engines(runs: &[Run]) -> BTreeSet<&str> {
    let all = runs.iter().flat_map(|run| run.figures.engines());
    all.collect()
}

/// The scenarios of both sides, each compared.
fn side_by_side(evidence: &Evidence) -> (Vec<Reason>, Vec<Comparison>) {
    let (mut reasons, mut comparisons) = (Vec::new(), Vec::new());
    let mut names: Vec<&str> = Vec::new();
    for run in evidence.base.iter().chain(&evidence.target) {
        if !names.contains(&run.figures.scenario.as_str()) {
            names.push(&run.figures.scenario);
        }
    }
    for name in names {
        let of = |side: &'_ [Run]| -> Vec<Run> {
            let all = side.iter().filter(|run| run.figures.scenario == name);
            all.cloned().collect()
        };
        let (base, target) = (of(&evidence.base), of(&evidence.target));
        reasons.extend(base.iter().flat_map(|run| unseen(run, "the old engine")));
        reasons.extend(target.iter().flat_map(|run| unseen(run, "the new engine")));
        let figures =
            |runs: &[Run]| -> Vec<Figures> { runs.iter().map(|run| run.figures.clone()).collect() };
        if base.is_empty() || target.is_empty() {
            let side = if base.is_empty() { "old" } else { "new" };
            reasons.push(unknown(
                name,
                format!("it did not run on the {side} engine"),
            ));
            continue;
        }
        if base.len() != target.len() {
            let times = |side: &[Run]| counted(side.len() as u64, "time");
            let (was, is) = (times(&base), times(&target));
            let said =
                format!("it ran {was} on the old engine and {is} on the new: run both alike");
            reasons.push(unknown(name, said));
        }
        match compare(&figures(&base), &figures(&target)) {
            Err(unlike) => reasons.push(unknown(name, unlike.to_string())),
            Ok(comparison) => {
                if comparison.is_partly_blind() {
                    let said = "what followed the faults was not compared, because they struck \
                                nodes of other kinds: break what is the same wherever tasks run";
                    reasons.push(unknown(name, said));
                }
                reasons.extend(of_comparison(name, &comparison, &target));
                comparisons.push(comparison);
            }
        }
    }
    (reasons, comparisons)
}

/// What a comparison says for or against the new engine.
fn of_comparison(name: &str, comparison: &Comparison, target: &[Run]) -> Vec<Reason> {
    let failed = |run: &&Run| run.judgement.verdict == Verdict::Fail;
    match comparison.outcome() {
        Outcome::Worse => {
            let found = target.iter().flat_map(|run| bad(run, Verdict::Fail));
            let found: Vec<String> = found.collect();
            let sentence = comparison.sentence();
            let said = match found.first() {
                Some(first) => format!("{sentence}; {first}"),
                None => sentence.to_owned(),
            };
            vec![reason(Weight::Regression, name, said)]
        }
        // The runs without a verdict, each with what it lacks, are told already.
        Outcome::Unknown => Vec::new(),
        Outcome::Better | Outcome::NoDifference => {
            let broken = target
                .iter()
                .filter(failed)
                .flat_map(|run| bad(run, Verdict::Fail));
            let broken = broken.map(|said| format!("no better than before: {said}"));
            broken
                .map(|said| reason(Weight::Note, name, said))
                .collect()
        }
    }
}

/// Why a run has no verdict, if it has none.
fn unseen(run: &Run, which: &str) -> Vec<Reason> {
    if run.judgement.verdict != Verdict::Unknown {
        return Vec::new();
    }
    let said = bad(run, Verdict::Unknown);
    let said = said
        .first()
        .map_or(String::new(), |first| format!(": {first}"));
    let name = &run.figures.scenario;
    vec![unknown(name, format!("no verdict on {which}{said}"))]
}

/// What an upgrade of a swarm says.
fn of_upgrade(run: &Run) -> Vec<Reason> {
    let (name, verdict) = (&run.figures.scenario, run.judgement.verdict);
    let weight = match verdict {
        Verdict::Pass => return Vec::new(),
        Verdict::Fail => Weight::Regression,
        Verdict::Unknown => Weight::Unknown,
    };
    let mut said = bad(run, verdict);
    if said.is_empty() {
        said.push(format!("its verdict is {verdict}"));
    }
    // What is most about the upgrade comes first, and the rest mostly follows from it.
    said.sort_by_key(|one| !one.starts_with("`upgraded`"));
    said.into_iter()
        .map(|said| reason(weight, name, said))
        .collect()
}

/// The findings of a run that came to this, but for those by which a control fails as it must.
fn bad(run: &Run, verdict: Verdict) -> Vec<String> {
    let findings = run.judgement.findings.iter();
    let bad = findings
        .filter(|finding| finding.verdict == verdict && !run.judgement.failed_as_it_must(finding));
    let told = |finding: &Finding| format!("`{}`: {}", finding.check, finding.summary);
    bad.map(told).collect()
}
