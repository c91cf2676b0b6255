//! Where saved swarms are. Those that nobody used lately make room for new ones.
//!
//! Whoever saves or restores has the turn of this computer, so no other swarm rests on what is
//! removed here.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::process::Command;

use super::accelerator::counter_khz;
use super::prepare::{Facts, cannot};
use super::snapshot::{ABOUT, About, Base, Moment, Snapshot, key};
use crate::plan::Plan;
use crate::substrate::Trouble;

/// The folder of a cache that holds saved swarms, one folder for each set of images.
const SNAPSHOTS: &str = "snapshots";

/// What all saved swarms may take. Those of every scenario of this project take about half of it.
const MOST: u64 = 32 << 30;

/// How long a saved swarm may start runs. Its nodes' certificates are good for 90 days
/// (moby/swarmkit `ca/certificates.go`, `DefaultNodeCertExpiration`), and while it is saved nobody
/// renews them.
const GOOD_FOR: Duration = Duration::from_secs(60 * 24 * 3600);

/// Where saved swarms are.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

/// A saved swarm that is there.
#[derive(Clone, Debug)]
struct Kept {
    folder: PathBuf,
    used: SystemTime,
    /// When its disks and memory were written, which never are again; none where nobody can tell.
    saved: Option<SystemTime>,
    /// The pace of the computer's counter then.
    khz: Option<u64>,
    bytes: u64,
    id: u64,
    /// The folder of the snapshot that holds the disks below its own, and that snapshot's number.
    rests_on: Option<(PathBuf, u64)>,
}

impl Shelf {
    /// The snapshots in a cache folder.
    pub(super) fn new(cache: &Path) -> Self {
        Self {
            folder: cache.join(SNAPSHOTS),
        }
    }

    /// A plan's snapshot of a moment, whether it exists or not.
    pub(super) fn place(&self, plan: &Plan, facts: &Facts, moment: Moment) -> Snapshot {
        let key = key(plan, facts, moment);
        Snapshot {
            folder: self.folder.join(&facts.key).join(&key),
            key,
        }
    }

    /// The latest moment of a plan that was saved.
    pub(super) fn latest(&self, plan: &Plan, facts: &Facts) -> Option<(Moment, Snapshot)> {
        [Moment::Steady, Moment::Formed, Moment::Booted]
            .into_iter()
            .map(|moment| (moment, self.place(plan, facts, moment)))
            .find(|(_, snapshot)| self.complete(snapshot))
    }

    /// True if a snapshot was saved as a whole, not too long ago, and all that it rests on is still
    /// there: what was removed by hand and saved again has other disks, on which nothing older can
    /// rest.
    pub(super) fn complete(&self, snapshot: &Snapshot) -> bool {
        let kept = self.kept();
        let find = |folder: &PathBuf| kept.iter().find(|one| one.folder == *folder);
        let mut chain = chain(&snapshot.folder, &kept).into_iter();
        chain.all(|folder| {
            let sound = |one: &Kept| {
                let below = one.rests_on.as_ref();
                below.is_none_or(|(below, id)| find(below).is_some_and(|one| one.id == *id))
            };
            find(&folder).is_some_and(|one| sound(one) && fresh(one) && paced(one))
        })
    }

    /// The snapshot whose disk a disk is an overlay on, by the disk's own word.
    pub(super) async fn below(&self, disk: &Path) -> Result<Option<Base>, Trouble> {
        let mut command = Command::new("qemu-img");
        command.args(["info", "-U", "--output=json"]).arg(disk);
        let out = command.stdin(Stdio::null()).output().await;
        let out = out.map_err(|error| Trouble(format!("cannot run `qemu-img`: {error}")))?;
        let about: Value = serde_json::from_slice(&out.stdout).map_err(|_| {
            let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
            Trouble(format!("cannot read `{}`: {said}", disk.display()))
        })?;
        let base = about["full-backing-filename"].as_str().map(Path::new);
        let base = base.filter(|base| base.starts_with(&self.folder));
        let Some(folder) = base.and_then(Path::parent) else {
            return Ok(None);
        };
        let kept = read(folder.to_owned());
        let gone = || Trouble(format!("`{}` is no whole snapshot", folder.display()));
        let id = kept.ok_or_else(gone)?.id;
        let key = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(Some(Base {
            key: key.into_owned(),
            id,
        }))
    }

