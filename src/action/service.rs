//! `scale`, `update`, `remove` and `deploy`: what runs.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{Action, Ground, already, unseen};
use crate::journal::{ActionIntent, ApiError, Before, NodeSeen};
use crate::plan::Stack;
use crate::substrate::Order;
use crate::swarm::View;
use crate::wait::Look;

/// Another number of tasks.
pub(super) struct Scale {
    pub(super) service: String,
    pub(super) replicas: u32,
}

/// Other tasks.
pub(super) struct Update {
    pub(super) service: String,
    pub(super) image: Option<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) args: Option<Vec<String>>,
}

/// No task at all.
pub(super) struct Remove {
    pub(super) service: String,
}

/// More services.
pub(super) struct Deploy {
    pub(super) stack: Stack,
}

/// Whether exactly the live tasks that the managers list run in containers, and are this many.
async fn runs(ground: &Ground<'_>, view: &View, service: &str, wanted: usize) -> Look<String> {
    let live: BTreeSet<&str> = view.live(service).map(|task| task.id.as_str()).collect();
    let count = live.len();
    if count != wanted {
        return Look::NotYet(format!("{count} of {wanted} tasks of `{service}` are live"));
    }
    let held = match ground.containers(service).await {
        Ok(held) => held,
        Err(why) => return Look::CannotTell(why),
    };
    let running = || held.iter().filter(|one| one.running);
    if let Some(one) = running().find(|one| !live.contains(one.task.as_str())) {
        let node = &one.node;
        return Look::NotYet(format!("`{node}` runs an old container of `{service}`"));
    }
    let count = running().count();
    if count != wanted {
        return Look::NotYet(format!("{count} of {wanted} containers of `{service}` run"));
    }
    Look::Holds(format!(
        "{wanted} live tasks of `{service}`, each in its container"
    ))
}

#[async_trait]
impl Action for Scale {
    fn service(&self) -> Option<&str> {
        Some(&self.service)
    }

    fn fits(&self, _: &[String], before: &Before) -> Result<(), String> {
        let replicas = before.service.as_ref().and_then(|one| one.replicas);
        already(replicas == Some(self.replicas), || {
            format!("`{}` has {} replicas already", self.service, self.replicas)
        })
    }

    async fn act(&self, ground: &Ground<'_>, _: &ActionIntent) -> Result<(), ApiError> {
        let (service, replicas) = (self.service.clone(), self.replicas);
        ground.order(&Order::Scale { service, replicas }).await
    }

    async fn look(&self, ground: &Ground<'_>, _: &ActionIntent) -> Look<String> {
        let (seen, view) = match (ground.service(&self.service).await, ground.view().await) {
            (Ok(seen), Ok(view)) => (seen, view),
            (Err(error), _) | (_, Err(error)) => return unseen(&error),
        };
        let replicas = seen.and_then(|one| one.replicas);
        if replicas != Some(self.replicas) {
            let is = replicas.map_or("no".to_owned(), |replicas| replicas.to_string());
            let name = &self.service;
            return Look::NotYet(format!("the managers want {is} replicas of `{name}`"));
        }
        runs(ground, &view, &self.service, self.replicas as usize).await
    }
}

#[async_trait]
impl Action for Update {
    fn service(&self) -> Option<&str> {
        Some(&self.service)
    }

    fn fits(&self, _: &[String], before: &Before) -> Result<(), String> {
        already(before.tasks.is_empty(), || {
            format!(
                "no task of `{}` is live, so none could be replaced",
                self.service
            )
        })
    }

