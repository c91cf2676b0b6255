//! Orders to a swarm of virtual machines.

use super::lab::{COMMAND, VmLab};
use crate::journal::ApiError;
use crate::plan::{Role, interpolated};
use crate::scenario::Token;
use crate::substrate::Order;
use crate::swarm::engine::{Engine, JoinTokens, NewTasks};

impl VmLab {
    /// A service's name in the swarm.
    pub(super) fn full_name(&self, service: &str) -> Result<String, ApiError> {
        let known = self.plan.service(service);
        known
            .map(|known| known.full_name.clone())
            .ok_or_else(|| ApiError::NotUnderstood(format!("there is no service `{service}`")))
    }

    /// Gives one order.
    pub(super) async fn obey(&self, manager: &str, order: &Order) -> Result<(), ApiError> {
        let engine = || async {
            let engine = self.engine(manager).await?;
            Ok::<Engine, ApiError>(engine.with_deadline(COMMAND))
        };
        match order {
            Order::Scale { service, replicas } => {
                engine()
                    .await?
                    .scale(&self.full_name(service)?, *replicas)
                    .await
            }
            Order::Update {
                service,
                image,
                env,
                args,
            } => {
                let image = image.as_ref().map(|image| self.image(image)).transpose()?;
                let new = NewTasks {
                    image,
                    env: env.clone(),
                    args: args.clone(),
                };
                let name = self.full_name(service)?;
                engine().await?.update_tasks(&name, &new).await
            }
            Order::Remove { service } => {
                engine()
                    .await?
                    .remove_service(&self.full_name(service)?)
                    .await
            }
            Order::Deploy(stack) => self
                .take_stack(manager, stack)
                .await
                .map_err(|trouble| ApiError::TimedOut(trouble.0)),
            Order::Role { node, role } => {
                let manager = *role == Role::Manager;
                engine().await?.set_role(node, manager).await
            }
            Order::Availability { node, drain } => engine().await?.set_drained(node, *drain).await,
            Order::Leave { node } => {
                let engine = self.engine(node).await?.with_deadline(COMMAND);
                engine.leave_swarm().await
            }
            Order::Forget { node } => engine().await?.forget_node(node).await,
            Order::Join { node, role, token } => {
                let tokens = match token {
                    Token::Right => engine().await?.join_tokens().await?,
                    Token::Rotated => engine().await?.rotate_tokens().await?,
                    Token::Wrong => wrong(&engine().await?.join_tokens().await?),
                };
                self.join(manager, node, *role, *token, &tokens).await
            }
        }
    }

    /// An image as the machines know it.
    fn image(&self, image: &str) -> Result<String, ApiError> {
        interpolated(image, &self.vm.images.facts.variables).map_err(ApiError::NotUnderstood)
    }

    async fn join(
        &self,
        manager: &str,
        node: &str,
        role: Role,
        token: Token,
        tokens: &JoinTokens,
    ) -> Result<(), ApiError> {
        let address = |name: &str| {
            let mut nodes = self.plan.topology.nodes.iter();
            let node = nodes.find(|one| one.name == name);
            node.map(|node| node.address.clone())
                .ok_or_else(|| ApiError::NotUnderstood(format!("there is no node `{name}`")))
        };
        let secret = match role {
            Role::Manager => &tokens.manager,
            Role::Worker => &tokens.worker,
        };
        let remote = [format!("{}:2377", address(manager)?)];
        let engine = self.engine(node).await?.with_deadline(COMMAND);
        match engine.swarm_join(&remote, secret, &address(node)?).await {
            // The engine goes on joining after this answer: it is no refusal, and what is seen
            // afterwards decides.
            Err(ApiError::Refused {
                status: 503,
                message,
            }) if message.contains("Timeout") => match token {
                Token::Right => Ok(()),
                Token::Wrong | Token::Rotated => Err(ApiError::TimedOut(message)),
            },
            answered => answered,
        }
    }
}

/// Tokens of the same swarm (`SWMTKN-1-DIGEST-SECRET`) with a secret that never was.
fn wrong(tokens: &JoinTokens) -> JoinTokens {
    let spoilt = |token: &str| {
        let (swarm, secret) = token.rsplit_once('-').unwrap_or((token, ""));
        let other = |c: char| if c == '0' { '1' } else { '0' };
        let secret: String = secret.chars().map(other).collect();
        format!("{swarm}-{secret}")
    };
    JoinTokens {
        manager: spoilt(&tokens.manager),
        worker: spoilt(&tokens.worker),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_token_is_of_the_same_swarm_and_another() {
        let right = JoinTokens {
            manager: "SWMTKN-1-digest-0a1".to_owned(),
            worker: "SWMTKN-1-digest-zz0".to_owned(),
        };
        let spoilt = wrong(&right);
        assert_eq!(spoilt.manager, "SWMTKN-1-digest-100");
        assert_eq!(spoilt.worker, "SWMTKN-1-digest-001");
        assert!(spoilt != right);
    }
}
