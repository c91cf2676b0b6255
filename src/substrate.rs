//! Where a run takes place: a [`Place`] makes a [`Lab`], and a lab is the only door to the world.
//!
//! The run, the faults, the probes and the workloads know a lab by this trait alone, so a place
//! of a few lines of memory ([`sim`]) can stand in for machines in the tests of the harness.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::capability::Capabilities;
use crate::journal::{Answer, ApiError, Clock, ContainerSeen, Engine, Journal, JournalError, Rule};
use crate::plan::Plan;
use crate::swarm::{Remains, ServiceSeen, View};
use crate::units::Port;

pub mod dind;
mod evidence;
mod flow;
pub mod hosts;
mod inward;
mod nodes;
mod order;
mod progress;
mod session;
pub mod sim;
pub mod vm;
mod workspace;

pub use evidence::Evidence;
pub use flow::{Dialled, Kin, Passage, Tally, Traffic};
pub use inward::{Inward, Vitals};
pub use order::Order;
pub use progress::Progress;
pub use session::{Database, NoSession};

/// Trouble in the harness or its place: never a verdict about the swarm.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        use std::error::Error;
        let cause = error
            .source()
            .map(|source| format!(": {source}"))
            .unwrap_or_default();
        Self(format!("{error}{cause}"))
    }
}

/// What a place is, for the first line of the journal.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Identity {
    /// `vm`, `dind`, `hosts` or `sim`.
    pub place: String,
    /// `kvm`, `hvf`, `tcg` or `none`.
    pub accelerator: String,
    /// What liveness budgets are multiplied by.
    pub patience: f64,
    /// Versions of what takes part.
    pub versions: BTreeMap<String, String>,
    /// Images: name to identity.
    pub images: BTreeMap<String, String>,
    /// `cold`, or `snapshot` with its key, for this plan.
    pub started_from: String,
}

/// A place that can make labs.
#[async_trait]
pub trait Place: Send + Sync {
    /// What it can do here and now.
    fn capabilities(&self) -> Capabilities;

    /// What it is, and what a lab for this plan would start from.
    fn identity(&self, plan: &Plan) -> Identity;

    /// Makes the machines and the swarm of a plan. Announces in the journal whatever could be
    /// left behind by a killed harness, before it is made. Given up half way, it leaves nothing but
    /// what it announced.
    ///
    /// # Errors
    /// When the lab cannot be made; whatever was made is removed again.
    async fn bring_up(&self, plan: &Plan, journal: &Journal) -> Result<Arc<dyn Lab>, Trouble>;

    /// What of the harness's own is there now, one line each: processes, folders, sockets.
    ///
    /// # Errors
    /// When nobody can tell; then a run's leavings are unknown, and so is its verdict.
    async fn inventory(&self) -> Result<BTreeSet<String>, Trouble>;

    /// The clock of a run that begins now.
    fn clock(&self) -> Clock {
        Clock::start()
    }
}

/// How a node is turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerOff {
    /// The guest shuts itself down.
    Shutdown,
    /// The power is cut: whatever was not flushed is gone.
    Cut,
}

/// A swarm that was made, or found, and everything that can be done to it or asked of it.
///
/// Machines are named by host name. Every call has a deadline of its own and returns.
#[async_trait]
pub trait Lab: Send + Sync {
    /// Fills the share and deploys the plan's stack; returns once the managers took it.
    /// A lab that was restored with the stack in place does nothing.
    ///
    /// # Errors
    /// When the share cannot be filled or the stack is not taken.
    async fn deploy(&self) -> Result<(), Trouble>;

    /// The steady state holds: a place may keep the swarm as it is, for later runs to start from.
    /// True if it stood still meanwhile: connections may be broken, what held must be seen again.
    ///
    /// # Errors
    /// When the swarm could not be kept, or does not go on.
    async fn checkpoint(&self) -> Result<bool, Trouble> {
        Ok(false)
    }

    /// Nodes came and went before anything was broken: no later run may start from this swarm.
    async fn distrust(&self) {}

