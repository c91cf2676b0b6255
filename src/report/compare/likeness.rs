//! What else differs between two handfuls of runs, and whether they can be compared at all.

use std::collections::BTreeSet;

use crate::report::figures::Figures;

/// Parts of a plan that must be the same: what is broken, what is changed, and who asks meanwhile.
const SAME: [&str; 3] = ["faults", "actions", "workload"];

/// What is told first: of these, everything else may be a consequence.
const FIRST: [&str; 4] = ["place", "accelerator", "patience", "docker"];

/// Why two runs are of different scenarios.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// There is nothing to compare.
    #[error("there are no runs of `{0}` to compare with")]
    Nothing(String),
    /// The names differ.
    #[error("`{0}` and `{1}` are different scenarios: compare runs of one")]
    Scenario(String, String),
    /// The scenario was changed in what it does.
    #[error(
        "the runs of `{scenario}` do not do the same: {parts} differ; run both with one scenario \
         file"
    )]
    Plan {
        /// The scenario.
        scenario: String,
        /// `faults and workload`.
        parts: String,
    },
}

/// Makes sure that all runs do the same.
pub(super) fn alike(base: &[Figures], new: &[Figures]) -> Result<(), Unlike> {
    let all = || base.iter().chain(new);
    let Some(first) = new.first().or(base.first()) else {
        return Err(Unlike::Nothing(String::new()));
    };
    if base.is_empty() || new.is_empty() {
        return Err(Unlike::Nothing(first.scenario.clone()));
    }
    if let Some(other) = all().find(|run| run.scenario != first.scenario) {
        let (one, other) = (first.scenario.clone(), other.scenario.clone());
        return Err(Unlike::Scenario(other, one));
    }
    let differs = |part: &&str| all().any(|run| run.plan.get(*part) != first.plan.get(*part));
    let parts: Vec<&str> = SAME.into_iter().filter(differs).collect();
    if parts.is_empty() {
        return Ok(());
    }
    Err(Unlike::Plan {
        scenario: first.scenario.clone(),
        parts: parts.join(" and "),
    })
}

/// What differs beside what was measured, a line each.
pub(super) fn differences(base: &[&Figures], new: &[&Figures]) -> Vec<String> {
    let mut said = Vec::new();
    let all = || base.iter().chain(new);
    let with: BTreeSet<&String> = all().flat_map(|run| run.with.keys()).collect();
    let mut with: Vec<&String> = with.into_iter().collect();
    let rank = |name: &&String| FIRST.iter().position(|first| first == name);
    with.sort_by_key(|name| rank(name).unwrap_or(FIRST.len()));
    for name in with {
        said.extend(differs(name, base, new, |run| run.with.get(name).cloned()));
    }
    let parts: BTreeSet<&String> = all().flat_map(|run| run.plan.keys()).collect();
    for name in parts {
        let what = format!("the scenario's {name}");
        let digest = |run: &Figures| Some(format!("#{}", run.plan.get(name)?));
        said.extend(differs(&what, base, new, digest));
    }
    let faults = all().map(|run| run.struck.len()).max();
    for fault in 0..faults.unwrap_or(0) {
        let what = format!("fault {} struck", fault + 1);
        said.extend(differs(&what, base, new, |run| {
            run.struck.get(fault).cloned()
        }));
    }
    said
}

/// `docker 20.10.24, then 20.10.25`, if the values of both sides are not the same.
fn differs(
    what: &str,
    base: &[&Figures],
    new: &[&Figures],
    of: impl Fn(&Figures) -> Option<String>,
) -> Option<String> {
    let values = |runs: &[&Figures]| -> BTreeSet<String> {
        let none = || "none".to_owned();
        runs.iter()
            .map(|run| of(run).unwrap_or_else(none))
            .collect()
    };
    let (was, is) = (values(base), values(new));
    let written = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>().join(" or ");
    (was != is).then(|| format!("{what} {}, then {}", written(was), written(is)))
}
