//! Machines with engines, whatever they are made of: how a swarm of them is formed, ordered and
//! asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use self::part::Servers;
use super::{Progress, Trouble};
use crate::journal::{ApiError, Journal};
use crate::plan::Plan;
use crate::swarm::engine::Engine;
use crate::wait::{Look, until};

pub(super) mod api;
pub(super) mod balancer;
pub(super) mod certificate;
mod deploy;
mod dial;
pub(super) mod evidence;
pub(super) mod file;
mod form;
pub(super) mod guard;
mod inquiry;
pub(super) mod inward;
pub(super) mod key;
mod order;
pub(super) mod part;
mod registry;
pub(super) mod residents;
mod service;
mod settled;
pub(super) mod share;
pub(super) mod ssh;
pub(super) mod systemd;
pub(super) mod wall;

pub(super) use inquiry::{STRANGER, quoted};

/// How long a command in a machine may take.
pub(super) const COMMAND: Duration = Duration::from_secs(120);

/// How long a machine may take from power to an answer of its engine.
pub(super) const BOOT: Duration = Duration::from_secs(300);

/// How long a machine may take to shut down, or its engine to end and to start: systemd's own limit
/// for a unit is 90 s.
pub(super) const SHUTDOWN: Duration = Duration::from_secs(150);

/// What a command in a machine came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; a command that died of a signal counts as 128 and the signal.
    pub code: i64,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A lab whose nodes are machines with engines. What is asked and ordered goes through these few.
#[async_trait]
pub(super) trait Nodes: Send + Sync {
    /// What is to happen there.
    fn plan(&self) -> &Plan;

    /// The record of the run, if this is one.
    fn journal(&self) -> Option<&Journal>;

    /// Where a person sees what takes long.
    fn progress(&self) -> &Progress;

    /// Variables of stack files: the images that the nodes have.
    fn variables(&self) -> &BTreeMap<String, String>;

    /// The machine that is no node, and from which ports are tried.
    fn elsewhere(&self) -> &'static str;

    /// The engine of a node, by a path that no fault in the swarm's network cuts.
    async fn engine(&self, node: &str) -> Result<Engine, ApiError>;

    /// Where a port of a machine is reached, by a path that no fault in the swarm's network cuts
    /// unless clients come by no other.
    async fn address(&self, machine: &str, port: u16) -> Result<SocketAddr, Trouble>;

    /// Runs a shell command in a machine, with this standard input.
    async fn run(
        &self,
        machine: &str,
        command: &str,
        input: &[u8],
        within: Duration,
    ) -> Result<Ran, Trouble>;

    /// Whether a machine has power, if anybody can tell.
    async fn is_on(&self, _machine: &str) -> bool {
        true
    }

    /// How servers are kept; none where none are ours to set up.
    fn servers(&self) -> Option<Servers> {
        None
    }

    /// Gives a node another engine; returns when it answers.
    async fn exchange(&self, node: &str) -> Result<(), Trouble> {
        let what = format!("`{node}` can have no other engine here");
        Err(Trouble(what))
    }
}

impl dyn Nodes + '_ {
    /// Runs a shell command that must succeed, and returns its standard output.
    pub(super) async fn sh(
        &self,
        machine: &str,
        command: &str,
        within: Duration,
    ) -> Result<String, Trouble> {
        self.sh_with(machine, command, b"", within).await
    }

    /// The same with a standard input.
    pub(super) async fn sh_with(
        &self,
        machine: &str,
        command: &str,
        input: &[u8],
        within: Duration,
    ) -> Result<String, Trouble> {
        let ran = self.run(machine, command, input, within).await?;
        if ran.code == 0 {
            return Ok(ran.out);
        }
        let said = ran.err.trim().replace('\n', "; ");
        let code = ran.code;
        Err(Trouble(format!(
            "`{command}` on `{machine}` failed with {code}: {said}"
        )))
    }

    /// Service names in the swarm to those in the plan.
    pub(super) fn services(&self) -> BTreeMap<String, String> {
        let services = self.plan().services();
        services
            .map(|service| (service.full_name.clone(), service.name.clone()))
            .collect()
    }

    /// Waits until a machine takes commands.
    pub(super) async fn takes_commands(&self, machine: &str) -> Result<(), Trouble> {
        let look = || async {
            match self.run(machine, "true", b"", COMMAND).await {
                Ok(ran) if ran.code == 0 => Look::Holds(()),
                Ok(ran) => Look::NotYet(ran.err),
                Err(trouble) => Look::NotYet(trouble.0),
            }
        };
        let pace = Duration::from_millis(200);
        let ready = until(format!("a command on `{machine}`"), BOOT, pace, look).await;
        ready.map_err(|late| Trouble(late.to_string()))
    }

    /// Waits until a node's engine answers.
    pub(super) async fn engine_answers(&self, node: &str) -> Result<(), Trouble> {
        let look = || async {
            let pinged = match self.engine(node).await {
                Ok(engine) => engine.ping().await,
                Err(error) => Err(error),
            };
            match pinged {
                Ok(()) => Look::Holds(()),
                Err(error) => Look::NotYet(error.to_string()),
            }
        };
        let pace = Duration::from_millis(250);
        until(format!("the engine of `{node}`"), BOOT, pace, look)
            .await
            .map_err(|late| Trouble(late.to_string()))
    }
}

/// Waits for all, whatever becomes of some, and returns the first trouble.
pub(super) async fn all<T>(
    tasks: impl IntoIterator<Item = impl Future<Output = Result<T, Trouble>>>,
) -> Result<Vec<T>, Trouble> {
    join_all(tasks).await.into_iter().collect()
}
