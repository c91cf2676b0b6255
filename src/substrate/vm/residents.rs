//! Which containers live on a node, and how its engine is stopped so that this can be told.

use super::api::WAY_IN;
use super::lab::{SHUTDOWN, VmLab};
use crate::journal::{ApiError, ContainerSeen};
use crate::scenario::Api;
use crate::substrate::Trouble;
use crate::substrate::nodes::residents::STOP;

impl VmLab {
    /// The containers of the plan's services on a node, also while its engine stops.
    pub(super) async fn residents(&self, node: &str) -> Result<Vec<ContainerSeen>, ApiError> {
        let machine = self.machine(node);
        let machine = machine.map_err(|trouble| ApiError::Unreachable(trouble.0))?;
        machine.residents.ask(self.nodes(), node).await
    }

    /// Stops a node's engine and waits until it has stopped its containers: what a shutdown does
    /// first, but with the guest agent still there to tell what runs.
    pub(super) async fn stop_engine(&self, node: &str) -> Result<(), Trouble> {
        let machine = self.machine(node)?;
        if !machine.powered().await {
            return Ok(());
        }
        machine.residents.stopping(true);
        // Behind a socket of systemd an engine that has closed its API looks like a slow one.
        let stop = match self.plan.topology.api {
            Api::Tls => format!("systemctl stop {WAY_IN} || true; {STOP}"),
            Api::Closed | Api::Plain => STOP.to_owned(),
        };
        machine.agent.sh(&stop, SHUTDOWN).await.map(drop)
    }
}