    async fn act(&self, ground: &Ground<'_>, _: &ActionIntent) -> Result<(), ApiError> {
        let order = Order::Update {
            service: self.service.clone(),
            image: self.image.clone(),
            env: self.env.clone(),
            args: self.args.clone(),
        };
        ground.order(&order).await
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let name = &self.service;
        let (seen, view) = match (ground.service(name).await, ground.view().await) {
            (Ok(Some(seen)), Ok(view)) => (seen, view),
            (Ok(None), Ok(_)) => return Look::NotYet(format!("the managers list no `{name}`")),
            (Err(error), _) | (_, Err(error)) => return unseen(&error),
        };
        let has = |(name, value): (&String, &String)| seen.env.get(name) == Some(value);
        let was = intent.before.service.as_ref().map(|one| one.image.as_str());
        // A variable in an image's name is written out by the place.
        let is_image = |image: &String| match image.contains('$') {
            true => Some(seen.image.as_str()) != was,
            false => seen.image == *image,
        };
        let is_new = self.image.as_ref().is_none_or(is_image)
            && self.args.as_ref().is_none_or(|args| seen.args == *args)
            && self.env.iter().all(has);
        if !is_new {
            return Look::NotYet(format!("the managers list `{name}` as it was"));
        }
        if let Some(state) = seen.update.filter(|state| state != "completed") {
            return Look::NotYet(format!("the update of `{name}` is `{state}`"));
        }
        let old = &intent.before.tasks;
        if view.live(name).any(|task| old.contains(&task.id)) {
            return Look::NotYet(format!("an old task of `{name}` is live"));
        }
        let wanted = intent.before.service.as_ref().and_then(|one| one.replicas);
        let wanted = wanted.map_or(old.len(), |replicas| replicas as usize);
        match runs(ground, &view, name, wanted).await {
            Look::Holds(said) => Look::Holds(format!("{said}, none of them from before")),
            other => other,
        }
    }
}

#[async_trait]
impl Action for Remove {
    fn service(&self) -> Option<&str> {
        Some(&self.service)
    }

    fn fits(&self, _: &[String], _: &Before) -> Result<(), String> {
        Ok(())
    }

    async fn act(&self, ground: &Ground<'_>, _: &ActionIntent) -> Result<(), ApiError> {
        let service = self.service.clone();
        ground.order(&Order::Remove { service }).await
    }

    async fn look(&self, ground: &Ground<'_>, _: &ActionIntent) -> Look<String> {
        let name = &self.service;
        // Of a service that is gone, a list of tasks by name has none, whatever is left of it.
        let remains = match ground.remains(name).await {
            Ok(remains) => remains,
            Err(error) => return unseen(&error),
        };
        if remains.service {
            return Look::NotYet(format!("the managers still list `{name}`"));
        }
        let tasks = remains.tasks;
        if tasks > 0 {
            return Look::NotYet(format!("the managers still list {tasks} tasks of `{name}`"));
        }
        let held = match ground.containers(name).await {
            Ok(held) => held,
            Err(why) => return Look::CannotTell(why),
        };
        if let Some(one) = held.first() {
            let node = &one.node;
            return Look::NotYet(format!("`{node}` still holds a container of `{name}`"));
        }
        Look::Holds(format!(
            "the managers list no `{name}` and no task of it, no engine a container of it"
        ))
    }
}

#[async_trait]
impl Action for Deploy {
    fn fits(&self, _: &[String], _: &Before) -> Result<(), String> {
        Ok(())
    }

    async fn act(&self, ground: &Ground<'_>, _: &ActionIntent) -> Result<(), ApiError> {
        ground.order(&Order::Deploy(self.stack.clone())).await
    }

    async fn look(&self, ground: &Ground<'_>, _: &ActionIntent) -> Look<String> {
        let view = match ground.view().await {
            Ok(view) => view,
            Err(error) => return unseen(&error),
        };
        let able = view.nodes.iter();
        let able = able.filter(|node| node.state == "ready" && node.availability == "active");
        let able: Vec<&NodeSeen> = able.collect();
        let workers = able.iter().filter(|node| node.role == "worker").count();
        let mut said = Vec::new();
        for service in &self.stack.services {
            let everywhere = match service.only_workers {
                true => workers,
                false => able.len(),
            };
            let wanted = service.replicas;
            let wanted = wanted.map_or(everywhere, |replicas| replicas as usize);
            match runs(ground, &view, &service.name, wanted).await {
                Look::Holds(seen) => said.push(seen),
                other => return other,
            }
        }
        Look::Holds(said.join("; "))
    }
}
