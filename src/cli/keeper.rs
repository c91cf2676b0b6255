//! The process that keeps the swarm of `up`, as the command that starts it sees it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use seatrial::wait::pause;
use tokio::time::Instant;

use super::cache;
use super::kept::{Kept, State};

/// The pace of showing what the keeper says.
const PACE: Duration = Duration::from_millis(200);

/// How long a keeper that was told to end may take.
const ENDING: Duration = Duration::from_secs(60);

/// The keeper as its parent sees it.
pub(super) struct Keeper {
    process: Child,
    log: File,
    shown: String,
}

impl Keeper {
    /// Starts this program again, in the background, with these words of `up`.
    pub(super) fn start(words: &[OsString], kept: &Kept, cache: &Path) -> anyhow::Result<Self> {
        let folder = kept.make()?;
        let path = kept.log();
        let about = || format!("cannot write `{}`", path.display());
        let write = File::create(&path).with_context(about)?;
        let log = File::open(&path).with_context(about)?;
        let program = std::env::current_exe().context("cannot find this program again")?;
        let process = Command::new(program)
            .arg("keep")
            .args(words)
            .env(cache::VARIABLE, cache)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(write)
            .spawn()
            .context("cannot start the keeper")?;
        Ok(Self {
            process,
            log,
            shown: String::new(),
        })
    }

    /// Waits for the swarm, and shows what the keeper says meanwhile.
    pub(super) async fn ready(&mut self, kept: &Kept, deadline: Duration) -> anyhow::Result<State> {
        let end = Instant::now() + deadline;
        let log = format!("; all that it said: `{}`", kept.log().display());
        loop {
            let ended = self.process.try_wait().context("lost the keeper")?;
            self.show();
            if let Some(status) = ended {
                let last = self.shown.lines().last().unwrap_or("it said nothing");
                bail!("the process that keeps the swarm ended ({status}): {last}{log}");
            }
            let state = kept.read()?;
            if let Some(state) = state.filter(|state| state.ready) {
                return Ok(state);
            }
            if Instant::now() > end {
                let last = self.shown.lines().last().unwrap_or("it said nothing");
                bail!("the swarm was not up within {deadline:?}; last said: {last}{log}");
            }
            pause(PACE).await;
        }
    }

    /// Passes on what the keeper has said since the last time.
    fn show(&mut self) {
        let mut bytes = Vec::new();
        if self.log.read_to_end(&mut bytes).is_ok() && !bytes.is_empty() {
            let _ = std::io::stderr().write_all(&bytes);
            self.shown += &String::from_utf8_lossy(&bytes);
        }
    }

    /// Asks the keeper to end, and waits until it has.
    pub(super) async fn end(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + ENDING;
        if let Ok(None) = self.process.try_wait() {
            let pid = rustix::process::Pid::from_child(&self.process);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        while let Ok(None) = self.process.try_wait() {
            self.show();
            if Instant::now() > end {
                let pid = self.process.id();
                bail!(
                    "the keeper, process {pid}, does not end within {ENDING:?}: \
                     kill it, then `seatrial down`"
                );
            }
            pause(PACE).await;
        }
        self.show();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A keeper that is a shell script.
    fn keeper(kept: &Kept, script: &str) -> Keeper {
        kept.make().expect("made");
        let write = File::create(kept.log()).expect("a log");
        let process = Command::new("sh")
            .args(["-c", script])
            .stderr(write)
            .spawn();
        Keeper {
            process: process.expect("a shell"),
            log: File::open(kept.log()).expect("a log"),
            shown: String::new(),
        }
    }

    #[tokio::test]
    async fn the_last_words_of_a_keeper_are_passed_on() {
        let cache = tempfile::tempdir().expect("a folder");
        let kept = Kept::of(cache.path());
        let mut dead = keeper(&kept, "echo 'no memory for `server-3`' >&2; exit 2");
        let minute = Duration::from_secs(60);
        let error = dead.ready(&kept, minute).await.expect_err("it ended");
        let said = error.to_string();
        assert!(said.contains("exit status: 2"), "{said}");
        let last = "no memory for `server-3`; all that it said: `";
        assert!(said.contains(last), "{said}");
        dead.end().await.expect("it is gone");
    }

    #[tokio::test]
    async fn a_keeper_that_takes_too_long_is_ended() {
        let cache = tempfile::tempdir().expect("a folder");
        let kept = Kept::of(cache.path());
        let mut slow = keeper(&kept, "exec sleep 60");
        let error = slow.ready(&kept, Duration::ZERO).await.expect_err("late");
        assert!(error.to_string().contains("it said nothing"), "{error}");
        slow.end().await.expect("it ends when told");
    }
}
