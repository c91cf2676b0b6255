//! `drain` and `activate`: whether a node takes tasks.

use async_trait::async_trait;

use super::{Action, Ground, already, idle, unseen};
use crate::journal::{ActionIntent, ApiError, Before};
use crate::substrate::Order;
use crate::wait::Look;

/// Every task moves off the node.
pub(super) struct Drain;

/// The node takes tasks again.
pub(super) struct Activate;

/// Orders it of every target.
async fn order(ground: &Ground<'_>, intent: &ActionIntent, drain: bool) -> Result<(), ApiError> {
    for node in intent.targets.iter().cloned() {
        ground.order(&Order::Availability { node, drain }).await?;
    }
    Ok(())
}

/// That some target is not so yet.
fn differs(targets: &[String], before: &Before, wanted: &str) -> Result<(), String> {
    let is = |target: &String| {
        let mut nodes = before.nodes.iter();
        nodes.any(|node| node.name == *target && node.availability == wanted)
    };
    already(targets.iter().all(is), || {
        format!("`{}` is `{wanted}` already", targets.join("`, `"))
    })
}

#[async_trait]
impl Action for Drain {
    fn fits(&self, targets: &[String], before: &Before) -> Result<(), String> {
        differs(targets, before, "drain")
    }

    async fn act(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Result<(), ApiError> {
        order(ground, intent, true).await
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let view = match ground.view().await {
            Ok(view) => view,
            Err(error) => return unseen(&error),
        };
        for target in &intent.targets {
            match view.nodes.iter().find(|node| node.name == *target) {
                Some(node) if node.availability == "drain" => {}
                Some(node) => {
                    let is = &node.availability;
                    return Look::NotYet(format!("the managers list `{target}` as `{is}`"));
                }
                None => return Look::NotYet(format!("the managers do not list `{target}`")),
            }
            let on = |task: &&crate::journal::TaskSeen| {
                task.node.as_ref() == Some(target) && task.state == "running"
            };
            if let Some(task) = view.tasks.iter().find(on) {
                let name = format!("{}.{}", task.service, task.slot);
                return Look::NotYet(format!("task {name} still runs on `{target}`"));
            }
            if let look @ (Look::NotYet(_) | Look::CannotTell(_)) = idle(ground, target).await {
                return look;
            }
        }
        let nodes = intent.targets.join("`, `");
        Look::Holds(format!(
            "`{nodes}` is `drain`; no task runs there, and its engine runs no container"
        ))
    }
}

#[async_trait]
impl Action for Activate {
    fn fits(&self, targets: &[String], before: &Before) -> Result<(), String> {
        differs(targets, before, "active")
    }

    async fn act(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Result<(), ApiError> {
        order(ground, intent, false).await
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let view = match ground.view().await {
            Ok(view) => view,
            Err(error) => return unseen(&error),
        };
        for target in &intent.targets {
            let active = view.nodes.iter().any(|node| {
                node.name == *target && node.availability == "active" && node.state == "ready"
            });
            if !active {
                return Look::NotYet(format!("`{target}` is not ready and `active`"));
            }
        }
        let nodes = intent.targets.join("`, `");
        Look::Holds(format!("`{nodes}` is ready and `active`"))
    }
}
