//! What a harness has on this computer, and leaves there when it is killed: the folders of a swarm,
//! and the processes of its machines.
//!
//! Another process finds them by name alone, and touches nothing that has not exactly such a name:
//! a journal is a file that anybody may have written.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::wait::{self, Look};

mod inventory;
mod process;
mod socket;

pub use inventory::inventory;

/// The folder of a cache that holds the folders of swarms.
pub const WORK: &str = "work";

/// The file of a cache whose lock is the turn to have machines on this computer.
pub const TURN: &str = "turn.lock";

/// How long a killed process may take to be gone.
const ENDING: Duration = Duration::from_secs(10);

/// The pace of looking whether it is.
const PACE: Duration = Duration::from_millis(20);

/// A new name for the folders of one swarm, which says whose they are: `seatrial-4711-0a1b2c3d`.
pub fn name() -> String {
    let random = rand::random::<u32>();
    format!("seatrial-{}-{random:08x}", std::process::id())
}

/// The process that made a folder; none if the folder's name is not one of [`name`].
pub fn owner(folder: &Path) -> Option<u32> {
    let name = folder.file_name()?.to_str()?;
    let (pid, random) = name.strip_prefix("seatrial-")?.split_once('-')?;
    let hexadecimal = random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    let decimal = pid.bytes().all(|byte| byte.is_ascii_digit());
    pid.parse().ok().filter(|_| hexadecimal && decimal)
}

/// Holds a folder for as long as the file lives, so that nobody takes it for left behind. None
/// where the file system has no locks.
pub fn hold(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

/// True while a living harness may use a folder.
pub fn in_use(folder: &Path) -> bool {
    let held = |path: &Path| {
        let file = File::open(path);
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    };
    if held(folder) {
        return true;
    }
    // A folder that was made a moment ago is not held yet. Its maker has the turn by then.
    let cache = folder.parent().and_then(Path::parent);
    let other = |pid: &u32| *pid != std::process::id() && process::lives(*pid);
    owner(folder).as_ref().is_some_and(other) && cache.is_some_and(|cache| held(&cache.join(TURN)))
}

/// The folders of sockets whose harness is gone, and whose other folder is not in `work` any more.
pub fn strays(sockets: &Path, work: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sockets).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let gone = |path: &PathBuf| owner(path).is_some_and(|pid| !process::lives(pid));
    let alone = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| !work.join(name).exists())
    };
    paths.filter(gone).filter(alone).collect()
}

/// What became of what was left, a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was ended and removed.
    pub done: Vec<String>,
    /// What is still there, and why.
    pub failed: Vec<String>,
}

impl Outcome {
    /// Takes in what became of something else.
    pub(crate) fn take_in(&mut self, other: Self) {
        self.done.extend(other.done);
        self.failed.extend(other.failed);
    }
}

/// Ends the machines that use one of these folders, and removes the folders. Visits everything, and
/// leaves alone what is in use or has no name of ours.
pub async fn clear(folders: &[PathBuf]) -> Outcome {
    let mut outcome = Outcome::default();
    for folder in folders {
        match sort(folder) {
            Ok(there) => clear_one(folder, there, &mut outcome).await,
            Err(why) => outcome.failed.push(why),
        }
    }
    outcome
}

/// True for a folder that is there and may be removed, false for one that is not there.
fn sort(folder: &Path) -> Result<bool, String> {
    let path = folder.display();
    let plain = |part: Component| matches!(part, Component::RootDir | Component::Normal(_));
    if owner(folder).is_none() || !folder.is_absolute() || !folder.components().all(plain) {
        return Err(format!(
            "`{path}` has no name of a swarm's folder, so it is left alone; see to it by hand"
        ));
    }
    match std::fs::symlink_metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("cannot see `{path}`: {error}")),
        Ok(about) if !about.is_dir() => Err(format!(
            "`{path}` is no folder, so it is left alone; see to it by hand"
        )),
        Ok(_) if in_use(folder) => Err(format!(
            "`{path}` is used by a living harness, so it is left alone; end that one first"
        )),
        Ok(_) => Ok(true),
    }
}

