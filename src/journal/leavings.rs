//! What a killed harness could leave behind, and what another process did about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Settings;

/// Something that a killed harness could leave behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Resource {
    /// A folder with sockets and disks of the run.
    Folder {
        /// Absolute path.
        path: String,
    },
    /// A machine's process.
    Machine {
        /// The machine's name.
        name: String,
    },
    /// Containers, networks and volumes of a Docker engine, all with one label.
    Labelled {
        /// Where the engine listens: `unix:///var/run/docker.sock`.
        engine: String,
        /// The label's value, a name like those of folders.
        swarm: String,
    },
    /// A swarm that was there before, as it is to be given back.
    Lent(Box<Lent>),
}

/// A swarm that somebody lent to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lent {
    /// The inventory that says how its hosts are reached. Whoever gives the swarm back names it
    /// again: a journal may come from anywhere, and an inventory has commands in it.
    pub inventory: String,
    /// The swarm's own identity.
    pub swarm: String,
    /// What the run is called on the hosts.
    pub owner: String,
    /// What was set in it.
    pub before: Settings,
    /// Its nodes' addresses, by their names.
    pub addresses: BTreeMap<String, String>,
    /// The stacks that the run deploys there.
    pub stacks: Vec<String>,
    /// What it makes at the top of the share that the hosts have mounted.
    pub share: Vec<String>,
}

/// What another process did about a run that was over, by `seatrial heal`. It stands behind
/// everything that the run itself wrote, and has the time of the last of that: the run's clock
/// stopped with its harness.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleared {
    /// What was ended and removed, one line each.
    pub done: Vec<String>,
    /// What is still there, and why.
    pub failed: Vec<String>,
    /// The half line that the journal broke off with; it had to make room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn: Option<String>,
}