    /// Asks one manager for its nodes, and for the tasks of the plan's services.
    ///
    /// # Errors
    /// When that manager gives no usable answer.
    async fn view(&self, manager: &str) -> Result<View, ApiError>;

    /// Asks one manager for a service of the plan; none if it is not there.
    ///
    /// # Errors
    /// When that manager gives no usable answer.
    async fn service(&self, manager: &str, service: &str) -> Result<Option<ServiceSeen>, ApiError>;

    /// Gives an order by a manager, or to the storage machine where it is about the share. That it
    /// was taken is no proof that it was carried out.
    ///
    /// # Errors
    /// `Refused` when the swarm or a node's engine says no; silence leaves open what became of it.
    async fn order(&self, manager: &str, order: &Order) -> Result<(), ApiError>;

    /// Asks one node's own engine for the containers that belong to tasks, on a path that a fault
    /// in the swarm's network does not cut.
    ///
    /// # Errors
    /// When that engine gives no usable answer.
    async fn containers(&self, node: &str) -> Result<Vec<ContainerSeen>, ApiError>;

    /// Asks one node's own engine whether it lists an image, as the plan names it, variables and
    /// all.
    ///
    /// # Errors
    /// When that engine gives no usable answer.
    async fn has_image(&self, node: &str, image: &str) -> Result<bool, ApiError>;

    /// Whether a machine does what it is there for: a node's engine, the balancer's HAProxy, the
    /// registry or the storage machine's server answers, on a path that no fault of the LAN cuts.
    ///
    /// # Errors
    /// When it gives no usable answer.
    async fn serves(&self, machine: &str) -> Result<(), ApiError> {
        self.containers(machine).await.map(drop)
    }

    /// Asks one node's own engine what it is, and by which kernel it runs.
    ///
    /// # Errors
    /// When that engine gives no usable answer, or the place cannot ask it.
    async fn runs(&self, node: &str) -> Result<Engine, ApiError>;

    /// Turns a machine off and returns when it is off.
    ///
    /// # Errors
    /// When it is not off in time.
    async fn power_off(&self, node: &str, how: PowerOff) -> Result<(), Trouble>;

    /// Turns a machine on, if it is off, and returns when it does what it is there for.
    ///
    /// # Errors
    /// When it does not in time.
    async fn power_on(&self, node: &str) -> Result<(), Trouble>;

    /// Whether the node has power, as seen from outside of it.
    async fn powered(&self, node: &str) -> bool;

    /// How a machine ended that nobody turned off, where the place can tell; none if it did not.
    async fn ended(&self, _machine: &str) -> Option<String> {
        None
    }

    /// Freezes a machine with its power on, or lets it go on. Idempotent. Its clock stands still
    /// too, and is set right when it goes on.
    ///
    /// # Errors
    /// When the machine has no power, or the place cannot do that.
    async fn pause(&self, machine: &str, paused: bool) -> Result<(), Trouble>;

    /// Whether a machine stands still, as seen from outside of it.
    ///
    /// # Errors
    /// When it has no power, or nobody can tell.
    async fn paused(&self, machine: &str) -> Result<bool, Trouble>;

    /// Does one act inside of a node.
    ///
    /// # Errors
    /// When it cannot be done, or nobody there answers.
    async fn inward(&self, node: &str, act: &Inward) -> Result<(), Trouble>;

    /// What a node's own kernel says of it, whatever became of its engine.
    ///
    /// # Errors
    /// When it does not answer.
    async fn vitals(&self, node: &str) -> Result<Vitals, String>;

    /// Drops every frame to and from the node, or lets them pass again. Idempotent.
    ///
    /// # Errors
    /// When the place cannot do that.
    async fn isolate(&self, node: &str, isolated: bool) -> Result<(), Trouble>;

    /// Has the LAN drop or delay the frames of a rule, or pass them again; what the rule means is
    /// counted from the first time on. Idempotent.
    ///
    /// # Errors
    /// When the place cannot do that, or a machine is not there.
    async fn impose(&self, number: usize, rule: &Rule, in_force: bool) -> Result<(), Trouble>;