/// Ends what uses one folder, and removes it if it is there.
async fn clear_one(folder: &Path, there: bool, outcome: &mut Outcome) {
    if let Err(why) = end_machines(folder, &mut outcome.done).await {
        outcome.failed.push(why);
        return;
    }
    let path = folder.display();
    match std::fs::remove_dir_all(folder) {
        Ok(()) => outcome.done.push(format!("removed `{path}`")),
        Err(_) if !there => {}
        Err(error) => {
            let why = format!("cannot remove `{path}`: {error}; remove it by hand");
            outcome.failed.push(why);
        }
    }
}

/// Kills the machines that use a folder, and waits until they are gone.
async fn end_machines(folder: &Path, done: &mut Vec<String>) -> Result<(), String> {
    let blind = |error: io::Error| format!("cannot see the processes of this computer: {error}");
    for machine in process::machines(folder).map_err(blind)? {
        let named = machine.to_string();
        // One that ended by itself meanwhile needs nobody to end it.
        if machine.kill().is_ok() {
            done.push(format!("ended {named}"));
        }
    }
    let look = || async {
        match users(folder) {
            Ok(left) if left.is_empty() => Look::Holds(()),
            Ok(left) => Look::NotYet(left.join(", ")),
            Err(error) => Look::CannotTell(blind(error)),
        }
    };
    let what = format!("the end of what uses `{}`", folder.display());
    let gone = wait::until(what, ENDING, PACE, look).await;
    gone.map_err(|late| format!("{late}; end it by hand"))
}

