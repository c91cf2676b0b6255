//! The index of the runs that are kept: what each came to, so that nobody reads a journal twice.
//!
//! It says nothing that the journals do not, and may be deleted at any time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seatrial::heal;
use seatrial::journal::Stored;
use seatrial::report::{FIGURES, Figures};
use serde::{Deserialize, Serialize};

use super::folder;
use super::record::Record;

/// Its file in the folder of runs.
const INDEX: &str = "index.jsonl";

/// The version that judged: another may judge differently.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A line of the index.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The run's folder, from the folder of runs.
    run: String,
    /// The journal's length in bytes: a run that was healed since has a longer one.
    bytes: u64,
    /// The version of Seatrial that judged it.
    judged_by: String,
    figures: Figures,
}

/// A run that is kept.
pub(super) struct Kept {
    /// Its folder.
    pub(super) folder: PathBuf,
    pub(super) state: State,
}

/// How far a run is over.
pub(super) enum State {
    /// It is over, and nothing of it is left on this computer.
    Over(Box<Figures>),
    /// Its harness is gone, and something may be left; what to do.
    Unhealed(Box<Figures>),
    /// Its harness lives.
    Alive,
    /// Its journal cannot be read; why.
    Unreadable(String),
}

impl Kept {
    /// What it came to, if that can be told.
    pub(super) fn figures(&self) -> Option<&Figures> {
        match &self.state {
            State::Over(figures) | State::Unhealed(figures) => Some(figures),
            State::Alive | State::Unreadable(_) => None,
        }
    }
}

/// Every run there is, the oldest first; brings the index up to date.
pub(super) fn read(runs: &Path) -> anyhow::Result<Vec<Kept>> {
    let path = runs.join(INDEX);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    // A line that cannot be read is of another version, and made anew.
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let ours = |line: &Line| line.judged_by == VERSION && line.figures.format == FIGURES;
    let known: BTreeMap<String, Line> = lines
        .filter(ours)
        .map(|line| (line.run.clone(), line))
        .collect();
    let (mut all, mut index) = (Vec::new(), String::new());
    for journal in folder::journals(runs)? {
        let place = journal.parent().unwrap_or(runs);
        let run = place
            .strip_prefix(runs)
            .unwrap_or(place)
            .display()
            .to_string();
        let bytes = std::fs::metadata(&journal).map_or(0, |about| about.len());
        let state = match known.get(&run).filter(|line| line.bytes == bytes) {
            Some(line) => State::Over(Box::new(line.figures.clone())),
            None => state(&journal),
        };
        if let State::Over(figures) = &state {
            let figures = Figures::clone(figures);
            let judged_by = VERSION.to_owned();
            index += &serde_json::to_string(&Line {
                run,
                bytes,
                judged_by,
                figures,
            })?;
            index.push('\n');
        }
        all.push(Kept {
            folder: place.to_owned(),
            state,
        });
    }
    if index != text {
        save(&path, &index);
    }
    Ok(all)
}

/// Whoever cannot write it, in a folder of somebody else's, reads the journals again next time.
fn save(path: &Path, index: &str) {
    let new = path.with_file_name(format!(".index-{}", std::process::id()));
    let saved = std::fs::write(&new, index).and_then(|()| std::fs::rename(&new, path));
    if saved.is_err() {
        let _ = std::fs::remove_file(&new);
    }
}

/// Reads and judges a run.
fn state(journal: &Path) -> State {
    let record = Record::read(journal);
    let settled = record
        .as_ref()
        .is_ok_and(|record| heal::is_settled(&record.history));
    if !settled && matches!(Stored::take(journal), Ok(None)) {
        return State::Alive;
    }
    match record {
        Err(error) => State::Unreadable(format!("{error:#}")),
        Ok(record) => {
            let figures = Box::new(Figures::of(&record.history, &record.judgement));
            match settled {
                true => State::Over(figures),
                false => State::Unhealed(figures),
            }
        }
    }
}