    /// Notes that a snapshot is used now, and with it those that it rests on.
    pub(super) fn used(&self, snapshot: &Snapshot) {
        let kept = self.kept();
        for folder in chain(&snapshot.folder, &kept) {
            let about = File::options().write(true).open(folder.join(ABOUT));
            // A cache that cannot be written to loses nothing but the order.
            let _ = about.and_then(|about| about.set_modified(SystemTime::now()));
        }
    }

    /// Removes what was used longest ago until all the rest takes no more than it may, and what
    /// interrupted saves and older versions left. Spares one snapshot.
    pub(super) fn make_room(&self, spared: &Snapshot) {
        for folder in folders(&self.folder).filter(|folder| !folder.join(ABOUT).exists()) {
            let _ = std::fs::remove_dir_all(folder);
        }
        let kept = self.kept();
        let bytes = kept.iter().map(|one| one.bytes).sum();
        for folder in superfluous(kept, &spared.folder, limit(bytes, self.free())) {
            // The mark of a whole snapshot goes first: half a snapshot is none.
            let _ = std::fs::remove_file(folder.join(ABOUT));
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    /// Removes all that was saved of these images: other disks take their place.
    pub(super) fn clear(&self, images: &str) -> Result<(), Trouble> {
        let folder = self.folder.join(images);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(cannot("remove", &folder, &error))
            }
            _ => Ok(()),
        }
    }

    /// No run starts from this snapshot again. Its disks stay until the next is saved: those of
    /// a swarm that runs now may rest on them.
    pub(super) fn distrust(&self, snapshot: &Snapshot) {
        let _ = std::fs::remove_file(snapshot.folder.join(ABOUT));
    }

    /// Every whole snapshot.
    fn kept(&self) -> Vec<Kept> {
        folders(&self.folder).filter_map(read).collect()
    }

    /// Bytes that are free where snapshots are.
    fn free(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.folder).ok()?;
        Some(stat.f_bavail * stat.f_frsize)
    }
}

/// How many saved swarms of a cache folder are whole, and the bytes that these take.
pub fn weigh(cache: &Path) -> (usize, u64) {
    let kept = Shelf::new(cache).kept();
    (kept.len(), kept.iter().map(|one| one.bytes).sum())
}

/// What snapshots may take in all: never more than half of what there would be without them.
fn limit(taken: u64, free: Option<u64>) -> u64 {
    free.map_or(MOST, |free| MOST.min((taken + free) / 2))
}

/// The folders two levels below, one for each snapshot.
fn folders(shelf: &Path) -> impl Iterator<Item = PathBuf> {
    let inside = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
    };
    inside(shelf).flat_map(move |images| inside(&images).collect::<Vec<_>>())
}

/// True for a swarm whose certificates will do for every run that may start from it.
fn fresh(one: &Kept) -> bool {
    let age = one.saved.map(|saved| saved.elapsed().unwrap_or_default());
    age.is_none_or(|age| age < GOOD_FOR)
}

/// True for a swarm whose clocks keep time on this computer: one that was saved on another would
/// have a day of another length.
fn paced(one: &Kept) -> bool {
    let both = one.khz.zip(counter_khz());
    both.is_none_or(|(then, now)| then.abs_diff(now) <= now / 50)
}

