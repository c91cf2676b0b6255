//! Reads a journal back, and refuses one that is damaged.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::timeline::fault_of;
use super::{Cleared, Entry, Event, FORMAT, Header, JournalError};
use crate::plan::Plan;

/// A journal that was read: a header, a plan, and all that followed.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The first entry.
    pub header: Header,
    /// The second entry.
    pub plan: Plan,
    /// Every entry, the first two included; `entries[n].seq == n`.
    pub entries: Vec<Entry>,
    /// True when the last line that the run wrote is only a part of one: the harness was killed
    /// while writing.
    pub truncated: bool,
}

impl Event {
    /// What went wrong with the harness, or with what the swarm stands on.
    pub fn trouble(&self) -> Option<&str> {
        match self {
            Self::Trouble { what } | Self::GaveWay { what } => Some(what),
            _ => None,
        }
    }
}

impl History {
    /// The entries that the run itself wrote: nothing that was added once it was over.
    pub fn own(&self) -> &[Entry] {
        let added = |entry: &Entry| matches!(entry.event, Event::Cleared(_));
        let last = self.entries.iter().rposition(|entry| !added(entry));
        &self.entries[..last.map_or(0, |last| last + 1)]
    }

    /// What other processes did about the run once it was over, in order.
    pub fn cleared(&self) -> impl Iterator<Item = &Cleared> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Cleared(cleared) => Some(cleared),
            _ => None,
        })
    }

    /// True when the run reached its end.
    pub fn ended(&self) -> bool {
        !self.truncated
            && matches!(
                self.own().last(),
                Some(Entry {
                    event: Event::End,
                    ..
                })
            )
    }

    /// True when the end stands right below a digest of all that is above it.
    pub fn sealed(&self) -> bool {
        let [.., seal, end] = self.own() else {
            return false;
        };
        matches!(seal.event, Event::Seal(_)) && end.event == Event::End
    }

    /// Reads a journal from its text. `path` is for messages only.
    ///
    /// # Errors
    /// When a line is not an entry, is missing, or stands in the wrong place. A last line that
    /// lacks its end is not an error, see [`History::truncated`].
    pub fn from_text(path: &Path, text: &str) -> Result<Self, JournalError> {
        let damaged = |line: usize, what: String| JournalError::Damaged {
            path: path.into(),
            line,
            what,
        };
        let (whole, rest) = text.rsplit_once('\n').unwrap_or(("", text));
        let mut entries: Vec<Entry> = Vec::new();
        let mut above = 0;
        for (index, line) in whole.split_inclusive('\n').enumerate() {
            let entry: Entry = serde_json::from_str(line.trim_end())
                .map_err(|error| damaged(index + 1, format!("not an entry: {error}")))?;
            if entry.seq != index as u64 {
                let what = format!("entry {} stands where {index} belongs", entry.seq);
                return Err(damaged(index + 1, what));
            }
            if entries.last().is_some_and(|last| last.at_us > entry.at_us) {
                return Err(damaged(
                    index + 1,
                    "its time is before the entry above it".into(),
                ));
            }
            if matches!(&entry.event, Event::Seal(seal) if !fits(seal, &text[..above])) {
                let what = "its seal does not fit what stands above it: that was edited";
                return Err(damaged(index + 1, what.to_owned()));
            }
            above += line.len();
            entries.push(entry);
        }
        let Some(Entry {
            event: Event::Header(header),
            ..
        }) = entries.first()
        else {
            return Err(damaged(1, "the first entry is not a header".into()));
        };
        if header.format != FORMAT {
            let what = format!("format {}, but this version reads {FORMAT}", header.format);
            return Err(damaged(1, what));
        }
        let Some(Entry {
            event: Event::Plan(plan),
            ..
        }) = entries.get(1)
        else {
            return Err(damaged(2, "the second entry is not a plan".into()));
        };
        let (header, plan) = (header.clone(), Plan::clone(plan));
        if let Some((line, what)) = misplaced(&entries, &plan) {
            return Err(damaged(line, what));
        }
        let mut history = Self {
            header,
            plan,
            entries,
            truncated: false,
        };
        let torn = history.cleared().any(|one| one.torn.is_some());
        history.truncated = torn || !rest.is_empty();
        Ok(history)
    }
}

/// True for the seal of these lines.
fn fits(seal: &str, above: &str) -> bool {
    format!("{:x}", Sha256::digest(above)) == seal
}

/// The first line that cannot stand where it stands, and why.
fn misplaced(entries: &[Entry], plan: &Plan) -> Option<(usize, String)> {
    entries.iter().enumerate().find_map(|(index, entry)| {
        let line = index + 1;
        let next = entries.get(line).map(|next| &next.event);
        let heal_follows = matches!(next, None | Some(Event::Cleared(_)));
        let end_follows = heal_follows || matches!(next, Some(Event::End));
        match &entry.event {
            Event::Header(_) if index > 0 => Some((line, "a second header".to_owned())),
            Event::Plan(_) if index > 1 => Some((line, "a second plan".to_owned())),
            Event::End if !heal_follows => Some((line + 1, "it follows the end".to_owned())),
            Event::Seal(_) if !end_follows => Some((line + 1, "it follows the seal".to_owned())),
            Event::Cleared(_) if !heal_follows => Some((
                line + 1,
                "it follows the heal of another process".to_owned(),
            )),
            Event::Action(one) if one.action >= plan.actions.len() => {
                let action = one.action;
                let what = format!("it tells of action {action}, which the plan does not have");
                Some((line, what))
            }
            event => {
                let fault = fault_of(event).filter(|fault| *fault >= plan.faults.len())?;
                let what = format!("it tells of fault {fault}, which the plan does not have");
                Some((line, what))
            }
        }
    })
}

/// Reads a journal file.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn read(path: &Path) -> Result<History, JournalError> {
    let failed = |source| JournalError::Read {
        path: path.into(),
        source,
    };
    let mut bytes = std::fs::read(path).map_err(failed)?;
    // A line that breaks off may do so within a character.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
    let torn = bytes.split_off(whole.map_or(0, |at| at + 1));
    let text = String::from_utf8(bytes);
    let mut text = text.map_err(|error| failed(std::io::Error::other(error)))?;
    text.push_str(&String::from_utf8_lossy(&torn));
    History::from_text(path, &text)
}
