//! From the rows of a ledger to what a checker needs of them, in memory that does not grow with
//! their number. Pure.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::journal::Rows;

/// Strange rows that are described; of more, only the number is told.
const STRANGE_MAX: usize = 20;

/// The longest content that is shown, in characters.
const SHOWN_CHARS: usize = 32;

/// What a row holds: the first 16 hexadecimal digits of the SHA-256 of its number in decimal.
pub fn payload(row: u64) -> String {
    let digest = Sha256::digest(row.to_string());
    let mut hex = String::with_capacity(16);
    for byte in &digest[..8] {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Takes rows in ascending order.
#[derive(Debug, Default)]
pub struct Fold {
    last: Option<u64>,
    ranges: Vec<(u64, u64)>,
    duplicates: Vec<u64>,
    strange: Vec<String>,
    more_strange: u64,
}

impl Fold {
    /// Takes the next row. A row that is not as it was written is strange, and is not there.
    ///
    /// # Errors
    /// When its number is below the one before: the server did not sort.
    pub fn row(&mut self, number: u64, content: &[u8]) -> Result<(), String> {
        if let Some(last) = self.last
            && number < last
        {
            return Err(format!("row {number} came after row {last}"));
        }
        self.last = Some(number);
        let expected = payload(number);
        if number == 0 {
            self.strange("row 0, which is never written".to_owned());
        } else if content != expected.as_bytes() {
            let content = String::from_utf8_lossy(content);
            let shown: String = content.chars().take(SHOWN_CHARS).collect();
            self.strange(format!("row {number} holds {shown:?}, not {expected:?}"));
        } else {
            self.there(number);
        }
        Ok(())
    }

    fn there(&mut self, number: u64) {
        match self.ranges.last_mut() {
            Some((_, end)) if *end == number => {
                if self.duplicates.last() != Some(&number) {
                    self.duplicates.push(number);
                }
            }
            Some((_, end)) if end.checked_add(1) == Some(number) => *end = number,
            _ => self.ranges.push((number, number)),
        }
    }

    fn strange(&mut self, what: String) {
        if self.strange.len() < STRANGE_MAX {
            self.strange.push(what);
        } else {
            self.more_strange += 1;
        }
    }

    /// What was found.
    pub fn finish(mut self) -> Rows {
        if self.more_strange > 0 {
            self.strange
                .push(format!("and {} more strange rows", self.more_strange));
        }
        Rows::Found {
            ranges: self.ranges,
            duplicates: self.duplicates,
            strange: self.strange,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn fold(numbers: &[u64]) -> Rows {
        let mut fold = Fold::default();
        for number in numbers {
            fold.row(*number, payload(*number).as_bytes()).unwrap();
        }
        fold.finish()
    }

    fn found(ranges: &[(u64, u64)], duplicates: &[u64], strange: &[&str]) -> Rows {
        Rows::Found {
            ranges: ranges.to_vec(),
            duplicates: duplicates.to_vec(),
            strange: strange.iter().map(|&line| line.to_owned()).collect(),
        }
    }

    #[test]
    fn a_payload_is_the_hash_of_its_number() {
        // printf 1 | sha256sum
        assert_eq!(payload(1), "6b86b273ff34fce1");
        assert_ne!(payload(1), payload(2));
    }

    #[test]
    fn ranges_break_at_gaps_and_duplicates_are_told_once() {
        assert_eq!(fold(&[]), found(&[], &[], &[]));
        assert_eq!(
            fold(&[1, 2, 3, 3, 3, 7, 8, 8, u64::MAX]),
            found(&[(1, 3), (7, 8), (u64::MAX, u64::MAX)], &[3, 8], &[])
        );
    }

    #[test]
    fn a_row_with_other_content_is_strange_and_not_there() {
        let mut fold = Fold::default();
        fold.row(0, payload(0).as_bytes()).unwrap();
        fold.row(1, payload(1).as_bytes()).unwrap();
        fold.row(2, b"\x1b[2J\xff").unwrap();
        fold.row(3, payload(3).as_bytes()).unwrap();
        fold.row(3, payload(4).as_bytes()).unwrap();
        assert_eq!(
            fold.finish(),
            found(
                &[(1, 1), (3, 3)],
                &[],
                &[
                    "row 0, which is never written",
                    "row 2 holds \"\\u{1b}[2J\u{fffd}\", not \"d4735e3a265e16ee\"",
                    "row 3 holds \"4b227777d4dd1fc6\", not \"4e07408562bedb8b\"",
                ]
            )
        );
    }

    #[test]
    fn only_the_first_strange_rows_are_described() {
        let mut fold = Fold::default();
        for number in 1..=1_000 {
            fold.row(number, b"").unwrap();
        }
        let Rows::Found {
            strange, ranges, ..
        } = fold.finish()
        else {
            panic!("not found");
        };
        assert_eq!(strange.len(), STRANGE_MAX + 1);
        assert_eq!(strange[STRANGE_MAX], "and 980 more strange rows");
        assert_eq!(ranges, []);
    }

    #[test]
    fn a_server_that_does_not_sort_is_an_error() {
        let mut fold = Fold::default();
        fold.row(2, payload(2).as_bytes()).unwrap();
        let error = fold.row(1, payload(1).as_bytes()).unwrap_err();
        assert_eq!(error, "row 1 came after row 2");
    }

    proptest! {
        #[test]
        fn ranges_and_duplicates_say_exactly_which_rows_are_there(
            mut numbers in proptest::collection::vec(1_u64..60, 0..80)
        ) {
            numbers.sort_unstable();
            let mut count: BTreeMap<u64, usize> = BTreeMap::new();
            for number in &numbers {
                *count.entry(*number).or_default() += 1;
            }
            let Rows::Found { ranges, duplicates, strange } = fold(&numbers) else {
                panic!("not found");
            };
            let there: Vec<u64> = ranges.iter().flat_map(|&(a, b)| a..=b).collect();
            prop_assert_eq!(there, count.keys().copied().collect::<Vec<_>>());
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            let twice: Vec<u64> =
                count.iter().filter(|(_, n)| **n > 1).map(|(number, _)| *number).collect();
            prop_assert_eq!(duplicates, twice);
            prop_assert!(strange.is_empty());
        }
    }
}
