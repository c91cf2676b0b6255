//! The folder that runs land in.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Makes the folder of a new run, `<UTC time>-<name>`, and points `latest` to it.
pub(super) fn make(runs: &Path, name: &str, now: jiff::Timestamp) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(runs)
        .with_context(|| format!("cannot make the folder `{}`", runs.display()))?;
    let stem = format!("{}-{name}", now.strftime("%Y%m%dT%H%M%SZ"));
    let mut called = stem.clone();
    let mut number = 1;
    let folder = loop {
        let folder = runs.join(&called);
        match std::fs::create_dir(&folder) {
            Ok(()) => break folder,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                number += 1;
                called = format!("{stem}-{number}");
            }
            Err(error) => {
                let folder = folder.display();
                return Err(error).with_context(|| format!("cannot make the folder `{folder}`"));
            }
        }
    };
    let latest = runs.join("latest");
    point(&latest, &called).with_context(|| format!("cannot link `{}`", latest.display()))?;
    Ok(folder)
}

/// Replaces a link in one step, so that there is one at any time.
fn point(latest: &Path, called: &str) -> std::io::Result<()> {
    let new = latest.with_file_name(format!(".latest-{}", std::process::id()));
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => symlink(called, &new)?,
    }
    std::fs::rename(&new, latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_second_have_folders_of_their_own_and_latest_is_the_last() {
        let runs = tempfile::tempdir().expect("a folder");
        let now = "2024-05-06T07:08:09Z".parse().expect("a time");
        let called = |folder: PathBuf| folder.file_name().map(ToOwned::to_owned);
        let first = called(make(runs.path(), "a", now).expect("made"));
        let second = called(make(runs.path(), "a", now).expect("made"));
        assert_eq!(first, Some("20240506T070809Z-a".into()));
        assert_eq!(second, Some("20240506T070809Z-a-2".into()));
        let latest = std::fs::read_link(runs.path().join("latest")).expect("a link");
        assert_eq!(latest, Path::new("20240506T070809Z-a-2"));
    }
}
