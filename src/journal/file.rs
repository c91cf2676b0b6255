//! Writes a journal: one line an entry, in the kernel's hands before the act it announces.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::{Clock, Entry, Event};

/// Why a journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be written; the run must end, because it can no longer be judged.
    #[error("cannot write the journal `{path}`; free some space, or name another folder")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file could not be read.
    #[error("cannot read the journal `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is not an entry, or not the one that must follow.
    #[error("the journal `{path}` is damaged at line {line}: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// Is told of every entry once it is written.
pub type Listener = dyn Fn(&Entry) + Send + Sync;

/// A journal that is being written. Clones write to the same file.
#[derive(Clone)]
pub struct Journal {
    clock: Clock,
    path: Arc<Path>,
    writer: Arc<Mutex<Writer>>,
    listener: Option<Arc<Listener>>,
}

/// The file and the number of its next entry.
struct Writer {
    file: File,
    next: u64,
    /// True once a write failed: half a line may stand at the end, and nothing may follow it.
    failed: bool,
    /// Of every line so far.
    digest: Sha256,
}

impl Writer {
    /// Writes one line whole, or never writes again.
    fn write(&mut self, line: &[u8], to_disk: bool) -> std::io::Result<()> {
        if self.failed {
            return Err(std::io::Error::other("an earlier entry was not written"));
        }
        self.failed = true;
        self.file.write_all(line)?;
        if to_disk {
            self.file.sync_data()?;
        }
        self.failed = false;
        self.digest.update(line);
        self.next += 1;
        Ok(())
    }
}

impl Journal {
    /// Creates a journal that must not exist yet. It is locked as long as this process writes it.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path, clock: Clock) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|source| JournalError::Write {
                path: path.into(),
                source,
            })?;
        // Whoever finds it free knows that this process is gone, or that the file system has no
        // locks. A process that heals has it for a moment.
        let _ = file.lock();
        let writer = Arc::new(Mutex::new(Writer {
            file,
            next: 0,
            failed: false,
            digest: Sha256::new(),
        }));
        Ok(Self {
            clock,
            path: path.into(),
            writer,
            listener: None,
        })
    }

    /// The same journal, with somebody who is told of every entry.
    #[must_use]
    pub fn with_listener(mut self, listener: Arc<Listener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// The run's folder, for what else a run leaves behind.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Writes an entry and returns its number. When this returns, a killed harness no longer
    /// loses it; an entry that announces an act is on the disk as well.
    ///
    /// # Errors
    /// When the file cannot be written; then the act must not follow.
    pub fn record(&self, event: Event) -> Result<u64, JournalError> {
        self.write(|_| event)
    }

    /// Writes the digest of every line so far.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn seal(&self) -> Result<u64, JournalError> {
        self.write(|writer| Event::Seal(format!("{:x}", writer.digest.clone().finalize())))
    }

    /// Writes the entry that follows from what is written already.
    fn write(&self, event: impl FnOnce(&Writer) -> Event) -> Result<u64, JournalError> {
        let failed = |source| JournalError::Write {
            path: self.path.to_path_buf(),
            source,
        };
        let entry = {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = Entry {
                seq: writer.next,
                at_us: self.clock.now_us(),
                wall: self.clock.wall(),
                event: event(&writer),
            };
            let announces = announces_an_act(&entry.event);
            let mut line = serde_json::to_vec(&entry).map_err(|e| failed(e.into()))?;
            line.push(b'\n');
            writer.write(&line, announces).map_err(failed)?;
            entry
        };
        if let Some(listener) = &self.listener {
            listener(&entry);
        }
        Ok(entry.seq)
    }
}

/// True for entries that another process needs in order to undo what follows them.
fn announces_an_act(event: &Event) -> bool {
    matches!(
        event,
        Event::Header(_)
            | Event::Plan(_)
            | Event::Creating(_)
            | Event::Intent(_)
            | Event::Injecting { .. }
            | Event::Healing { .. }
    )
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_an_entry_that_was_not_written_whole() {
        let full = OpenOptions::new().write(true).open("/dev/full");
        let null = OpenOptions::new().write(true).open("/dev/null");
        let mut writer = Writer {
            file: full.expect("a full disk"),
            next: 0,
            failed: false,
            digest: Sha256::new(),
        };
        writer
            .write(b"half a line", false)
            .expect_err("the disk is full");
        writer.file = null.expect("room again");
        writer.write(b"a line", false).expect_err("never again");
        assert_eq!(writer.next, 0);
    }

    #[test]
    fn what_a_heal_needs_is_on_the_disk_before_it_is_needed() {
        let fault = 0;
        assert!(announces_an_act(&Event::Injecting { fault }));
        assert!(announces_an_act(&Event::Healing { fault }));
        assert!(!announces_an_act(&Event::Injected { fault }));
        assert!(!announces_an_act(&Event::End));
    }

    #[test]
    fn entries_are_numbered_and_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let journal = Journal::create(&path, Clock::start()).expect("a journal");
        for expected in 0..3 {
            assert_eq!(journal.record(Event::End).expect("written"), expected);
        }
        let text = std::fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().count(), 3);
        assert!(matches!(
            Journal::create(&path, Clock::start()),
            Err(JournalError::Write { .. })
        ));
    }
}
