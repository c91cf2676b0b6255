//! What a harness has on this computer, as somebody sees it who knows no journal.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use seatrial::leavings;

/// The folders of swarms in these places, the processes that mention one, and the sockets in one.
pub(crate) fn there(places: &[PathBuf]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for folder in places.iter().flat_map(fs::read_dir).flatten().flatten() {
        if leavings::owner(&folder.path()).is_some() {
            all.insert(format!("folder `{}`", folder.path().display()));
        }
    }
    // What was started for a folder is left behind whether or not the folder is still there.
    let ours: Vec<String> = places
        .iter()
        .map(|place| format!("{}/seatrial-", place.display()))
        .collect();
    let mentioned = |text: &str| ours.iter().any(|ours| text.contains(ours.as_str()));
    for process in fs::read_dir("/proc").expect("processes").flatten() {
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if mentioned(&command) {
            let pid = process.file_name().display().to_string();
            all.insert(format!("process {pid} (`{}`)", command.trim_end()));
        }
    }
    let sockets = fs::read_to_string("/proc/net/unix").expect("sockets");
    let paths = sockets
        .lines()
        .filter_map(|line| line.split(' ').next_back());
    all.extend(
        paths
            .filter(|path| mentioned(path))
            .map(|path| format!("socket `{path}`")),
    );
    all
}
