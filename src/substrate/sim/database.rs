//! A session with a simulated database.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::Sabotage;
use super::flow::{NFS, OVERLAY};
use super::world::World;
use super::world::present;
use crate::journal::{Outcome, Rows, TableWord};
use crate::plan::Probe;
use crate::scenario::Part;
use crate::substrate::{Database, NoSession};
use crate::units::Span;
use crate::wait;

/// From the client to the commit, and from the commit to the client.
const HALF: Duration = Duration::from_millis(2);

/// One connection, through one machine to one task.
pub(super) struct Session {
    world: Arc<Mutex<World>>,
    via: usize,
    task: String,
}

/// What becomes of a packet on the way to the task.
enum Way {
    /// It arrives at this task.
    Open(usize),
    /// The process or its machine is gone, and somebody says so.
    Reset,
    /// Nobody says anything.
    Silent,
}

impl Session {
    /// Connects through a machine to whichever task answers there.
    pub(super) fn open(
        world: &Arc<Mutex<World>>,
        node: &str,
        service: &str,
    ) -> Result<Self, NoSession> {
        let present = present(world);
        let no_way = || NoSession::Unasked(format!("there is no way to `{node}`"));
        let via = present.machine(node).ok_or_else(no_way)?;
        if present.is_struck(&Sabotage::NoWay(node.to_owned())) {
            return Err(no_way());
        }
        let replica = present.replica(via, service);
        let task = replica.and_then(|i| present.tasks.get(i));
        let refused = || NoSession::Failed("connection refused".to_owned());
        Ok(Self {
            world: Arc::clone(world),
            via,
            task: task.ok_or_else(refused)?.id.clone(),
        })
    }

    /// The way to the task, and for `stores` on to its storage.
    fn way(&self, world: &World, stores: bool) -> Way {
        let found = world.tasks.iter().position(|task| task.id == self.task);
        let task = found.and_then(|i| Some((i, world.tasks.get(i)?)));
        let Some((i, task)) = task.filter(|(_, task)| task.process) else {
            return Way::Reset;
        };
        let via = world.machines.get(self.via);
        if via.is_some_and(|machine| machine.paused) {
            return Way::Silent;
        }
        if !world.live(self.via) {
            return Way::Reset;
        }
        let name = |node: usize| world.machines.get(node).map_or("", |m| m.name.as_str());
        let storage = Part::Storage.name();
        let cut = |node: usize| {
            let isolated = world.machines.get(node).is_some_and(|m| m.isolated);
            isolated || !world.passes(name(node), storage, NFS)
        };
        let stored = world.reaches(Part::Storage);
        let shared = world.plan.topology.storage.is_some();
        match task.node {
            Some(node) if !world.connected(self.via, node, OVERLAY) => Way::Silent,
            Some(node) if stores && shared && (cut(node) || !stored || world.share_rests()) => {
                Way::Silent
            }
            _ => Way::Open(i),
        }
    }

    /// How much longer the share takes to answer the task's node.
    fn slowed(&self, task: usize) -> Duration {
        let world = present(&self.world);
        let node = world.tasks.get(task).and_then(|task| task.node);
        let name = node.and_then(|node| world.machines.get(node));
        let storage = Part::Storage.name();
        name.map_or(Duration::ZERO, |m| world.slowed(&m.name, storage, NFS))
    }

    /// True if the ledger is kept from whoever comes by this machine.
    fn unavailable(&self) -> bool {
        let world = present(&self.world);
        let machine = world.machines.get(self.via);
        machine.is_some_and(|m| world.is(&Sabotage::ReadBackUnavailable(m.name.clone())))
    }

    /// Waits for the answer to something that reached the task.
    async fn answered(&self, stores: bool, deadline: Duration) -> Result<usize, String> {
        wait::pause(HALF).await;
        let way = self.way(&present(&self.world), stores);
        match way {
            Way::Open(task) => {
                if stores {
                    let slowed = self.slowed(task);
                    wait::pause(slowed).await;
                }
                Ok(task)
            }
            Way::Reset => Err("connection reset".to_owned()),
            Way::Silent => {
                wait::pause(deadline.saturating_sub(HALF)).await;
                Err(format!("no answer within {}", Span(deadline)))
            }
        }
    }
}

#[async_trait]
impl Database for Session {
    async fn query(&mut self, _: &str, deadline: Duration) -> Result<(), String> {
        self.answered(false, deadline).await.map(drop)
    }

    async fn pairs(
        &mut self,
        statement: &str,
        deadline: Duration,
    ) -> Result<Vec<(String, String)>, String> {
        self.answered(false, deadline).await?;
        let world = present(&self.world);
        // A session has settings of its own.
        let global = statement.starts_with("SHOW GLOBAL VARIABLES ");
        let default = !global || world.is(&Sabotage::DefaultSettings);
        let probes = world.plan.steady.iter().chain(&world.plan.steady_after);
        let asked = probes.filter_map(|probe| match probe {
            Probe::Variables { set, .. } => Some(set),
            _ => None,
        });
        let value = |(name, value): (&String, &String)| {
            let value = if default { "default" } else { value };
            (name.clone(), value.to_owned())
        };
        Ok(asked.flatten().map(value).collect())
    }

    async fn create_ledger(&mut self, deadline: Duration) -> Result<(), String> {
        let task = self.answered(true, deadline).await?;
        if let Some(table) = present(&self.world).table(task) {
            table.created = true;
        }
        Ok(())
    }

    async fn insert(&mut self, row: u64, deadline: Duration) -> Outcome {
        if present(&self.world).is(&Sabotage::WorkloadNeverConnects) {
            return Outcome::Refused("access denied".to_owned());
        }
        let task = match self.answered(true, deadline).await {
            Ok(task) => task,
            Err(error) => return Outcome::Unknown(error),
        };
        if !present(&self.world).commit(task, row) {
            return Outcome::Refused("ERROR 1146 (42S02): no table `ledger`".to_owned());
        }
        if row % 10 == 3 && present(&self.world).is(&Sabotage::RefusedRowStays) {
            let why = "ERROR 1205 (HY000): lock wait timeout exceeded";
            return Outcome::Refused(why.to_owned());
        }
        match self.answered(true, deadline).await {
            Ok(_) => Outcome::Acknowledged,
            Err(error) => Outcome::Unknown(error),
        }
    }

    async fn read_ledger(&mut self, deadline: Duration) -> Rows {
        if self.unavailable() {
            return Rows::Unreadable("access denied".to_owned());
        }
        match self.answered(true, deadline).await {
            Ok(task) => present(&self.world).rows(task),
            Err(error) => Rows::Unreadable(error),
        }
    }

    async fn check_ledger(&mut self, deadline: Duration) -> Result<Vec<TableWord>, String> {
        if self.unavailable() {
            return Err("access denied".to_owned());
        }
        let task = self.answered(true, deadline).await?;
        Ok(present(&self.world).words(task))
    }
}
