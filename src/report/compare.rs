//! Two handfuls of runs of one scenario, one of them new: what got better or worse, and what is
//! noise. A pure function of their figures, which are one of plan and journal.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Figures;
use crate::verdict::Verdict;

mod change;
mod likeness;
mod noise;
mod rank;
mod sentence;
mod told;

use change::{Called, Change};
pub use likeness::Unlike;
pub use told::{comparison, comparisons_json, comparisons_markdown, comparisons_schema};

/// The version of the JSON.
const FORMAT: u32 = 1;

/// Of so many runs a side, the newest, numbers are compared. More say no more, and an exact test of
/// them takes long. What promises came to is counted of all.
const RUNS_MAX: usize = 30;

/// The name under which a run's verdict stands among its checks.
const VERDICT: &str = "verdict";

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something got better, and nothing worse.
    Better,
    /// Whatever changed is within the noise.
    NoDifference,
    /// A new run has no verdict, or no old one has.
    Unknown,
    /// Something got worse.
    Worse,
}

impl Outcome {
    /// As a verdict about the new runs: what got worse fails.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Better | Self::NoDifference => Verdict::Pass,
            Self::Unknown => Verdict::Unknown,
            Self::Worse => Verdict::Fail,
        }
    }
}

/// A run that was compared.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(rename = "ComparedRun")]
struct Run {
    /// Its seed, as `run --seed` takes it.
    seed: String,
    /// When it began.
    #[schemars(with = "String")]
    began: jiff::Timestamp,
    /// What it came to.
    verdict: Verdict,
}

/// One check on both sides: how often it came to what.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CheckChange {
    /// The check, or `verdict` for what runs came to as a whole.
    check: String,
    /// Of the old runs, how many came to each verdict.
    #[schemars(with = "BTreeMap<String, usize>")]
    base: BTreeMap<Verdict, usize>,
    /// Of the new ones.
    #[schemars(with = "BTreeMap<String, usize>")]
    new: BTreeMap<Verdict, usize>,
    /// What the change is called.
    called: Called,
}

/// What came of comparing.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Comparison {
    /// The version of this format: 1.
    #[schemars(extend("const" = FORMAT))]
    format: u32,
    /// The scenario's name.
    scenario: String,
    /// True if some run was one of `sim`.
    simulated: bool,
    /// What it came to.
    outcome: Outcome,
    /// One plain sentence that says so, with the figures.
    sentence: String,
    /// What else differs, the most telling first.
    differs: Vec<String>,
    /// The old runs that were compared.
    base: Vec<Run>,
    /// The new ones.
    new: Vec<Run>,
    /// What each check came to on both sides.
    checks: Vec<CheckChange>,
    /// Everything that was measured, on both sides.
    quantities: Vec<Change>,
}

impl Comparison {
    /// What it came to.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// True if something that decides was not compared, because faults struck nodes of other kinds.
    pub fn is_partly_blind(&self) -> bool {
        let mut deciding = self.quantities.iter().filter(|one| one.decides);
        deciding.any(|one| one.called == Called::Elsewhere)
    }

