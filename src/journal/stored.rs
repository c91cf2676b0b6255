//! A journal whose harness is gone: held while another process heals its run, and added to.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Cleared, Entry, Event, History, JournalError};

/// A journal that nobody writes any more. Held as long as this lives.
pub struct Stored {
    file: File,
    path: PathBuf,
}

impl Stored {
    /// Opens a journal; none while its harness lives, or another process heals its run.
    ///
    /// # Errors
    /// When the file cannot be opened for reading and writing.
    pub fn take(path: &Path) -> Result<Option<Self>, JournalError> {
        let failed = |source| JournalError::Write {
            path: path.into(),
            source,
        };
        let open = OpenOptions::new().read(true).write(true).open(path);
        let file = open.map_err(failed)?;
        match file.try_lock() {
            // A file system without locks had none for the harness either.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(Self {
                file,
                path: path.into(),
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
        }
    }

    /// True for a journal whose harness was killed before it had written its plan, and so before it
    /// made anything.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_blank(&mut self) -> Result<bool, JournalError> {
        let bytes = self.bytes()?;
        Ok(bytes.iter().filter(|byte| **byte == b'\n').count() < 2)
    }

    /// Writes what was done behind all that `history`, this journal's own, holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, history: &History, mut cleared: Cleared) -> Result<(), JournalError> {
        let bytes = self.bytes()?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let (whole, torn) = bytes.split_at(whole.map_or(0, |at| at + 1));
        if !torn.is_empty() {
            cleared.torn = Some(String::from_utf8_lossy(torn).into_owned());
        }
        let entry = Entry {
            seq: history.entries.len() as u64,
            at_us: history.entries.last().map_or(0, |last| last.at_us),
            wall: jiff::Timestamp::now(),
            event: Event::Cleared(cleared),
        };
        let length = whole.len() as u64;
        self.write(length, &entry)
            .map_err(|source| self.unwritten(source))
    }

    /// Writes an entry at this place, and nothing behind it.
    fn write(&mut self, at: u64, entry: &Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.set_len(at)?;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(&line)?;
        self.file.sync_data()
    }

    /// All that the file holds.
    fn bytes(&mut self) -> Result<Vec<u8>, JournalError> {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.read_to_end(&mut bytes));
        read.map(|_| bytes).map_err(|source| JournalError::Read {
            path: self.path.clone(),
            source,
        })
    }

    fn unwritten(&self, source: std::io::Error) -> JournalError {
        JournalError::Write {
            path: self.path.clone(),
            source,
        }
    }
}
