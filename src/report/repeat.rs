//! The command that repeats a run.

use crate::journal::Header;

/// The command line in the header, with the run's own seed, fit for a shell.
pub(super) fn repeat(header: &Header) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut given = header.command_line.iter();
    while let Some(word) = given.next() {
        if word == "--seed" {
            given.next();
        } else if !word.starts_with("--seed=") {
            words.push(quoted(word));
        }
    }
    words.push(format!("--seed {:#x}", header.seed));
    words.join(" ")
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(command_line: &[&str]) -> String {
        repeat(&Header {
            format: 1,
            seatrial: String::new(),
            seed: 42,
            command_line: command_line.iter().map(|&word| word.to_owned()).collect(),
            place: String::new(),
            accelerator: String::new(),
            patience: 1.0,
            versions: Default::default(),
            images: Default::default(),
            started_from: String::new(),
            pid: None,
        })
    }

    #[test]
    fn the_seed_of_the_run_stands_in_place_of_the_one_that_was_asked_for() {
        let plain = "seatrial run a.yaml --seed 0x2a";
        assert_eq!(repeated(&["seatrial", "run", "a.yaml"]), plain);
        assert_eq!(
            repeated(&["seatrial", "run", "--seed", "9", "a.yaml"]),
            plain
        );
        assert_eq!(repeated(&["seatrial", "run", "--seed=9", "a.yaml"]), plain);
    }

    #[test]
    fn a_shell_takes_every_word_as_it_was() {
        let words = repeated(&["seatrial", "run", "it's here/a.yaml", ""]);
        assert_eq!(words, r"seatrial run 'it'\''s here/a.yaml' '' --seed 0x2a");
    }
}
