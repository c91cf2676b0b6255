//! The door to the simulated world.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::Sabotage;
use super::database::Session;
use super::world::{BOOT, STEP, World};
use crate::journal::{Answer, ApiError, ContainerSeen};
use crate::substrate::{Database, Lab, Order, PageRequest, PowerOff, Trouble};
use crate::swarm::{ServiceSeen, View};
use crate::wait;

/// How long a question to an engine or a page takes.
const ANSWER: Duration = Duration::from_millis(5);

/// How long an engine takes to list its containers under [`Sabotage::SlowEngines`].
const SLOW: Duration = Duration::from_secs(3);

/// How long a clean shutdown takes.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// How long a power cut takes.
const CUT: Duration = Duration::from_millis(20);

/// The simulated lab.
pub(super) struct SimLab {
    pub(super) world: Arc<Mutex<World>>,
}

/// The world as it is now.
pub(super) fn present(world: &Mutex<World>) -> MutexGuard<'_, World> {
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    world.catch_up();
    world
}

impl SimLab {
    fn machine(&self, name: &str) -> Result<usize, Trouble> {
        present(&self.world)
            .machine(name)
            .ok_or_else(|| Trouble(format!("no machine is called `{name}`")))
    }

    /// Changes one machine, as a fault or its heal does.
    fn set(&self, machine: usize, set: impl FnOnce(&mut super::world::Machine)) {
        let mut world = present(&self.world);
        world.struck = true;
        if let Some(machine) = world.machines.get_mut(machine) {
            set(machine);
        }
    }

    fn is(&self, sabotage: &Sabotage) -> bool {
        present(&self.world).is(sabotage)
    }
}

#[async_trait]
impl Lab for SimLab {
    async fn deploy(&self) -> Result<(), Trouble> {
        wait::pause(ANSWER).await;
        present(&self.world).deploy();
        Ok(())
    }

    async fn view(&self, manager: &str) -> Result<View, ApiError> {
        wait::pause(ANSWER).await;
        let machine = self
            .machine(manager)
            .map_err(|e| ApiError::Unreachable(e.0))?;
        let struck = present(&self.world).struck;
        if struck && self.is(&Sabotage::ApiHangs) {
            std::future::pending::<()>().await;
        }
        if struck && self.is(&Sabotage::ApiNotUnderstood) {
            let what = "unknown variant `exploded` of a task's state";
            return Err(ApiError::NotUnderstood(what.to_owned()));
        }
        present(&self.world).view(machine)
    }

    async fn service(&self, manager: &str, name: &str) -> Result<Option<ServiceSeen>, ApiError> {
        self.view(manager).await?;
        let world = present(&self.world);
        Ok(world
            .services
            .get(name)
            .map(|wanted| wanted.seen(world.rolled(name))))
    }

    async fn order(&self, manager: &str, order: &Order) -> Result<(), ApiError> {
        self.view(manager).await?;
        present(&self.world).obey(order)
    }

    async fn containers(&self, node: &str) -> Result<Vec<ContainerSeen>, ApiError> {
        wait::pause(ANSWER).await;
        let machine = self.machine(node).map_err(|e| ApiError::Unreachable(e.0))?;
        let slow = self.is(&Sabotage::SlowEngines);
        if slow && machine % 2 == 0 {
            wait::pause(SLOW).await;
        }
        let seen = present(&self.world).containers(machine);
        if slow && machine % 2 == 1 {
            wait::pause(SLOW).await;
        }
        seen
    }

    async fn power_off(&self, node: &str, how: PowerOff) -> Result<(), Trouble> {
        let machine = self.machine(node)?;
        wait::pause(match how {
            PowerOff::Shutdown => SHUTDOWN,
            PowerOff::Cut => CUT,
        })
        .await;
        if self.is(&Sabotage::FaultDoesNotBite) {
            return Ok(());
        }
        self.set(machine, |machine| machine.powered = false);
        present(&self.world).drop_processes(machine);
        Ok(())
    }

    async fn power_on(&self, node: &str) -> Result<(), Trouble> {
        let machine = self.machine(node)?;
        if self.is(&Sabotage::HealFails) {
            return Err(Trouble(format!("`{node}` does not start")));
        }
        let off = !self.powered(node).await;
        if off {
            let engine_at = tokio::time::Instant::now() + BOOT;
            self.set(machine, |machine| {
                (machine.powered, machine.engine_at) = (true, engine_at);
            });
            wait::pause(BOOT + STEP).await;
        }
        Ok(())
    }

    async fn powered(&self, node: &str) -> bool {
        let world = present(&self.world);
        let machine = world.machine(node).and_then(|i| world.machines.get(i));
        machine.is_some_and(|machine| machine.powered)
    }

    async fn isolate(&self, node: &str, isolated: bool) -> Result<(), Trouble> {
        let machine = self.machine(node)?;
        if !isolated && self.is(&Sabotage::HealFails) {
            return Err(Trouble(format!("the rule for `{node}` cannot be removed")));
        }
        let isolated = isolated && !self.is(&Sabotage::IsolateNoOp);
        self.set(machine, |machine| machine.isolated = isolated);
        Ok(())
    }

    async fn frames(&self, node: &str) -> (u64, u64) {
        let world = present(&self.world);
        let machine = world.machine(node).and_then(|i| world.machines.get(i));
        machine.map_or((0, 0), |machine| (machine.sent, machine.delivered))
    }

    async fn get(&self, node: &str, port: u16, ask: &PageRequest) -> Answer {
        wait::pause(ANSWER.min(ask.within)).await;
        let mut world = present(&self.world);
        if world.loses_request() {
            return Answer::Failed("connection refused".to_owned());
        }
        let via = world.machine(node);
        let service = world.publisher(port).map(|service| service.name.clone());
        let served = via
            .zip(service)
            .and_then(|(via, service)| world.replica(via, &service));
        if served.is_none() {
            Answer::Failed("connection refused".to_owned())
        } else if world.is(&Sabotage::StaleBody(node.to_owned())) {
            Answer::Wrong("200: yesterday's page".to_owned())
        } else if world.is(&Sabotage::WrongBody(node.to_owned())) {
            Answer::Wrong("404: not found".to_owned())
        } else {
            Answer::Right
        }
    }

    async fn database(
        &self,
        node: &str,
        service: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Database>, String> {
        wait::pause(ANSWER.min(deadline)).await;
        let via = self.machine(node).map_err(|e| e.0)?;
        let task = {
            let world = present(&self.world);
            let task = world.replica(via, service);
            task.and_then(|i| world.tasks.get(i))
                .map(|task| task.id.clone())
        };
        let task = task.ok_or("connection refused")?;
        Ok(Box::new(Session::new(Arc::clone(&self.world), via, task)))
    }

    async fn last_words(&self, _: &str, container: &str) -> Vec<String> {
        let line = |i: u32| format!("{container}: line {i}");
        (1..=20).map(line).collect()
    }

    async fn tear_down(&self) -> Result<(), Trouble> {
        if self.is(&Sabotage::TearDownFails) {
            return Err(Trouble("`server-1` does not end".to_owned()));
        }
        Ok(())
    }
}
