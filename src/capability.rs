//! What a place can do, and what a scenario needs of it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoEnumIterator};

/// One thing that a substrate may or may not be able to do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, EnumIter,
)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// A node can be shut down cleanly and started again.
    CleanStop,
    /// A node can lose its power, with everything that it had not flushed.
    PowerCut,
    /// A node can end at once and without a word; what it had written may stay.
    SuddenEnd,
    /// A machine can stand still with its power on, and go on.
    Pause,
    /// All frames of a node can be dropped, while the harness still reaches it.
    Isolation,
    /// Frames of one direction, one pair or one port can be dropped.
    Flows,
    /// They can be delayed, or lost now and then.
    SlowFlows,
    /// A node's engine, or one task's process, can be ended while the machine stays.
    EngineEnd,
    /// A node's clock can be set wrong.
    Clock,
    /// The disk of a node's engine can be filled.
    FullDisk,
    /// A published port answers on every node, wherever its task runs.
    RoutingMesh,
    /// A share that the nodes' kernels mount by NFS, version 3.
    NfsV3,
    /// The same by version 4.2.
    NfsV42,
    /// A machine with a load balancer and a virtual address before all nodes.
    Balancer,
    /// A machine with an image registry that every engine may pull from.
    Registry,
    /// The managers' API on the LAN, with TLS and client certificates.
    Tls,
    /// The managers' API on the LAN, open to anybody.
    PlainApi,
    /// A node's system disk can be exchanged for that of another engine.
    Upgrade,
    /// Join tokens may be rotated: whoever knows the old ones can use them no more.
    Tokens,
    /// The storage machine is the harness's own: it can be broken, written to and set up.
    Storage,
    /// A share that answers before it has written can be made.
    AsyncShare,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CleanStop => "clean stop and start of a node",
            Self::PowerCut => "power cut",
            Self::SuddenEnd => "sudden end of a node",
            Self::Pause => "pause of a machine",
            Self::Isolation => "isolation of a node",
            Self::Flows => "drops of single flows on the LAN",
            Self::SlowFlows => "slow flows on the LAN",
            Self::EngineEnd => "end of an engine or a task",
            Self::Clock => "clock jumps",
            Self::FullDisk => "full disk",
            Self::RoutingMesh => "routing mesh",
            Self::NfsV3 => "NFS v3",
            Self::NfsV42 => "NFS v4.2",
            Self::Balancer => "load balancer",
            Self::Registry => "image registry",
            Self::Tls => "managers' API with TLS",
            Self::PlainApi => "managers' API without TLS",
            Self::Upgrade => "engine to upgrade to",
            Self::Tokens => "join tokens that may be rotated",
            Self::Storage => "storage machine of its own",
            Self::AsyncShare => "share that answers before it has written",
        })
    }
}

/// The set of things that a place can do, or that a scenario needs.
pub type Capabilities = BTreeSet<Capability>;

/// All that any place can do.
pub fn all() -> Capabilities {
    Capability::iter().collect()
}