/// A snapshot, if it is whole.
fn read(folder: PathBuf) -> Option<Kept> {
    let path = folder.join(ABOUT);
    let about: About = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
    let used = path.metadata().and_then(|about| about.modified()).ok()?;
    let files = std::fs::read_dir(&folder).ok()?.flatten();
    let files: Vec<_> = files
        .filter_map(|file| Some((file.file_name(), file.metadata().ok()?)))
        .collect();
    let saved = files.iter().filter(|(name, _)| name != ABOUT);
    let saved = saved.filter_map(|(_, file)| file.modified().ok()).min();
    Some(Kept {
        used,
        saved,
        khz: about.khz,
        // A disk has holes: what it takes, not how long it is.
        bytes: files.iter().map(|(_, file)| file.blocks() * 512).sum(),
        id: about.id,
        rests_on: about
            .rests_on
            .map(|base| (folder.with_file_name(base.key), base.id)),
        folder,
    })
}

/// A snapshot's folder and those that it rests on.
fn chain(folder: &Path, kept: &[Kept]) -> Vec<PathBuf> {
    let mut chain = vec![folder.to_owned()];
    while let Some(below) = kept
        .iter()
        .find(|one| Some(&one.folder) == chain.last())
        .and_then(|one| one.rests_on.clone())
        .filter(|(below, _)| !chain.contains(below))
    {
        chain.push(below.0);
    }
    chain
}

