//! The lab's machines, named and numbered as in the article.

use serde::{Deserialize, Serialize};

use super::Balancer;
use crate::scenario::{Api, Cluster, Export, NfsVersion, Part};
use crate::units::Span;

/// The machines of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The nodes of the swarm, managers first; the first one initialises the swarm.
    pub nodes: Vec<Node>,
    /// The storage machine, if the scenario has one.
    pub storage: Option<Storage>,
    /// True where the storage machine answers writes before it has written them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub async_share: bool,
    /// The load balancer, if the scenario has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer: Option<Balancer>,
    /// The image registry, if the scenario has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Registry>,
    /// Whether the managers' API can be reached from the LAN.
    #[serde(default, skip_serializing_if = "Api::is_closed")]
    pub api: Api,
}

impl Topology {
    /// The host name of every machine, nodes first.
    pub fn machines(&self) -> impl Iterator<Item = &str> {
        let nodes = self.nodes.iter().map(|node| node.name.as_str());
        let parts = [Part::Balancer, Part::Registry, Part::Storage];
        nodes.chain(parts.into_iter().filter_map(|part| self.part(part)))
    }

    /// Takes the nodes of a swarm that is there already. A scenario counts on its number of
    /// managers, which decides what they can spare; of workers there may be more.
    ///
    /// Returns what the swarm has instead, and then changes nothing.
    pub(super) fn take_place(&mut self, found: &[Node]) -> Option<String> {
        let count = |nodes: &[Node]| {
            let managers = nodes.iter().filter(|node| node.role == Role::Manager);
            let managers = managers.count();
            (managers, nodes.len() - managers)
        };
        let ((managers, workers), asked) = (count(found), count(&self.nodes));
        if managers == asked.0 && workers >= asked.1 {
            self.nodes = found.to_vec();
            return None;
        }
        let several = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        Some(format!(
            "{} and {}, not {} and {}",
            several(managers, "manager"),
            several(workers, "worker"),
            several(asked.0, "manager"),
            several(asked.1, "worker"),
        ))
    }

    /// The host name of a machine that is no node, if this topology has it.
    pub fn part(&self, part: Part) -> Option<&str> {
        match part {
            Part::Balancer => self.balancer.as_ref().map(|one| one.name.as_str()),
            Part::Registry => self.registry.as_ref().map(|one| one.name.as_str()),
            Part::Storage => self.storage.as_ref().map(|one| one.name.as_str()),
        }
    }
}

/// One node of the swarm.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The host name, as in the article: `server-3`.
    pub name: String,
    /// The address on the lab's LAN: `192.168.150.3`. It exists inside the lab only.
    pub address: String,
    /// What it joins as.
    pub role: Role,
}

/// What a node joins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Votes, and runs tasks too.
    Manager,
    /// Runs tasks.
    Worker,
}

/// The storage machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// The host name.
    pub name: String,
    /// The address on the lab's LAN.
    pub address: String,
    /// The folder that it exports.
    pub export: String,
    /// Where the nodes mount it.
    pub mount: String,
    /// The options that they mount it with.
    pub options: String,
    /// The protocol version, which `options` says too.
    pub nfs: NfsVersionKey,
}

/// The image registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// The host name.
    pub name: String,
    /// The address on the lab's LAN.
    pub address: String,
    /// The port that it listens on, without TLS.
    pub port: u16,
}

impl Registry {
    /// What the names of its images begin with, but for the `/`: `192.168.150.28:5000`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }
}

/// [`NfsVersion`], able to be part of a snapshot's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NfsVersionKey {
    /// NFS v3.
    #[serde(rename = "v3")]
    V3,
    /// NFS v3 without locks between nodes.
    #[serde(rename = "v3-nolock")]
    V3NoLock,
    /// NFS v4.2.
    #[serde(rename = "v4.2")]
    V42,
}

impl From<NfsVersion> for NfsVersionKey {
    fn from(version: NfsVersion) -> Self {
        match version {
            NfsVersion::V3 => Self::V3,
            NfsVersion::V3NoLock => Self::V3NoLock,
            NfsVersion::V42 => Self::V42,
        }
    }
}

/// The last part of a node's address, which its name ends in: the article's four, then more.
const HOSTS: [u8; 7] = [3, 12, 16, 22, 23, 24, 25];

/// How many nodes a lab can have.
pub(super) const MOST_NODES: usize = HOSTS.len();

/// The LAN of every topology.
pub(crate) const LAN: &str = "192.168.150.0/24";

/// The storage machine's address on it.
pub(crate) const STORAGE: &str = "192.168.150.2";

/// What that machine exports.
pub(crate) const SHARE: &str = "/data/docker-nfs";

/// The share's mount on every node.
pub(crate) const MOUNT: &str = "/mnt/dockernfs";

/// What the names of the registry's images begin with.
pub(super) const REGISTRY: &str = "192.168.150.28:5000";

/// The options of the article's `mnt-dockernfs.mount`.
const OPTIONS_V3: &str = "rw,hard,intr,timeo=90,bg,vers=3,proto=tcp,rsize=32768,wsize=32768";
/// The same with `nolock` (see `nfs(5)`): no node tells the server of its locks.
const OPTIONS_V3_NOLOCK: &str =
    "rw,hard,intr,timeo=90,bg,vers=3,proto=tcp,rsize=32768,wsize=32768,nolock";
/// The same for v4.2, where `intr` has long been without effect.
const OPTIONS_V42: &str = "rw,hard,timeo=90,vers=4.2,proto=tcp,rsize=32768,wsize=32768";

/// The machines of a cluster; at most [`MOST_NODES`] nodes.
pub(super) fn of(cluster: &Cluster) -> Topology {
    let managers = usize::from(cluster.managers);
    let count = managers + usize::from(cluster.workers);
    let nodes = HOSTS
        .iter()
        .take(count)
        .enumerate()
        .map(|(index, host)| Node {
            name: format!("server-{host}"),
            address: format!("192.168.150.{host}"),
            role: if index < managers {
                Role::Manager
            } else {
                Role::Worker
            },
        });
    Topology {
        nodes: nodes.collect(),
        storage: cluster.nfs.map(storage),
        async_share: cluster.export == Some(Export::Async),
        balancer: cluster.balancer.then(balancer),
        registry: cluster.registry.then(registry),
        api: cluster.api,
    }
}

/// The article's virtual address, and a check that notices a dead node in seconds.
fn balancer() -> Balancer {
    Balancer {
        name: Part::Balancer.name().into(),
        address: "192.168.150.27".into(),
        inter: Span::secs(1),
        fall: 2,
        rise: 2,
        connect: Span::secs(2),
        retries: 3,
    }
}

/// The port is that of `distribution` in its own `config-example.yml` and in Debian's.
fn registry() -> Registry {
    Registry {
        name: Part::Registry.name().into(),
        address: "192.168.150.28".into(),
        port: 5000,
    }
}

fn storage(version: NfsVersion) -> Storage {
    Storage {
        name: Part::Storage.name().into(),
        address: STORAGE.into(),
        export: SHARE.into(),
        mount: MOUNT.into(),
        options: match version {
            NfsVersion::V3 => OPTIONS_V3,
            NfsVersion::V3NoLock => OPTIONS_V3_NOLOCK,
            NfsVersion::V42 => OPTIONS_V42,
        }
        .into(),
        nfs: version.into(),
    }
}
