//! Puts a lab together: networks, containers, engines, and a swarm of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use super::Dind;
use super::lab::{DindLab, ELSEWHERE};
use super::left::{self, COMPUTER, FOLDER, RUN, SWARM};
use super::machine::Machine;
use super::way::KEY;
use crate::journal::{Event, Journal, Resource};
use crate::plan::{LAN, Plan, STORAGE, Topology};
use crate::scenario::Part;
use crate::substrate::nodes::all;
use crate::substrate::nodes::guard::Guard;
use crate::substrate::nodes::key::key_pair;
use crate::substrate::nodes::part::part;
use crate::substrate::workspace::Workspace;
use crate::substrate::{Lab, Trouble};
use crate::swarm::engine::NewContainer;

/// Makes a plan's containers and swarm.
pub(super) async fn bring_up(
    dind: &Dind,
    plan: &Plan,
    journal: Option<&Journal>,
) -> Result<Arc<DindLab>, Trouble> {
    let turn = dind.turn().await?;
    make(dind, plan, journal, turn).await
}

/// The same, for who has the turn of this computer.
pub(super) async fn make(
    dind: &Dind,
    plan: &Plan,
    journal: Option<&Journal>,
    turn: std::fs::File,
) -> Result<Arc<DindLab>, Trouble> {
    let lab = Arc::new(lay_out(dind, plan, journal, turn).await?);
    match start(&lab).await {
        Ok(()) => Ok(lab),
        Err(trouble) => {
            let cleaned = lab.tear_down().await;
            let left = cleaned.err().map(|left| format!("; left behind: {left}"));
            Err(Trouble(format!("{trouble}{}", left.unwrap_or_default())))
        }
    }
}

/// Announces everything, and makes the folder whose lock says that we live.
async fn lay_out(
    dind: &Dind,
    plan: &Plan,
    journal: Option<&Journal>,
    turn: std::fs::File,
) -> Result<DindLab, Trouble> {
    let folders = Workspace::make(&dind.cache, journal)?;
    let name = folders.disks.file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    if let Some(journal) = journal {
        journal.record(Event::Creating(Resource::Labelled {
            engine: dind.address.clone(),
            swarm: name.clone(),
        }))?;
    }
    let key = key_pair(&folders.sockets.join(KEY)).await?;
    let mut machines = BTreeMap::new();
    for (machine, address) in addresses(&plan.topology) {
        if let Some(journal) = journal {
            let name = machine.to_owned();
            journal.record(Event::Creating(Resource::Machine { name }))?;
        }
        let made = Machine {
            container: format!("{name}-{machine}"),
            guard: Guard::new(machine, address, Vec::new()),
            way: OnceCell::new(),
        };
        machines.insert(machine.to_owned(), made);
    }
    let run = journal.map(|journal| journal.folder().display().to_string());
    Ok(DindLab {
        labels: labels(&name, &folders.disks, run),
        dind: dind.clone(),
        plan: plan.clone(),
        journal: journal.cloned(),
        console: journal.map(|journal| journal.folder().join("console")),
        name,
        machines,
        folders,
        key,
        deployed: Mutex::new(false),
        engines: Mutex::default(),
        _turn: turn,
    })
}

/// Every machine with its address on the LAN.
fn addresses(topology: &Topology) -> impl Iterator<Item = (&str, &str)> {
    let nodes = topology.nodes.iter();
    let nodes = nodes.map(|node| (node.name.as_str(), node.address.as_str()));
    let balancer = topology.balancer.iter();
    let balancer = balancer.map(|one| (one.name.as_str(), one.address.as_str()));
    let registry = topology.registry.iter();
    let registry = registry.map(|one| (one.name.as_str(), one.address.as_str()));
    let others = balancer.chain(registry).chain([(ELSEWHERE, STORAGE)]);
    nodes.chain(others)
}

/// What everything that is made carries.
fn labels(name: &str, folder: &Path, run: Option<String>) -> BTreeMap<String, String> {
    let all = [
        (SWARM, Some(name.to_owned())),
        (FOLDER, Some(folder.display().to_string())),
        (COMPUTER, Some(left::computer())),
        (RUN, run),
    ];
    let set = all
        .into_iter()
        .filter_map(|(label, value)| Some((label.to_owned(), value?)));
    set.collect()
}

/// Starts every container and forms the swarm.
async fn start(lab: &DindLab) -> Result<(), Trouble> {
    let progress = &lab.dind.progress;
    let step = progress.step(format!("start {} containers", lab.machines.len()));
    let about = |error| Trouble(format!("the engine `{}`: {error}", lab.dind.address));
    let host = lab.dind.host();
    let (lan, way) = (lab.lan(), lab.way());
    host.make_network(&lan, Some(LAN), &lab.labels)
        .await
        .map_err(about)?;
    host.make_network(&way, None, &lab.labels)
        .await
        .map_err(about)?;
    let starts = lab.machines.iter().map(|(name, machine)| async {
        let new = container(lab, name, machine);
        host.make_container(&new).await.map_err(about)?;
        host.join_network(&way, &machine.container)
            .await
            .map_err(about)?;
        lab.start(name).await
    });
    all(starts).await?;
    step.done();
    let step = progress.step("wait for the engines");
    let nodes = lab.nodes();
    let answers = lab.plan.node_names().map(|node| nodes.engine_answers(node));
    all(answers).await?;
    lab.has_its_addresses().await?;
    step.done();
    let step = progress.step("form the swarm");
    nodes.form().await?;
    step.done();
    Ok(())
}

/// A machine's container.
fn container(lab: &DindLab, name: &str, machine: &Machine) -> NewContainer {
    let (role, volume) = match part(name) {
        None => ("node", Some("/var/lib/docker")),
        Some(Part::Storage) => ("storage", Some("/data")),
        Some(Part::Registry) => ("registry", Some("/var/lib/docker")),
        Some(Part::Balancer) => ("balancer", None),
    };
    let env = [
        ("SEATRIAL_ROLE".to_owned(), role.to_owned()),
        ("SEATRIAL_SWARM".to_owned(), lab.name.clone()),
    ];
    NewContainer {
        name: machine.container.clone(),
        hostname: name.to_owned(),
        image: lab.dind.images.facts.node.clone(),
        command: Vec::new(),
        env: env.into(),
        labels: lab.labels.clone(),
        network: Some((lab.lan(), machine.guard.address.clone())),
        volume: volume.map(str::to_owned),
        memory: vec!["/run".to_owned()],
        rights: lab.dind.rights.clone(),
    }
}
