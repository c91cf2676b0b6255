//! How text is laid out: a right-aligned word, a time in brackets, and what there is to say.

use std::time::Duration;

use anstyle::{AnsiColor, Color};

use crate::verdict::Verdict;
use crate::verdict::wording::seconds;

/// How a report may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colour may repeat what the words say.
    pub colour: bool,
    /// The width of the picture in columns; narrower than 60 is taken as 60.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            colour: false,
            width: 100,
        }
    }
}

impl Style {
    /// A line about a moment of the run.
    pub(super) fn moment(self, word: &str, at: Duration, said: &str) -> String {
        format!("{} [{:>9}] {said}\n", self.word(word), seconds(at))
    }

    /// A line about no moment in particular.
    pub(crate) fn remark(self, word: &str, said: &str) -> String {
        format!("{} {said}\n", self.word(word))
    }

    /// The word that a line starts with.
    fn word(self, word: &str) -> String {
        let padded = format!("{word:>12}");
        let colour = match word {
            "PASS" | "RECOVERED" | "HEALED" | "STEADY" | "BETTER" | "ACCEPT" => AnsiColor::Green,
            "FAIL" | "WORSE" | "REJECT" | "REGRESSION" => AnsiColor::Red,
            "UNKNOWN" | "TROUBLE" | "DIFFERS" | "UNDECIDED" => AnsiColor::Yellow,
            "FAULT" => AnsiColor::Magenta,
            "ACTION" => AnsiColor::Cyan,
            _ => return padded,
        };
        if !self.colour {
            return padded;
        }
        let style = anstyle::Style::new()
            .bold()
            .fg_color(Some(Color::Ansi(colour)));
        format!("{style}{padded}{style:#}")
    }
}

/// A verdict as the word of a line.
pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Fail => "FAIL",
    }
}

/// Entry numbers as people write them: `entries 4-6, 9`.
pub(super) fn entries(seqs: &[u64]) -> String {
    let mut sorted = seqs.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let noun = if sorted.len() == 1 {
        "entry"
    } else {
        "entries"
    };
    let runs = sorted.chunk_by(|one, next| one + 1 == *next);
    let written = runs.map(|run| match run {
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    format!("{noun} {}", crate::verdict::wording::some_of(written, 6))
}
