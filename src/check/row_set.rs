//! A set of row numbers as closed ranges: its size is the number of holes, not of rows.

/// Row numbers, kept as ascending closed ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RowSet {
    ranges: Vec<(u64, u64)>,
}

impl RowSet {
    /// The set of these closed ranges, in any order; a range that ends before it begins is empty.
    pub(super) fn of(ranges: &[(u64, u64)]) -> Self {
        let mut set = Self::default();
        for &(first, last) in ranges {
            if first <= last {
                set.insert_range(first, last);
            }
        }
        set
    }

    /// Adds a row; false if it was there. Cheap for rows that come nearly in order.
    pub(super) fn insert(&mut self, row: u64) -> bool {
        if let Some((_, last)) = self.ranges.last_mut()
            && row.checked_sub(1) == Some(*last)
        {
            *last = row;
            return true;
        }
        if self.contains(row) {
            return false;
        }
        self.insert_range(row, row);
        true
    }

    /// Adds a closed range and joins what now touches.
    fn insert_range(&mut self, first: u64, last: u64) {
        let from = self
            .ranges
            .partition_point(|&(_, end)| end.saturating_add(1) < first);
        let to = self
            .ranges
            .partition_point(|&(start, _)| start <= last.saturating_add(1));
        let (mut joined_first, mut joined_last) = (first, last);
        if from < to {
            joined_first = joined_first.min(self.ranges[from].0);
            joined_last = joined_last.max(self.ranges[to - 1].1);
        }
        self.ranges
            .splice(from..to.max(from), [(joined_first, joined_last)]);
    }

    /// Takes a row out; false if it was not there.
    pub(super) fn remove(&mut self, row: u64) -> bool {
        let at = self.ranges.partition_point(|&(_, last)| last < row);
        let Some(&(first, last)) = self.ranges.get(at).filter(|(first, _)| *first <= row) else {
            return false;
        };
        let left = (first < row).then(|| (first, row - 1));
        let right = (row < last).then(|| (row + 1, last));
        self.ranges.splice(at..=at, left.into_iter().chain(right));
        true
    }

    /// True if the row is in it.
    pub(super) fn contains(&self, row: u64) -> bool {
        let at = self.ranges.partition_point(|&(_, last)| last < row);
        self.ranges.get(at).is_some_and(|&(first, _)| first <= row)
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> u64 {
        self.ranges.iter().fold(0, |sum: u64, &(first, last)| {
            sum.saturating_add((last - first).saturating_add(1))
        })
    }

    /// True if it has no row.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The rows of this set that are not in the other.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut others = other.ranges.iter().peekable();
        for &(first, last) in &self.ranges {
            let mut from = Some(first);
            while let (Some(start), Some(&&(cut_first, cut_last))) = (from, others.peek()) {
                if cut_last < start {
                    others.next();
                    continue;
                }
                if cut_first > last {
                    break;
                }
                if start < cut_first {
                    left.push((start, cut_first - 1));
                }
                from = cut_last.checked_add(1).filter(|next| *next <= last);
            }
            left.extend(from.map(|start| (start, last)));
        }
        Self { ranges: left }
    }

    /// The rows that are in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        self.minus(&self.minus(other))
    }

    /// The closed ranges, ascending, written `7` or `7-9`.
    pub(super) fn written(&self) -> impl Iterator<Item = String> + '_ {
        self.ranges.iter().map(|&(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
    }

    /// The first few rows, for evidence.
    pub(super) fn first_rows(&self, at_most: usize) -> Vec<u64> {
        self.ranges
            .iter()
            .flat_map(|&(first, last)| first..=last)
            .take(at_most)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The same set, row by row.
    fn rows(set: &RowSet) -> BTreeSet<u64> {
        set.ranges
            .iter()
            .flat_map(|&(first, last)| first..=last)
            .collect()
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_its_rows(
            steps in prop::collection::vec((any::<bool>(), 0u64..40), 0..80),
            other in prop::collection::btree_set(0u64..40, 0..40),
        ) {
            let (mut set, mut plain) = (RowSet::default(), BTreeSet::new());
            for (add, row) in steps {
                if add {
                    prop_assert_eq!(set.insert(row), plain.insert(row));
                } else {
                    prop_assert_eq!(set.remove(row), plain.remove(&row));
                }
            }
            prop_assert_eq!(&rows(&set), &plain);
            prop_assert_eq!(set.len(), plain.len() as u64);
            prop_assert_eq!(&RowSet::of(&set.ranges), &set);
            prop_assert!((0..40).all(|row| set.contains(row) == plain.contains(&row)));
            let gaps = set.ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
            prop_assert!(gaps, "ranges touch: {:?}", set.ranges);
            let pairs: Vec<_> = other.iter().map(|row| (*row, *row)).collect();
            let cut = RowSet::of(&pairs);
            prop_assert_eq!(rows(&set.minus(&cut)), &plain - &other);
            prop_assert_eq!(rows(&set.and(&cut)), &plain & &other);
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut set = RowSet::of(&[(u64::MAX - 1, u64::MAX), (5, 3)]);
        assert!(!set.insert(u64::MAX));
        assert_eq!(set.len(), 2);
        assert!(set.minus(&RowSet::of(&[(0, u64::MAX)])).is_empty());
        assert_eq!(RowSet::of(&[(0, u64::MAX)]).len(), u64::MAX);
        assert!(set.remove(u64::MAX));
        assert_eq!(
            set.written().collect::<Vec<_>>(),
            [(u64::MAX - 1).to_string()]
        );
    }
}
