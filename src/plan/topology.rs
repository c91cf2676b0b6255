//! The lab's machines, named and numbered as in the article.

use super::{Balancer, Node, Registry, Role, Storage, Topology};
use crate::scenario::{Cluster, NfsVersion, Part};
use crate::units::Span;

/// The last part of a node's address, which its name ends in: the article's four, then more.
const HOSTS: [u8; 7] = [3, 12, 16, 22, 23, 24, 25];

/// How many nodes a lab can have.
pub(super) const MOST_NODES: usize = HOSTS.len();

/// The share's mount on every node.
pub(super) const MOUNT: &str = "/mnt/dockernfs";

/// What the names of the registry's images begin with.
pub(super) const REGISTRY: &str = "192.168.150.28:5000";

/// The options of the article's `mnt-dockernfs.mount`.
const OPTIONS_V3: &str = "rw,hard,intr,timeo=90,bg,vers=3,proto=tcp,rsize=32768,wsize=32768";
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
        address: "192.168.150.2".into(),
        export: "/data/docker-nfs".into(),
        mount: MOUNT.into(),
        options: match version {
            NfsVersion::V3 => OPTIONS_V3,
            NfsVersion::V42 => OPTIONS_V42,
        }
        .into(),
        nfs: version.into(),
    }
}
