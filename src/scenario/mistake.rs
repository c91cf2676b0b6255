//! What is wrong with a file: every mistake at its line and column, with a caret and a hint.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// How many mistakes are shown in full; the rest are counted.
const SHOWN: usize = 50;

/// A file's name and text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The name as the user wrote it.
    pub(crate) name: String,
    /// The whole text.
    pub(crate) text: String,
}

/// One thing that is wrong, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    title: String,
    place: Option<(Arc<Source>, Range<usize>)>,
    label: Option<String>,
    help: Option<String>,
}

impl Mistake {
    /// A mistake at these bytes of a file.
    pub(crate) fn at(source: &Arc<Source>, span: &Range<usize>, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            place: Some((Arc::clone(source), span.clone())),
            label: None,
            help: None,
        }
    }

    /// A mistake that has no line, such as a file that cannot be read.
    pub(crate) fn nowhere(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            place: None,
            label: None,
            help: None,
        }
    }

    /// Words beside the caret.
    #[must_use]
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What to write, or to do, instead.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Proposes the nearest of some words, beside the caret, if one is near.
    #[must_use]
    pub(crate) fn did_you_mean<'a>(
        self,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match nearest(word, known) {
            Some(near) => self.label(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// One line: what is wrong.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The line, counted from 1; `None` for a file that could not be read at all.
    pub fn line(&self) -> Option<usize> {
        let (source, span) = self.place.as_ref()?;
        Some(line_of(&source.text, span).0)
    }

    fn render(&self, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(printable(&self.title));
        let mut group = match &self.place {
            None => Group::with_title(title),
            Some((source, span)) => {
                let (number, line, within) = line_of(&source.text, span);
                let mut mark = AnnotationKind::Primary.span(within);
                if let Some(label) = &self.label {
                    mark = mark.label(printable(label));
                }
                title.element(
                    Snippet::source(line)
                        .line_start(number)
                        .path(source.name.as_str())
                        .annotation(mark),
                )
            }
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(printable(help)));
        }
        renderer.render(&[group])
    }
}

/// Everything that is wrong with a scenario and its stack file; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// In the order of the files' text, each said once.
    pub(crate) fn new(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| {
            mistake
                .place
                .as_ref()
                .map(|(source, span)| (source.name.clone(), span.start))
        });
        mistakes.dedup();
        Self(mistakes)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }

    /// The text that users see, with colours when asked, without a final newline.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut blocks: Vec<String> = self
            .0
            .iter()
            .take(SHOWN)
            .map(|mistake| mistake.render(&renderer))
            .collect();
        if let Some(more) = self.0.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            blocks.push(format!("and {more} more"));
        }
        blocks.join("\n\n")
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Mistakes {}

/// The nearest of some words, if it is near enough to be a slip of the fingers.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word that is far longer than ours is no slip, and measuring it would take long.
    let bound = word.chars().take(64).count().div_ceil(3);
    known
        .into_iter()
        .filter(|candidate| word.len() <= candidate.len() + 8)
        .map(|candidate| match candidate.strip_prefix(word) {
            // The beginning of a word, such as `v4` of `v4.2`, is nearer than any other.
            Some(_) if !word.is_empty() => (0, candidate),
            _ => (strsim::damerau_levenshtein(word, candidate), candidate),
        })
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// One line of text for a title: what a file holds must not move the user's cursor.
fn printable(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(300)
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    if text.chars().nth(300).is_some() {
        line.push('…');
    }
    line
}

/// The number and text of a span's first line, and the part of the span that lies in it.
fn line_of<'a>(text: &'a str, span: &Range<usize>) -> (usize, &'a str, Range<usize>) {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.floor_char_boundary(span.end.min(text.len()));
    let begin = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let number = text[..begin].matches('\n').count() + 1;
    let line = text[begin..].split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    let from = (start - begin).min(line.len());
    let to = (end.max(start) - begin).clamp(from, line.len());
    let trimmed = line[from..to].trim_end().len();
    let one = line[from..].chars().next().map_or(0, char::len_utf8);
    (number, line, from..from + trimmed.max(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source {
            name: "a.yaml".into(),
            text: text.into(),
        })
    }

    #[test]
    fn a_mistake_shows_its_line_a_caret_and_what_to_write() {
        let source = source("one: 1\r\ntwo: é twi\r\n");
        let start = source.text.find("twi").expect("there");
        let mistake = Mistake::at(&source, &(start..start + 3), "`twi` is no number")
            .did_you_mean("twi", ["one", "two"])
            .help("write `two`");
        assert_eq!(mistake.line(), Some(2));
        insta::assert_snapshot!(Mistakes::from(mistake), @"
        error: `twi` is no number
         --> a.yaml:2:8
          |
        2 | two: é twi
          |        ^^^ did you mean `two`?
          |
          = help: write `two`
        ");
    }

    #[test]
    fn spans_outside_the_text_and_inside_a_character_are_shown_all_the_same() {
        let source = source("é\n");
        for span in [0..0, 1..1, 1..2, 2..3, 3..3, 9..70] {
            let text = Mistakes::from(Mistake::at(&source, &span, "x\u{1b}[2J")).to_string();
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }

    #[test]
    fn only_near_words_are_proposed() {
        assert_eq!(nearest("workres", ["managers", "workers"]), Some("workers"));
        assert_eq!(nearest("v4", ["v3", "v4.2"]), Some("v4.2"));
        assert_eq!(nearest("", ["v3", "v4.2"]), None);
        assert_eq!(nearest("storage", ["managers", "workers"]), None);
        assert_eq!(nearest(&"x".repeat(100_000), ["managers"]), None);
    }
}
