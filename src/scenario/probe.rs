//! Conditions of the steady state, as a scenario file spells them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Target;
use crate::units::Span;

/// A condition that can be asked about once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// A service has this many live tasks, on nodes that are not broken.
    Running(Running),
    /// A statement succeeds through every node that is not broken.
    Sql(Sql),
    /// A page is answered with this body through every node that is not broken.
    Http(Http),
    /// From another machine of the lab, no listener accepts on this port of the nodes. Holds only
    /// when every node refuses the connection; no answer at all (a filter, a node that hangs)
    /// cannot tell.
    PortClosed(PortClosed),
    /// Nothing is left of a service: no service, no task that has not ended, no container on any
    /// node that is not broken; and no network of its stack, when its last service is gone.
    Gone(Gone),
    /// What every live task's container has mounted, as its node's kernel says.
    Mount(Mount),
    /// A database's settings, through every node that is not broken.
    Variables(Variables),
    /// What the managers say of a node, also of one that is broken.
    Node(NodeIs),
    /// How many nodes the managers list, those that are broken included.
    Nodes(NodeCounts),
    /// What a stock `docker` client on a node comes to.
    Docker(DockerCommand),
}

/// A number of live tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The service's name in the stack file.
    pub service: String,
    /// Live tasks: running, desired running, on a node that is ready and not broken.
    pub replicas: u32,
}

/// A statement that a database answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    /// The service's name in the stack file; its one published port is used, as `root`, with the
    /// `MYSQL_ROOT_PASSWORD` of its `environment`, if it has one.
    pub service: String,
    /// The statement; it holds when it succeeds.
    pub query: String,
    /// How long one attempt may take. Default 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// A page that is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The nodes to ask: `every_node`, one node, or the `balancer`. Default `every_node`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Target>,
    /// The published port.
    pub port: u16,
    /// The path. Default `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The whole body, byte for byte.
    pub body: String,
    /// How long one attempt may take. Default 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// A port on which nobody listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortClosed {
    /// The TCP port.
    pub port: u16,
    /// The nodes to try: `every_node`, or one node. Default `every_node`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Target>,
}

/// A service that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gone {
    /// The service's name in the stack file.
    pub service: String,
}

/// What is mounted in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The service's name in the stack file.
    pub service: String,
    /// The mount point in the container: `/var/lib/mysql`.
    pub at: String,
    /// Whether the task cannot write to it. Left out, either is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// What kind of file system it is. Left out, any is right.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MountKind>,
}

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MountKind {
    /// NFS of any version.
    Nfs,
    /// Anything else.
    Local,
}

/// Settings of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variables {
    /// The service's name in the stack file; its one published port is used, as `root`, with the
    /// `MYSQL_ROOT_PASSWORD` of its `environment`, if it has one.
    pub service: String,
    /// Names to values, as `SHOW GLOBAL VARIABLES` prints them: `max_connections: "100"`.
    pub set: BTreeMap<String, String>,
    /// How long one attempt may take. Default 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// What the managers say of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeIs {
    /// The node: its name, or `leader`, `manager`, `worker`, `{ host_of: SERVICE }`, `every_node`.
    pub name: Target,
    /// `manager` once it takes part as one, `worker` once it no longer does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["manager", "worker"]))]
    pub role: Option<String>,
    /// `ready`, `down`, `unknown` or `disconnected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ready", "down", "unknown", "disconnected"]))]
    pub state: Option<String>,
    /// `active`, `pause` or `drain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["active", "pause", "drain"]))]
    pub availability: Option<String>,
    /// `reachable`, `unreachable` or `unknown`; only managers have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["reachable", "unreachable", "unknown"]))]
    pub reachability: Option<String>,
    /// Whether it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<bool>,
}

/// Numbers of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeCounts {
    /// Nodes that take part as managers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managers: Option<u8>,
    /// Nodes that are workers, and no longer managers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u8>,
    /// Nodes whose state is `ready`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<u8>,
    /// Nodes that lead: 1, or 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaders: Option<u8>,
}

/// A command of a stock `docker` client, and what it must come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DockerCommand {
    /// The node whose client is used; or the `balancer`, as a machine outside of the swarm.
    pub node: Target,
    /// Everything after `docker`, in words without quotes: `service ls`. No shell reads it.
    pub args: String,
    /// Text that some line of its output has. With `refused`, some line of its errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prints: Option<String>,
    /// True when it must fail, with the words in `prints`. Default false: it must succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<bool>,
    /// True for a client that trusts the managers and has no certificate to show them. Needs
    /// `cluster.api: tls`. Default false: the client has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_certificate: Option<bool>,
}
