//! How findings and reports write numbers, so that the same fact reads the same everywhere.

use std::fmt::Display;
use std::time::Duration;

/// A length of time in seconds with one decimal: `101.7s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

/// A number with a comma after each group of three digits: `5,160`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 row`, `5,160 rows`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// The first few of a list: `3, 4, 5 and 12 more`.
pub fn some_of<T: Display>(all: impl IntoIterator<Item = T>, at_most: usize) -> String {
    let mut all = all.into_iter();
    let first: Vec<String> = all
        .by_ref()
        .take(at_most)
        .map(|one| one.to_string())
        .collect();
    let more = all.count() as u64;
    let first = first.join(", ");
    if more == 0 {
        first
    } else {
        format!("{first} and {} more", count(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_the_same_everywhere() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(5_160, "row"), "5,160 rows");
        assert_eq!(seconds(Duration::from_millis(101_720)), "101.7s");
        assert_eq!(some_of([1, 2, 3], 3), "1, 2, 3");
        assert_eq!(some_of(1..=15, 3), "1, 2, 3 and 12 more");
    }
}
