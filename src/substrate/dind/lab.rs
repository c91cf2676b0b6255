//! A swarm of containers, as the rest of the harness knows it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::Dind;
use super::left;
use super::machine::Machine;
use super::tunnel::Tunnels;
use crate::journal::{Answer, ApiError, ContainerSeen, Rule};
use crate::plan::Plan;
use crate::remote::database::MySql;
use crate::remote::page;
use crate::substrate::nodes::{COMMAND, Nodes, Ran};
use crate::substrate::workspace::Workspace;
use crate::substrate::{
    ClientCall, ClientRan, Database, Dialled, Evidence, Inward, Knock, Lab, MountSeen, Order,
    PageRequest, PowerOff, Tally, Trouble, Vitals,
};
use crate::swarm::engine::{ContainerState, Engine};
use crate::swarm::{Remains, ServiceSeen, View};
use crate::units::Port;
use crate::wait::{Look, until};

/// The machine that tries ports: a container without an engine.
pub(super) const ELSEWHERE: &str = "elsewhere";

/// The engine's port on the way in.
const API: u16 = 2375;

/// How long one question to a node's engine may take.
const QUESTION: Duration = Duration::from_secs(6);

/// Seconds that a node may take to stop its engine and all containers: that of `docker stop` for
/// each of them is 10 s, and they are stopped together.
const SHUTDOWN_S: u16 = 90;

/// A swarm of containers.
pub struct DindLab {
    pub(super) dind: Dind,
    pub(super) plan: Plan,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) machines: BTreeMap<String, Machine>,
    /// Where the machines' last words go.
    pub(super) console: Option<PathBuf>,
    /// Its lock says that we live.
    pub(super) folders: Workspace,
    pub(super) tunnels: Tunnels,
    pub(super) deployed: Mutex<bool>,
    pub(super) engines: Mutex<BTreeMap<SocketAddr, Engine>>,
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
    async fn state(&self, machine: &str) -> Result<ContainerState, Trouble> {
        let container = &self.machine(machine)?.container;
        let state = self.dind.host().container_state(container).await;
        state.map_err(|error| Trouble(format!("`{machine}`: {error}")))
    }

    /// Starts a machine, if it does not run, and raises its packet filter anew.
    pub(super) async fn start(&self, name: &str) -> Result<(), Trouble> {
        if self.state(name).await?.running {
            return Ok(());
        }
        let machine = self.machine(name)?;
        let started = self.dind.host().start_container(&machine.container).await;
        started.map_err(|error| Trouble(format!("`{name}` does not start: {error}")))?;
        if name == ELSEWHERE {
            return Ok(());
        }
        machine.guard.raise(self.nodes()).await
    }

    /// The loopback address that leads to a port of a node.
    async fn address(&self, node: &str, port: u16) -> Result<SocketAddr, Trouble> {
        let state = self.state(node).await?;
        let way = state.addresses.get(&self.way());
        let way = way.and_then(|address| address.parse().ok());
        let Some(way) = way.filter(|_| state.running && !state.paused) else {
            return Err(Trouble(format!("`{node}` has no address: it does not run")));
        };
        let container = &self.machine(node)?.container;
        let to = SocketAddr::new(way, port);
        self.tunnels.to(self.dind.host(), container, to).await
    }
}

#[async_trait]
impl Nodes for DindLab {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn variables(&self) -> &BTreeMap<String, String> {
        &self.dind.images.facts.variables
    }

    fn elsewhere(&self) -> &'static str {
        ELSEWHERE
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
}

#[async_trait]
impl Lab for DindLab {
    async fn deploy(&self) -> Result<(), Trouble> {
        let mut deployed = self.deployed.lock().await;
        if !*deployed {
            self.load().await?;
            self.nodes().deploy_stack().await?;
            *deployed = true;
        }
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

    async fn power_off(&self, node: &str, how: PowerOff) -> Result<(), Trouble> {
        let machine = self.machine(node)?;
        // What was counted goes with the machine.
        machine.guard.counted(self.nodes()).await;
        let host = self.dind.host().with_deadline(Duration::from_secs(150));
        let off = match how {
            PowerOff::Shutdown => host.stop_container(&machine.container, SHUTDOWN_S).await,
            PowerOff::Cut => host.kill_container(&machine.container).await,
        };
        off.map_err(|error| Trouble(format!("`{node}`: {error}")))?;
        let look = || async {
            match self.state(node).await {
                Ok(state) if !state.running => Look::Holds(()),
                Ok(_) => Look::NotYet("its container runs".to_owned()),
                Err(trouble) => Look::CannotTell(trouble.0),
            }
        };
        let pace = Duration::from_millis(100);
        until(format!("the end of `{node}`"), COMMAND, pace, look)
            .await
            .map_err(|late| Trouble(late.to_string()))
    }

    async fn power_on(&self, node: &str) -> Result<(), Trouble> {
        self.start(node).await?;
        self.nodes().engine_answers(node).await
    }

    async fn powered(&self, node: &str) -> bool {
        self.state(node).await.is_ok_and(|state| state.running)
    }

    async fn pause(&self, machine: &str, paused: bool) -> Result<(), Trouble> {
        if self.paused(machine).await? == paused {
            return Ok(());
        }
        let found = self.machine(machine)?;
        if paused {
            // A frozen machine cannot be asked.
            found.guard.counted(self.nodes()).await;
        }
        let ordered = self
            .dind
            .host()
            .pause_container(&found.container, paused)
            .await;
        ordered.map_err(|error| Trouble(format!("`{machine}`: {error}")))
    }

    async fn paused(&self, machine: &str) -> Result<bool, Trouble> {
        let state = self.state(machine).await?;
        match state.running {
            true => Ok(state.paused),
            false => Err(Trouble(format!("`{machine}` does not run"))),
        }
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

    async fn frames(&self, node: &str) -> (u64, u64) {
        match self.machine(node) {
            Ok(machine) => machine.guard.counted(self.nodes()).await,
            Err(_) => (0, 0),
        }
    }

    async fn get(&self, node: &str, port: u16, ask: &PageRequest) -> Answer {
        match self.address(node, port).await {
            Ok(address) => page::get(address, ask).await,
            Err(trouble) => Answer::Failed(trouble.0),
        }
    }

    async fn database(
        &self,
        node: &str,
        service: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Database>, String> {
        let Some(service) = self.plan.service(service) else {
            return Err(format!("there is no service `{service}`"));
        };
        let Some(port) = service.published.first() else {
            return Err(format!("`{}` publishes no port", service.name));
        };
        let address = self.address(node, *port).await;
        let address = address.map_err(|trouble| trouble.0)?;
        let session = MySql::connect(address, service.root_password.as_deref(), deadline).await?;
        Ok(Box::new(session))
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
        self.tunnels.close().await;
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
