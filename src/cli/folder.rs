//! The folder that runs land in: those that are there, and which is the latest.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The link to the latest run.
const LATEST: &str = "latest";

/// The file that makes a folder a run's.
const JOURNAL: &str = "journal.jsonl";

/// How deep runs may lie: the folder of all nights, one night's, one of repeats, and the run.
const DEEPEST: usize = 4;

/// Points `latest` to a run in the folder of runs.
pub(super) fn point(runs: &Path, folder: &Path) -> anyhow::Result<()> {
    let latest = runs.join(LATEST);
    let called = folder.strip_prefix(runs).unwrap_or(folder);
    replace(&latest, called).with_context(|| format!("cannot link `{}`", latest.display()))
}

/// Replaces a link in one step, so that there is one at any time.
fn replace(latest: &Path, called: &Path) -> std::io::Result<()> {
    let new = latest.with_file_name(format!(".latest-{}", std::process::id()));
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => symlink(called, &new)?,
    }
    std::fs::rename(&new, latest)
}

/// Where a link to a run that is gone leads to the newest of these, or is gone as well.
pub(super) fn mend(runs: &Path, newest: Option<&Path>) -> anyhow::Result<()> {
    let latest = runs.join(LATEST);
    if latest.exists() || !latest.is_symlink() {
        return Ok(());
    }
    match newest {
        Some(newest) => point(runs, newest),
        None => std::fs::remove_file(&latest)
            .with_context(|| format!("cannot remove `{}`", latest.display())),
    }
}

/// The journal of a run, named by its folder or by itself.
pub(super) fn journal(run: &Path) -> PathBuf {
    match run.is_dir() {
        true => run.join(JOURNAL),
        false => run.to_owned(),
    }
}

/// The journals of all runs in a folder, sorted by their paths, the oldest first. Repeats lie one
/// folder deeper. Links are not followed: `latest` leads to one of them.
pub(super) fn journals(runs: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(runs, 0, &mut found)?;
    // `…-x10/10` is newer than `…-x10/9`.
    found.sort_by_key(|path| {
        let folder = path.parent().unwrap_or(path);
        let number = folder
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok());
        let place = match number {
            Some(_) => folder.parent().unwrap_or(folder),
            None => folder,
        };
        (place.to_owned(), number, path.clone())
    });
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.with_context(|| format!("cannot read `{}`", folder.display()))?,
    };
    for entry in entries.flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let inner = entry.path();
        let journal = inner.join(JOURNAL);
        if journal.exists() {
            found.push(journal);
        } else if depth + 1 < DEEPEST {
            collect(&inner, depth + 1, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_is_the_last_that_it_was_pointed_to() {
        let runs = tempfile::tempdir().expect("a folder");
        point(runs.path(), &runs.path().join("1-a")).expect("a link");
        point(runs.path(), &runs.path().join("2-a")).expect("a link");
        let latest = std::fs::read_link(runs.path().join(LATEST)).expect("a link");
        assert_eq!(latest, Path::new("2-a"));
    }

    #[test]
    fn repeats_are_found_in_order_and_links_are_not_followed() {
        let runs = tempfile::tempdir().expect("a folder");
        let all = ["1-a-x10/9", "1-a-x10/10", "2-b", "night/3-c-x2/1"];
        for run in all {
            std::fs::create_dir_all(runs.path().join(run)).expect("a folder");
            std::fs::write(runs.path().join(run).join(JOURNAL), "").expect("a file");
        }
        point(runs.path(), &runs.path().join("2-b")).expect("a link");
        let found = journals(runs.path()).expect("read");
        let journals = all.map(|run| runs.path().join(run).join(JOURNAL));
        assert_eq!(found, journals);
        assert_eq!(
            super::journals(Path::new("no-such")).expect("none"),
            [] as [PathBuf; 0]
        );
    }

    #[test]
    fn a_link_never_leads_nowhere() {
        let runs = tempfile::tempdir().expect("a folder");
        let (old, new) = (runs.path().join("1-a"), runs.path().join("2-a"));
        for run in [&old, &new] {
            std::fs::create_dir(run).expect("a folder");
        }
        let led = || std::fs::read_link(runs.path().join(LATEST)).ok();
        point(runs.path(), &new).expect("a link");
        mend(runs.path(), Some(&old)).expect("nothing to do");
        assert_eq!(led(), Some("2-a".into()));
        std::fs::remove_dir(&new).expect("removed");
        mend(runs.path(), Some(&old)).expect("mended");
        assert_eq!(led(), Some("1-a".into()));
        std::fs::remove_dir(&old).expect("removed");
        mend(runs.path(), None).expect("mended");
        assert_eq!(led(), None);
    }
}
