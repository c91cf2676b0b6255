//! A swarm of virtual machines, as the rest of the harness knows it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::Vm;
use super::api::{RESTART, engine_files};
use super::machine::Machine;
use super::share::EXPORT;
use super::snapshot::{Moment, Snapshot};
use super::switch::Switch;
use crate::journal::{Answer, ApiError, ContainerSeen, Journal, Rule};
use crate::plan::Plan;
use crate::substrate::nodes::part::{Servers, part};
use crate::substrate::nodes::{Nodes, Ran};
use crate::substrate::workspace::Workspace;
use crate::substrate::{
    ClientCall, ClientRan, Database, Dialled, Evidence, Inward, Knock, Lab, MountSeen, NoSession,
    Order, PageRequest, PowerOff, Progress, Tally, Traffic, Trouble, Vitals,
};
use crate::swarm::engine::Engine;
use crate::swarm::{Remains, ServiceSeen, View};
use crate::units::Port;

pub(super) use crate::substrate::nodes::{BOOT, COMMAND, SHUTDOWN, all};

/// The engine's port on the management network.
pub(super) const API: u16 = 2375;

/// How long one question to an engine may take. An emulated engine that starts a container
/// answers within 3 s; twice that tells a hung one.
const QUESTION: Duration = Duration::from_secs(6);

/// How long QEMU may take for its own part in turning a machine on or off.
const PROCESS: Duration = Duration::from_secs(30);

/// The machines of a lab.
pub(super) type Machines = BTreeMap<String, Arc<Machine>>;

/// A swarm of virtual machines.
pub struct VmLab {
    pub(super) vm: Vm,
    pub(super) plan: Plan,
    pub(super) journal: Option<Journal>,
    pub(super) machines: Machines,
    pub(super) switch: Arc<std::sync::Mutex<Switch>>,
    /// Disks and sockets; removed at the end, after the machines.
    pub(super) folders: Workspace,
    /// True once the stack is in place, from a snapshot or by us.
    pub(super) deployed: Mutex<bool>,
    /// The snapshots that this swarm went on from or was saved as.
    pub(super) saved: Mutex<Vec<Snapshot>>,
    /// The engines that were asked anything; each keeps its connections.
    pub(super) engines: Mutex<BTreeMap<SocketAddr, Engine>>,
    /// One swarm at a time; released when the lab is gone.
    pub(super) _turn: std::fs::File,
}

impl VmLab {
    /// The longest that turning any machine on or off can take: a boot and what it is there for, or
    /// the end of its engine and its own.
    pub const POWER: Duration = BOOT
        .saturating_mul(2)
        .saturating_add(COMMAND)
        .saturating_add(PROCESS);

    /// A machine by name.
    pub(super) fn machine(&self, name: &str) -> Result<&Arc<Machine>, Trouble> {
        self.machines
            .get(name)
            .ok_or_else(|| Trouble(format!("there is no machine `{name}`")))
    }

    /// The LAN; a panic elsewhere does not stop it.
    pub(super) fn switch(&self) -> std::sync::MutexGuard<'_, Switch> {
        let locked = self.switch.lock();
        locked.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The loopback address that leads to a port of a machine, by the management network.
    ///
    /// # Errors
    /// When there is no such machine, or QEMU refuses the forward.
    pub async fn address(&self, machine: &str, port: u16) -> Result<SocketAddr, Trouble> {
        self.machine(machine)?.forward(port).await
    }

    /// Runs a shell command in a machine, by its guest agent.
    ///
    /// # Errors
    /// When there is no such machine, or its agent does not answer.
    pub async fn exec(&self, machine: &str, command: &str) -> Result<Ran, Trouble> {
        self.exec_with(machine, command, b"").await
    }

    /// The same with a standard input. What is secret belongs there: agents log commands.
    ///
    /// # Errors
    /// When there is no such machine, or its agent does not answer.
    pub async fn exec_with(
        &self,
        machine: &str,
        command: &str,
        input: &[u8],
    ) -> Result<Ran, Trouble> {
        let machine = self.machine(machine)?;
        machine.agent.run(command, input, COMMAND).await
    }

