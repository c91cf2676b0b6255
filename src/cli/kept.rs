//! The swarm that `up` keeps: what is known of it, and how its keeper is asked.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use seatrial::leavings;
use seatrial::plan::Role;
use seatrial::substrate::vm::VmLab;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::Refused;
use super::power::{Act, Power};

/// How long the keeper may take to answer; a command in a machine has two minutes.
const ANSWER: Duration = Duration::from_secs(150);

/// What a keeper can be asked, a JSON line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    /// Which machines have power?
    Status,
    /// Run a shell command in a machine.
    Exec {
        /// The machine's name.
        node: String,
        /// What `sh -c` gets.
        command: String,
    },
    /// Turn a machine off or on, or only look.
    Power {
        /// The machine's name.
        node: String,
        /// What to do.
        act: Act,
    },
    /// Remove everything and end.
    Down,
}

impl Request {
    /// How long its answer may take.
    fn deadline(&self) -> Duration {
        match self {
            Self::Power { act, .. } if *act != Act::Status => VmLab::POWER,
            Self::Power { .. } | Self::Status | Self::Exec { .. } | Self::Down => ANSWER,
        }
    }
}

/// What it answers, a JSON line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Reply {
    /// Machine to whether it has power; empty while the swarm is made.
    Status(BTreeMap<String, bool>),
    /// What a command came to.
    Ran {
        /// Its exit code; 128 and the signal if it died of one.
        code: i64,
        /// Its standard output.
        out: String,
        /// Its standard error.
        err: String,
    },
    /// What a machine has now.
    Power(Power),
    /// It will end.
    Ending,
    /// It cannot, and why.
    Trouble(String),
}

/// What the keeper writes down for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// The keeper's process.
    pub(super) pid: u32,
    /// A scenario's name, or `swarm`.
    pub(super) name: String,
    /// True once the swarm can be used.
    pub(super) ready: bool,
    /// The swarm's nodes, managers first; empty until it is ready.
    pub(super) nodes: Vec<Node>,
    /// The storage machine, if there is one.
    pub(super) storage: Option<String>,
    /// Folders that the keeper's machines use: disks, console logs and sockets.
    pub(super) folders: Vec<PathBuf>,
}

/// A node as it can be reached from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Node {
    /// The host name.
    pub(super) name: String,
    /// What it joined as.
    pub(super) role: Role,
    /// Where its engine listens.
    pub(super) api: SocketAddr,
    /// Published port to where it can be reached.
    pub(super) published: BTreeMap<u16, SocketAddr>,
}

impl State {
    /// Every machine's name.
    pub(super) fn machines(&self) -> impl Iterator<Item = &str> {
        let nodes = self.nodes.iter().map(|node| node.name.as_str());
        nodes.chain(self.storage.as_deref())
    }
}

/// The folder of the kept swarm, and what is in it.
pub(super) struct Kept {
    cache: PathBuf,
    folder: PathBuf,
}

impl Kept {
    /// That of a cache folder; there is one at the most.
    pub(super) fn of(cache: &Path) -> Self {
        Self {
            cache: cache.into(),
            folder: cache.join("up"),
        }
    }

