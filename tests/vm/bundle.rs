//! What real machines have to show of a run, kept beside its journal.

use std::collections::BTreeMap;

use seatrial::journal::Event;
use sha2::{Digest, Sha256};

use super::trial::Told;

/// Every piece that was kept, by its path. Each is as the journal says, and none failed.
fn pieces(told: &Told) -> BTreeMap<&str, String> {
    let exhibits = told.history.entries.iter().filter_map(|e| match &e.event {
        Event::Exhibit(exhibit) => Some(exhibit),
        _ => None,
    });
    let read = exhibits.map(|exhibit| {
        let path = exhibit.path.as_str();
        let kept = exhibit.kept.as_ref();
        let kept = kept.unwrap_or_else(|why| panic!("`{path}` was not kept: {why}"));
        let bytes = std::fs::read(told.run().join(path)).expect("a file");
        assert_eq!(format!("{:x}", Sha256::digest(&bytes)), kept.sha256);
        (path, String::from_utf8_lossy(&bytes).into_owned())
    });
    read.collect()
}

/// Fails unless a run with a published service, a storage machine and a node that was stopped has
/// all of its evidence, and no secret in it.
pub(crate) fn is_whole(told: &Told, stopped: &str) {
    let pieces = pieces(told);
    let has = |machine: &str, name: &str, part: &str| {
        let path = format!("evidence/{machine}/{name}");
        let text = pieces.get(path.as_str());
        let text = text.unwrap_or_else(|| panic!("no `{path}` in {:?}", pieces.keys()));
        assert!(text.contains(part), "no `{part}` in `{path}`:\n{text}");
    };
    for node in told.history.plan.node_names() {
        has(node, "kernel.log", "Linux version");
        has(node, "networks.json", "\"ingress\"");
        // Where a published port goes, in the kernel's own table.
        has(node, "ipvs.txt", "IP Virtual Server");
        if node != stopped {
            has(node, "ipvs.txt", "FWM");
        }
    }
    has(stopped, "engine.log", "dockerd[");
    has("storage", "system.log", "storage");
    for (path, text) in &pieces {
        for secret in ["SWMTKN-1-", "PRIVATE KEY"] {
            assert!(!text.contains(secret), "{secret} is in `{path}`");
        }
    }
}
