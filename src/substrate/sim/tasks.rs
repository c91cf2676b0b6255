//! How the simulated swarm places, starts and replaces tasks.

use std::time::Duration;

use tokio::time::Instant;

use super::Sabotage;
use super::flow::OVERLAY;
use super::images::Supply;
use super::ledger::Table;
use super::orders::Wanted;
use super::world::World;
use crate::plan::{Probe, Service, Workload};

/// From the loss of a task to the placing of its successor (Swarm's restart delay).
const RESTART: Duration = Duration::from_secs(5);

/// From the placing of a task to its running.
const START: Duration = Duration::from_secs(3);

/// How much longer that is under [`Sabotage::SlowerStarts`].
const SLOWER: Duration = Duration::from_secs(2);

/// When the task of [`Sabotage::SecondLiveTask`] appears, counted from the deployment.
const SECOND_AT: Duration = Duration::from_secs(15);

/// How long it stays.
const SECOND_FOR: Duration = Duration::from_secs(10);

/// How long an old task of [`Sabotage::ResurrectedTask`] runs again.
const RESURRECTED_FOR: Duration = Duration::from_secs(20);

/// How long a task of [`Sabotage::SecondServerEnds`] runs.
const LOCKED_OUT: Duration = Duration::from_secs(10);

/// Ended tasks that are remembered for a slot (Swarm: 5).
const REMEMBERED: usize = 4;

/// One task.
pub(super) struct Task {
    pub(super) id: String,
    pub(super) index: u64,
    /// When it changed last.
    pub(super) changed: Instant,
    pub(super) service: String,
    pub(super) slot: u64,
    pub(super) node: Option<usize>,
    /// As the managers know it.
    pub(super) state: &'static str,
    pub(super) wanted: bool,
    /// True once it is to vanish from the list when it has ended.
    pub(super) removed: bool,
    /// Which order of its service made it.
    pub(super) generation: u64,
    pub(super) message: String,
    /// When it can be placed, or starts.
    pub(super) due: Instant,
    /// True once its node's engine has begun to pull its image.
    pub(super) pulls: bool,
    /// True while its process runs, whatever the managers know.
    pub(super) process: bool,
    /// Its own storage, where there is no shared one.
    pub(super) table: Table,
    lingers: Option<Instant>,
}

/// True for a state that no task leaves.
pub(super) fn is_over(state: &str) -> bool {
    matches!(state, "shutdown" | "failed" | "rejected")
}

impl World {
    /// Takes the stack.
    pub(super) fn deploy(&mut self) {
        self.deployed = Some(self.now);
        self.fill_share();
        if let Some(stack) = self.plan.stack.clone() {
            self.take(&stack);
        }
    }

    /// Takes a stack's services.
    pub(super) fn take(&mut self, stack: &crate::plan::Stack) {
        self.networks.insert(stack.name.clone());
        for service in &stack.services {
            self.services
                .insert(service.name.clone(), Wanted::of(service));
            match service.replicas {
                Some(replicas) => {
                    for slot in 1..=u64::from(replicas) {
                        self.create(&service.name, slot, None, self.now);
                    }
                }
                None => {
                    for node in (0..self.machines.len())
                        .filter(|i| self.may_run(*i, &service.name))
                        .collect::<Vec<_>>()
                    {
                        self.create(&service.name, 0, Some(node), self.now);
                    }
                }
            }
        }
    }

    /// One step of everything that the leader and the agents do.
    pub(super) fn move_tasks(&mut self) {
        self.second_live_task();
        if self.leader.is_none() {
            return;
        }
        for i in 0..self.tasks.len() {
            self.evict(i);
            self.lock_out(i);
            self.report(i);
            self.replace(i);
            self.place(i);
            self.start(i);
            self.end(i);
        }
        self.spread();
        self.roll();
        self.forget();
    }

    /// The processes of a machine that lost its power are gone; nobody is told yet.
    pub(super) fn drop_processes(&mut self, machine: usize) {
        for task in self.tasks.iter_mut().filter(|t| t.node == Some(machine)) {
            task.process = false;
        }
    }

