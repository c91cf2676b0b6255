//! A swarm that is there already, as the rest of the harness knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex as Plain;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::Mutex;

use super::fleet::Fleet;
use super::lease::Lease;
use super::power;
use super::restore::give_back;
use super::{share, stacks};
use crate::journal::{Answer, ApiError, ContainerSeen, Journal, Lent, Rule};
use crate::plan::Plan;
use crate::substrate::nodes::guard::Guard;
use crate::substrate::nodes::residents::Residents;
use crate::substrate::nodes::wall::Flow;
use crate::substrate::nodes::{Nodes, Ran};
use crate::substrate::workspace::Workspace;
use crate::substrate::{
    ClientCall, ClientRan, Database, Dialled, Evidence, Inward, Knock, Lab, MountSeen, NoSession,
    Order, PageRequest, PowerOff, Progress, Tally, Traffic, Trouble, Vitals,
};
use crate::swarm::engine::Engine;
use crate::swarm::{Remains, ServiceSeen, View};
use crate::units::Port;

/// What the harness keeps of one host.
pub(super) struct Keep {
    pub(super) guard: Guard,
    pub(super) lease: Lease,
    pub(super) residents: Residents,
}

/// A swarm that was lent to a run.
pub struct HostsLab {
    pub(super) fleet: Fleet,
    pub(super) plan: Plan,
    pub(super) journal: Journal,
    pub(super) progress: Progress,
    pub(super) lent: Lent,
    pub(super) keeps: BTreeMap<String, Keep>,
    /// True where hosts have a packet filter.
    pub(super) walls: bool,
    /// Hosts that were turned off or frozen, and so hold no lease.
    pub(super) away: Plain<BTreeSet<String>>,
    pub(super) folders: Workspace,
    pub(super) deployed: Mutex<bool>,
}

impl HostsLab {
    pub(super) fn nodes(&self) -> &(dyn Nodes + '_) {
        self
    }

    pub(super) fn keep(&self, node: &str) -> Result<&Keep, Trouble> {
        let keep = self.keeps.get(node);
        keep.ok_or_else(|| Trouble(format!("there is no host `{node}`")))
    }

    /// Deploys a stack, and has in writing that it is this run's: whoever gives the swarm back
    /// removes none by its name alone.
    async fn in_writing(
        &self,
        manager: &str,
        stack: &str,
        deploy: impl Future<Output = Result<(), Trouble>> + Send,
    ) -> Result<(), Trouble> {
        stacks::announce(&self.fleet, manager, stack).await?;
        deploy.await?;
        stacks::note(&self.fleet, manager, stack).await
    }
}

#[async_trait]
impl Nodes for HostsLab {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn journal(&self) -> Option<&Journal> {
        Some(&self.journal)
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn variables(&self) -> &BTreeMap<String, String> {
        &self.fleet.inventory.images
    }

    /// There is none: ports are tried by another node, see `knock`.
    fn elsewhere(&self) -> &'static str {
        "elsewhere"
    }

    async fn engine(&self, node: &str) -> Result<Engine, ApiError> {
        self.fleet.engine(node).await
    }

    async fn address(&self, node: &str, port: u16) -> Result<SocketAddr, Trouble> {
        let address = &self.keep(node)?.guard.address;
        let ip: Result<IpAddr, _> = address.parse();
        let ip = ip.map_err(|error| Trouble(format!("`{address}` of `{node}`: {error}")))?;
        self.fleet.reach(node, SocketAddr::new(ip, port)).await
    }

    async fn run(
        &self,
        machine: &str,
        command: &str,
        input: &[u8],
        within: Duration,
    ) -> Result<Ran, Trouble> {
        self.fleet.run(machine, command, input, within).await
    }

    async fn is_on(&self, machine: &str) -> bool {
        self.powered(machine).await
    }
}

