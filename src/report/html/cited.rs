//! The entries that a page cites: what its links lead to.
//!
//! A journal may have a million entries. The page holds those that it cites, the most important
//! first, until they fill their share of it; a number beyond that is written without a link.

use std::collections::BTreeMap;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::journal::{Entry, History};
use crate::report::legible::legible;
use crate::verdict::wording::{count, seconds};

/// How much of the page the entries may be, in bytes.
const BYTES_MAX: usize = 1_500_000;

/// How many letters of one entry are shown.
const LETTERS_MAX: usize = 2_000;

/// What an entry costs beside its text.
const FRAME: usize = 200;

/// Numbers of entries, with links to those that the page holds.
#[derive(Debug, Default, Template)]
#[template(path = "cites.html")]
pub(super) struct Cites {
    list: Vec<Cite>,
    more: String,
}

/// Its text is ours and the numbers are numbers.
impl HtmlSafe for Cites {}

/// One number.
#[derive(Debug)]
struct Cite {
    seq: u64,
    linked: bool,
}

impl Cites {
    /// True where nothing is cited.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The first entry that the page holds.
    pub(super) fn first(&self) -> Option<u64> {
        let linked = self.list.iter().find(|cite| cite.linked)?;
        Some(linked.seq)
    }
}

/// An entry as the page shows it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) wall: String,
    pub(super) text: String,
    /// How many letters are left out.
    pub(super) more: Option<String>,
}

/// Collects what is cited.
pub(super) struct Cited<'a> {
    history: &'a History,
    shown: BTreeMap<u64, Shown>,
    bytes: usize,
}

impl<'a> Cited<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self {
            history,
            shown: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Cites an entry; true if the page holds it.
    fn cite(&mut self, seq: u64) -> bool {
        if self.shown.contains_key(&seq) {
            return true;
        }
        let index = usize::try_from(seq).ok();
        let Some(entry) = index.and_then(|index| self.history.entries.get(index)) else {
            return false;
        };
        if self.bytes >= BYTES_MAX {
            return false;
        }
        let shown = show(entry);
        self.bytes += FRAME + escaped(&shown.text);
        self.shown.insert(seq, shown);
        true
    }

    /// Cites the first few of these, in their order in the journal.
    pub(super) fn some(&mut self, seqs: &[u64], at_most: usize) -> Cites {
        let mut seqs = seqs.to_vec();
        seqs.sort_unstable();
        seqs.dedup();
        let beyond = seqs.len().saturating_sub(at_most) as u64;
        seqs.truncate(at_most);
        let list = seqs.into_iter().map(|seq| Cite {
            seq,
            linked: self.cite(seq),
        });
        Cites {
            list: list.collect(),
            more: if beyond == 0 {
                String::new()
            } else {
                count(beyond)
            },
        }
    }

    /// Cites one entry.
    pub(super) fn one(&mut self, seq: u64) -> Cites {
        self.some(&[seq], 1)
    }

    /// What the page holds, in the order of the journal.
    pub(super) fn into_shown(self) -> Vec<Shown> {
        self.shown.into_values().collect()
    }
}

fn show(entry: &Entry) -> Shown {
    // What was read from JSON can be written as JSON.
    let whole = serde_json::to_string(&entry.event).unwrap_or_default();
    let text: String = whole.chars().take(LETTERS_MAX).collect();
    let more = whole[text.len()..].chars().count() as u64;
    Shown {
        seq: entry.seq,
        at: seconds(entry.at()),
        wall: entry.wall.to_string(),
        text: legible(&text).into_owned(),
        more: (more > 0).then(|| count(more)),
    }
}

/// How long a text is once it is escaped.
fn escaped(text: &str) -> usize {
    let special = |byte: &&u8| matches!(byte, b'"' | b'&' | b'\'' | b'<' | b'>');
    text.len() + 4 * text.as_bytes().iter().filter(special).count()
}
