//! A journal on the disk, whose harness is gone: who may have it, and what is added to it.

use std::fs::File;

use seatrial::journal::{Cleared, Stored};
use tempfile::TempDir;

use super::*;

/// A line that was never written to its end.
const TORN: &str = r#"{"seq":"#;

#[test]
fn a_stored_journal_is_held_by_one_at_a_time() {
    let (_folder, path) = on_disk("");
    let harness = File::open(&path).expect("a file");
    harness.lock().expect("nobody else has it");
    assert!(Stored::take(&path).expect("a file").is_none());
    drop(harness);
    let stored = taken(&path);
    assert!(Stored::take(&path).expect("a file").is_none());
    drop(stored);
    assert!(Stored::take(&path).expect("a file").is_some());
}

#[rstest]
#[case::nothing(0, true)]
#[case::header(1, true)]
#[case::plan(2, false)]
#[case::more(3, false)]
fn a_journal_is_blank_until_its_plan_is_written(#[case] lines: usize, #[case] blank: bool) {
    let text = Story::kept("story", &[recovers()]).text();
    let whole: String = text.split_inclusive('\n').take(lines).collect();
    for torn in ["", TORN] {
        let (_folder, path) = on_disk(&format!("{whole}{torn}"));
        assert_eq!(taken(&path).is_blank().expect("read"), blank, "{torn}");
    }
}

#[rstest]
#[case::whole(0)]
#[case::torn(1)]
#[case::torn_and_longer_than_what_is_added(100)]
fn what_is_added_takes_the_place_of_a_torn_line(#[case] times: usize) {
    let mut story = Story::kept("story", &[recovers()]);
    story.without(|_, event| *event == Event::End);
    let (above, torn) = (story.text(), TORN.repeat(times));
    let (_folder, path) = on_disk(&format!("{above}{torn}"));
    let before = journal::read(&path).expect("a sound journal");
    let done = vec!["removed `/tmp/seatrial-4711-0a1b2c3d`".to_owned()];
    let mut cleared = Cleared {
        done,
        ..Cleared::default()
    };
    let appended = taken(&path).append(&before, cleared.clone());
    appended.expect("written");
    let text = fs::read_to_string(&path).expect("text");
    let added = text.strip_prefix(&above).expect("the same lines above");
    assert_eq!(added.lines().count(), 1, "{added}");
    cleared.torn = (times > 0).then_some(torn);
    let after = journal::read(&path).expect("a sound journal");
    let (last, earlier) = after.entries.split_last().expect("entries");
    assert_eq!(last.event, Event::Cleared(cleared));
    assert_eq!(earlier, before.entries);
    assert_eq!(after.truncated, times > 0);
}

/// A file of this text, and the folder that it lies in.
fn on_disk(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, text).expect("writable");
    (folder, path)
}

/// A journal that nobody else has.
fn taken(path: &Path) -> Stored {
    let taken = Stored::take(path).expect("a file");
    taken.expect("nobody else has it")
}
