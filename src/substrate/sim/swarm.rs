//! What the simulated managers and engines answer.

use std::ops::Range;
use std::time::Duration;

use super::Sabotage;
use super::world::{Machine, World};
use crate::journal::{ApiError, ContainerSeen, NodeSeen, TaskSeen};
use crate::swarm::View;

/// When the managers of [`Sabotage::NodeFalters`] call a node down, counted from the first page.
const FALTERING: Range<Duration> = Duration::from_secs(4)..Duration::from_secs(12);

/// How long a page takes that is asked for before that.
const LONG_PAGE: Duration = Duration::from_secs(8);

impl World {
    /// One manager's list of nodes and tasks.
    pub(super) fn view(&self, manager: usize) -> Result<View, ApiError> {
        if !self.live(manager) {
            return Err(ApiError::Unreachable("connection refused".to_owned()));
        }
        if !self
            .machines
            .get(manager)
            .is_some_and(|m| m.member && m.manager)
        {
            return Err(ApiError::Refused {
                status: 503,
                message: "This node is not a swarm manager.".to_owned(),
            });
        }
        if !self.heard(manager) {
            return Err(ApiError::Refused {
                status: 503,
                message: "rpc error: code = Unknown desc = The swarm does not have a leader"
                    .to_owned(),
            });
        }
        Ok(View {
            nodes: (0..self.machines.len())
                .filter(|i| self.listed(*i))
                .filter_map(|i| self.node_seen(i))
                .collect(),
            tasks: (0..self.tasks.len())
                .filter_map(|i| self.task_seen(i))
                .collect(),
        })
    }

    /// True for a machine that the managers list: also for one that left, until they forget it.
    fn listed(&self, i: usize) -> bool {
        self.machines.get(i).is_some_and(|m| !m.id.is_empty())
    }

    fn node_seen(&self, i: usize) -> Option<NodeSeen> {
        let machine = self.machines.get(i)?;
        let reached = if self.heard(i) {
            "reachable"
        } else {
            "unreachable"
        };
        Some(NodeSeen {
            id: machine.id.clone(),
            name: machine.name.clone(),
            index: machine.index,
            state: if machine.down || self.falters(machine) {
                "down"
            } else {
                "ready"
            }
            .to_owned(),
            availability: if machine.drained { "drain" } else { "active" }.to_owned(),
            role: if machine.manager { "manager" } else { "worker" }.to_owned(),
            leader: self.leader == Some(i),
            reachability: machine.manager.then(|| reached.to_owned()),
        })
    }

    /// True while the managers call a node down that is not.
    fn falters(&self, machine: &Machine) -> bool {
        let falters = self.is(&Sabotage::NodeFalters(machine.name.clone()));
        let asked = self.first_page.filter(|_| falters);
        asked.is_some_and(|asked| FALTERING.contains(&self.now.duration_since(asked)))
    }

    /// How long a page takes beside what it always takes: long if a node falters meanwhile.
    pub(super) fn page_delay(&mut self) -> Duration {
        let falters = matches!(self.sabotage, Some(Sabotage::NodeFalters(_)));
        if !falters || !self.tasks.iter().all(|task| task.state == "running") {
            return Duration::ZERO;
        }
        let asked = *self.first_page.get_or_insert(self.now);
        match self.now < asked + FALTERING.start {
            true => LONG_PAGE,
            false => Duration::ZERO,
        }
    }

    fn task_seen(&self, i: usize) -> Option<TaskSeen> {
        let task = self.tasks.get(i)?;
        let node = task.node.and_then(|node| self.machines.get(node));
        let placed = matches!(task.state, "running" | "failed" | "shutdown");
        Some(TaskSeen {
            id: task.id.clone(),
            index: task.index,
            service: task.service.clone(),
            slot: task.slot,
            node: node.map(|node| node.name.clone()),
            state: task.state.to_owned(),
            desired: match (task.wanted, task.removed) {
                (true, _) => "running",
                (false, true) => "remove",
                (false, false) => "shutdown",
            }
            .to_owned(),
            message: task.message.clone(),
            container: placed.then(|| container_of(&task.id)),
            timestamp: task.node.and_then(|node| self.clock_of(node, task.changed)),
        })
    }

    /// What one machine's own engine lists.
    pub(super) fn containers(&self, machine: usize) -> Result<Vec<ContainerSeen>, ApiError> {
        if self.machines.get(machine).is_some_and(|m| m.paused) {
            return Err(ApiError::TimedOut("6s".to_owned()));
        }
        if !self.live(machine) {
            return Err(ApiError::Unreachable("connection refused".to_owned()));
        }
        let here = self.tasks.iter().filter(|task| {
            task.node == Some(machine) && matches!(task.state, "running" | "failed" | "shutdown")
        });
        let seen = here.map(|task| ContainerSeen {
            id: container_of(&task.id),
            task: task.id.clone(),
            service: task.service.clone(),
            slot: task.slot,
            running: task.process,
        });
        Ok(seen.collect())
    }
}

/// The container of a task.
pub(super) fn container_of(task: &str) -> String {
    format!("container-of-{task}")
}
