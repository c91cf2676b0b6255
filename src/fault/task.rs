//! `kill_task`: a container's first process dies; there is nothing to heal, Swarm must.

use std::time::Duration;

use async_trait::async_trait;

use super::{Fault, watch};
use crate::journal::{Intent, NodeBefore};
use crate::substrate::{Inward, Lab, Trouble};
use crate::wait::Look;

/// A task whose process is killed, on the node where it runs.
pub(super) struct KillTask;

#[async_trait]
impl Fault for KillTask {
    fn verb(&self) -> &'static str {
        "kill_task"
    }

    async fn survey(&self, lab: &dyn Lab, mut intent: Intent) -> Intent {
        let Some(inside) = intent.inside.as_mut() else {
            return intent;
        };
        for node in &intent.targets {
            let containers = lab.containers(node).await.unwrap_or_default();
            let mut running = containers.into_iter().filter(|one| {
                let meant = inside.service.as_ref() == Some(&one.service);
                one.running && meant
            });
            let before = NodeBefore {
                engine: None,
                containers: running.next().map(|one| one.id).into_iter().collect(),
            };
            inside.before.insert(node.clone(), before);
        }
        intent
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        for node in &intent.targets {
            let container = chosen(intent, node).map_err(Trouble)?;
            let kill = Inward::KillContainer(container.to_owned());
            lab.inward(node, &kill).await?;
        }
        Ok(())
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        watch::each(intent, |node| async move {
            let container = chosen(intent, node)?;
            let what = format!("container `{container}` on `{node}` to end");
            watch::seen(what, deadline, || look_ended(lab, node, container)).await
        })
        .await
    }

    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        watch::each(intent, |node| {
            let what = format!("the engine of `{node}`");
            let state = "was left alone, and";
            watch::seen(what, deadline, move || {
                watch::look_serving(lab, node, state)
            })
        })
        .await
    }
}

/// The container that was chosen on a node.
fn chosen<'a>(intent: &'a Intent, node: &str) -> Result<&'a str, String> {
    let inside = intent.inside.as_ref();
    let before = inside.and_then(|inside| inside.before.get(node));
    let first = before.and_then(|before| before.containers.first());
    let missing = || format!("no container of the service ran on `{node}`");
    first.map(String::as_str).ok_or_else(missing)
}

/// One look at a container that must have ended, on an engine that lists others or none.
async fn look_ended(lab: &dyn Lab, node: &str, container: &str) -> Look<String> {
    let listed = match lab.containers(node).await {
        Ok(listed) => listed,
        Err(error) => return Look::CannotTell(format!("the engine of `{node}`: {error}")),
    };
    match listed.iter().find(|one| one.id == container) {
        Some(one) if one.running => {
            Look::NotYet(format!("container `{container}` still runs on `{node}`"))
        }
        Some(_) => Look::Holds(format!("container `{container}` on `{node}` has ended")),
        None => Look::Holds(format!("container `{container}` is gone from `{node}`")),
    }
}
