//! The folders of one swarm: announced, made, and held so that nobody takes them for left behind.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::vm::prepare::make_folder;
use super::{Progress, Trouble};
use crate::journal::{Event, Journal, Resource};
use crate::leavings::{self, TURN};
use crate::wait::{Look, until};

/// The file of a cache whose lock is the turn to build images.
const BUILD: &str = "images.lock";

/// What of ours is on this computer, one line each, for a place with this cache.
pub(super) fn here(cache: &Path) -> Result<BTreeSet<String>, Trouble> {
    let places = [cache.join(leavings::WORK), std::env::temp_dir()];
    let there = leavings::inventory(&places);
    there.map_err(|error| Trouble(format!("what is on this computer: {error}")))
}

/// The folders of one swarm; removed with it.
pub(super) struct Workspace {
    /// Holds disks, and without a journal the consoles.
    pub(super) disks: PathBuf,
    /// Holds sockets, whose paths have to be short.
    pub(super) sockets: PathBuf,
    _held: Vec<File>,
}

impl Workspace {
    /// Announces the folders and makes them. Whoever calls this has the turn of this computer.
    pub(super) fn make(cache: &Path, journal: Option<&Journal>) -> Result<Self, Trouble> {
        let name = leavings::name();
        let mut made = Self {
            disks: cache.join(leavings::WORK).join(&name),
            sockets: std::env::temp_dir().join(&name),
            _held: Vec::new(),
        };
        for folder in [&made.disks, &made.sockets] {
            if let Some(journal) = journal {
                let path = folder.display().to_string();
                journal.record(Event::Creating(Resource::Folder { path }))?;
            }
        }
        for folder in [&made.disks, &made.sockets] {
            make_folder(folder)?;
            made._held.extend(leavings::hold(folder));
        }
        Ok(made)
    }

    /// Removes the folders; returns what could not be.
    pub(super) fn remove(&self) -> Vec<String> {
        let removed = [&self.disks, &self.sockets].map(|folder| {
            let error = std::fs::remove_dir_all(folder).err();
            let error = error.filter(|error| error.kind() != ErrorKind::NotFound);
            error.map(|error| format!("cannot remove `{}`: {error}", folder.display()))
        });
        removed.into_iter().flatten().collect()
    }
}

impl Drop for Workspace {
    /// A swarm that was given up half made has nobody else to remove them.
    fn drop(&mut self) {
        self.remove();
    }
}

/// Waits for the one place where a swarm may run on this machine.
pub(super) async fn take_turn(cache: &Path, progress: &Progress) -> Result<File, Trouble> {
    take(
        cache,
        TURN,
        "wait for another run on this computer",
        progress,
    )
    .await
}

/// Waits for the one place where images may be built in this cache: of two that build, each would
/// clear away what the other has.
pub(super) async fn take_build(cache: &Path, progress: &Progress) -> Result<File, Trouble> {
    take(cache, BUILD, "wait for others who build images", progress).await
}

/// Waits for the lock of a file of the cache.
async fn take(
    cache: &Path,
    file: &str,
    waiting: &str,
    progress: &Progress,
) -> Result<File, Trouble> {
    make_folder(cache)?;
    let path = cache.join(file);
    if let Look::Holds(turn) = try_turn(&path) {
        return Ok(turn);
    }
    let step = progress.step(waiting);
    let hour = Duration::from_secs(3600);
    let pace = Duration::from_millis(200);
    let what = format!("`{}`", path.display());
    let turn = until(what, hour, pace, || async { try_turn(&path) }).await;
    let turn = turn.map_err(|late| Trouble(late.to_string()))?;
    step.done();
    Ok(turn)
}

/// Takes the turn if nobody has it.
fn try_turn(path: &Path) -> Look<File> {
    match File::create(path).map(|file| (file.try_lock(), file)) {
        Ok((Ok(()), file)) => Look::Holds(file),
        Ok((Err(_), _)) => Look::NotYet("somebody else has it".into()),
        Err(error) => Look::CannotTell(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_held_while_the_swarm_lives_and_gone_with_it() {
        let cache = tempfile::tempdir().expect("a folder");
        let made = Workspace::make(cache.path(), None).expect("made");
        let folders = [made.disks.clone(), made.sockets.clone()];
        std::fs::write(made.disks.join("disk"), "x").expect("a file");
        for folder in &folders {
            assert_eq!(leavings::owner(folder), Some(std::process::id()));
            assert!(leavings::in_use(folder));
        }
        drop(made);
        assert!(folders.iter().all(|folder| !folder.exists()));
    }
}
