//! The middle of a handful of numbers, and how far apart they are.

use schemars::JsonSchema;
use serde::Serialize;

use super::quantity::Kind;

/// The median, the least and the most of what runs measured; none of what was not reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Spread {
    /// How many runs.
    pub(super) runs: usize,
    /// How many of them reached it.
    pub(super) reached: usize,
    /// The middle one; null if that was not reached.
    pub(super) median: Option<f64>,
    /// The least; null if none was reached.
    pub(super) least: Option<f64>,
    /// The most; null if one was not reached.
    pub(super) most: Option<f64>,
}

impl Spread {
    /// Of numbers of which those without end were not reached.
    pub(super) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied();
        let middle = at(sorted.len() / 2).zip(at(sorted.len().saturating_sub(1) / 2));
        let finite = |value: f64| value.is_finite().then_some(value);
        Self {
            runs: sorted.len(),
            reached: sorted.iter().filter(|value| value.is_finite()).count(),
            median: middle.and_then(|(one, other)| finite(f64::midpoint(one, other))),
            least: at(0).and_then(finite),
            most: sorted.last().copied().and_then(finite),
        }
    }

    /// `59.1s`, `24.0s (21.3s to 25.9s)`, `24.0s (21.3s to not seen)`, or `-` of nothing.
    pub(super) fn written(&self, kind: Kind) -> String {
        let said =
            |value: Option<f64>| value.map_or("not seen".to_owned(), |value| kind.written(value));
        let (median, least, most) = (said(self.median), said(self.least), said(self.most));
        match self.runs {
            0 => "-".to_owned(),
            _ if least == most => median,
            _ => format!("{median} ({least} to {most})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        let told = |values: &[f64]| Spread::of(values).written(Kind::Recovery);
        assert_eq!(told(&[]), "-");
        assert_eq!(told(&[59.06]), "59.1s");
        assert_eq!(told(&[3.0, 1.0, 2.0]), "2.0s (1.0s to 3.0s)");
        assert_eq!(told(&[4.0, 1.0]), "2.5s (1.0s to 4.0s)");
        assert_eq!(told(&[f64::INFINITY]), "not seen");
        assert_eq!(told(&[1.0, 2.0, f64::INFINITY]), "2.0s (1.0s to not seen)");
        assert_eq!(told(&[1.0, f64::INFINITY]), "not seen (1.0s to not seen)");
        let spread = Spread::of(&[1.0, f64::INFINITY, 2.0]);
        assert_eq!((spread.runs, spread.reached), (3, 2));
    }
}
