//! `upgrade`: every node gets another engine, one after the other.
//!
//! Here is what a node's turn is made of; the run takes the turns, for meanwhile the swarm has a
//! node less, and everybody who asks must know. What is to be as before is what managers, engines
//! and a machine on the LAN said before the first turn, never what a scenario hopes for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Ground, idle, unseen, within};
use crate::journal::{ApiError, Before, Engine, Engines, NodeSeen};
use crate::plan::{Plan, Role};
use crate::scenario::UpgradeOrder;
use crate::substrate::{Knock, Order};
use crate::wait::Look;

/// How long another machine may take to try a port on every node, should the place forget its
/// deadline: a command in an emulated guest gets 20 s.
const KNOCK: Duration = Duration::from_secs(30);

/// The nodes in the order of their turns; within a role as the plan has them.
pub fn in_order(plan: &Plan, order: UpgradeOrder) -> Vec<String> {
    let first = match order {
        UpgradeOrder::ManagersFirst => Role::Manager,
        UpgradeOrder::WorkersFirst => Role::Worker,
    };
    let nodes = || plan.topology.nodes.iter();
    let those = nodes().filter(|node| node.role == first);
    let others = nodes().filter(|node| node.role != first);
    those.chain(others).map(|node| node.name.clone()).collect()
}

/// What an upgrade must not change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Landscape {
    /// Every node, as the managers list it.
    pub nodes: Vec<NodeSeen>,
    /// What each runs.
    pub engines: Engines,
    /// The published ports that each accepts on the LAN.
    pub ports: BTreeMap<String, Vec<u16>>,
    /// How many tasks of each service run, whether or not a steady state asks for them.
    pub running: BTreeMap<String, usize>,
}

impl Landscape {
    /// Makes sure that a node runs another engine than before.
    ///
    /// # Errors
    /// When it does not, or does not say.
    pub fn is_another(&self, node: &str, now: &Engines) -> Result<(), String> {
        match (self.engines.get(node), now.get(node)) {
            (_, None) => Err("its engine does not say what it is".to_owned()),
            (Some(was), Some(is)) if was.engine == is.engine => {
                let Engine { engine, kernel } = is;
                Err(format!("it still runs docker {engine}, linux {kernel}"))
            }
            _ => Ok(()),
        }
    }

    /// What was there before, for an intent.
    pub fn before(&self) -> Before {
        Before {
            nodes: self.nodes.clone(),
            engines: self.engines.clone(),
            ports: self.ports.clone(),
            running: self.running.clone(),
            ..Before::default()
        }
    }
}

