//! `promote` and `demote`: who manages.
//!
//! A node's role in its specification is what is wanted of it. A promotion is complete when the
//! leader reaches the new manager and its own engine answers as one; a demotion when no manager
//! lists the node as one and its own engine refuses to answer as one.

use async_trait::async_trait;

use super::{Action, Ground, already, unseen, within};
use crate::journal::{ActionIntent, ApiError, Before, NodeSeen};
use crate::plan::Role;
use crate::substrate::Order;
use crate::swarm::View;
use crate::wait::Look;

/// A worker becomes a manager.
pub(super) struct Promote;

/// A manager becomes a worker.
pub(super) struct Demote;

fn is_manager(node: &NodeSeen) -> bool {
    node.role == "manager" && node.reachability.is_some()
}

fn is_worker(node: &NodeSeen) -> bool {
    node.role == "worker" && node.reachability.is_none()
}

/// That some target is not so yet.
fn differs(
    targets: &[String],
    before: &Before,
    is: fn(&NodeSeen) -> bool,
    what: &str,
) -> Result<(), String> {
    let all = targets.iter().all(|target| {
        let mut nodes = before.nodes.iter();
        nodes.any(|node| node.name == *target && is(node))
    });
    already(all, || {
        format!("`{}` is a {what} already", targets.join("`, `"))
    })
}

/// The listed node that is up, among those of one name.
fn listed<'a>(view: &'a View, name: &str) -> Option<&'a NodeSeen> {
    let named = view.nodes.iter().filter(|node| node.name == name);
    named.max_by_key(|node| (node.state == "ready", node.index))
}

/// Orders a role of every target.
async fn order(ground: &Ground<'_>, intent: &ActionIntent, role: Role) -> Result<(), ApiError> {
    for node in intent.targets.iter().cloned() {
        ground.order(&Order::Role { node, role }).await?;
    }
    Ok(())
}

#[async_trait]
impl Action for Promote {
    fn fits(&self, targets: &[String], before: &Before) -> Result<(), String> {
        differs(targets, before, is_manager, "manager")
    }

    async fn act(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Result<(), ApiError> {
        order(ground, intent, Role::Manager).await
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let view = match ground.view().await {
            Ok(view) => view,
            Err(error) => return unseen(&error),
        };
        for target in &intent.targets {
            let look = manages(ground, &view, target).await;
            if !matches!(look, Look::Holds(_)) {
                return look;
            }
        }
        let nodes = intent.targets.join("`, `");
        Look::Holds(format!(
            "the managers reach `{nodes}`, and it answers as a manager"
        ))
    }
}

/// Whether a node is a manager in its fellows' word and in its own.
pub(super) async fn manages(ground: &Ground<'_>, view: &View, target: &str) -> Look<String> {
    let reached = listed(view, target).is_some_and(|node| {
        let reached = node.reachability.as_deref() == Some("reachable");
        is_manager(node) && node.state == "ready" && reached
    });
    if !reached {
        return Look::NotYet(format!("the managers do not reach `{target}` as a manager"));
    }
    match within(ground.lab.view(target)).await {
        Ok(_) => Look::Holds(format!("`{target}` manages")),
        Err(ApiError::Refused { message, .. }) => Look::NotYet(format!(
            "`{target}` does not answer as a manager: {message}"
        )),
        Err(error) => Look::CannotTell(format!("`{target}`: {error}")),
    }
}

#[async_trait]
impl Action for Demote {
    fn fits(&self, targets: &[String], before: &Before) -> Result<(), String> {
        differs(targets, before, is_worker, "worker")
    }

    async fn act(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Result<(), ApiError> {
        order(ground, intent, Role::Worker).await
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let view = match ground.view().await {
            Ok(view) => view,
            Err(error) => return unseen(&error),
        };
        if view.leader().is_none() {
            return Look::NotYet("the managers name no leader".to_owned());
        }
        for target in &intent.targets {
            let look = works(ground, &view, target).await;
            if !matches!(look, Look::Holds(_)) {
                return look;
            }
        }
        let nodes = intent.targets.join("`, `");
        Look::Holds(format!(
            "`{nodes}` is listed as a worker that is ready, and does not answer as a manager"
        ))
    }
}

/// Whether a node is a worker in the managers' word and in its own.
pub(super) async fn works(ground: &Ground<'_>, view: &View, target: &str) -> Look<String> {
    let listed = listed(view, target);
    if !listed.is_some_and(|node| is_worker(node) && node.state == "ready") {
        return Look::NotYet(format!(
            "`{target}` is not listed as a worker that is ready"
        ));
    }
    match within(ground.lab.view(target)).await {
        Ok(_) => Look::NotYet(format!("`{target}` still answers as a manager")),
        Err(ApiError::Refused { .. }) => Look::Holds(format!("`{target}` works")),
        Err(error) => Look::CannotTell(format!("`{target}`: {error}")),
    }
}
