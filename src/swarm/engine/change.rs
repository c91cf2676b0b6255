//! Changes that one engine is asked for: services, nodes, its own membership and its own images.
//!
//! A change is a specification read, edited and written back with the version that was read. When
//! somebody else was quicker the engine says "update out of sequence", and it is read again.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::Service;
use bollard::query_parameters::{
    CreateImageOptions, DeleteNodeOptions, InspectServiceOptions, LeaveSwarmOptions,
    ListNodesOptions,
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use super::{Engine, JoinTokens};
use crate::journal::ApiError;
use crate::swarm::ServiceSeen;
use crate::wait::{self, Look};

#[cfg(test)]
mod tests;

/// How often an engine is asked whether it has done with something.
const PACE: Duration = Duration::from_millis(500);

/// How often a change is tried when somebody else changes the same thing.
const ATTEMPTS: usize = 10;

/// What the engine says to a version that is not the newest (swarmkit:
/// `manager/controlapi/common.go`, `errVersionConflict`).
const STALE: &str = "out of sequence";

/// A service's tasks as they shall be; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct NewTasks {
    /// The image.
    pub image: Option<String>,
    /// Variables that are added or changed.
    pub env: BTreeMap<String, String>,
    /// The arguments.
    pub args: Option<Vec<String>>,
}

/// True for a refusal that another attempt may overcome.
fn stale(error: &ApiError) -> bool {
    matches!(error, ApiError::Refused { message, .. } if message.contains(STALE))
}