    /// What any machines with engines can be asked and told.
    pub(super) fn nodes(&self) -> &(dyn Nodes + '_) {
        self
    }
}

#[async_trait]
impl Nodes for VmLab {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    fn progress(&self) -> &Progress {
        &self.vm.progress
    }

    fn variables(&self) -> &BTreeMap<String, String> {
        &self.vm.images.facts.variables
    }

    /// While a fault holds it, nobody can tell what is open.
    fn elsewhere(&self) -> &'static str {
        "storage"
    }

    async fn engine(&self, node: &str) -> Result<Engine, ApiError> {
        let address = self.address(node, API).await;
        let address = address.map_err(|trouble| ApiError::Unreachable(trouble.0))?;
        let mut engines = self.engines.lock().await;
        if let Some(engine) = engines.get(&address) {
            return Ok(engine.clone());
        }
        let engine = Engine::connect(address, QUESTION)?;
        engines.insert(address, engine.clone());
        Ok(engine)
    }

    async fn address(&self, machine: &str, port: u16) -> Result<SocketAddr, Trouble> {
        self.machine(machine)?.forward(port).await
    }

    async fn run(
        &self,
        machine: &str,
        command: &str,
        input: &[u8],
        within: Duration,
    ) -> Result<Ran, Trouble> {
        let machine = self.machine(machine)?;
        machine.agent.run(command, input, within).await
    }

    async fn is_on(&self, machine: &str) -> bool {
        self.powered(machine).await
    }

    fn servers(&self) -> Option<Servers> {
        Some(Servers {
            export: EXPORT,
            exports: "systemctl is-active nfs-server && test -n \"$(exportfs -s)\"",
            balancer: "systemctl restart haproxy.service",
            registry: "systemctl restart docker-registry.service",
            listens: engine_files,
            engine: RESTART,
        })
    }

    async fn exchange(&self, node: &str) -> Result<(), Trouble> {
        self.next_engine(node).await
    }
}

#[async_trait]
impl Lab for VmLab {
    async fn deploy(&self) -> Result<(), Trouble> {
        let mut deployed = self.deployed.lock().await;
        if *deployed {
            return Ok(());
        }
        let nodes = self.nodes();
        if let Some(storage) = &self.plan.topology.storage {
            nodes.fill_share(storage).await?;
            self.export(storage).await?;
            self.mount_all(storage).await?;
        }
        nodes.set_up().await?;
        *deployed = true;
        Ok(())
    }

    async fn checkpoint(&self) -> Result<bool, Trouble> {
        self.keep(Moment::Steady).await
    }

    async fn distrust(&self) {
        self.distrust_saved().await;
    }

    async fn view(&self, manager: &str) -> Result<View, ApiError> {
        self.engine(manager)
            .await?
            .view(&self.nodes().services())
            .await
    }

    async fn service(&self, manager: &str, name: &str) -> Result<Option<ServiceSeen>, ApiError> {
        let name = self.nodes().full_name(name)?;
        self.engine(manager).await?.service(&name).await
    }

    async fn order(&self, manager: &str, order: &Order) -> Result<(), ApiError> {
        self.nodes().obey(manager, order).await
    }

    async fn containers(&self, node: &str) -> Result<Vec<ContainerSeen>, ApiError> {
        self.residents(node).await
    }

    async fn has_image(&self, node: &str, image: &str) -> Result<bool, ApiError> {
        self.nodes().lists(node, image).await
    }

    async fn runs(&self, node: &str) -> Result<crate::journal::Engine, ApiError> {
        self.version_of(node).await
    }

    async fn serves(&self, machine: &str) -> Result<(), ApiError> {
        match part(machine) {
            Some(part) => self.nodes().part_answers(machine, part).await,
            None => self.residents(machine).await.map(drop),
        }
    }

