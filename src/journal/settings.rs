//! What a swarm that was there already had set before a run, to be restored and compared after it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What is set in a swarm, as its managers say. Services are told by digests of their
/// specifications, which may hold secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The nodes by name.
    pub nodes: BTreeMap<String, NodeSettings>,
    /// Names of nodes that are down, by their identities: one that left and joined again is there
    /// under the same name once more. Journals from before there was this have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub down: BTreeMap<String, String>,
    /// How often nodes must be heard of, in nanoseconds.
    pub heartbeat_ns: u64,
    /// How many ended tasks a slot keeps.
    pub history: i64,
    /// Services by name, with the SHA-256 of their specification.
    pub services: BTreeMap<String, String>,
    /// Networks of the whole swarm.
    pub networks: BTreeSet<String>,
}

/// What is set of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSettings {
    /// True for a manager.
    pub manager: bool,
    /// `active`, `pause` or `drain`.
    pub availability: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Settings {
    /// One line each, the same for the same.
    pub fn lines(&self) -> BTreeSet<String> {
        let nodes = self.nodes.iter().map(|(name, node)| {
            let role = if node.manager { "manager" } else { "worker" };
            let labels: Vec<String> = node
                .labels
                .iter()
                .map(|(label, value)| format!("{label}={value}"))
                .collect();
            let (availability, labels) = (&node.availability, labels.join(","));
            format!("node `{name}`, a {role}, {availability}, labels `{labels}`")
        });
        let down = self.down.iter();
        let down = down.map(|(id, name)| format!("node `{name}` that is down, `{id}`"));
        let services = self.services.iter().map(|(name, digest)| {
            let short = digest.get(..12).unwrap_or(digest);
            format!("service `{name}`, specification {short}")
        });
        let networks = self.networks.iter().map(|name| format!("network `{name}`"));
        let swarm = format!(
            "a heartbeat of {} ms and a history of {} tasks a slot",
            self.heartbeat_ns / 1_000_000,
            self.history
        );
        nodes
            .chain(down)
            .chain(services)
            .chain(networks)
            .chain([swarm])
            .collect()
    }
}
