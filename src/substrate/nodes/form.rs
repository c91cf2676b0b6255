//! Forms a swarm of engines that answer.

use super::{COMMAND, Nodes};
use crate::journal::ApiError;
use crate::plan::Role;
use crate::substrate::Trouble;
use crate::swarm::engine::Engine;

impl dyn Nodes + '_ {
    /// The first node initialises the swarm, the others join, one after the other.
    pub(in crate::substrate) async fn form(&self) -> Result<(), Trouble> {
        let nodes = &self.plan().topology.nodes;
        let first = &nodes[0];
        let leader = self.patient(&first.name).await?;
        let about = |node: &str, error: ApiError| Trouble(format!("swarm on `{node}`: {error}"));
        leader
            .swarm_init(&first.address)
            .await
            .map_err(|e| about(&first.name, e))?;
        let tokens = leader
            .join_tokens()
            .await
            .map_err(|e| about(&first.name, e))?;
        for node in &nodes[1..] {
            let engine = self.patient(&node.name).await?;
            let token = match node.role {
                Role::Manager => &tokens.manager,
                Role::Worker => &tokens.worker,
            };
            let remote = [format!("{}:2377", first.address)];
            match engine.swarm_join(&remote, token, &node.address).await {
                // The engine goes on joining after this answer; the wait below sees it through.
                Ok(()) | Err(ApiError::Refused { status: 503, .. }) => {}
                Err(error) => return Err(about(&node.name, error)),
            }
        }
        self.settled().await
    }

    /// A node's engine, with time for what takes long.
    async fn patient(&self, node: &str) -> Result<Engine, Trouble> {
        let engine = self.engine(node).await;
        let engine = engine.map_err(|error| Trouble(format!("swarm on `{node}`: {error}")))?;
        Ok(engine.with_deadline(COMMAND))
    }
}
