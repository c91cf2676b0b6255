//! The exact rank-sum test of Wilcoxon, Mann and Whitney: how often chance alone would put two
//! handfuls of runs as far apart as they are.
//!
//! Exact, because a few repeats are all there ever is: every way to deal the values out is counted,
//! ties included, so nothing is assumed of how they are spread.

/// The share of all ways to deal the values into two groups of these sizes in which the first
/// group's ranks are at least as far from their mean as here, on either side.
pub(super) fn chance(base: &[f64], new: &[f64]) -> f64 {
    let pooled: Vec<f64> = base.iter().chain(new).copied().collect();
    let ranks = doubled_ranks(&pooled);
    let sum: usize = ranks[..base.len()].iter().sum();
    tail(&ranks, base.len(), sum)
}

/// The least that [`chance`] can come to for these values, however they are dealt.
pub(super) fn least_chance(base: &[f64], new: &[f64]) -> f64 {
    let mut pooled: Vec<f64> = base.iter().chain(new).copied().collect();
    pooled.sort_by(f64::total_cmp);
    let ranks = doubled_ranks(&pooled);
    let lowest: usize = ranks[..base.len()].iter().sum();
    let highest: usize = ranks[new.len()..].iter().sum();
    let least = tail(&ranks, base.len(), lowest);
    least.min(tail(&ranks, base.len(), highest))
}

/// Twice each value's rank, counted from 1; equal ones share theirs.
fn doubled_ranks(values: &[f64]) -> Vec<usize> {
    let below = |value: f64| values.iter().filter(|other| **other < value).count();
    let same = |value: f64| values.iter().filter(|other| **other == value).count();
    let rank = |value: &f64| 2 * below(*value) + same(*value) + 1;
    values.iter().map(rank).collect()
}

/// The share of all choices of `chosen` ranks whose sum is at least as far from the mean as `sum`.
fn tail(ranks: &[usize], chosen: usize, sum: usize) -> f64 {
    let whole: usize = ranks.iter().sum();
    // ways[k][s]: in how many ways k of the ranks seen so far add up to s.
    let mut ways = vec![vec![0.0_f64; whole + 1]; chosen + 1];
    ways[0][0] = 1.0;
    for (seen, rank) in ranks.iter().enumerate() {
        for k in (1..=chosen.min(seen + 1)).rev() {
            let (fewer, more) = ways.split_at_mut(k);
            for s in *rank..=whole {
                more[0][s] += fewer[k - 1][s - rank];
            }
        }
    }
    // Times the number of values, so that the mean is a whole number.
    let off = |sum: usize| (sum * ranks.len()).abs_diff(whole * chosen);
    let all: f64 = ways[chosen].iter().sum();
    let far = ways[chosen].iter().enumerate();
    let far: f64 = far
        .filter(|(other, _)| off(*other) >= off(sum))
        .map(|(_, ways)| ways)
        .sum();
    far / all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(chance: f64, wanted: f64) {
        assert!((chance - wanted).abs() < 1e-9, "{chance}, not {wanted}");
    }

    /// The two-sided values of the published tables: 2 of all ways for the extreme.
    #[test]
    fn the_extreme_is_as_rare_as_the_tables_say() {
        is(chance(&[1.0], &[2.0]), 1.0);
        is(chance(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 2.0 / 20.0);
        let (low, high) = ([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]);
        is(chance(&low, &high), 2.0 / 252.0);
        is(chance(&high, &low), 2.0 / 252.0);
        is(least_chance(&low, &high), 2.0 / 252.0);
        // U = 1: two more ways on each side.
        is(
            chance(&[1.0, 2.0, 3.0, 4.0, 6.0], &[5.0, 7.0, 8.0, 9.0, 10.0]),
            4.0 / 252.0,
        );
    }

    #[test]
    fn equal_values_show_nothing() {
        is(chance(&[3.0, 3.0], &[3.0, 3.0, 3.0]), 1.0);
        is(least_chance(&[3.0; 8], &[3.0; 8]), 1.0);
        // Of six ways to choose who gets the two ones, one is this and one its mirror.
        is(chance(&[1.0, 1.0], &[2.0, 2.0]), 2.0 / 6.0);
        is(
            chance(&[f64::INFINITY; 4], &[1.0, 2.0, 3.0, 4.0]),
            2.0 / 70.0,
        );
    }

    #[test]
    fn a_middle_is_no_extreme() {
        is(chance(&[1.0, 4.0], &[2.0, 3.0]), 1.0);
        let chance = chance(&[1.0, 2.0, 5.0], &[3.0, 4.0, 6.0]);
        assert!(chance > 0.3, "{chance}");
    }
}
