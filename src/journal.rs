//! The journal: every act and every observation of a run, one JSON object a line.
//!
//! An entry that announces an act is written and flushed before the act. Nothing else crosses
//! from the run to the judgement, so a journal can be judged again anywhere, at any time.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;

mod action;
mod answer;
mod clock;
mod exhibit;
mod file;
mod intent;
mod leavings;
mod reader;
mod rows;
mod settings;
mod stored;
mod table;
pub mod timeline;
mod upgrade;

pub use action::{
    ActionEntry, ActionIntent, ActionStep, Before, Deed, Membership, ServiceBefore, refuses_token,
};
pub use answer::Answer;
pub use clock::{Clock, Jump};
pub use exhibit::{Exhibit, Kept};
pub use file::{Journal, JournalError, Listener};
pub use intent::{Inside, Intent, NodeBefore, Rule, Slowness};
pub use leavings::{Cleared, Lent, Resource};
pub use reader::{History, read};
pub use rows::Rows;
pub use settings::{NodeSettings, Settings};
pub use stored::Stored;
pub use table::{TableCheck, TableWord};
pub use upgrade::{Engine, Engines, Stage, Turn, TurnStep, UPGRADED};

/// The version of the journal's format, in its first line.
pub const FORMAT: u32 = 1;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Counts from 0 without gaps.
    pub seq: u64,
    /// Microseconds since the run began, on the harness's monotonic clock.
    pub at_us: u64,
    /// The wall clock when it was written, for people; nothing is judged by it.
    pub wall: jiff::Timestamp,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// The time since the run began.
    pub fn at(&self) -> Duration {
        Duration::from_micros(self.at_us)
    }
}

/// What an entry tells. Names of nodes are host names; names of services are those of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The first entry: what ran, and with what.
    Header(Header),
    /// The second entry: what is going to happen.
    Plan(Box<Plan>),
    /// The run enters a phase.
    Phase(Phase),
    /// Something is about to be created that outlives a killed harness.
    Creating(Resource),
    /// The steady state was asked about. Written when the answer changes, and at least once
    /// every 5 s while somebody waits for it.
    Steady(Steady),
    /// A fault's targets are chosen; nothing has been touched yet.
    Intent(Intent),
    /// The injection was started.
    Injecting {
        /// Index in the plan.
        fault: usize,
    },
    /// The injection's commands came back without an error.
    Injected {
        /// Index in the plan.
        fault: usize,
    },
    /// The fault was seen to bite.
    Confirmed {
        /// Index in the plan.
        fault: usize,
        /// What was seen.
        evidence: String,
    },
    /// The fault could not be prepared or injected, or was not seen to bite.
    NotConfirmed {
        /// Index in the plan.
        fault: usize,
        /// The last thing seen, or the error.
        last: String,
    },
    /// The steady state holds again while the fault lasts.
    Recovered {
        /// Index in the plan.
        fault: usize,
    },
    /// The heal was started.
    Healing {
        /// Index in the plan.
        fault: usize,
    },
    /// The fault was seen to be gone.
    Healed {
        /// Index in the plan.
        fault: usize,
        /// What was seen.
        evidence: String,
    },
    /// The fault is still in force as far as anybody knows.
    HealFailed {
        /// Index in the plan.
        fault: usize,
        /// The error.
        error: String,
    },
    /// A step of an action: a change on purpose.
    Action(ActionEntry),
    /// One round of questions to the managers.
    Poll(Poll),
    /// A node as the managers see it, when it differs from the last time.
    Node(NodeSeen),
    /// A task as the managers see it, when it differs from the last time.
    Task(TaskSeen),
    /// A task that the managers no longer list.
    TaskGone {
        /// The task's identity.
        id: String,
    },
    /// The containers of services on one node, asked of that node's own engine; when they differ
    /// from the last time, the last that did not differ, and at least once every 5 s.
    Containers(ContainersSeen),
    /// A row is about to be inserted.
    Insert {
        /// The ledger's name.
        workload: String,
        /// The row's number, counted from 1 without gaps.
        row: u64,
        /// The node asked.
        via: String,
    },
    /// What became of an insert.
    Inserted {
        /// The ledger's name.
        workload: String,
        /// The row's number.
        row: u64,
        /// What the client was told.
        outcome: Outcome,
    },
    /// A request of a `get` workload, when it has ended.
    Got {
        /// The workload's name.
        workload: String,
        /// The node asked.
        via: String,
        /// Microseconds since the run began when the request was started.
        began_us: u64,
        /// What came back.
        answer: Answer,
    },
    /// The rows that a ledger holds, read through one node after the last heal.
    ReadBack {
        /// The ledger's name.
        workload: String,
        /// The node asked.
        via: String,
        /// Microseconds since the run began when the rows were asked for: the answer is true of
        /// some moment between that and this entry. Missing where there was none, and in journals
        /// from before it was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began_us: Option<u64>,
        /// What was found, or why it could not be read.
        rows: Rows,
    },
    /// What a database says of the ledger's table, after the rows were read.
    TableCheck(TableCheck),
    /// Trouble in the harness or its place; never a verdict about the swarm.
    Trouble {
        /// What, where, and what to do next.
        what: String,
    },
    /// What the swarm stands on gave way, and not by us: a machine ended, or this computer slept.
    /// No promise that is broken in such a run was broken by the swarm for certain.
    GaveWay {
        /// What did, and how that was seen.
        what: String,
    },
    /// Lines of a log that help a reader, such as a container's last words.
    Excerpt {
        /// Where they are from.
        source: String,
        /// The lines.
        lines: Vec<String>,
    },
    /// A piece of evidence that was kept beside the journal, for people.
    Exhibit(Exhibit),
    /// What of the harness's own was there before anything was made; only where the place can tell.
    Inventory(Vec<String>),
    /// What is there after the tear-down and was not before.
    Residue(Vec<String>),
    /// The SHA-256 of every line above, so that an edited one is found out.
    Seal(String),
    /// The last entry of a run that reached its end.
    End,
    /// Another process removed what the run had left.
    Cleared(Cleared),
}

