//! Puts a plan's stacks in place.

use std::time::Duration;

use super::{BOOT, COMMAND, Nodes, quoted};
use crate::plan::Stack;
use crate::substrate::Trouble;
use crate::wait::{Look, until};

impl dyn Nodes + '_ {
    /// Sets up what is beside the nodes and deploys the stack, in the order in which one needs the
    /// other. The share is mounted by then.
    pub(in crate::substrate) async fn set_up(&self) -> Result<(), Trouble> {
        self.open_api().await?;
        if let Some(registry) = &self.plan().topology.registry {
            self.fill_registry(registry).await?;
        }
        self.deploy_stack().await?;
        if let Some(balancer) = &self.plan().topology.balancer {
            self.start_balancer(balancer).await?;
        }
        Ok(())
    }

    /// Has a manager take the plan's stack.
    pub(in crate::substrate) async fn deploy_stack(&self) -> Result<(), Trouble> {
        let Some(stack) = &self.plan().stack else {
            return Ok(());
        };
        self.settled().await?;
        self.take_stack(&self.plan().topology.nodes[0].name, stack)
            .await
    }

    /// Has a manager take a stack.
    pub(in crate::substrate) async fn take_stack(
        &self,
        manager: &str,
        stack: &Stack,
    ) -> Result<(), Trouble> {
        let variables = self.variables().iter();
        let variables: Vec<String> = variables
            .map(|(variable, image)| quoted(&format!("{variable}={image}")))
            .collect();
        let command = format!(
            "env {} docker stack deploy --resolve-image never -c - {}",
            variables.join(" "),
            quoted(&stack.name)
        );
        // Deploying a stack twice is deploying it once; slow managers may not take it at once.
        let look = || async {
            let text = stack.text.as_bytes();
            match self.sh_with(manager, &command, text, COMMAND).await {
                Ok(_) => Look::Holds(()),
                Err(trouble) => Look::NotYet(trouble.0),
            }
        };
        until(
            "the managers to take the stack",
            BOOT,
            Duration::from_secs(2),
            look,
        )
        .await
        .map_err(|late| Trouble(late.to_string()))
    }
}
