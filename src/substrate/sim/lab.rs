//! The door to the simulated world.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::database::Session;
use super::images::PULL;
use super::world::{BOOT, STEP, World, present};
use super::{Made, Sabotage, count};
use crate::journal::{Answer, ApiError, ContainerSeen, Engine, Rule};
use crate::scenario::Part;
use crate::substrate::{
    ClientCall, ClientRan, Database, Dialled, Evidence, Inward, Knock, Lab, MountSeen, NoSession,
    Order, PageRequest, PowerOff, Tally, Traffic, Trouble, Vitals,
};
use crate::swarm::{Remains, ServiceSeen, View};
use crate::units::{Port, Span};
use crate::wait;

/// How long a question to an engine or a page takes.
const ANSWER: Duration = Duration::from_millis(5);

/// How long an engine takes to list its containers under [`Sabotage::SlowEngines`].
const SLOW: Duration = Duration::from_secs(3);

/// How long a port is tried that says nothing.
const DIAL: Duration = Duration::from_secs(2);

/// How long a clean shutdown takes.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// How long a power cut takes.
const CUT: Duration = Duration::from_millis(20);

/// The simulated lab.
pub(super) struct SimLab {
    pub(super) world: Arc<Mutex<World>>,
    /// What there is of the place's labs.
    pub(super) made: Arc<Mutex<Made>>,
}

impl SimLab {
    fn machine(&self, name: &str) -> Result<usize, Trouble> {
        present(&self.world)
            .machine(name)
            .ok_or_else(|| Trouble(format!("no machine is called `{name}`")))
    }

    /// Changes one machine, as a fault or its heal does.
    fn set(&self, name: &str, set: impl FnOnce(&mut super::world::Machine)) {
        let mut world = present(&self.world);
        let now = world.now;
        world.struck.get_or_insert(now);
        if let Some(machine) = world.named_mut(name) {
            set(machine);
        }
    }

    fn exists(&self, name: &str) -> Result<(), Trouble> {
        let there = present(&self.world).named(name).is_some();
        there
            .then_some(())
            .ok_or_else(|| Trouble(format!("no machine is called `{name}`")))
    }

    pub(super) fn is(&self, sabotage: &Sabotage) -> bool {
        present(&self.world).is(sabotage)
    }
}

#[async_trait]
impl Lab for SimLab {
    async fn deploy(&self) -> Result<(), Trouble> {
        wait::pause(ANSWER).await;
        if self.is(&Sabotage::DeployFails) {
            return Err(Trouble("no manager takes the stack".to_owned()));
        }
        present(&self.world).deploy();
        Ok(())
    }

    async fn checkpoint(&self) -> Result<bool, Trouble> {
        if self.is(&Sabotage::CheckpointFails) {
            return Err(Trouble("no space left for a snapshot".to_owned()));
        }
        Ok(true)
    }

    async fn distrust(&self) {
        count(&self.made).distrusted += 1;
    }

