//! Bind mounts from the share: Swarm rejects every task whose folder is not there.

use super::Reader;
use crate::plan::MOUNT;
use crate::scenario::{Node, Scenario, Value};

impl Reader<'_> {
    /// Refuses a mount from the share that the scenario does not put there.
    pub(super) fn mounts(&mut self, node: &Node, scenario: &Scenario) {
        let Some(Node {
            value: Value::List(volumes),
            ..
        }) = node.get("volumes")
        else {
            return;
        };
        for volume in volumes {
            let (node, text) = match &volume.value {
                Value::Map(_) => match volume.get("source") {
                    Some(source) => (source, self.text("`source`", source)),
                    None => continue,
                },
                _ => (volume, self.text("a volume", volume)),
            };
            let Some(text) = text else { continue };
            let source = text.split(':').next().unwrap_or_default();
            let Some(path) = source
                .strip_prefix(MOUNT)
                .map(|path| path.trim_matches('/'))
            else {
                continue;
            };
            if scenario.cluster.nfs.is_none() {
                let help = "write `nfs: v3` or `nfs: v4.2` in the scenario's `cluster`";
                self.wrong(&node.span, format!("nothing is mounted at `{MOUNT}`"), help);
            } else if !shared(path, scenario) {
                let help = format!("write `{path}/: \"\"` in the scenario's `share`");
                self.wrong(&node.span, format!("`{path}` is not on the share"), help);
            }
        }
    }
}

/// Whether the share has this file or folder, or something in it.
fn shared(path: &str, scenario: &Scenario) -> bool {
    let inside = |entry: &str| match entry.strip_prefix(path) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    };
    path.is_empty() || scenario.share.keys().any(|entry| inside(entry))
}
