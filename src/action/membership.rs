//! `leave` and `join`: who is in the swarm.

use async_trait::async_trait;

use super::{Action, Ground, PACE, already, idle, role, unseen};
use crate::journal::{ActionIntent, ApiError, Before};
use crate::plan::Role;
use crate::scenario::Token;
use crate::substrate::Order;
use crate::wait::{self, Look};

/// A node leaves, and the managers forget it.
pub(super) struct Leave;

/// A node that left joins again, or tries to.
pub(super) struct Join {
    pub(super) role: Role,
    pub(super) token: Token,
}

impl Leave {
    /// Demotes a manager first: one that just leaves stays on the list of those who must agree.
    async fn demote(&self, ground: &Ground<'_>, node: &str) -> Result<(), ApiError> {
        let order = Order::Role {
            node: node.to_owned(),
            role: Role::Worker,
        };
        ground.order(&order).await?;
        loop {
            let view = ground.view().await;
            if let Ok(view) = &view
                && let Look::Holds(_) = role::works(ground, view, node).await
            {
                return Ok(());
            }
            wait::pause(PACE).await;
        }
    }

    /// Tells the node to leave; an engine that was demoted takes a while to know that it may.
    async fn depart(&self, ground: &Ground<'_>, node: &str) -> Result<(), ApiError> {
        let leave = Order::Leave {
            node: node.to_owned(),
        };
        loop {
            match ground.order(&leave).await {
                Err(ApiError::Refused { message, .. }) if message.contains("manager") => {}
                answered => return answered,
            }
            wait::pause(PACE).await;
        }
    }

    /// Has the managers forget it, once they see it down: before that they refuse.
    async fn forget(&self, ground: &Ground<'_>, node: &str) -> Result<(), ApiError> {
        loop {
            if let Ok(view) = ground.view().await {
                let mut listed = view.nodes.iter().filter(|seen| seen.name == node);
                match listed.next() {
                    None => return Ok(()),
                    Some(seen) if seen.state == "down" => {
                        let forget = Order::Forget {
                            node: node.to_owned(),
                        };
                        ground.order(&forget).await?;
                    }
                    Some(_) => {}
                }
            }
            wait::pause(PACE).await;
        }
    }
}

#[async_trait]
impl Action for Leave {
    fn fits(&self, targets: &[String], before: &Before) -> Result<(), String> {
        let listed = |target: &String| before.nodes.iter().any(|node| node.name == *target);
        already(!targets.iter().all(listed), || {
            format!("`{}` is not in the swarm", targets.join("`, `"))
        })
    }

    async fn act(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Result<(), ApiError> {
        for node in &intent.targets {
            let mut before = intent.before.nodes.iter();
            if before.any(|seen| seen.name == *node && seen.role == "manager") {
                self.demote(ground, node).await?;
            }
            self.depart(ground, node).await?;
            self.forget(ground, node).await?;
        }
        Ok(())
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let view = match ground.view().await {
            Ok(view) => view,
            Err(error) => return unseen(&error),
        };
        for target in &intent.targets {
            if view.nodes.iter().any(|node| node.name == *target) {
                return Look::NotYet(format!("the managers still list `{target}`"));
            }
            let look = idle(ground, target).await;
            if !matches!(look, Look::Holds(_)) {
                return look;
            }
        }
        let nodes = intent.targets.join("`, `");
        Look::Holds(format!(
            "the managers do not list `{nodes}`, and its engine runs no container"
        ))
    }
}

#[async_trait]
impl Action for Join {
    fn fits(&self, targets: &[String], before: &Before) -> Result<(), String> {
        let listed = |target: &String| before.nodes.iter().any(|node| node.name == *target);
        already(targets.iter().any(listed), || {
            format!("`{}` is in the swarm", targets.join("`, `"))
        })
    }

    async fn act(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Result<(), ApiError> {
        for node in intent.targets.iter().cloned() {
            let (role, token) = (self.role, self.token);
            ground.order(&Order::Join { node, role, token }).await?;
        }
        Ok(())
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let view = match ground.view().await {
            Ok(view) => view,
            Err(error) => return unseen(&error),
        };
        if self.token != Token::Right {
            let before = &intent.before.nodes;
            let seen = format!(
                "the managers list {} nodes, {} before",
                view.nodes.len(),
                before.len()
            );
            let known = |id: &String| before.iter().any(|node| node.id == *id);
            return if view.nodes.iter().any(|node| !known(&node.id)) {
                Look::NotYet(seen)
            } else {
                Look::Holds(seen)
            };
        }
        let wanted = match self.role {
            Role::Manager => "manager",
            Role::Worker => "worker",
        };
        for target in &intent.targets {
            let ready = view
                .nodes
                .iter()
                .any(|node| node.name == *target && node.state == "ready" && node.role == wanted);
            if !ready {
                return Look::NotYet(format!("the managers list no {wanted} `{target}` as ready"));
            }
            if self.role == Role::Manager {
                let look = role::manages(ground, &view, target).await;
                if !matches!(look, Look::Holds(_)) {
                    return look;
                }
            }
        }
        let nodes = intent.targets.join("`, `");
        Look::Holds(format!(
            "the managers list `{nodes}` as a {wanted} that is ready"
        ))
    }
}