impl Ground<'_> {
    /// What there is before the first turn.
    ///
    /// # Errors
    /// When somebody does not say, or a node is not well: nobody could tell that it was the
    /// upgrade's doing.
    pub async fn landscape(&self) -> Result<Landscape, String> {
        let view = self.view().await.map_err(|error| error.to_string())?;
        for name in self.plan.node_names() {
            let listed = view.nodes.iter().find(|node| node.name == name);
            let well = |node: &&NodeSeen| is_ready(node) && node.availability == "active";
            if listed.filter(well).is_none() {
                return Err(format!(
                    "the managers do not list `{name}` as ready and active"
                ));
            }
        }
        let engines = self.engines().await;
        if let Some(silent) = self.plan.node_names().find(|n| !engines.contains_key(*n)) {
            return Err(format!("the engine of `{silent}` does not say what it is"));
        }
        let running = view.tasks.iter().map(|task| {
            let service = task.service.clone();
            let live = view.live(&service).count();
            (service, live)
        });
        Ok(Landscape {
            running: running.collect(),
            nodes: view.nodes,
            engines,
            ports: self.ports().await?,
        })
    }

    /// What every node runs; without those that do not say.
    pub async fn engines(&self) -> Engines {
        let asked = self.plan.node_names().map(|node| async move {
            let engine = within(self.lab.runs(node)).await.ok()?;
            Some((node.to_owned(), engine))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// The published ports that each node accepts, tried from another machine on the LAN.
    async fn ports(&self) -> Result<BTreeMap<String, Vec<u16>>, String> {
        let nodes: Vec<String> = self.plan.node_names().map(str::to_owned).collect();
        let mut accepted: BTreeMap<String, Vec<u16>> = BTreeMap::new();
        for port in published(self.plan) {
            for (node, knock) in self.knock(&nodes, port).await? {
                if knock == Knock::Accepted {
                    accepted.entry(node).or_default().push(port);
                }
            }
        }
        Ok(accepted)
    }

    /// What each of these nodes said to somebody who tried a port.
    async fn knock(&self, nodes: &[String], port: u16) -> Result<BTreeMap<String, Knock>, String> {
        let knocked = timeout(KNOCK, self.lab.knock(nodes, port)).await;
        let knocked = knocked.unwrap_or_else(|_| Err(format!("no answer within {KNOCK:?}")));
        knocked.map_err(|why| format!("port {port} could not be tried: {why}"))
    }

    /// Orders a node to take no tasks, or to take them again.
    ///
    /// # Errors
    /// When the order is refused, or nobody says whether it was taken.
    pub async fn set_drained(&self, node: &str, drain: bool) -> Result<(), ApiError> {
        let node = node.to_owned();
        self.order(&Order::Availability { node, drain }).await
    }

    /// Whether a node takes no tasks and its own engine runs none.
    pub async fn drained(&self, node: &str) -> Look<String> {
        match self.view().await {
            Err(error) => unseen(&error),
            Ok(view) => {
                let mut nodes = view.nodes.iter();
                match nodes.any(|one| one.name == node && one.availability == "drain") {
                    true => idle(self, node).await,
                    false => Look::NotYet(format!("the managers do not list `{node}` as drained")),
                }
            }
        }
    }

    /// Has a node's system disk exchanged; returns when its engine answers.
    ///
    /// # Errors
    /// What kept it from that.
    pub async fn exchange(&self, node: &str) -> Result<(), ApiError> {
        let order = Order::Exchange {
            node: node.to_owned(),
        };
        self.lab.order(node, &order).await
    }

    /// Whether the managers call a node ready, and reach it if it is one of them.
    pub async fn ready(&self, node: &str) -> Look<()> {
        match self.view().await {
            Err(error) => unseen(&error),
            Ok(view) => {
                let mut nodes = view.nodes.iter();
                match nodes.any(|one| one.name == node && is_ready(one)) {
                    true => Look::Holds(()),
                    false => Look::NotYet(format!("the managers do not call `{node}` ready")),
                }
            }
        }
    }

    /// Whether nodes, ports and services are as they were, whoever runs what.
    pub async fn as_before(&self, before: &Landscape) -> Look<String> {
        let view = match self.view().await {
            Ok(view) => view,
            Err(error) => return unseen(&error),
        };
        let mut wrong: Vec<String> = before
            .nodes
            .iter()
            .filter_map(|was| changed(was, &view.nodes))
            .collect();
        for (service, was) in &before.running {
            let is = view.live(service).count();
            // What does its work and ends is no loss; what was still starting is none either.
            let mut tasks = view.tasks.iter();
            let ends = tasks.any(|task| task.service == *service && task.state == "complete");
            if is < *was && !ends {
                wrong.push(format!(
                    "running tasks of `{service}`: {is}, and {was} before"
                ));
            }
        }
        let mut silent = Vec::new();
        let ports: BTreeSet<u16> = before.ports.values().flatten().copied().collect();
        for port in ports {
            let nodes = before.ports.iter();
            let nodes = nodes.filter(|(_, ports)| ports.contains(&port));
            let nodes: Vec<String> = nodes.map(|(node, _)| node.clone()).collect();
            let knocked = match self.knock(&nodes, port).await {
                Ok(knocked) => knocked,
                Err(why) => {
                    silent.push(why);
                    continue;
                }
            };
            for node in &nodes {
                match knocked.get(node) {
                    Some(Knock::Accepted) => {}
                    Some(Knock::Refused) => wrong.push(format!("`{node}` refuses port {port}")),
                    None => silent.push(format!("`{node}` says nothing on port {port}")),
                }
            }
        }
        // What is known to be wrong outweighs what nobody can see.
        if !wrong.is_empty() {
            return Look::NotYet(wrong.join("; "));
        }
        if !silent.is_empty() {
            return Look::CannotTell(silent.join("; "));
        }
        let ports: usize = before.ports.values().map(Vec::len).sum();
        let (nodes, services) = (before.nodes.len(), before.running.len());
        Look::Holds(format!(
            "{nodes} nodes, {ports} ports and {services} services as before"
        ))
    }
}

/// The ports that the plan's services publish.
fn published(plan: &Plan) -> BTreeSet<u16> {
    let services = plan.services();
    services
        .flat_map(|service| service.published.clone())
        .collect()
}

/// True for a node that is ready, and that the other managers reach if it is one of them.
fn is_ready(node: &NodeSeen) -> bool {
    let reachability = node.reachability.as_deref();
    node.state == "ready" && reachability.is_none_or(|word| word == "reachable")
}

/// What is otherwise about a node than it was; who leads may change.
fn changed(was: &NodeSeen, now: &[NodeSeen]) -> Option<String> {
    let name = &was.name;
    let Some(is) = now.iter().find(|node| node.id == was.id) else {
        return Some(format!("the managers do not list `{name}` any more"));
    };
    let words = |node: &NodeSeen| {
        let manages = match &node.reachability {
            Some(reachability) => format!("manager ({reachability})"),
            None => "worker".to_owned(),
        };
        let (state, availability) = (&node.state, &node.availability);
        format!("{state}, {availability}, {manages}")
    };
    let (before, after) = (words(was), words(is));
    (before != after).then(|| format!("`{name}` is {after}, and was {before}"))
}
