//! One quantity on both sides, and whether it changed.

use serde::Serialize;

use super::noise::{CHANCE, Floor};
use super::rank::{chance, least_chance};
use crate::report::figures::Figures;
use crate::report::quantity::{Kind, Quantity};
use crate::report::spread::Spread;

/// What a change is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Called {
    /// The medians are the same.
    Same,
    /// They differ by what runs of one version differ by.
    Noise,
    Better,
    Worse,
    /// One side has no number for it.
    Missing,
}

/// A quantity on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Change {
    pub(super) what: String,
    pub(super) kind: Kind,
    /// True if it decides; the others explain.
    pub(super) decides: bool,
    #[serde(skip)]
    pub(super) fault: Option<usize>,
    pub(super) base: Spread,
    pub(super) new: Spread,
    /// The new median less the old one; none if one of them was not reached.
    pub(super) change: Option<f64>,
    /// What a change is measured by: less is called noise.
    pub(super) floor: f64,
    /// How often chance alone would come to this, times the number of quantities that were tested;
    /// none where there are too few runs to tell.
    pub(super) chance: Option<f64>,
    pub(super) called: Called,
}

/// A quantity's numbers, one a run that has it; what was not reached is without end.
struct Pair<'a> {
    first: &'a Quantity,
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
    let accelerator = new.first().map_or("", |run| run.accelerator());
    let pairs = firsts.into_iter().map(|first| {
        let (base, new) = (values(base, first), values(new, first));
        let pooled: Vec<f64> = base.iter().chain(&new).copied().collect();
        let usual = Spread::of(&pooled).median.unwrap_or_default();
        Pair {
            first,
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

/// The values of a quantity in all runs that have it.
fn values(runs: &[&Figures], wanted: &Quantity) -> Vec<f64> {
    let all = runs.iter().flat_map(|run| &run.quantities);
    let named = all.filter(|one| one.what == wanted.what);
    named
        .map(|one| one.value.unwrap_or(f64::INFINITY))
        .collect()
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
        let called = if self.base.is_empty() || self.new.is_empty() {
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
