//! A swarm of containers, as the rest of the harness knows it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::Dind;
use super::left;
use super::machine::Machine;
use super::part::SERVERS;
use super::way::Way;
use crate::journal::{Answer, ApiError, ContainerSeen, Journal, Rule};
use crate::plan::Plan;
use crate::substrate::nodes::part::{Servers, part};
use crate::substrate::nodes::{Nodes, Ran};
use crate::substrate::workspace::Workspace;
use crate::substrate::{
    ClientCall, ClientRan, Database, Dialled, Evidence, Inward, Knock, Lab, MountSeen, NoSession,
    Order, PageRequest, PowerOff, Progress, Tally, Traffic, Trouble, Vitals,
};
use crate::swarm::engine::{ContainerState, Engine};
use crate::swarm::{self, Remains, ServiceSeen, View};
use crate::units::Port;

/// The machine that tries ports, whatever else it is there for.
pub(super) const ELSEWHERE: &str = "storage";

/// How long one question to a node's engine may take.
const QUESTION: Duration = Duration::from_secs(6);

/// A swarm of containers.
pub struct DindLab {
    pub(super) dind: Dind,
    pub(super) plan: Plan,
    pub(super) journal: Option<Journal>,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) machines: BTreeMap<String, Machine>,
    /// Where the machines' last words go.
    pub(super) console: Option<PathBuf>,
    /// Its lock says that we live.
    pub(super) folders: Workspace,
    /// The public half of the key that opens the machines.
    pub(super) key: String,
    pub(super) deployed: Mutex<bool>,
    pub(super) engines: Mutex<BTreeMap<String, Engine>>,
    /// One swarm at a time; released when the lab is gone.
    pub(super) _turn: std::fs::File,
}

impl DindLab {
    /// The network that the plan means.
    pub(super) fn lan(&self) -> String {
        format!("{}-lan", self.name)
    }

    /// The network that nobody breaks.
    pub(super) fn way(&self) -> String {
        format!("{}-way", self.name)
    }

    pub(super) fn nodes(&self) -> &(dyn Nodes + '_) {
        self
    }

    pub(super) fn machine(&self, name: &str) -> Result<&Machine, Trouble> {
        let found = self.machines.get(name);
        found.ok_or_else(|| Trouble(format!("there is no machine `{name}`")))
    }

    /// What the host's engine says of a machine.
    pub(super) async fn state(&self, machine: &str) -> Result<ContainerState, Trouble> {
        let container = &self.machine(machine)?.container;
        let state = self.dind.host().container_state(container).await;
        state.map_err(|error| Trouble(format!("`{machine}`: {error}")))
    }

    /// The way into a machine.
    async fn way_into(&self, name: &str) -> Result<&Way, Trouble> {
        let machine = self.machine(name)?;
        let host = self.dind.host();
        let who = (name, machine.container.as_str());
        let way = Way::make(host, who, &self.folders.sockets, &self.key);
        machine.way.get_or_try_init(|| way).await
    }

    /// Its address in the network that nobody breaks, while it runs.
    async fn on_the_way(&self, machine: &str) -> Result<IpAddr, Trouble> {
        let state = self.state(machine).await?;
        let way = state.addresses.get(&self.way());
        let way = way.and_then(|address| address.parse().ok());
        way.filter(|_| state.running && !state.paused)
            .ok_or_else(|| Trouble(format!("`{machine}` has no address: it does not run")))
    }
}

#[async_trait]
impl Nodes for DindLab {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    fn progress(&self) -> &Progress {
        &self.dind.progress
    }

    fn variables(&self) -> &BTreeMap<String, String> {
        &self.dind.images.facts.variables
    }

    fn elsewhere(&self) -> &'static str {
        ELSEWHERE
    }

    async fn engine(&self, node: &str) -> Result<Engine, ApiError> {
        let unreachable = |trouble: Trouble| ApiError::Unreachable(trouble.0);
        self.on_the_way(node).await.map_err(unreachable)?;
        let ssh = self.way_into(node).await.map_err(unreachable)?.ssh();
        ssh.connect().await.map_err(unreachable)?;
        let mut engines = self.engines.lock().await;
        if let Some(engine) = engines.get(node) {
            return Ok(engine.clone());
        }
        let engine = Engine::by(swarm::engine::Way::Unix(ssh.engine_socket()), QUESTION)?;
        engines.insert(node.to_owned(), engine.clone());
        Ok(engine)
    }

    async fn address(&self, machine: &str, port: u16) -> Result<SocketAddr, Trouble> {
        let to = SocketAddr::new(self.on_the_way(machine).await?, port);
        self.way_into(machine).await?.ssh().forward(to).await
    }

    async fn run(
        &self,
        machine: &str,
        command: &str,
        input: &[u8],
        within: Duration,
    ) -> Result<Ran, Trouble> {
        let container = &self.machine(machine)?.container;
        let host = self.dind.host().with_deadline(within);
        let ran = host
            .execute(container, &["/bin/sh", "-c", command], input)
            .await;
        let ran = ran.map_err(|error| Trouble(format!("`{command}` on `{machine}`: {error}")))?;
        Ok(Ran {
            code: ran.code,
            out: String::from_utf8_lossy(&ran.out).into_owned(),
            err: String::from_utf8_lossy(&ran.err).into_owned(),
        })
    }

    async fn is_on(&self, machine: &str) -> bool {
        self.powered(machine).await
    }

    fn servers(&self) -> Option<Servers> {
        Some(SERVERS)
    }
}

