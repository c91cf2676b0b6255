//! The conditions of the steady state, with nothing left open.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Stack;
use super::ready::{ATTEMPT, port_of};
use crate::scenario::{self, MountKind, NodeCounts, NodeIs, Target};
use crate::units::Span;

/// A condition that can be asked about once, with all defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// This many live tasks, on nodes that are not broken.
    Running {
        /// The service's name in the stack file.
        service: String,
        /// How many.
        replicas: u32,
    },
    /// A statement succeeds through every node that is not broken.
    Sql {
        /// The service's name in the stack file.
        service: String,
        /// Its published port.
        port: u16,
        /// The statement.
        query: String,
        /// How long one attempt may take.
        within: Span,
    },
    /// A page is answered through every node asked that is not broken.
    Http {
        /// The nodes to ask, or the balancer.
        via: Target,
        /// The published port.
        port: u16,
        /// The path.
        path: String,
        /// The whole body.
        body: String,
        /// How long one attempt may take.
        within: Span,
    },
    /// Every node asked that is not broken refuses connections to this port.
    PortClosed {
        /// The nodes to try.
        via: Target,
        /// The TCP port.
        port: u16,
    },
    /// Nothing is left of a service.
    Gone {
        /// The service's name in the stack file.
        service: String,
    },
    /// What every live task's container has mounted.
    Mount {
        /// The service's name in the stack file.
        service: String,
        /// The mount point in the container.
        at: String,
        /// Whether the task cannot write to it; `None` for either.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read_only: Option<bool>,
        /// The kind of file system; `None` for any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<MountKind>,
    },
    /// A database's settings, through every node that is not broken.
    Variables {
        /// The service's name in the stack file.
        service: String,
        /// Its published port.
        port: u16,
        /// Names to values.
        set: BTreeMap<String, String>,
        /// How long one attempt may take.
        within: Span,
    },
    /// What the managers say of a node.
    Node(NodeIs),
    /// How many nodes the managers list.
    Nodes(NodeCounts),
    /// What a stock `docker` client on a node comes to.
    Docker {
        /// The node whose client is used, or the balancer.
        node: Target,
        /// The words after `docker`.
        args: Vec<String>,
        /// True when it has no certificate to show.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        without_certificate: bool,
        /// Text that some line has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prints: Option<String>,
        /// True when it must fail with that text among its errors.
        refused: bool,
    },
}

/// A probe with every default filled in, and as much time for an attempt as a slow machine needs.
pub(super) fn probe<'a>(
    probe: &scenario::Probe,
    stacks: impl Iterator<Item = &'a Stack>,
    patience: f64,
) -> Probe {
    let attempt = |within: Option<Span>| within.unwrap_or(ATTEMPT).stretched(patience);
    match probe.clone() {
        scenario::Probe::Running(running) => Probe::Running {
            service: running.service,
            replicas: running.replicas,
        },
        scenario::Probe::Sql(sql) => Probe::Sql {
            port: port_of(&sql.service, stacks),
            service: sql.service,
            query: sql.query,
            within: attempt(sql.within),
        },
        scenario::Probe::Http(http) => Probe::Http {
            via: http.via.unwrap_or(Target::EveryNode),
            port: http.port,
            path: http.path.unwrap_or_else(|| "/".into()),
            body: http.body,
            within: attempt(http.within),
        },
        scenario::Probe::PortClosed(closed) => Probe::PortClosed {
            via: closed.via.unwrap_or(Target::EveryNode),
            port: closed.port,
        },
        scenario::Probe::Gone(gone) => Probe::Gone {
            service: gone.service,
        },
        scenario::Probe::Mount(mount) => Probe::Mount {
            service: mount.service,
            at: mount.at,
            read_only: mount.read_only,
            kind: mount.kind,
        },
        scenario::Probe::Variables(variables) => Probe::Variables {
            port: port_of(&variables.service, stacks),
            service: variables.service,
            set: variables.set,
            within: attempt(variables.within),
        },
        scenario::Probe::Node(node) => Probe::Node(node),
        scenario::Probe::Nodes(counts) => Probe::Nodes(counts),
        scenario::Probe::Docker(docker) => Probe::Docker {
            node: docker.node,
            args: docker.args.split_whitespace().map(str::to_owned).collect(),
            without_certificate: docker.without_certificate.unwrap_or(false),
            prints: docker.prints,
            refused: docker.refused.unwrap_or(false),
        },
    }
}