    async fn view(&self, manager: &str) -> Result<View, ApiError> {
        wait::pause(ANSWER).await;
        let machine = self
            .machine(manager)
            .map_err(|e| ApiError::Unreachable(e.0))?;
        let struck = |sabotage| present(&self.world).is_struck(&sabotage);
        if struck(Sabotage::ApiHangs) {
            std::future::pending::<()>().await;
        }
        if struck(Sabotage::ApiNotUnderstood) {
            let what = "unknown variant `exploded` of a task's state";
            return Err(ApiError::NotUnderstood(what.to_owned()));
        }
        if struck(Sabotage::HalfAnswers) {
            let what = "EOF while parsing a list at line 1 column 512";
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
        if let Order::Exchange { .. } = order {
            wait::pause(SHUTDOWN).await;
            present(&self.world).obey(order)?;
            wait::pause(BOOT + STEP).await;
            return Ok(());
        } else if !matches!(order, Order::Write { .. }) {
            self.view(manager).await?;
        }
        let silent = self.is(&Sabotage::SilentToJoins(manager.to_owned()));
        if silent && matches!(order, Order::Join { .. }) {
            return Err(ApiError::TimedOut("20s".to_owned()));
        }
        if matches!(order, Order::Pull { .. }) {
            wait::pause(PULL).await;
        }
        present(&self.world).obey(order)
    }

    async fn containers(&self, node: &str) -> Result<Vec<ContainerSeen>, ApiError> {
        wait::pause(ANSWER).await;
        let machine = self.machine(node).map_err(|e| ApiError::Unreachable(e.0))?;
        if self.is(&Sabotage::EngineHangs(node.to_owned())) {
            std::future::pending::<()>().await;
        }
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

    async fn has_image(&self, node: &str, image: &str) -> Result<bool, ApiError> {
        // Whether its engine answers at all, and how soon.
        self.containers(node).await?;
        let machine = self.machine(node).map_err(|e| ApiError::Unreachable(e.0))?;
        Ok(present(&self.world).has_image(machine, image))
    }

    async fn serves(&self, machine: &str) -> Result<(), ApiError> {
        if self.machine(machine).is_ok() {
            return self.containers(machine).await.map(drop);
        }
        wait::pause(ANSWER).await;
        let world = present(&self.world);
        let live = world
            .named(machine)
            .is_some_and(|part| part.live(world.now));
        let gone = || ApiError::Unreachable("connection refused".to_owned());
        live.then_some(()).ok_or_else(gone)
    }

    async fn runs(&self, node: &str) -> Result<Engine, ApiError> {
        wait::pause(ANSWER).await;
        let machine = self.machine(node).map_err(|e| ApiError::Unreachable(e.0))?;
        present(&self.world).runs(machine)
    }

    async fn power_off(&self, node: &str, how: PowerOff) -> Result<(), Trouble> {
        self.exists(node)?;
        wait::pause(match how {
            PowerOff::Shutdown => SHUTDOWN,
            PowerOff::Cut => CUT,
        })
        .await;
        if self.is(&Sabotage::FaultDoesNotBite) {
            return Ok(());
        }
        if self.is(&Sabotage::PowerLooksOff) {
            self.set(node, |machine| machine.looks_off = true);
            return Ok(());
        }
        self.set(node, |machine| machine.powered = false);
        let mut world = present(&self.world);
        if let Some(machine) = world.machine(node) {
            if how == PowerOff::Cut {
                world.leave_lock(machine);
            }
            world.drop_processes(machine);
        } else if how == PowerOff::Cut && node == Part::Storage.name() {
            world.lose_unwritten();
        }
        Ok(())
    }

    async fn power_on(&self, node: &str) -> Result<(), Trouble> {
        self.exists(node)?;
        if self.is(&Sabotage::HealFails) {
            return Err(Trouble(format!("`{node}` does not start")));
        }
        if self.is(&Sabotage::HealHangs) {
            std::future::pending::<()>().await;
        }
        if !self.powered(node).await {
            let engine_at = tokio::time::Instant::now() + BOOT;
            self.set(node, |machine| {
                (machine.powered, machine.engine_at) = (true, engine_at);
                machine.looks_off = false;
            });
            wait::pause(BOOT + STEP).await;
        }
        Ok(())
    }

    async fn powered(&self, node: &str) -> bool {
        let world = present(&self.world);
        world
            .named(node)
            .is_some_and(|one| one.powered && !one.looks_off)
    }

    async fn ended(&self, machine: &str) -> Option<String> {
        let world = present(&self.world);
        let ended = world.named(machine).is_some_and(|one| one.ended);
        ended.then(|| "its process was killed".to_owned())
    }

    async fn pause(&self, machine: &str, paused: bool) -> Result<(), Trouble> {
        self.exists(machine)?;
        if !self.powered(machine).await {
            return Err(Trouble(format!("`{machine}` has no power")));
        }
        if !paused && self.is(&Sabotage::HealFails) {
            return Err(Trouble(format!("`{machine}` does not go on")));
        }
        let paused = paused && !self.is(&Sabotage::PauseNoOp);
        self.set(machine, |machine| machine.paused = paused);
        Ok(())
    }

    async fn paused(&self, machine: &str) -> Result<bool, Trouble> {
        let still = present(&self.world).stands_still(machine);
        still.ok_or_else(|| Trouble(format!("`{machine}` has no power")))
    }

    async fn inward(&self, node: &str, act: &Inward) -> Result<(), Trouble> {
        present(&self.world).act_inside(node, act)
    }

    async fn vitals(&self, node: &str) -> Result<Vitals, String> {
        present(&self.world).vitals(node)
    }

    async fn isolate(&self, node: &str, isolated: bool) -> Result<(), Trouble> {
        self.exists(node)?;
        if !isolated && self.is(&Sabotage::HealFails) {
            return Err(Trouble(format!("the rule for `{node}` cannot be removed")));
        }
        let isolated = isolated && !self.is(&Sabotage::IsolateNoOp);
        self.set(node, |machine| machine.isolated = isolated);
        Ok(())
    }

    async fn impose(&self, number: usize, rule: &Rule, in_force: bool) -> Result<(), Trouble> {
        for name in [&rule.node].into_iter().chain(&rule.from) {
            self.exists(name)?;
        }
        if !in_force && self.is(&Sabotage::HealFails) {
            return Err(Trouble(format!("rule {number} cannot be removed")));
        }
        self.set(&rule.node, |_| {});
        let in_force = in_force && !self.is(&Sabotage::RuleNoOp);
        present(&self.world).impose(number, rule, in_force);
        Ok(())
    }

    async fn tally(&self, number: usize) -> Tally {
        present(&self.world).tally(number)
    }

    async fn dial(&self, from: &str, to: &str, port: Port) -> Result<Dialled, String> {
        self.exists(from).map_err(|e| e.0)?;
        self.exists(to).map_err(|e| e.0)?;
        let dialled = present(&self.world).dial(from, to, port)?;
        wait::pause(dialled.took.unwrap_or(DIAL)).await;
        Ok(dialled)
    }

    async fn frames(&self, node: &str) -> Traffic {
        let world = present(&self.world);
        let machine = world.named(node);
        machine.map(|machine| machine.traffic).unwrap_or_default()
    }

    async fn get(&self, node: &str, port: u16, ask: &PageRequest) -> Answer {
        wait::pause(ANSWER.min(ask.within)).await;
        if present(&self.world).loses_request() {
            return Answer::Failed("connection refused".to_owned());
        }
        let delay = present(&self.world).page_delay();
        wait::pause(delay.min(ask.within)).await;
        let door = self.door(node);
        if let Some((_, false)) = door {
            wait::pause(ask.within.saturating_sub(ANSWER)).await;
            return Answer::Failed(format!("no answer within {}", Span(ask.within)));
        }
        let via = door.map(|(via, _)| via);
        let world = present(&self.world);
        let node = via.map_or(node, |via| world.machines[via].name.as_str());
        let service = world.publisher(port).map(|service| service.name.clone());
        let served = via
            .zip(service)
            .and_then(|(via, service)| world.replica(via, &service));
        let Some(served) = served.filter(|_| !world.is_deaf(node)) else {
            return Answer::Failed("connection refused".to_owned());
        };
        world.page(node, served, ask)
    }

    async fn database(
        &self,
        node: &str,
        service: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Database>, NoSession> {
        wait::pause(ANSWER.min(deadline)).await;
        let session = Session::open(&self.world, node, service)?;
        Ok(Box::new(session))
    }

    async fn knock(&self, nodes: &[String], port: u16) -> Result<BTreeMap<String, Knock>, String> {
        wait::pause(ANSWER).await;
        let panics = present(&self.world).is_struck(&Sabotage::ProbePanics);
        assert!(!panics, "nobody expected this port");
        Ok(present(&self.world).knock(nodes, port))
    }

    async fn remains(&self, manager: &str, service: &str) -> Result<Remains, ApiError> {
        wait::pause(ANSWER).await;
        let machine = self.machine(manager);
        let machine = machine.map_err(|e| ApiError::Unreachable(e.0))?;
        present(&self.world).remains(machine, service)
    }

    async fn mounts(&self, node: &str, container: &str) -> Result<Vec<MountSeen>, String> {
        wait::pause(ANSWER).await;
        let machine = self.machine(node).map_err(|e| e.0)?;
        present(&self.world).mounts(machine, container)
    }

    async fn shared_file(&self, node: &str, path: &str) -> Result<Option<String>, String> {
        wait::pause(ANSWER).await;
        let machine = self.machine(node).map_err(|e| e.0)?;
        present(&self.world).read(machine, path)
    }

    async fn docker(&self, node: &str, call: &ClientCall) -> Result<ClientRan, String> {
        wait::pause(ANSWER).await;
        present(&self.world).client(node, call)
    }

    async fn last_words(&self, _: &str, container: &str) -> Vec<String> {
        self.said_last(container)
    }

    async fn evidence(&self, machine: &str, _: Duration) -> Vec<Evidence> {
        self.shown(machine).await
    }

    async fn tear_down(&self) -> Result<(), Trouble> {
        let fails = self.is(&Sabotage::TearDownFails);
        let first = "machine `server-1`";
        let stays = fails || self.is(&Sabotage::LeavesMachine);
        let mut made = count(&self.made);
        made.there.retain(|thing| stays && thing == first);
        match fails {
            true => Err(Trouble("`server-1` does not end".to_owned())),
            false => Ok(()),
        }
    }
}