#[async_trait]
impl Lab for DindLab {
    async fn deploy(&self) -> Result<(), Trouble> {
        let mut deployed = self.deployed.lock().await;
        if *deployed {
            return Ok(());
        }
        let nodes = self.nodes();
        if let Some(storage) = &self.plan.topology.storage {
            nodes.fill_share(storage).await?;
            self.mount_all(storage).await?;
        }
        self.load().await?;
        nodes.set_up().await?;
        *deployed = true;
        Ok(())
    }

    async fn view(&self, manager: &str) -> Result<View, ApiError> {
        let services = self.nodes().services();
        self.engine(manager).await?.view(&services).await
    }

    async fn service(&self, manager: &str, name: &str) -> Result<Option<ServiceSeen>, ApiError> {
        let name = self.nodes().full_name(name)?;
        self.engine(manager).await?.service(&name).await
    }

    async fn order(&self, manager: &str, order: &Order) -> Result<(), ApiError> {
        self.nodes().obey(manager, order).await
    }

    async fn containers(&self, node: &str) -> Result<Vec<ContainerSeen>, ApiError> {
        let services = self.nodes().services();
        self.engine(node).await?.containers(&services).await
    }

    async fn has_image(&self, node: &str, image: &str) -> Result<bool, ApiError> {
        self.nodes().lists(node, image).await
    }

    async fn runs(&self, node: &str) -> Result<crate::journal::Engine, ApiError> {
        let version = self.engine(node).await?.version().await?;
        Ok(crate::journal::Engine {
            engine: version.engine,
            kernel: version.kernel,
        })
    }

    async fn serves(&self, machine: &str) -> Result<(), ApiError> {
        match part(machine) {
            Some(part) => self.nodes().part_answers(machine, part).await,
            None => self.containers(machine).await.map(drop),
        }
    }

    async fn power_off(&self, node: &str, how: PowerOff) -> Result<(), Trouble> {
        self.end(node, how).await
    }

    async fn power_on(&self, node: &str) -> Result<(), Trouble> {
        self.start(node).await?;
        match part(node) {
            Some(part) => self.nodes().part_serves(node, part).await,
            None => self.nodes().engine_answers(node).await,
        }
    }

    async fn powered(&self, node: &str) -> bool {
        self.state(node).await.is_ok_and(|state| state.running)
    }

    async fn pause(&self, machine: &str, paused: bool) -> Result<(), Trouble> {
        self.freeze(machine, paused).await
    }

    async fn paused(&self, machine: &str) -> Result<bool, Trouble> {
        self.frozen(machine).await
    }

    async fn inward(&self, node: &str, act: &Inward) -> Result<(), Trouble> {
        self.act_inside(node, act).await
    }

    async fn vitals(&self, node: &str) -> Result<Vitals, String> {
        self.ask_vitals(node).await
    }

    async fn isolate(&self, node: &str, isolated: bool) -> Result<(), Trouble> {
        self.machine(node)?.guard.shut(self.nodes(), isolated).await
    }

    async fn impose(&self, number: usize, rule: &Rule, in_force: bool) -> Result<(), Trouble> {
        self.set_rule(number, rule, in_force).await
    }

    async fn tally(&self, number: usize) -> Tally {
        self.counted_of(number).await
    }

    async fn dial(&self, from: &str, to: &str, port: Port) -> Result<Dialled, String> {
        let machine = self.machine(to).map_err(|trouble| trouble.0)?;
        self.nodes()
            .dialled(from, &machine.guard.address, port)
            .await
    }

    async fn frames(&self, node: &str) -> Traffic {
        match self.machine(node) {
            Ok(machine) => machine.guard.counted(self.nodes()).await,
            Err(_) => Traffic::default(),
        }
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

    async fn evidence(&self, machine: &str, _since: Duration) -> Vec<Evidence> {
        self.shown(machine).await
    }

    async fn tear_down(&self) -> Result<(), Trouble> {
        self.keep_last_words().await;
        for way in self.machines.values().filter_map(|one| one.way.get()) {
            way.close().await;
        }
        self.engines.lock().await.clear();
        let removed = left::remove(&self.dind.address, &self.name).await;
        let mut left = removed.failed;
        left.extend(self.folders.remove());
        match left.is_empty() {
            true => Ok(()),
            false => Err(Trouble(left.join("; "))),
        }
    }
}