/// The folders to remove, in that order: used longest ago first, never one that another rests on.
fn superfluous(mut kept: Vec<Kept>, spared: &Path, limit: u64) -> Vec<PathBuf> {
    let mut gone = Vec::new();
    while kept.iter().map(|one| one.bytes).sum::<u64>() > limit {
        let bases = kept.iter().filter_map(|one| one.rests_on.clone());
        let bases: BTreeSet<PathBuf> = bases.map(|(below, _)| below).collect();
        let oldest = kept
            .iter()
            .enumerate()
            .filter(|(_, one)| one.folder != spared && !bases.contains(&one.folder))
            .min_by_key(|(_, one)| one.used)
            .map(|(index, _)| index);
        match oldest {
            Some(index) => gone.push(kept.remove(index).folder),
            None => break,
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A snapshot of ten bytes, used so many seconds after the first.
    fn kept(name: &str, used: u64, rests_on: Option<&str>) -> Kept {
        Kept {
            folder: name.into(),
            used: SystemTime::UNIX_EPOCH + Duration::from_secs(used),
            saved: None,
            khz: None,
            bytes: 10,
            id: 0,
            rests_on: rests_on.map(|below| (PathBuf::from(below), 0)),
        }
    }

    fn removed(kept: &[Kept], limit: u64) -> Vec<String> {
        let gone = superfluous(kept.to_vec(), Path::new("new"), limit);
        gone.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn what_was_used_longest_ago_goes_first_and_the_new_one_never() {
        let all = [
            kept("new", 0, None),
            kept("late", 3, None),
            kept("early", 1, None),
        ];
        assert!(removed(&all, 30).is_empty());
        assert_eq!(removed(&all, 29), ["early"]);
        assert_eq!(removed(&all, 0), ["early", "late"]);
    }

    #[test]
    fn nothing_goes_that_another_rests_on() {
        let all = [
            kept("formed", 1, None),
            kept("steady", 2, Some("formed")),
            kept("new", 3, Some("formed")),
            kept("other", 4, None),
        ];
        assert_eq!(removed(&all, 30), ["steady"]);
        assert_eq!(removed(&all, 0), ["steady", "other"]);
    }

    #[test]
    fn half_of_the_disk_is_left_to_others() {
        assert_eq!(limit(10, Some(20)), 15);
        assert_eq!(limit(10, Some(1 << 50)), MOST);
        assert_eq!(limit(10, None), MOST);
    }

    /// A whole snapshot on a shelf.
    fn saved(shelf: &Shelf, name: &str, rests_on: Option<&str>) -> Snapshot {
        let snapshot = Snapshot {
            key: name.to_owned(),
            folder: shelf.folder.join("images").join(name),
        };
        std::fs::create_dir_all(&snapshot.folder).expect("a folder");
        let plan = crate::substrate::nodes::balancer::tests::article("14-balancer");
        let rests_on = rests_on.map(|key| Base {
            key: key.to_owned(),
            id: read(shelf.folder.join("images").join(key))
                .expect("saved")
                .id,
        });
        let end = snapshot.finish(&plan, Moment::Formed, vec![], rests_on);
        end.expect("a snapshot");
        snapshot
    }

    #[test]
    fn what_is_no_whole_snapshot_is_cleared_away_and_does_not_count() {
        let cache = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::new(cache.path());
        let whole = saved(&shelf, "whole", None);
        let half = shelf.folder.join("images/half");
        std::fs::create_dir_all(&half).expect("a folder");
        std::fs::write(half.join("server-3.memory.zst"), "x").expect("a file");
        assert_eq!(weigh(cache.path()).0, 1);
        shelf.make_room(&whole);
        assert!(shelf.complete(&whole) && !half.exists());
    }

    #[test]
    fn a_snapshot_whose_disks_hang_in_the_air_is_made_anew() {
        let cache = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::new(cache.path());
        let formed = saved(&shelf, "formed", None);
        let steady = saved(&shelf, "steady", Some("formed"));
        assert!(shelf.complete(&steady));
        std::fs::remove_dir_all(&formed.folder).expect("removed");
        assert!(!shelf.complete(&steady));
        let again = saved(&shelf, "formed", None);
        assert!(shelf.complete(&again) && !shelf.complete(&steady));
    }

    #[test]
    fn a_swarm_whose_certificates_may_end_is_none() {
        let cache = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::new(cache.path());
        let formed = saved(&shelf, "formed", None);
        let memory = formed.folder.join("server-3.memory.zst");
        let disk = File::create(memory).expect("a file");
        let steady = saved(&shelf, "steady", Some("formed"));
        for (days, good) in [(59, true), (61, false)] {
            let then = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
            disk.set_modified(then).expect("a time");
            assert_eq!(shelf.complete(&formed), good, "{days} days");
            assert_eq!(shelf.complete(&steady), good, "rests on one of {days} days");
        }
    }

    #[test]
    fn a_swarm_of_a_computer_of_another_pace_is_none() {
        let saved = |khz| Kept {
            khz,
            ..kept("formed", 1, None)
        };
        assert!(paced(&saved(None)));
        assert!(paced(&saved(counter_khz())));
        let twice = counter_khz().map(|khz| khz * 2);
        assert_eq!(paced(&saved(twice)), twice.is_none());
    }

    #[test]
    fn what_rests_on_other_disks_is_cleared() {
        let cache = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::new(cache.path());
        let snapshot = saved(&shelf, "formed", None);
        shelf.clear("others").expect("nothing to clear");
        assert!(shelf.complete(&snapshot));
        shelf.clear("images").expect("cleared");
        assert!(!snapshot.folder.exists());
    }

    #[test]
    fn what_is_not_trusted_is_none_and_nothing_rests_on_it() {
        let cache = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::new(cache.path());
        let formed = saved(&shelf, "formed", None);
        let steady = saved(&shelf, "steady", Some("formed"));
        let other = saved(&shelf, "other", None);
        shelf.distrust(&formed);
        assert!(!shelf.complete(&formed) && !shelf.complete(&steady));
        assert!(formed.folder.exists() && shelf.complete(&other));
    }

    #[test]
    fn whoever_uses_a_snapshot_uses_what_it_rests_on() {
        let cache = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::new(cache.path());
        let all = [
            ("formed", None),
            ("steady", Some("formed")),
            ("other", None),
        ];
        let [formed, steady, other] = all.map(|(name, below)| saved(&shelf, name, below));
        for snapshot in [&formed, &steady, &other] {
            let about = File::options()
                .write(true)
                .open(snapshot.folder.join(ABOUT));
            let long_ago = SystemTime::UNIX_EPOCH;
            about
                .and_then(|about| about.set_modified(long_ago))
                .expect("a time");
        }
        shelf.used(&steady);
        let late = |snapshot: &Snapshot| {
            let kept = shelf.kept();
            let one = kept.iter().find(|one| one.folder == snapshot.folder);
            one.expect("kept").used > SystemTime::UNIX_EPOCH
        };
        assert!(late(&formed) && late(&steady) && !late(&other));
    }
}