/// The first entry of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The harness's version.
    pub seatrial: String,
    /// The plan's seed.
    pub seed: u64,
    /// The command line that does this run alone, or the one that started it.
    pub command_line: Vec<String>,
    /// Where it runs: `vm`, `dind` or `sim`.
    pub place: String,
    /// What executes the guests' code: `kvm`, `hvf`, `tcg`, or `none`.
    pub accelerator: String,
    /// What liveness budgets are multiplied by.
    pub patience: f64,
    /// Versions of what takes part: `docker` to `20.10.24+dfsg1`, `qemu` to `7.2.22`.
    pub versions: BTreeMap<String, String>,
    /// Images that the place holds: name to identity.
    pub images: BTreeMap<String, String>,
    /// `cold`, or `snapshot` with its key.
    pub started_from: String,
    /// The harness's process; missing in journals from before it was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Machines and swarm are made.
    BringUp,
    /// The share is filled and the stack deployed.
    Deploy,
    /// Waits for the steady state.
    SteadyBefore,
    /// The steady state holds; the place may keep it for the next run.
    Checkpoint,
    /// The workloads run; fault times count from here.
    Load,
    /// All faults are over; waits for the steady state.
    SteadyAfter,
    /// The workloads have stopped; ledgers are read.
    ReadBack,
    /// Everything made is removed.
    TearDown,
}

/// An answer to "does the steady state hold?".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steady {
    /// True when every probe held in this round.
    pub holds: bool,
    /// True when some probe could not tell; then `holds` is false.
    pub cannot_tell: bool,
    /// One line a probe: its state, in the plan's order.
    pub probes: Vec<String>,
    /// Nodes that were left out because we broke them.
    pub broken: Vec<String>,
}

/// One round of questions to the managers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// Each manager that was asked: the leader it names, or its error.
    pub managers: Vec<ManagerAnswer>,
}

impl Poll {
    /// The leader that a manager named, if all who named one agree.
    pub fn leader(&self) -> Option<&str> {
        let mut named = self
            .managers
            .iter()
            .filter_map(|answer| answer.leader.as_deref());
        let first = named.next()?;
        named.all(|other| other == first).then_some(first)
    }
}

/// What one manager said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagerAnswer {
    /// The manager asked.
    pub node: String,
    /// The leader it names.
    pub leader: Option<String>,
    /// Why it gave no list of nodes.
    pub error: Option<ApiError>,
}

/// Why an engine gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ApiError {
    /// Nothing listens, or the connection broke.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No answer before the call's deadline.
    #[error("no answer within {0}")]
    TimedOut(String),
    /// The engine answered with an error: this is a fact about the swarm.
    #[error("refused with {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The engine's own words.
        message: String,
    },
    /// The answer could not be understood: trouble in the harness, never "cluster down".
    #[error("answer not understood: {0}")]
    NotUnderstood(String),
}

/// A node as the managers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSeen {
    /// The swarm's identity of it.
    pub id: String,
    /// Its host name.
    pub name: String,
    /// `Version.Index`: orders what was seen.
    pub index: u64,
    /// `ready`, `down`, `unknown` or `disconnected`.
    pub state: String,
    /// `active`, `pause` or `drain`.
    pub availability: String,
    /// `manager` or `worker`: what it is desired to be.
    pub role: String,
    /// True for the leader.
    pub leader: bool,
    /// For managers: `reachable`, `unreachable` or `unknown`.
    pub reachability: Option<String>,
}

/// A task as the managers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSeen {
    /// The task's identity.
    pub id: String,
    /// `Version.Index`: orders what was seen.
    pub index: u64,
    /// The service's name in the plan.
    pub service: String,
    /// The slot; 0 for a global service.
    pub slot: u64,
    /// The node's host name, once it is assigned.
    pub node: Option<String>,
    /// The last state that was observed: `running`, `failed` …
    pub state: String,
    /// The state that is wanted: `running`, `shutdown` …
    pub desired: String,
    /// The agent's message or error, the error first.
    pub message: String,
    /// The container, once there is one.
    pub container: Option<String>,
    /// The status's own time stamp, on the agent's clock.
    pub timestamp: Option<jiff::Timestamp>,
}

/// The containers of services on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainersSeen {
    /// The node.
    pub node: String,
    /// Microseconds since the run began when the question was asked. An engine of an emulated
    /// machine may take seconds to answer: the list is of some moment between question and answer.
    /// Missing in journals from before it was recorded, when answers were cut off after a second.
    #[serde(default)]
    pub began_us: Option<u64>,
    /// The same, when the answer was there; the entry's own time where it is missing. Earlier than
    /// that for the last list before a change, which is written together with the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_us: Option<u64>,
    /// What its engine listed, or why it did not.
    pub seen: Result<Vec<ContainerSeen>, ApiError>,
}

/// One container that belongs to a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerSeen {
    /// The container's identity.
    pub id: String,
    /// The task's identity.
    pub task: String,
    /// The service's name in the plan.
    pub service: String,
    /// The slot; 0 for a global service.
    pub slot: u64,
    /// True while its process runs, paused or not.
    pub running: bool,
}

/// What a client was told of its insert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// The server said that it is committed.
    Acknowledged,
    /// It certainly did not happen: the server said so, or it was never sent.
    Refused(String),
    /// It may have happened: no answer in time, or the connection broke.
    Unknown(String),
}
