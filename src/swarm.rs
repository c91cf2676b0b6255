//! What the managers say of their swarm, in the harness's own words.

use std::collections::BTreeMap;

use crate::journal::{NodeSeen, TaskSeen};

pub mod engine;

/// One manager's answer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct View {
    /// Every node.
    pub nodes: Vec<NodeSeen>,
    /// Every task of the plan's services.
    pub tasks: Vec<TaskSeen>,
}

/// What one manager still lists of a service that is to be gone.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Remains {
    /// True while the service is listed.
    pub service: bool,
    /// Tasks that have not ended and are of this service, or of one that is no longer listed: a
    /// task of a removed service does not tell its service's name.
    pub tasks: usize,
    /// The stack's networks; empty as long as some service of the stack is listed.
    pub networks: Vec<String>,
}

/// A service as the managers list it. Values of its environment may be secret: not printed by
/// `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceSeen {
    /// Replicas; none for a global service.
    pub replicas: Option<u32>,
    /// The image.
    pub image: String,
    /// The arguments.
    pub args: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The last update's state: `updating`, `completed`, `paused` …; none if there was none.
    pub update: Option<String>,
}

impl std::fmt::Debug for ServiceSeen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceSeen")
            .field("replicas", &self.replicas)
            .field("image", &self.image)
            .field("args", &self.args)
            .field("env", &self.env.keys())
            .field("update", &self.update)
            .finish()
    }
}

impl View {
    /// The leader's host name.
    pub fn leader(&self) -> Option<&str> {
        self.nodes
            .iter()
            .find(|node| node.leader)
            .map(|node| node.name.as_str())
    }

    /// The live tasks of a service: running, desired running, on a node that is ready.
    pub fn live<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a TaskSeen> {
        self.tasks.iter().filter(move |task| {
            task.service == service
                && task.state == "running"
                && task.desired == "running"
                && self.nodes.iter().any(|node| {
                    node.state == "ready" && Some(node.name.as_str()) == task.node.as_deref()
                })
        })
    }
}