    pub(super) fn create(&mut self, service: &str, slot: u64, node: Option<usize>, due: Instant) {
        self.identity += 1;
        let task = Task {
            id: format!("task{:04}", self.identity),
            index: self.next_index(),
            changed: self.now,
            service: service.to_owned(),
            slot,
            node,
            state: if node.is_some() {
                "preparing"
            } else {
                "pending"
            },
            wanted: true,
            removed: false,
            generation: self
                .services
                .get(service)
                .map_or(0, |wanted| wanted.generation),
            message: String::new(),
            pulls: false,
            due: if node.is_some() {
                due + self.start_takes()
            } else {
                due
            },
            process: false,
            table: Table::default(),
            lingers: None,
        };
        self.tasks.push(task);
    }

    pub(super) fn change(&mut self, i: usize, change: impl FnOnce(&mut Task)) {
        let (index, now) = (self.next_index(), self.now);
        if let Some(task) = self.tasks.get_mut(i) {
            (task.index, task.changed) = (index, now);
            change(task);
        }
    }

    /// The task, and whether the leader hears of its node.
    fn look(&self, i: usize) -> Option<(&Task, bool)> {
        let task = self.tasks.get(i)?;
        Some((task, task.node.is_some_and(|node| self.heard(node))))
    }

    /// An agent that is heard again says which of its processes are gone.
    fn report(&mut self, i: usize) {
        let gone = |(task, heard): (&Task, bool)| {
            heard && task.wanted && task.state == "running" && !task.process
        };
        if self.look(i).is_some_and(gone) {
            self.change(i, |task| {
                task.state = "failed";
                task.message = "task: non-zero exit (137)".to_owned();
            });
        }
    }

    /// A second database waits for its files in vain, and ends.
    fn lock_out(&mut self, i: usize) {
        let ends = |task: &Task| {
            let over = task.process && task.due + LOCKED_OUT <= self.now;
            over && task.slot > 1 && self.is_database(&task.service)
        };
        if self.is(&Sabotage::SecondServerEnds) && self.tasks.get(i).is_some_and(ends) {
            self.change(i, |task| {
                (task.process, task.state) = (false, "failed");
                task.message = "task: non-zero exit (1)".to_owned();
            });
        }
    }

    /// A task that failed, or whose node is down, gets a successor.
    fn replace(&mut self, i: usize) {
        let Some((task, _)) = self.look(i) else {
            return;
        };
        let machine = task.node.and_then(|node| self.machines.get(node));
        let global = task.slot == 0;
        let down = machine.is_some_and(|m| m.down) && !global;
        if !task.wanted
            || !(down || matches!(task.state, "failed" | "rejected"))
            || !self.services.contains_key(&task.service)
        {
            return;
        }
        let (service, slot) = (task.service.clone(), task.slot);
        let pinned = task.node.filter(|_| global);
        self.change(i, |task| task.wanted = false);
        self.create(&service, slot, pinned, self.now + RESTART);
    }

    fn place(&mut self, i: usize) {
        let Some((task, _)) = self.look(i) else {
            return;
        };
        if task.state != "pending" || task.due > self.now {
            return;
        }
        let load = |node: usize| {
            let here = self
                .tasks
                .iter()
                .filter(|t| t.wanted && t.node == Some(node));
            let same = here.clone().filter(|t| t.service == task.service).count();
            (same, here.count())
        };
        let fit = (0..self.machines.len())
            .filter(|node| self.may_run(*node, &task.service))
            .min_by_key(|node| (load(*node), *node));
        if fit.is_some() {
            let due = self.now + self.start_takes();
            self.change(i, |task| {
                (task.node, task.state, task.due) = (fit, "preparing", due);
            });
        }
    }

    /// From the placing of a task to its running.
    fn start_takes(&self) -> Duration {
        match self.is_struck(&Sabotage::SlowerStarts) {
            true => START + SLOWER,
            false => START,
        }
    }

    fn start(&mut self, i: usize) {
        let Some((task, heard)) = self.look(i) else {
            return;
        };
        let starts = task.state == "preparing" && task.wanted && task.due <= self.now && heard;
        if !starts || self.is(&Sabotage::SteadyNeverHolds) {
            return;
        }
        let fails = self.is_database(&task.service)
            && (self.locked() || self.is_struck(&Sabotage::DatabaseNeverComesBack));
        let (state, message) = match self.supply(i) {
            Supply::Coming => return,
            Supply::Nowhere(image) => ("rejected", format!("No such image: {image}")),
            Supply::There if fails => ("failed", "task: non-zero exit (1)".to_owned()),
            Supply::There => ("running", "started".to_owned()),
        };
        self.change(i, |task| {
            task.process = state == "running";
            (task.state, task.message) = (state, message);
        });
    }