    async fn power_off(&self, node: &str, how: PowerOff) -> Result<(), Trouble> {
        let machine = self.machine(node)?;
        match how {
            PowerOff::Shutdown => {
                if part(node).is_none() {
                    self.stop_engine(node).await?;
                }
                machine.shut_down(SHUTDOWN).await
            }
            PowerOff::Cut => machine.cut().await,
        }
    }

    async fn power_on(&self, node: &str) -> Result<(), Trouble> {
        self.machine(node)?.boot().await?;
        match part(node) {
            Some(part) => self.nodes().part_serves(node, part).await,
            None => self.nodes().engine_answers(node).await,
        }
    }

    async fn powered(&self, node: &str) -> bool {
        match self.machine(node) {
            Ok(machine) => machine.powered().await,
            Err(_) => false,
        }
    }

    async fn ended(&self, machine: &str) -> Option<String> {
        self.machine(machine).ok()?.ended().await
    }

    async fn pause(&self, machine: &str, paused: bool) -> Result<(), Trouble> {
        self.freeze(machine, paused).await
    }

    async fn paused(&self, machine: &str) -> Result<bool, Trouble> {
        self.machine(machine)?.paused().await
    }

    async fn inward(&self, node: &str, act: &Inward) -> Result<(), Trouble> {
        self.act_inside(node, act).await
    }

    async fn vitals(&self, node: &str) -> Result<Vitals, String> {
        self.ask_vitals(node).await
    }

    async fn isolate(&self, node: &str, isolated: bool) -> Result<(), Trouble> {
        if self.switch().isolate(node, isolated) {
            Ok(())
        } else {
            Err(Trouble(format!("`{node}` is not on the switch")))
        }
    }

    async fn impose(&self, number: usize, rule: &Rule, in_force: bool) -> Result<(), Trouble> {
        self.set_rule(number, rule, in_force)
    }

    async fn tally(&self, number: usize) -> Tally {
        self.switch().tally(number)
    }

    async fn dial(&self, from: &str, to: &str, port: Port) -> Result<Dialled, String> {
        let address = self.lan_address(to);
        let address = address.ok_or_else(|| format!("`{to}` has no address on the LAN"))?;
        self.nodes().dialled(from, address, port).await
    }

    async fn frames(&self, node: &str) -> Traffic {
        self.switch().frames(node)
    }

    async fn get(&self, node: &str, port: u16, ask: &PageRequest) -> Answer {
        self.nodes().page(node, port, ask).await
    }

    async fn database(
        &self,
        node: &str,
        service: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Database>, NoSession> {
        self.nodes().session(node, service, deadline).await
    }

    async fn knock(&self, nodes: &[String], port: u16) -> Result<BTreeMap<String, Knock>, String> {
        self.nodes().knocked(nodes, port).await
    }

    async fn remains(&self, manager: &str, service: &str) -> Result<Remains, ApiError> {
        self.nodes().left_of(manager, service).await
    }

    async fn mounts(&self, node: &str, container: &str) -> Result<Vec<MountSeen>, String> {
        self.nodes().mounted(node, container).await
    }

    async fn shared_file(&self, node: &str, path: &str) -> Result<Option<String>, String> {
        self.nodes().read(node, path).await
    }

    async fn docker(&self, node: &str, call: &ClientCall) -> Result<ClientRan, String> {
        self.nodes().client(node, call).await
    }

    async fn last_words(&self, node: &str, container: &str) -> Vec<String> {
        match self.engine(node).await {
            Ok(engine) => engine.last_words(container, 10).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }

    async fn evidence(&self, machine: &str, since: Duration) -> Vec<Evidence> {
        self.shown(machine, since).await
    }

    async fn tear_down(&self) -> Result<(), Trouble> {
        let mut left: Vec<String> = Vec::new();
        for machine in self.machines.values() {
            if let Err(trouble) = machine.cut().await {
                left.push(trouble.0);
            }
        }
        // Its ports are sockets of ours.
        *self.switch() = Switch::new();
        left.extend(self.folders.remove());
        if left.is_empty() {
            Ok(())
        } else {
            Err(Trouble(left.join("; ")))
        }
    }
}
