//! Text of a journal, fit to be shown: nothing in it can steer what shows it.

use std::borrow::Cow;

/// Makes visible what would otherwise be an order to a terminal, a browser or an XML reader:
/// control characters become their pictures (`␛`), and marks that turn the direction of writing or
/// that XML does not allow become `�`. Line ends and tabs stay.
pub(super) fn legible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|letter| shown(letter) == letter) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(shown).collect())
}

/// The same in one line, cut where it goes on for too long to be read.
pub(super) fn line(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut letters = text.chars();
    let one_line = |letter: char| if letter == '\n' { ' ' } else { shown(letter) };
    let mut line: String = letters.by_ref().take(LONGEST).map(one_line).collect();
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

/// One letter as it is shown.
fn shown(letter: char) -> char {
    match letter {
        '\n' | '\t' => letter,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(letter)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_is_shown_and_the_rest_stays() {
        assert_eq!(legible("\u{1b}[2J\r\u{0}\u{7f}"), "␛[2J␍␀␡");
        assert_eq!(
            legible("a\u{202e}b\u{9b}c\u{ffff}"),
            "a\u{fffd}b\u{fffd}c\u{fffd}"
        );
        assert!(matches!(legible("one\n\ttwo é ␛"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_line_is_one_line_and_no_longer_than_can_be_read() {
        assert_eq!(line("one\ntwo\r"), "one two␍");
        assert_eq!(line(&"é".repeat(400)).chars().count(), 400);
        assert_eq!(line(&"é".repeat(401)), "é".repeat(400) + "…");
    }
}
