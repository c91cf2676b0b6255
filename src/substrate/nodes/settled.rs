//! Waits for a swarm that can be asked to change.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{BOOT, Nodes};
use crate::journal::NodeSeen;
use crate::plan::{Node, Role};
use crate::substrate::Trouble;
use crate::swarm::View;
use crate::wait::{Look, until};

impl dyn Nodes + '_ {
    /// Waits until the first manager sees every node ready and every manager reachable.
    pub(in crate::substrate) async fn settled(&self) -> Result<(), Trouble> {
        let nodes = &self.plan().topology.nodes;
        let look = || async {
            let view = match self.engine(&nodes[0].name).await {
                Ok(engine) => engine.view(&BTreeMap::new()).await,
                Err(error) => Err(error),
            };
            match view {
                Ok(view) => all_ready(nodes, &view),
                Err(error) => Look::CannotTell(error.to_string()),
            }
        };
        until(
            "every node to be ready",
            BOOT,
            Duration::from_millis(500),
            look,
        )
        .await
        .map_err(|late| Trouble(late.to_string()))
    }
}

/// Whether a manager sees every node ready, and every manager reachable.
fn all_ready(nodes: &[Node], view: &View) -> Look<()> {
    let ready = |node: &&NodeSeen| node.state == "ready";
    let reachable = |node: &&NodeSeen| node.reachability.as_deref() == Some("reachable");
    let ready = view.nodes.iter().filter(ready).count();
    let reachable = view.nodes.iter().filter(reachable).count();
    let managers = nodes.iter().filter(|node| node.role == Role::Manager);
    if ready == nodes.len() && reachable == managers.count() {
        return Look::Holds(());
    }
    Look::NotYet(format!(
        "{ready} nodes ready, {reachable} managers reachable"
    ))
}
