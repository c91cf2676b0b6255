//! A journal that may hold anything is refused, or read and judged; it never panics.

use proptest::prelude::*;
use seatrial::report::{Style, json, terminal};

use super::*;

/// Reads a text that may be anything, and judges and tells it if it is a journal.
fn try_out(text: &str) {
    let Ok(history) = History::from_text(Path::new("journal.jsonl"), text) else {
        return;
    };
    let judgement = check(&history);
    assert!(!terminal(&history, &judgement, &Style::default()).is_empty());
    assert!(!json(&history, &judgement).is_empty());
}

/// A journal with all kinds of entries.
fn sample() -> String {
    let mut story = Story::kept("story", &[recovers(), nothing_lost(), answers(), intact()]);
    catalogue::audited(&mut story, &["process 7 (`x`)"]);
    story.text()
}

/// The same cases every time.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn arbitrary_bytes_are_no_journal(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        try_out(&String::from_utf8_lossy(&bytes));
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), &bytes).expect("written");
        prop_assert!(journal::read(file.path()).is_err());
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_changed_journal_never_panics(
        place in 0.0..1.0_f64, length in 0_usize..40,
        insert in "(\\PC{0,6}|[0-9]{1,20}|null|\\[\\]|\\{\\}|\"|\n|-1|1e308|true)",
    ) {
        let text = sample();
        let start = text.floor_char_boundary((place * text.len() as f64) as usize);
        let end = text.floor_char_boundary(start + length);
        try_out(&sealed(&format!("{}{insert}{}", &text[..start], &text[end..])));
    }

    /// Numbers are what a reader is most likely to believe.
    #[test]
    fn a_changed_number_never_panics(which in 0_usize..4000, number in any::<u64>()) {
        let text = sample();
        let digit = |c: char| c.is_ascii_digit();
        let starts = text.match_indices(digit).filter(|(at, _)| !text[..*at].ends_with(digit));
        let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
        let start = starts[which % starts.len()];
        let rest = text[start..].trim_start_matches(digit);
        try_out(&format!("{}{number}{rest}", &text[..start]));
    }
}
