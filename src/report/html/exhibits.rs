//! The evidence bundle beside the page: what is in it, and what could not be had.

use super::cited::{Cited, Cites};
use crate::journal::History;
use crate::report::bundle::{bundle, exhibits, is_ours};
use crate::report::legible::line;
use crate::verdict::wording::{count, counted};

/// How many pieces are listed.
const ROWS_MAX: usize = 200;

/// One piece.
pub(super) struct ExhibitRow {
    pub(super) path: String,
    /// True where the path may be a link.
    pub(super) linked: bool,
    /// How long it is, or why it is not there.
    pub(super) told: String,
    pub(super) cites: Cites,
}

/// The first of the bundle, and how many more there are. Nothing where the run kept nothing.
pub(super) fn of(history: &History, cited: &mut Cited) -> (Vec<ExhibitRow>, Option<String>) {
    let kept: Vec<_> = exhibits(history).collect();
    if kept.is_empty() {
        return (Vec::new(), None);
    }
    let ours = bundle(history).map(|(path, text)| ExhibitRow {
        path: path.to_owned(),
        linked: true,
        told: counted(text.len() as u64, "byte"),
        cites: Cites::default(),
    });
    let mut rows: Vec<ExhibitRow> = ours.into_iter().collect();
    let beyond = kept.len().saturating_sub(ROWS_MAX) as u64;
    rows.extend(kept.into_iter().take(ROWS_MAX).map(|(seq, exhibit)| {
        let told = match &exhibit.kept {
            Ok(kept) if kept.cut => format!("{}, the end of it", counted(kept.bytes, "byte")),
            Ok(kept) => counted(kept.bytes, "byte"),
            Err(why) => format!("not there: {}", line(why)),
        };
        ExhibitRow {
            path: line(&exhibit.path),
            linked: exhibit.kept.is_ok() && is_ours(&exhibit.path),
            told,
            cites: cited.one(seq),
        }
    }));
    (rows, (beyond > 0).then(|| count(beyond)))
}