#[async_trait]
impl Lab for HostsLab {
    async fn deploy(&self) -> Result<(), Trouble> {
        let mut deployed = self.deployed.lock().await;
        if !*deployed {
            share::fill(&self.fleet, &self.plan.share, &self.lent).await?;
            if let Some(stack) = &self.plan.stack {
                let manager = &self.plan.topology.nodes[0].name;
                let deploy = self.nodes().deploy_stack();
                self.in_writing(manager, &stack.name, deploy).await?;
            }
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
        let Order::Deploy(stack) = order else {
            return self.nodes().obey(manager, order).await;
        };
        let deploy = self.nodes().take_stack(manager, stack);
        let deployed = self.in_writing(manager, &stack.name, deploy).await;
        deployed.map_err(|trouble| ApiError::TimedOut(trouble.0))
    }

    async fn containers(&self, node: &str) -> Result<Vec<ContainerSeen>, ApiError> {
        let keep = self.keep(node);
        let keep = keep.map_err(|trouble| ApiError::Unreachable(trouble.0))?;
        keep.residents.ask(self.nodes(), node).await
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
        self.turn_off(node, how).await
    }

    async fn power_on(&self, node: &str) -> Result<(), Trouble> {
        self.turn_on(node).await
    }

    /// As its switch says. Where nobody can tell, it counts as on: then no fault is confirmed.
    async fn powered(&self, node: &str) -> bool {
        let power = self
            .fleet
            .host(node)
            .ok()
            .and_then(|host| host.power.as_ref());
        match power {
            Some(power) => power::status(&power.status).await.unwrap_or(true),
            None => true,
        }
    }

    async fn pause(&self, machine: &str, paused: bool) -> Result<(), Trouble> {
        self.freeze(machine, paused).await
    }

    /// As its engine says: one that answers is not frozen, one that has power and is silent is.
    async fn paused(&self, machine: &str) -> Result<bool, Trouble> {
        if !self.powered(machine).await {
            return Err(Trouble(format!("`{machine}` has no power")));
        }
        let pinged = async { self.engine(machine).await?.ping().await };
        match pinged.await {
            Ok(()) => Ok(false),
            Err(ApiError::Unreachable(_) | ApiError::TimedOut(_)) => Ok(true),
            Err(error) => Err(Trouble(format!("`{machine}`: {error}"))),
        }
    }

    async fn inward(&self, node: &str, act: &Inward) -> Result<(), Trouble> {
        self.held(node).await?;
        self.nodes().act_by_systemd(node, act).await
    }

    async fn vitals(&self, node: &str) -> Result<Vitals, String> {
        self.held(node).await.map_err(|trouble| trouble.0)?;
        self.nodes().vitals_by_systemd(node).await
    }

    async fn isolate(&self, node: &str, isolated: bool) -> Result<(), Trouble> {
        self.held(node).await?;
        self.keep(node)?.guard.shut(self.nodes(), isolated).await
    }

    async fn impose(&self, number: usize, rule: &Rule, in_force: bool) -> Result<(), Trouble> {
        self.held(&rule.node).await?;
        let address = |peer: &String| Ok(self.keep(peer)?.guard.address.clone());
        let mut flow = Flow::of(rule, address, in_force)?;
        if flow.peers.is_empty() {
            // Whoever else is on this network is none of ours.
            let others = self.keeps.iter().filter(|(name, _)| **name != rule.node);
            flow.peers = others.map(|(_, keep)| keep.guard.address.clone()).collect();
        }
        let guard = &self.keep(&rule.node)?.guard;
        guard.watch(self.nodes(), number, flow).await
    }

    async fn tally(&self, number: usize) -> Tally {
        for (node, keep) in &self.keeps {
            if let Some(tally) = keep.guard.tally(self.nodes(), number).await {
                // A host that has mended itself counts nothing that is meant.
                return match self.held(node).await {
                    Ok(()) => tally,
                    Err(_) => Tally::default(),
                };
            }
        }
        Tally::default()
    }

    async fn dial(&self, from: &str, to: &str, port: Port) -> Result<Dialled, String> {
        let keep = self.keep(to).map_err(|trouble| trouble.0)?;
        self.nodes().dialled(from, &keep.guard.address, port).await
    }

    async fn frames(&self, node: &str) -> Traffic {
        let Ok(keep) = self.keep(node) else {
            return Traffic::default();
        };
        match self.is_away(node) {
            true => keep.guard.last().await,
            false => {
                // Said in the journal, where it makes the run unknown.
                let _ = self.held(node).await;
                keep.guard.counted(self.nodes()).await
            }
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
        let knocks = nodes.iter().map(|node| async move {
            let other = self.plan.node_names().find(|other| other != node);
            let other = other.ok_or("there is no other node to try from")?;
            let dialled = self.dial(other, node, Port::tcp(port)).await?;
            Ok::<_, String>((node.clone(), dialled.answer))
        });
        let mut answers = BTreeMap::new();
        for knock in join_all(knocks).await {
            let (node, answer) = knock?;
            answers.extend(answer.map(|answer| (node, answer)));
        }
        Ok(answers)
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
        match self.keeps.contains_key(machine) {
            true => self.nodes().shown(machine, true, since).await,
            false => Vec::new(),
        }
    }

    async fn tear_down(&self) -> Result<(), Trouble> {
        // Whatever a host does not hear it does by itself, and is looked at below.
        join_all(self.keeps.values().map(|keep| keep.lease.end())).await;
        let restored = give_back(&self.fleet, &self.lent).await;
        self.fleet.close().await;
        let mut left = restored.failed;
        left.extend(self.folders.remove());
        match left.is_empty() {
            true => Ok(()),
            false => Err(Trouble(left.join("; "))),
        }
    }
}