/// What still uses a folder.
fn users(folder: &Path) -> io::Result<Vec<String>> {
    let machines = process::machines(folder)?.into_iter();
    let sockets = socket::inside(folder)?;
    Ok(machines
        .map(|machine| machine.to_string())
        .chain(sockets)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of a process that is long gone: its number is above the highest that Linux gives.
    fn left(place: &Path) -> PathBuf {
        let folder = place.join("seatrial-4194305-0a1b2c3d");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("disk"), "x").expect("a file");
        folder
    }

    #[test]
    fn only_a_name_of_ours_is_ours() {
        assert_eq!(owner(Path::new(&name())), Some(std::process::id()));
        let ours = Path::new("/x/seatrial-7-0a1b2c3d");
        assert_eq!(owner(ours), Some(7));
        for other in [
            "/",
            "/home/me",
            "/x/seatrial",
            "/x/seatrial-7",
            "/x/seatrial-7-",
            "/x/seatrial-7-0a1b2c3",
            "/x/seatrial-7-0a1b2c3d4",
            "/x/seatrial-7-0a1b2c3x",
            "/x/seatrial--0a1b2c3d",
            "/x/seatrial-+7-0a1b2c3d",
            "/x/seatrial-7-0a1b2c3d/y",
            "/x/seatrial-99999999999-0a1b2c3d",
        ] {
            assert_eq!(owner(Path::new(other)), None, "{other}");
        }
    }

    #[tokio::test]
    async fn what_is_left_is_removed_once() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = left(place.path());
        let first = clear(std::slice::from_ref(&folder)).await;
        assert_eq!(first.done, [format!("removed `{}`", folder.display())]);
        assert!(first.failed.is_empty() && !folder.exists());
        assert_eq!(clear(&[folder]).await, Outcome::default());
    }

    #[tokio::test]
    async fn what_is_held_or_not_ours_is_left_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let held = left(place.path());
        let hold = hold(&held).expect("a lock");
        let link = place.path().join("seatrial-4194305-00000000");
        std::os::unix::fs::symlink(place.path(), &link).expect("a link");
        let around = held.join("..").join("seatrial-4194305-0a1b2c3d");
        let relative = PathBuf::from("seatrial-4194305-0a1b2c3d");
        let foreign = place.path().to_owned();
        let all = [held.clone(), link.clone(), around, relative, foreign];
        let outcome = clear(&all).await;
        assert_eq!(outcome.failed.len(), all.len(), "{outcome:?}");
        assert!(outcome.done.is_empty() && held.join("disk").exists() && link.is_symlink());
        assert!(outcome.failed[0].contains("living harness"), "{outcome:?}");
        drop(hold);
    }

    #[test]
    fn sockets_that_a_dead_harness_left_alone_are_found() {
        let (sockets, work) = (tempfile::tempdir(), tempfile::tempdir());
        let (sockets, work) = (sockets.expect("a folder"), work.expect("a folder"));
        let dead = left(sockets.path());
        let living = sockets.path().join(name());
        std::fs::create_dir(&living).expect("a folder");
        std::fs::create_dir(sockets.path().join("seatrial-notes")).expect("a folder");
        assert_eq!(strays(sockets.path(), work.path()), [dead]);
        left(work.path());
        assert!(strays(sockets.path(), work.path()).is_empty());
    }

    /// Between its making and its hold a folder has only its name to say whose it is.
    #[test]
    fn a_folder_that_is_being_made_is_in_use() {
        let cache = tempfile::tempdir().expect("a folder");
        let parent = std::os::unix::process::parent_id();
        let young = cache
            .path()
            .join(WORK)
            .join(format!("seatrial-{parent}-0a1b2c3d"));
        std::fs::create_dir_all(&young).expect("a folder");
        assert!(!in_use(&young), "nobody has the turn");
        let turn = File::create(cache.path().join(TURN)).expect("a file");
        turn.lock().expect("ours");
        assert!(in_use(&young));
        assert!(
            !in_use(&left(&cache.path().join(WORK))),
            "its maker is gone"
        );
    }

    /// As that of a machine that dies: its command line is gone, its sockets are not.
    #[tokio::test(start_paused = true)]
    async fn a_folder_is_not_cleared_while_somebody_has_a_socket_in_it() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = left(&place.path().join("with a blank"));
        let path = folder.join("a.monitor");
        let monitor = std::os::unix::net::UnixListener::bind(&path).expect("it listens");
        let outcome = clear(std::slice::from_ref(&folder)).await;
        let socket = format!("socket `{}`", path.display());
        assert!(outcome.failed[0].contains(&socket), "{outcome:?}");
        assert!(folder.exists(), "{outcome:?}");
        drop(monitor);
        let outcome = clear(std::slice::from_ref(&folder)).await;
        assert!(outcome.failed.is_empty() && !folder.exists(), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_machine_that_uses_the_folder_is_ended_and_nobody_else() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, disk) = (left(place.path()), "disk");
        let start = |called: &str, path: &Path| {
            let script = format!("exec -a {called} tail -f /dev/null \"$0\"");
            let mut shell = std::process::Command::new("bash");
            let shell = shell.arg("-c").arg(script).arg(path);
            shell
                .stderr(std::process::Stdio::null())
                .spawn()
                .expect("a process")
        };
        let mut machine = start("qemu-system-x86_64", &folder.join(disk));
        let mut reader = start("less", &folder.join(disk));
        let mut other = start("qemu-system-x86_64", &place.path().join("seatrial-1"));
        // Until the shell has become the program.
        let named = || process::machines(&folder).expect("processes").len() == 1;
        let look = || async {
            if named() {
                Look::Holds(())
            } else {
                Look::NotYet("no".into())
            }
        };
        wait::until("a machine", ENDING, PACE, look)
            .await
            .expect("it runs");
        // It is our child: somebody has to hear of its end.
        let reaped = std::thread::spawn(move || machine.wait());
        let outcome = clear(std::slice::from_ref(&folder)).await;
        assert!(outcome.failed.is_empty(), "{outcome:?}");
        assert_eq!(outcome.done.len(), 2, "{outcome:?}");
        assert!(
            outcome.done[0].contains("`qemu-system-x86_64`"),
            "{outcome:?}"
        );
        reaped.join().expect("no panic").expect("it ended");
        for child in [&mut reader, &mut other] {
            assert!(child.try_wait().expect("a child").is_none(), "it lives on");
            child.kill().expect("it ends");
            child.wait().expect("it ended");
        }
    }
}