    /// Makes the folder, for this user alone: who can write to it can command the machines.
    pub(super) fn make(&self) -> anyhow::Result<&Path> {
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| {
                let only_ours = std::fs::Permissions::from_mode(0o700);
                std::fs::set_permissions(&self.folder, only_ours)
            })
            .with_context(|| format!("cannot make the folder `{}`", self.folder.display()))?;
        Ok(&self.folder)
    }

    /// What the keeper says while it works.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("keeper.log")
    }

    /// Where it listens.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join("control.sock")
    }

    /// Keys and descriptions for those who reach the swarm by SSH.
    pub(super) fn ssh(&self) -> PathBuf {
        self.folder.join("ssh")
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.join("keeper.lock")
    }

    /// Takes the lock that a keeper holds as long as it lives; `None` if another has it.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let file = File::create(self.lock_file())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// True while a keeper lives, whatever its state says: process numbers are used again.
    pub(super) fn alive(&self) -> anyhow::Result<bool> {
        let held = self.folder.exists().then(|| self.lock()).transpose();
        let held = held.with_context(|| format!("cannot read `{}`", self.folder.display()))?;
        Ok(matches!(held, Some(None)))
    }

    /// Refuses what needs the machines for itself.
    pub(super) fn refuse_if_alive(&self) -> anyhow::Result<()> {
        if self.alive()? {
            bail!("a swarm is up, see `seatrial ps`; take it down first: `seatrial down`");
        }
        Ok(())
    }

    /// Refuses what is asked of a machine that is not there.
    pub(super) fn refuse_without(&self, machine: &str) -> anyhow::Result<()> {
        if !self.alive()? {
            bail!("nothing is up: `seatrial up`");
        }
        let Some(state) = self.read()?.filter(|state| state.ready) else {
            bail!("the swarm is still coming up");
        };
        let machines: Vec<&str> = state.machines().collect();
        if machines.contains(&machine) {
            return Ok(());
        }
        let all = machines.join("`, `");
        Err(Refused::new(format_args!("no machine `{machine}`; there are `{all}`")).into())
    }

    /// What is written down.
    pub(super) fn read(&self) -> anyhow::Result<Option<State>> {
        let path = self.state();
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| format!("cannot read `{}`", path.display()))?,
        };
        let state = serde_json::from_slice(&text);
        state.with_context(|| format!("`{}` is damaged: remove it", path.display()))
    }

    /// Writes it down in one step.
    pub(super) fn write(&self, state: &State) -> anyhow::Result<()> {
        let about = || format!("cannot write `{}`", self.state().display());
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).with_context(about)?;
        serde_json::to_writer_pretty(&mut file, state).with_context(about)?;
        file.flush().with_context(about)?;
        file.persist(self.state()).with_context(about)?;
        Ok(())
    }

    /// The folders that machines of a process use; each is named after it.
    pub(super) fn folders(&self, pid: u32) -> Vec<PathBuf> {
        let places = [self.cache.join("work"), std::env::temp_dir()];
        let entries = places
            .iter()
            .flat_map(std::fs::read_dir)
            .flatten()
            .flatten();
        entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .filter(|path| leavings::owner(path) == Some(pid))
            .collect()
    }

    /// Removes the folders of a keeper that is gone, and what it wrote down. The log stays.
    pub(super) fn clean(&self, state: &State) -> anyhow::Result<()> {
        let mut left = Vec::new();
        let mut folders = state.folders.clone();
        // Numbers of processes come again: another's folders may have the same one by now.
        let others = |folder: &PathBuf| !leavings::in_use(folder);
        folders.extend(self.folders(state.pid).into_iter().filter(others));
        folders.push(self.ssh());
        for folder in folders {
            note(std::fs::remove_dir_all(&folder), &folder, &mut left);
        }
        if left.is_empty() {
            for file in [self.socket(), self.state()] {
                note(std::fs::remove_file(&file), &file, &mut left);
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        bail!("not everything was removed: {}", left.join("; "))
    }

    /// Asks the keeper.
    pub(super) async fn ask(&self, request: &Request) -> anyhow::Result<Reply> {
        let talk = async {
            let mut stream = BufReader::new(UnixStream::connect(self.socket()).await?);
            stream.write_all(&json_line(request)?).await?;
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            Ok::<Reply, io::Error>(serde_json::from_str(&line)?)
        };
        let deadline = request.deadline();
        let answer = tokio::time::timeout(deadline, talk).await;
        answer
            .with_context(|| format!("the keeper did not answer within {deadline:?}"))?
            .with_context(|| {
                format!(
                    "the keeper does not answer at `{}`",
                    self.socket().display()
                )
            })
    }
}

/// A message and its line end.
pub(super) fn json_line<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Notes what could not be removed; what is not there needs no removal.
fn note(removed: io::Result<()>, path: &Path, left: &mut Vec<String>) {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            left.push(format!("`{}`: {error}", path.display()));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No process has this number: it is above the highest that Linux gives.
    const NOBODY: u32 = 4_194_305;

    fn state(folders: Vec<PathBuf>) -> State {
        State {
            pid: NOBODY,
            name: "swarm".into(),
            ready: false,
            nodes: Vec::new(),
            storage: None,
            folders,
        }
    }

    #[test]
    fn a_keeper_lives_as_long_as_it_holds_the_lock() {
        let cache = tempfile::tempdir().expect("a folder");
        let kept = Kept::of(cache.path());
        assert!(!kept.alive().expect("seen"), "no folder, no keeper");
        kept.make().expect("made");
        let held = kept.lock().expect("tried").expect("free");
        assert!(kept.alive().expect("seen"));
        assert!(kept.refuse_if_alive().is_err());
        drop(held);
        // A child that another test is starting holds every lock until it runs its program.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while kept.alive().expect("seen") {
            assert!(std::time::Instant::now() < end, "the lock is still held");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_machine_has_to_be_there() {
        let cache = tempfile::tempdir().expect("a folder");
        let kept = Kept::of(cache.path());
        let refused = |machine| kept.refuse_without(machine).expect_err("refused");
        let nothing = "nothing is up: `seatrial up`";
        assert_eq!(refused("storage").to_string(), nothing);
        kept.make().expect("made");
        let _held = kept.lock().expect("tried").expect("free");
        let mut state = state(Vec::new());
        state.storage = Some("storage".to_owned());
        kept.write(&state).expect("written");
        let coming = "the swarm is still coming up";
        assert_eq!(refused("storage").to_string(), coming);
        state.ready = true;
        kept.write(&state).expect("written");
        kept.refuse_without("storage").expect("it is there");
        let error = refused("server-3").downcast::<Refused>().expect("usage");
        let none = "error: no machine `server-3`; there are `storage`";
        assert_eq!(error.0, none);
    }

    #[test]
    fn what_a_killed_keeper_left_is_removed_and_nothing_else() {
        let cache = tempfile::tempdir().expect("a folder");
        let kept = Kept::of(cache.path());
        kept.make().expect("made");
        std::fs::create_dir_all(kept.ssh().join("tls")).expect("a folder");
        std::fs::write(kept.ssh().join("id_ed25519"), "secret").expect("written");
        let work = cache.path().join("work");
        let (ours, named) = (
            work.join(format!("seatrial-{NOBODY}-0a1b2c3d")),
            work.join("named"),
        );
        let other = work.join(format!("seatrial-{NOBODY}-notes"));
        for folder in [&ours, &named, &other] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        let state = state(vec![named.clone()]);
        kept.write(&state).expect("written");
        assert_eq!(kept.read().expect("read"), Some(state.clone()));
        kept.clean(&state).expect("cleaned");
        assert_eq!(kept.read().expect("read"), None);
        assert!(!ours.exists() && !named.exists() && other.exists());
        assert!(!kept.ssh().exists(), "keys are left");
        kept.clean(&state).expect("twice is once");
    }

    #[test]
    fn a_damaged_state_is_said_and_not_taken_for_none() {
        let cache = tempfile::tempdir().expect("a folder");
        let kept = Kept::of(cache.path());
        kept.make().expect("made");
        std::fs::write(kept.state(), "{").expect("written");
        let error = kept.read().expect_err("damaged");
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
}
