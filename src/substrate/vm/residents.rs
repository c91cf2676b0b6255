//! Which containers live on a node, also while its engine is gone.
//!
//! An engine that shuts down closes its API before it stops its containers, and a database may
//! take a minute to stop. Until then the guest agent tells which of them still run.

use std::sync::atomic::Ordering;

use super::api::WAY_IN;
use super::lab::{SHUTDOWN, VmLab};
use crate::journal::{ApiError, ContainerSeen};
use crate::scenario::Api;
use crate::substrate::Trouble;
use crate::substrate::nodes::Nodes;

/// Fails unless the engine was stopped; then prints the container of every shim that runs.
/// A shim's command line is `containerd-shim-runc-v2 -namespace moby -id CONTAINER …`. One process
/// a step: an emulated machine takes a tenth of a second for each.
const SHIMS: &str = "case $(systemctl is-active docker) in inactive|failed|deactivating) ;; \
    *) exit 1 ;; esac; \
    cat $(grep -las containerd-shim /proc/[0-9]*/cmdline) /dev/null 2> /dev/null | \
    tr '\\0' '\\n' | grep -A1 -x -e -id | grep -x '[0-9a-f]*'; true";

impl VmLab {
    /// The containers of the plan's services on a node: as its engine lists them, else those that
    /// it listed last, by whether they still run.
    pub(super) async fn residents(&self, node: &str) -> Result<Vec<ContainerSeen>, ApiError> {
        let machine = self.machine(node);
        let machine = machine.map_err(|trouble| ApiError::Unreachable(trouble.0))?;
        let asked = match self.engine(node).await {
            Ok(engine) => engine.containers(&self.nodes().services()).await,
            Err(error) => Err(error),
        };
        let error = match asked {
            Ok(containers) => {
                machine.listed.lock().await.clone_from(&containers);
                return Ok(containers);
            }
            Err(error) => error,
        };
        // Not while it boots: each question would take a second of it.
        if !machine.stopping.load(Ordering::Relaxed) || !machine.powered().await {
            return Err(error);
        }
        let shims = machine.agent.sh(SHIMS, SHUTDOWN).await.map_err(|_| error)?;
        let mut containers = machine.listed.lock().await.clone();
        for container in &mut containers {
            container.running &= shims.lines().any(|shim| shim == container.id);
        }
        Ok(containers)
    }

    /// Stops a node's engine and waits until it has stopped its containers: what a shutdown does
    /// first, but with the guest agent still there to tell what runs.
    pub(super) async fn stop_engine(&self, node: &str) -> Result<(), Trouble> {
        let machine = self.machine(node)?;
        if !machine.powered().await {
            return Ok(());
        }
        machine.stopping.store(true, Ordering::Relaxed);
        let stop = "systemctl stop docker.socket docker.service";
        // Behind a socket of systemd an engine that has closed its API looks like a slow one.
        let stop = match self.plan.topology.api {
            Api::Tls => format!("systemctl stop {WAY_IN} || true; {stop}"),
            Api::Closed | Api::Plain => stop.to_owned(),
        };
        machine.agent.sh(&stop, SHUTDOWN).await.map(drop)
    }
}