impl Engine {
    /// Asks a manager for a service by its full name; none if it is not there.
    ///
    /// # Errors
    /// When that manager refuses for another reason, or gives no usable answer.
    pub async fn service(&self, name: &str) -> Result<Option<ServiceSeen>, ApiError> {
        let options = None::<InspectServiceOptions>;
        let inspected = self.docker.inspect_service(name, options);
        match self.call("service", inspected).await {
            Ok(service) => seen(service)
                .map(Some)
                .map_err(|why| self.odd("service", why)),
            Err(ApiError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a replicated service another number of tasks.
    ///
    /// # Errors
    /// When it is refused, or there is no usable answer.
    pub async fn scale(&self, name: &str, replicas: u32) -> Result<(), ApiError> {
        self.edit_service(name, &|spec| {
            let mode = spec.pointer_mut("/Mode/Replicated");
            let mode = mode.and_then(Value::as_object_mut);
            let mode = mode.ok_or("it is not replicated")?;
            mode.insert("Replicas".to_owned(), json!(replicas));
            Ok(())
        })
        .await
    }

    /// Gives a service other tasks.
    ///
    /// # Errors
    /// When it is refused, or there is no usable answer.
    pub async fn update_tasks(&self, name: &str, new: &NewTasks) -> Result<(), ApiError> {
        self.edit_service(name, &|spec| {
            let container = spec.pointer_mut("/TaskTemplate/ContainerSpec");
            let container = container.filter(|spec| spec.is_object());
            change(container.ok_or("it has no containers")?, new);
            Ok(())
        })
        .await
    }

    /// Removes a service.
    ///
    /// # Errors
    /// When it is refused, or there is no usable answer.
    pub async fn remove_service(&self, name: &str) -> Result<(), ApiError> {
        let removed = self.docker.delete_service(name);
        match self.call("service rm", removed).await {
            // An order that was taken and not answered is given again.
            Err(ApiError::Refused { status: 404, .. }) => Ok(()),
            ended => ended,
        }
    }

    /// Removes the networks of a stack that has no service left, as `docker stack rm` does. One is
    /// in use until the last task has ended.
    ///
    /// # Errors
    /// When one is still in use after `patience`, or there is no usable answer.
    pub async fn remove_networks(&self, stack: &str, patience: Duration) -> Result<(), ApiError> {
        for network in self.remains("", stack).await?.networks {
            let name = network.as_str();
            let look = || async move {
                let removed = self.docker.remove_network(name);
                match self.call("network rm", removed).await {
                    Ok(()) | Err(ApiError::Refused { status: 404, .. }) => Look::Holds(()),
                    Err(error @ ApiError::Refused { .. }) => Look::NotYet(error.to_string()),
                    Err(error) => Look::CannotTell(error.to_string()),
                }
            };
            let what = format!("network `{name}` to be removed");
            wait::until(what, patience, PACE, look)
                .await
                .map_err(|late| ApiError::TimedOut(late.to_string()))?;
        }
        Ok(())
    }

    /// Has a node be a manager, or a worker.
    ///
    /// # Errors
    /// When it is refused, or there is no usable answer.
    pub async fn set_role(&self, node: &str, manager: bool) -> Result<(), ApiError> {
        let role = if manager { "manager" } else { "worker" };
        self.edit_node(node, "Role", role).await
    }

    /// Has a node take no tasks, or take them again.
    ///
    /// # Errors
    /// When it is refused, or there is no usable answer.
    pub async fn set_drained(&self, node: &str, drained: bool) -> Result<(), ApiError> {
        let availability = if drained { "drain" } else { "active" };
        self.edit_node(node, "Availability", availability).await
    }

    /// Has this node leave its swarm. A manager refuses, unless it is forced.
    ///
    /// # Errors
    /// When it is refused, or there is no usable answer.
    pub async fn leave_swarm(&self, force: bool) -> Result<(), ApiError> {
        let options = LeaveSwarmOptions { force };
        let left = self.docker.leave_swarm(Some(options));
        match self.call("swarm leave", left).await {
            // An order that was taken and not answered is given again.
            Err(ApiError::Refused { message, .. }) if message.contains("not part of a swarm") => {
                Ok(())
            }
            ended => ended,
        }
    }

    /// Has this node's engine pull an image, whoever manages its swarm. An engine that has it asks
    /// the registry all the same.
    ///
    /// # Errors
    /// When it is refused, if only in the middle of the answer, or there is no usable answer.
    pub async fn pull(&self, image: &str) -> Result<(), ApiError> {
        let (name, tag) = super::seen::name_and_tag(image);
        let options = CreateImageOptions {
            from_image: Some(name.to_owned()),
            // Without one, every tag there is would be pulled.
            tag: Some(tag.to_owned()),
            ..Default::default()
        };
        let lines = self.docker.create_image(Some(options), None, None);
        self.call("image pull", lines.try_for_each(|_| async { Ok(()) }))
            .await
    }

    /// After an answer that left a join open: waits until the engine has done with it, and then has
    /// it leave, so that the next join can begin. True if it got in; then it stays.
    ///
    /// # Errors
    /// When the engine neither got in nor left.
    pub async fn give_up_joining(&self, patience: Duration) -> Result<bool, ApiError> {
        let look = || async {
            match self.membership().await {
                Ok(now) if now.state == "pending" => Look::NotYet("`pending`".to_owned()),
                Ok(now) => Look::Holds(now.state == "active"),
                Err(error) => Look::CannotTell(error.to_string()),
            }
        };
        let what = "the engine to have joined or given up";
        // One that goes on trying is told to stop.
        let joined = wait::until(what, patience, PACE, look).await;
        if joined.unwrap_or(false) {
            return Ok(true);
        }
        match self.leave_swarm(false).await {
            Err(ApiError::Refused { .. }) => self.leave_swarm(true).await.map(|()| false),
            left => left.map(|()| false),
        }
    }

    /// Has the managers forget every node of this name that is down.
    ///
    /// # Errors
    /// When it is refused, or there is no usable answer.
    pub async fn forget_node(&self, name: &str) -> Result<(), ApiError> {
        let nodes = self.docker.list_nodes(None::<ListNodesOptions>);
        for node in self.call("nodes", nodes).await? {
            let seen = super::seen::node(node).map_err(|why| self.odd("nodes", &why))?;
            if seen.name == name && seen.state == "down" {
                let options = DeleteNodeOptions { force: false };
                let removed = self.docker.delete_node(&seen.id, Some(options));
                self.call("node rm", removed).await?;
            }
        }
        Ok(())
    }

    /// Replaces the secrets that let nodes join; returns those that were valid until now.
    ///
    /// # Errors
    /// When it is refused, or there is no usable answer.
    pub async fn rotate_tokens(&self) -> Result<JoinTokens, ApiError> {
        let old = self.join_tokens().await?;
        for _ in 0..ATTEMPTS {
            let swarm = self.read("swarm", "/swarm").await?;
            let index = self.index("swarm", &swarm)?;
            let spec = self.spec("swarm", &swarm)?;
            let path = format!(
                "/swarm/update?version={index}&rotateWorkerToken=true&rotateManagerToken=true"
            );
            match self.write("swarm update", &path, &spec).await {
                Err(error) if stale(&error) => {}
                ended => return ended.map(|()| old),
            }
        }
        Err(self.odd("swarm update", "it is always out of sequence"))
    }

    /// Edits a service's specification.
    async fn edit_service(
        &self,
        name: &str,
        edit: &(dyn Fn(&mut Value) -> Result<(), &'static str> + Sync),
    ) -> Result<(), ApiError> {
        for _ in 0..ATTEMPTS {
            let service = self.read("service", &format!("/services/{name}")).await?;
            let index = self.index("service", &service)?;
            let old = self.spec("service", &service)?;
            let mut spec = old.clone();
            edit(&mut spec).map_err(|why| self.odd("service", why))?;
            // An update that changes nothing is one all the same, and forgets the one before it.
            if spec == old {
                return Ok(());
            }
            let path = format!("/services/{name}/update?version={index}");
            match self.write("service update", &path, &spec).await {
                Err(error) if stale(&error) => {}
                ended => return ended,
            }
        }
        Err(self.odd("service update", "it is always out of sequence"))
    }

    /// Edits one word of the specification of a node that is not down.
    async fn edit_node(&self, name: &str, key: &str, word: &str) -> Result<(), ApiError> {
        for _ in 0..ATTEMPTS {
            let nodes = self.read("nodes", "/nodes").await?;
            let Some((id, node)) = self.up(name, &nodes)? else {
                return Err(ApiError::Refused {
                    status: 404,
                    message: format!("no node `{name}` is up"),
                });
            };
            let index = self.index("nodes", node)?;
            let mut spec = self.spec("nodes", node)?;
            // A role that is given twice could undo what was decided in between.
            if spec[key] == word {
                return Ok(());
            }
            spec[key] = json!(word);
            let path = format!("/nodes/{id}/update?version={index}");
            match self.write("node update", &path, &spec).await {
                Err(error) if stale(&error) => {}
                ended => return ended,
            }
        }
        Err(self.odd("node update", "it is always out of sequence"))
    }

    /// The node of this name that is not down, and its identity.
    fn up<'a>(
        &self,
        name: &str,
        nodes: &'a Value,
    ) -> Result<Option<(String, &'a Value)>, ApiError> {
        let nodes = nodes.as_array();
        let nodes = nodes.ok_or_else(|| self.odd("nodes", "it is no list"))?;
        let mut found = None;
        for node in nodes {
            let typed = serde_json::from_value(node.clone());
            let typed = typed.map_err(|error| self.odd("nodes", &error.to_string()))?;
            let seen = super::seen::node(typed).map_err(|why| self.odd("nodes", &why))?;
            if seen.name == name && seen.state != "down" {
                found = Some((seen.id, node));
            }
        }
        Ok(found)
    }
}

/// Changes what a task's container is made from.
fn change(container: &mut Value, new: &NewTasks) {
    if let Some(image) = &new.image {
        container["Image"] = json!(image);
    }
    if let Some(args) = &new.args {
        container["Args"] = json!(args);
    }
    if new.env.is_empty() {
        return;
    }
    let old = container["Env"].as_array().cloned().unwrap_or_default();
    let kept = old.into_iter().filter(|one| {
        let one = one.as_str().unwrap_or_default();
        let name = one.split_once('=').map_or(one, |(name, _)| name);
        !new.env.contains_key(name)
    });
    let added = new.env.iter();
    let added = added.map(|(name, value)| json!(format!("{name}={value}")));
    container["Env"] = kept.chain(added).collect();
}

/// A service in our own words.
fn seen(service: Service) -> Result<ServiceSeen, &'static str> {
    let spec = service.spec.ok_or("it has no `Spec`")?;
    let replicas = spec.mode.and_then(|mode| mode.replicated?.replicas);
    let container = spec.task_template.and_then(|task| task.container_spec);
    let container = container.ok_or("it has no `ContainerSpec`")?;
    let env = container.env.unwrap_or_default();
    Ok(ServiceSeen {
        replicas: replicas
            .map(|replicas| u32::try_from(replicas).map_err(|_| "`Replicas` is no count"))
            .transpose()?,
        image: container.image.unwrap_or_default(),
        args: container.args.unwrap_or_default(),
        env: env
            .iter()
            .filter_map(|one| one.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        update: service
            .update_status
            .and_then(|status| status.state)
            .map(|state| state.to_string())
            .filter(|state| !state.is_empty()),
    })
}
