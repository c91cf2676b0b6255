//! The scenario file, exactly as it is written: typed, but with nothing filled in.
//!
//! What a field means when it is left out is the plan's business ([`crate::plan`]).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Rate, Share, Span};

mod action;
mod decode;
mod fault;
mod flow;
mod load;
mod mistake;
mod probe;
mod skew;
mod target;
mod yaml;

pub use action::{
    Action, ActionVerb, Join, JoinAs, JoinHow, Pull, Scale, Token, Update, UpgradeOrder, Write,
};
pub use fault::{Fault, FaultAction};
pub use flow::{Cut, Direction, Drop, Flow, Isolate, Slow};
pub use load::{Loaded, load, parse};
pub use mistake::{Mistake, Mistakes};
pub use probe::{
    DockerCommand, Gone, Http, Mount, MountKind, NodeCounts, NodeIs, PortClosed, Probe, Running,
    Sql, Variables,
};
pub use skew::Skew;
pub use target::{Part, Target};

pub(crate) use load::{read_text, source};
pub(crate) use mistake::Source;
pub(crate) use yaml::{Dialect, Node, Value, read};

/// The JSON Schema of a scenario file, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Scenario).to_value()
}

/// One experiment: a cluster, what holds in it, what is broken, and what must then be true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The claim, as a sentence.
    pub scenario: String,
    /// Why anybody should care.
    pub because: String,
    /// The machines.
    pub cluster: Cluster,
    /// What the storage machine exports before the stack is deployed: path to content.
    /// A path that ends in `/` is a folder. Needs `cluster.nfs`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub share: BTreeMap<String, String>,
    /// The Compose stack file, beside the scenario file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<String>,
    /// What holds before the first fault and again after the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steady: Vec<Probe>,
    /// What holds after the last action and the last fault, where that differs from `steady`.
    /// For the recovery of a fault, it counts from the moment that the first action began. Without
    /// actions it is asked once the load is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steady_after: Vec<Probe>,
    /// What keeps using the services meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workload: Vec<Workload>,
    /// What an operator changes meanwhile, and when. An action waits for every earlier action and
    /// fault to be over, and a fault for every earlier action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// What is broken, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What must be true of the run. `exercised` is always added.
    pub expect: Vec<Expectation>,
    /// Makes this a control: it passes when exactly these checks fail. Those of every run may be
    /// named too: `steady`, and `undisturbed`, by which then a task must end by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_fail: Vec<String>,
    /// What the plan would otherwise refuse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allowance>,
}

/// The machines of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// How many managers, at least 1.
    pub managers: u8,
    /// How many workers.
    #[serde(default)]
    pub workers: u8,
    /// Adds a storage machine, mounted on every node at `/mnt/dockernfs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nfs: Option<NfsVersion>,
    /// How the storage machine answers writes. Default `sync`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<Export>,
    /// Adds a machine `balancer`: HAProxy at a virtual address, before all nodes' published ports.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub balancer: bool,
    /// Adds a machine `registry`, which holds the stack's images that are named with its address.
    /// Nodes then have them only once they have pulled them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub registry: bool,
    /// Whether the managers' API can be reached from the LAN. Default `closed`.
    #[serde(default, skip_serializing_if = "Api::is_closed")]
    pub api: Api,
}

/// The managers' API on the LAN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// No manager listens.
    #[default]
    Closed,
    /// Port 2376, with TLS, for clients with a certificate; also at the balancer, if there is one.
    Tls,
    /// Port 2375, open to anybody, as in the article: never do this in production.
    Plain,
}

impl Api {
    /// The port that the managers listen on, if they do.
    pub fn port(self) -> Option<u16> {
        match self {
            Self::Closed => None,
            Self::Tls => Some(2376),
            Self::Plain => Some(2375),
        }
    }

    /// True if no manager listens.
    pub fn is_closed(&self) -> bool {
        *self == Self::Closed
    }
}

/// The protocol version that the nodes mount the share with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NfsVersion {
    /// NFS v3 with the article's mount options; locks never expire.
    #[serde(rename = "v3")]
    V3,
    /// The same with `nolock`, as it is often copied: every node keeps its locks to itself.
    #[serde(rename = "v3-nolock")]
    V3NoLock,
    /// NFS v4.2; locks are leased.
    #[serde(rename = "v4.2")]
    V42,
}

/// How the storage machine answers writes (`exports(5)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Export {
    /// Once they are on its disk.
    Sync,
    /// At once: a power cut loses what clients were told is safe.
    Async,
}

/// Something that keeps using a service and remembers what it was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Workload {
    /// Inserts numbered rows and remembers which were acknowledged.
    Ledger(Ledger),
    /// Asks for a page on a fresh connection, again and again, and compares the body.
    Get(Get),
}

impl Workload {
    /// The name that checks use: the workload's kind.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ledger(_) => "ledger",
            Self::Get(_) => "get",
        }
    }
}

/// Numbered rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The service's name in the stack file; its one published port is used, as `root`, with the
    /// `MYSQL_ROOT_PASSWORD` of its `environment`, if it has one.
    pub service: String,
    /// Rows a second, over all writers.
    pub rate: Rate,
    /// Writers, each with a connection of its own. Default 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writers: Option<u8>,
    /// True for a new connection for each row, as clients without a pool make it: a service of
    /// several tasks then gets rows in all of them. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconnect: Option<bool>,
    /// How long one row may take before its fate is unknown. Default 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// A page asked for at a rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Get {
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
    /// Requests a second on each node, or on the balancer.
    pub rate: Rate,
    /// How long one request may take. Default 2s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// Something that must be true of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Expectation {
    /// The steady state holds again within this time of each fault, without our cure, be it of
    /// another fault.
    Recovers(Recovers),
    /// Every acknowledged row of this ledger is read back at the end.
    NothingLost(String),
    /// No moment with two live tasks of one slot of this service.
    NeverTwo(String),
    /// A `get` workload was answered, on nodes that we did not break. A node that we did break is
    /// judged from its first right answer after the heal, which may take as long as the steady
    /// state may take to be back.
    Answers(Answers),
    /// Whether the managers could be asked to change anything while the faults lasted.
    Control(Control),
    /// This database finds nothing wrong with the ledger's table at the end (`CHECK TABLE`).
    Intact(String),
}

impl Expectation {
    /// The check's name as a scenario spells it, which `must_fail` uses too.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Recovers(_) => "recovers",
            Self::NothingLost(_) => "nothing_lost",
            Self::NeverTwo(_) => "never_two",
            Self::Answers(_) => "answers",
            Self::Control(_) => "control",
            Self::Intact(_) => "intact",
        }
    }
}

/// A bound on the time to recover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovers {
    /// Counted from the fault; multiplied by the place's patience.
    pub within: Span,
}

/// Bounds on what a `get` workload may miss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The workload's name: `get`.
    pub workload: String,
    /// The least share of requests that must be answered. Through the balancer, and without
    /// actions, it may be left out: it is then what the balancer's health check allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// The longest time on one node without an answer; multiplied by the place's patience.
    /// Through the balancer, and without actions, it may be left out: it is then what its health
    /// check allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Span>,
}

/// What became of the managers' majority while a fault lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// A leader was seen in every fault, before it was healed.
    Kept,
    /// No leader was left in some fault, and none came back before it was healed.
    Lost,
}

/// A risk that the scenario's author takes on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// The faults may take the managers' majority.
    QuorumLoss,
}
