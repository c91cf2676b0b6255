//! Which containers live on a node, also while its engine is gone.
//!
//! An engine that shuts down closes its API before it stops its containers, and a database may
//! take a minute to stop. Until then the machine's shell tells which of them still run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::Nodes;
use crate::journal::{ApiError, ContainerSeen};

/// Stops a node's engine, and waits until it has stopped its containers: what a shutdown does
/// first, but with a shell still there to tell what runs.
pub(in crate::substrate) const STOP: &str = "systemctl stop docker.socket docker.service";

/// How long the answer may take of a machine that stops its engine.
const ANSWER: Duration = Duration::from_secs(150);

/// Fails unless the engine was stopped; then prints the container of every shim that runs.
/// A shim's command line is `containerd-shim-runc-v2 -namespace moby -id CONTAINER …`. One process
/// a step: an emulated machine takes a tenth of a second for each.
const SHIMS: &str = "case $(systemctl is-active docker) in inactive|failed|deactivating) ;; \
    *) exit 1 ;; esac; \
    cat $(grep -las containerd-shim /proc/[0-9]*/cmdline) /dev/null 2> /dev/null | \
    tr '\\0' '\\n' | grep -A1 -x -e -id | grep -x '[0-9a-f]*'; true";

/// What is known of the containers of one node.
#[derive(Default)]
pub(in crate::substrate) struct Residents {
    /// What its engine listed last.
    listed: Mutex<Vec<ContainerSeen>>,
    /// True from the order to stop the engine until it was started again.
    stopping: AtomicBool,
}

impl Residents {
    /// The engine is about to be stopped, or was started.
    pub(in crate::substrate) fn stopping(&self, stopping: bool) {
        self.stopping.store(stopping, Ordering::Relaxed);
    }

    /// The containers of the plan's services: as the engine lists them, else those that it listed
    /// last, by whether they still run.
    pub(in crate::substrate) async fn ask(
        &self,
        nodes: &dyn Nodes,
        node: &str,
    ) -> Result<Vec<ContainerSeen>, ApiError> {
        let asked = match nodes.engine(node).await {
            Ok(engine) => engine.containers(&nodes.services()).await,
            Err(error) => Err(error),
        };
        let error = match asked {
            Ok(containers) => {
                self.listed.lock().await.clone_from(&containers);
                return Ok(containers);
            }
            Err(error) => error,
        };
        // Not while it boots: each question would take a second of an emulated one.
        if !self.stopping.load(Ordering::Relaxed) || !nodes.is_on(node).await {
            return Err(error);
        }
        let shims = nodes.sh(node, SHIMS, ANSWER).await.map_err(|_| error)?;
        let mut containers = self.listed.lock().await.clone();
        for container in &mut containers {
            container.running &= shims.lines().any(|shim| shim == container.id);
        }
        Ok(containers)
    }
}
