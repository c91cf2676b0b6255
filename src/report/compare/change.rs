//! One quantity on both sides, and whether it changed.

use schemars::JsonSchema;
use serde::Serialize;

use super::noise::{CHANCE, Floor};
use super::rank::{chance, least_chance};
use crate::report::figures::Figures;
use crate::report::quantity::{Kind, Quantity};
use crate::report::spread::Spread;

/// What a change is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Called {
    /// The medians are the same.
    Same,
    /// They differ by what runs of one version differ by.
    Noise,
    /// They differ by more, for the better.
    Better,
    /// They differ by more, for the worse.
    Worse,
    /// One side has no number for it.
    Missing,
    /// The faults struck other kinds of nodes, so that the numbers do not mean the same.
    Elsewhere,
}

/// A quantity on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Change {
    /// What was measured, in the same words for every run of the scenario.
    pub(super) what: String,
    /// What the number is of; less is better, of all of them.
    pub(super) kind: Kind,
    /// True if it decides; the others explain.
    pub(super) decides: bool,
    #[serde(skip)]
    pub(super) fault: Option<usize>,
    /// The old numbers.
    pub(super) base: Spread,
    /// The new ones.
    pub(super) new: Spread,
    /// The new median less the old one; none if one of them was not reached.
    pub(super) change: Option<f64>,
    /// What a change is measured by: less is called noise.
    pub(super) floor: f64,
    /// How often chance alone would come to this, times the number of quantities that were tested;
    /// none where there are too few runs to tell.
    pub(super) chance: Option<f64>,
    /// What the change is called.
    pub(super) called: Called,
}

/// A quantity's numbers, one a run that has it; what was not reached is without end.
struct Pair<'a> {
    first: &'a Quantity,
    /// True if both sides have it, and of no kind of node on both.
    elsewhere: bool,
    base: Vec<f64>,
    new: Vec<f64>,
    floor: Floor,
}

/// Every quantity that some run has, in the order of the runs.
pub(super) fn of(base: &[&Figures], new: &[&Figures]) -> Vec<Change> {
    let mut firsts: Vec<&Quantity> = Vec::new();
    for quantity in base.iter().chain(new).flat_map(|run| &run.quantities) {
        if !firsts.iter().any(|first| first.what == quantity.what) {
            firsts.push(quantity);
        }
    }
    let accelerator = new.first().map_or("", |run| match run.is_simulated() {
        true => "sim",
        false => run.accelerator(),
    });
    let pairs = firsts.into_iter().map(|first| {
        let had = !of_kind(base, first).is_empty() && !of_kind(new, first).is_empty();
        let (base, new) = (values(base, new, first), values(new, base, first));
        let pooled: Vec<f64> = base.iter().chain(&new).copied().collect();
        let usual = Spread::of(&pooled).median.unwrap_or_default();
        Pair {
            first,
            elsewhere: had && (base.is_empty() || new.is_empty()),
            base,
            new,
            floor: Floor::of(first.kind, accelerator, usual),
        }
    });
    let pairs: Vec<Pair> = pairs.collect();
    // Whatever cannot differ by what matters, however its values are dealt, was not tested.
    let tested = pairs
        .iter()
        .filter(|pair| pair.first.decides && pair.could_differ());
    let tested = tested.count();
    pairs.iter().map(|pair| pair.change(tested)).collect()
}

/// The values of a quantity in all runs that have it and whose faults struck what they struck in
/// some run of the other side: a recovery from the loss of the leader is no slower one than that of
/// an idle worker, it is another. One run of 8.9 s and one of 42.9 s were seen of one version.
fn values(runs: &[&Figures], others: &[&Figures], wanted: &Quantity) -> Vec<f64> {
    let alike = |run: &Figures| {
        let mut others = of_kind(others, wanted).into_iter();
        others.any(|(other, _)| struck(other, wanted) == struck(run, wanted))
    };
    let all = of_kind(runs, wanted).into_iter();
    let all = all.filter(|(run, _)| alike(run));
    all.map(|(_, one)| one.value.unwrap_or(f64::INFINITY))
        .collect()
}

/// The runs that have a quantity, with what they have.
fn of_kind<'a>(runs: &[&'a Figures], wanted: &Quantity) -> Vec<(&'a Figures, &'a Quantity)> {
    let found = runs.iter().filter_map(|run| {
        let mut all = run.quantities.iter();
        Some((*run, all.find(|one| one.what == wanted.what)?))
    });
    found.collect()
}

/// What was struck, as far as it decides about a quantity.
fn struck<'a>(run: &'a Figures, quantity: &Quantity) -> &'a [String] {
    match (quantity.fault, quantity.kind) {
        (Some(fault), _) => run.struck.get(fault..=fault).unwrap_or_default(),
        // A row that was acknowledged is owed, whatever was struck.
        (None, Kind::RowsLost) => &[],
        (None, _) => &run.struck,
    }
}

impl Pair<'_> {
    fn could_differ(&self) -> bool {
        let all = || self.base.iter().chain(&self.new).copied();
        let (least, most) = (all().reduce(f64::min), all().reduce(f64::max));
        let least = least.unwrap_or_default();
        most.is_some_and(|most| most > least && most - least >= self.floor.matters)
    }

    fn change(&self, tested: usize) -> Change {
        let (base, new) = (Spread::of(&self.base), Spread::of(&self.new));
        let both = base.median.zip(new.median);
        let times = tested.max(1) as f64;
        let enough = least_chance(&self.base, &self.new) * times <= CHANCE;
        let chance = enough.then(|| (chance(&self.base, &self.new) * times).min(1.0));
        let runs = self.base.len().min(self.new.len());
        let floor = match chance {
            Some(_) => self.floor.matters,
            None => self.floor.of_runs(runs),
        };
        // Of what was not reached, a median is without end.
        let (was, is) = (middle(&base), middle(&new));
        let certain = chance.map_or_else(|| self.apart(), |chance| chance <= CHANCE);
        let called = if self.elsewhere {
            Called::Elsewhere
        } else if self.base.is_empty() || self.new.is_empty() {
            Called::Missing
        } else if was == is {
            Called::Same
        } else if !certain || (is - was).abs() < floor {
            Called::Noise
        } else if is > was {
            Called::Worse
        } else {
            Called::Better
        };
        Change {
            what: self.first.what.clone(),
            kind: self.first.kind,
            decides: self.first.decides,
            fault: self.first.fault,
            change: both.map(|(was, is)| is - was),
            base,
            new,
            floor,
            chance,
            called,
        }
    }

    /// True if every value of one side is beyond every value of the other.
    fn apart(&self) -> bool {
        let beyond = |one: &[f64], other: &[f64]| {
            let most = one.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            other.iter().all(|value| *value > most)
        };
        beyond(&self.base, &self.new) || beyond(&self.new, &self.base)
    }
}

/// A median, without end where it was not reached.
fn middle(spread: &Spread) -> f64 {
    spread.median.unwrap_or(f64::INFINITY)
}
