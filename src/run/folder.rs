//! The folder that a run lands in.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::substrate::Trouble;

/// Makes the folder of a new run, or of repeats of one: `<UTC time>-<name>` in the folder of runs,
/// with a number after it where that is taken.
///
/// # Errors
/// When it cannot be made.
pub fn new_folder(runs: &Path, name: &str, now: jiff::Timestamp) -> Result<PathBuf, Trouble> {
    let failed = |folder: &Path, error: std::io::Error| {
        Trouble(format!(
            "cannot make the folder `{}`: {error}",
            folder.display()
        ))
    };
    std::fs::create_dir_all(runs).map_err(|error| failed(runs, error))?;
    let stem = format!("{}-{name}", now.strftime("%Y%m%dT%H%M%SZ"));
    let mut called = stem.clone();
    let mut number = 1;
    loop {
        let folder = runs.join(&called);
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                number += 1;
                called = format!("{stem}-{number}");
            }
            Err(error) => return Err(failed(&folder, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_second_have_folders_of_their_own() {
        let runs = tempfile::tempdir().expect("a folder");
        let now = "2024-05-06T07:08:09Z".parse().expect("a time");
        let named = || new_folder(runs.path(), "a", now).expect("made");
        assert_eq!(named(), runs.path().join("20240506T070809Z-a"));
        assert_eq!(named(), runs.path().join("20240506T070809Z-a-2"));
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_of_runs_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let now = "2024-05-06T07:08:09Z".parse().expect("a time");
        let error = new_folder(file.path(), "a", now).expect_err("a file");
        let path = file.path().display().to_string();
        assert!(error.0.contains(&path), "{error}");
    }
}