    /// An agent that is heard ends what is no longer wanted.
    fn end(&mut self, i: usize) {
        let Some((task, heard)) = self.look(i) else {
            return;
        };
        let stays = task.removed && self.is(&Sabotage::RemovedContainerStays);
        if task.wanted || stays || !heard || !matches!(task.state, "running" | "preparing") {
            return;
        }
        if self.is(&Sabotage::ResurrectedTask) && task.state == "running" {
            let until = task.lingers.unwrap_or(self.now + RESURRECTED_FOR);
            if until > self.now {
                if let Some(task) = self.tasks.get_mut(i) {
                    (task.process, task.lingers) = (true, Some(until));
                }
                return;
            }
        }
        self.change(i, |task| {
            (task.process, task.state) = (false, "shutdown");
        });
    }

    /// Keeps a few ended tasks of each slot.
    fn forget(&mut self) {
        let ended = |task: &Task| !task.wanted && (task.state == "pending" || is_over(task.state));
        self.tasks.retain(|task| !task.removed || !ended(task));
        let mut kept = Vec::new();
        let mut count = std::collections::BTreeMap::new();
        for task in self.tasks.drain(..).rev() {
            let slot = (
                task.service.clone(),
                task.slot,
                task.node.filter(|_| task.slot == 0),
            );
            let seen: &mut usize = count.entry(slot).or_default();
            *seen += usize::from(ended(&task));
            if !ended(&task) || *seen <= REMEMBERED {
                kept.push(task);
            }
        }
        kept.reverse();
        self.tasks = kept;
    }

    fn second_live_task(&mut self) {
        let due = self.deployed.is_some_and(|at| self.now >= at + SECOND_AT);
        if !due || !self.is(&Sabotage::SecondLiveTask) {
            return;
        }
        if let Some((id, until)) = self.second.clone() {
            let ended = self.tasks.iter().position(|t| t.id == id && t.wanted);
            if let Some(i) = ended.filter(|_| until <= self.now) {
                self.change(i, |task| task.wanted = false);
            }
            return;
        }
        let Some(first) = self.tasks.iter().find(|t| t.wanted && t.process) else {
            return;
        };
        let (service, slot, node) = (first.service.clone(), first.slot, first.node);
        let other = (0..self.machines.len()).find(|i| Some(*i) != node && self.heard(*i));
        self.create(&service, slot, other, self.now);
        let last = self.tasks.len() - 1;
        self.change(last, |task| (task.state, task.process) = ("running", true));
        let id = self
            .tasks
            .last()
            .map(|task| task.id.clone())
            .unwrap_or_default();
        self.second = Some((id, self.now + SECOND_FOR));
    }

    /// True for a service that the plan speaks SQL to.
    pub(super) fn is_database(&self, name: &str) -> bool {
        let asked = |probe: &Probe| {
            let (Probe::Sql { service, .. } | Probe::Variables { service, .. }) = probe else {
                return false;
            };
            service == name
        };
        let written =
            |w: &Workload| matches!(w, Workload::Ledger { service, .. } if service == name);
        let mut probes = self.plan.steady.iter().chain(&self.plan.steady_after);
        probes.any(asked) || self.plan.workloads.iter().any(written)
    }

    /// The service that publishes a port.
    pub(super) fn publisher(&self, port: u16) -> Option<&Service> {
        let mut services = self.plan.services();
        services.find(|one| self.services.contains_key(&one.name) && one.published.contains(&port))
    }

    /// The task that a node's published port leads to: any live one, or its own when it is cut off.
    pub(super) fn replica(&self, via: usize, service: &str) -> Option<usize> {
        let serves = |task: &Task| {
            let near = task
                .node
                .is_some_and(|node| self.connected(via, node, OVERLAY));
            let listed = task.wanted || task.node == Some(via);
            task.service == service && task.process && task.state == "running" && near && listed
        };
        self.tasks
            .iter()
            .position(serves)
            .filter(|_| self.member(via) && !self.lacks_mesh(via))
    }
}