    /// What the LAN counted of the frames that a rule is about; nothing for a number without one.
    async fn tally(&self, number: usize) -> Tally;

    /// Tries a port of a machine from another by the LAN, a few times: a connection for TCP,
    /// datagrams for UDP, which nobody answers.
    ///
    /// # Errors
    /// When the machine that is to try could not.
    async fn dial(&self, from: &str, to: &str, port: Port) -> Result<Dialled, String>;

    /// Frames that the node sent to the LAN, and that others sent to it, since the lab began.
    async fn frames(&self, node: &str) -> Traffic;

    /// Asks a published port of a node, or of the balancer, for a page, on a fresh connection, by a
    /// path that a fault in the swarm's network does not cut.
    async fn get(&self, node: &str, port: u16, ask: &PageRequest) -> Answer;

    /// Opens a database session through a node's published port.
    ///
    /// # Errors
    /// When there is no session before the deadline; why, and whether the node was asked at all.
    async fn database(
        &self,
        node: &str,
        service: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Database>, NoSession>;

    /// Tries a TCP port on each of these nodes' LAN addresses, from another machine of the lab. A
    /// node that is missing from the answer said nothing.
    ///
    /// # Errors
    /// When the other machine could not try.
    async fn knock(&self, nodes: &[String], port: u16) -> Result<BTreeMap<String, Knock>, String>;

    /// Asks one manager what is left of a service and of its stack's networks.
    ///
    /// # Errors
    /// When that manager gives no usable answer.
    async fn remains(&self, manager: &str, service: &str) -> Result<Remains, ApiError>;

    /// What a container has mounted, as its node's kernel says; later mounts last.
    ///
    /// # Errors
    /// When the kernel cannot be asked, or knows no process of this container.
    async fn mounts(&self, node: &str, container: &str) -> Result<Vec<MountSeen>, String>;

    /// Reads a file of the share as a node sees it, where it has the share mounted; none if it is
    /// not there. Of a file longer than 1 MiB, only the beginning.
    ///
    /// # Errors
    /// When the node cannot be asked, or cannot read it.
    async fn shared_file(&self, node: &str, path: &str) -> Result<Option<String>, String>;

    /// Runs a stock `docker` client on a machine.
    ///
    /// # Errors
    /// When there is no client, or it did not end in time.
    async fn docker(&self, node: &str, call: &ClientCall) -> Result<ClientRan, String>;

    /// The last words of a task's container, for people; empty if they cannot be had.
    async fn last_words(&self, node: &str, container: &str) -> Vec<String>;

    /// What a machine has to show of so long a time before now, for people: logs, tables. Nothing
    /// is judged by it, and a machine that is broken says why it has nothing.
    async fn evidence(&self, _machine: &str, _since: Duration) -> Vec<Evidence> {
        Vec::new()
    }

    /// Removes everything that was made; visits everything even when something fails.
    ///
    /// # Errors
    /// What could not be removed, all of it.
    async fn tear_down(&self) -> Result<(), Trouble>;
}

/// A page, the body that it must have, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The path, with its leading `/`.
    pub path: String,
    /// The whole body, byte for byte.
    pub body: String,
    /// From the start of the connection to the end of the body.
    pub within: Duration,
}

/// What became of a connection that another machine tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knock {
    /// The node's kernel said that nobody listens.
    Refused,
    /// A listener took it.
    Accepted,
}

/// One mount of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountSeen {
    /// Where, as the container sees it.
    pub at: String,
    /// The kernel's name of the file system: `nfs`, `nfs4`, `ext4`.
    pub kind: String,
    /// True when the mount or its file system is read-only.
    pub read_only: bool,
}

/// What a `docker` client is told to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCall {
    /// The words after `docker`; no shell reads them.
    pub args: Vec<String>,
    /// True for a client that trusts the managers and has no certificate to show them.
    pub without_certificate: bool,
}

/// What a `docker` client came to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ClientRan {
    /// The exit code.
    pub code: i64,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}