    /// The sentence that says so.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

/// Compares runs of one scenario.
///
/// # Errors
/// When a side has no runs, or they do not all do the same.
pub fn compare(base: &[Figures], new: &[Figures]) -> Result<Comparison, Unlike> {
    likeness::alike(base, new)?;
    let (base, new) = (in_order(base), in_order(new));
    // A run without a verdict shows nothing: what it measured was not what was asked.
    let judged = |runs: &[&'_ Figures]| -> Vec<usize> {
        let all = runs.iter().enumerate();
        let judged = all.filter(|(_, run)| run.verdict != Verdict::Unknown);
        judged.map(|(index, _)| index).collect()
    };
    let was: Vec<&Figures> = judged(&base).into_iter().map(|index| base[index]).collect();
    let is: Vec<&Figures> = judged(&new).into_iter().map(|index| new[index]).collect();
    let (checks, quantities) = (checks(&was, &is), change::of(newest(&was), newest(&is)));
    let called = |wanted: Called| {
        let deciding = quantities.iter().filter(|one| one.decides);
        let quantities = deciding.map(|one| one.called);
        let mut all = checks.iter().map(|one| one.called).chain(quantities);
        all.any(|called| called == wanted)
    };
    let blind = was.is_empty() || is.len() < new.len();
    let outcome = if called(Called::Worse) {
        Outcome::Worse
    } else if blind {
        Outcome::Unknown
    } else if called(Called::Better) {
        Outcome::Better
    } else {
        Outcome::NoDifference
    };
    let first = new.first().or(base.first());
    let mut comparison = Comparison {
        format: FORMAT,
        scenario: first.map(|run| run.scenario.clone()).unwrap_or_default(),
        simulated: base.iter().chain(&new).any(|run| run.is_simulated()),
        outcome,
        sentence: String::new(),
        differs: likeness::differences(&base, &new),
        base: base.iter().map(|run| Run::of(run)).collect(),
        new: new.iter().map(|run| Run::of(run)).collect(),
        checks,
        quantities,
    };
    comparison.sentence = sentence::of(&comparison);
    Ok(comparison)
}

/// The runs, the oldest first.
fn in_order(runs: &[Figures]) -> Vec<&Figures> {
    let mut runs: Vec<&Figures> = runs.iter().collect();
    runs.sort_by_key(|run| run.began);
    runs
}

/// The newest of what is in order.
fn newest<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(RUNS_MAX)..]
}

impl Run {
    fn of(run: &Figures) -> Self {
        Self {
            seed: format!("{:#x}", run.seed),
            began: run.began,
            verdict: run.verdict,
        }
    }
}

/// The verdict and every check, in the order of the runs.
fn checks(base: &[&Figures], new: &[&Figures]) -> Vec<CheckChange> {
    let verdicts = |runs: &[&Figures], name: &str| -> Vec<Verdict> {
        let of = |run: &&Figures| match name {
            VERDICT => Some(run.verdict),
            _ => run
                .checks
                .iter()
                .find(|(check, _)| check == name)
                .map(|(_, came)| *came),
        };
        runs.iter().filter_map(of).collect()
    };
    let mut names = vec![VERDICT];
    for (name, _) in base.iter().chain(new).flat_map(|run| &run.checks) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let all = names.into_iter().map(|name| {
        let (was, is) = (verdicts(base, name), verdicts(new, name));
        CheckChange {
            check: name.to_owned(),
            called: came(&was, &is),
            base: counted(&was),
            new: counted(&is),
        }
    });
    all.collect()
}

/// What a change of verdicts is called. A promise that was kept and is now broken is no noise; one
/// that is now kept in a few runs may be.
fn came(was: &[Verdict], is: &[Verdict]) -> Called {
    let (Some(worst_was), Some(worst_is)) = (was.iter().max(), is.iter().max()) else {
        return Called::Missing;
    };
    let as_numbers = |verdicts: &[Verdict]| -> Vec<f64> {
        verdicts.iter().map(|one| f64::from(*one as u8)).collect()
    };
    let chance = rank::chance(&as_numbers(newest(was)), &as_numbers(newest(is)));
    let mean = |numbers: Vec<f64>| numbers.iter().sum::<f64>() / numbers.len() as f64;
    let (before, after) = (mean(as_numbers(was)), mean(as_numbers(is)));
    let all_better = was.iter().min() > is.iter().max();
    if worst_is > worst_was || (after > before && chance <= noise::CHANCE) {
        Called::Worse
    } else if all_better || (after < before && chance <= noise::CHANCE) {
        Called::Better
    } else if before == after {
        Called::Same
    } else {
        Called::Noise
    }
}

fn counted(verdicts: &[Verdict]) -> BTreeMap<Verdict, usize> {
    let mut counts = BTreeMap::new();
    for verdict in verdicts {
        *counts.entry(*verdict).or_default() += 1;
    }
    counts
}
