//! Puts a lab together: networks, containers, engines, and a swarm of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Mutex;

use super::Dind;
use super::lab::{DindLab, ELSEWHERE};
use super::left::{self, COMPUTER, FOLDER, RUN, SWARM};
use super::machine::Machine;
use crate::journal::{Event, Journal, Resource};
use crate::plan::Plan;
use crate::substrate::nodes::guard::Guard;
use crate::substrate::workspace::{Workspace, take_turn};
use crate::substrate::{Lab, Trouble};
use crate::swarm::engine::{NewContainer, Rights};

/// The LAN of every plan, see `plan::topology`.
const LAN: &str = "192.168.150.0/24";

/// The address of the machine that tries ports, which no plan gives to another.
const ELSEWHERE_ADDRESS: &str = "192.168.150.2";

/// Makes a plan's containers and swarm.
pub(super) async fn bring_up(
    dind: &Dind,
    plan: &Plan,
    journal: Option<&Journal>,
) -> Result<Arc<DindLab>, Trouble> {
    let turn = take_turn(&dind.cache, &dind.progress).await?;
    let lab = Arc::new(lay_out(dind, plan, journal, turn)?);
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
fn lay_out(
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
    let nodes = plan.topology.nodes.iter();
    let addresses = nodes.map(|node| (node.name.as_str(), node.address.as_str()));
    let mut machines = BTreeMap::new();
    for (machine, address) in addresses.chain([(ELSEWHERE, ELSEWHERE_ADDRESS)]) {
        if let Some(journal) = journal {
            let name = machine.to_owned();
            journal.record(Event::Creating(Resource::Machine { name }))?;
        }
        let container = format!("{name}-{machine}");
        let guard = Guard::new(machine, address, Vec::new());
        machines.insert(machine.to_owned(), Machine { container, guard });
    }
    let run = journal.map(|journal| journal.folder().display().to_string());
    Ok(DindLab {
        labels: labels(&name, &folders.disks, run),
        dind: dind.clone(),
        plan: plan.clone(),
        console: journal.map(|journal| journal.folder().join("console")),
        name,
        machines,
        folders,
        tunnels: Default::default(),
        deployed: Mutex::new(false),
        engines: Mutex::default(),
        _turn: turn,
    })
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
    all(join_all(starts).await)?;
    step.done();
    let step = progress.step("wait for the engines");
    let nodes = lab.nodes();
    let answers = lab.plan.node_names().map(|node| nodes.engine_answers(node));
    all(join_all(answers).await)?;
    step.done();
    let step = progress.step("form the swarm");
    nodes.form().await?;
    step.done();
    Ok(())
}

/// The first trouble, once all have ended.
pub(super) fn all(ends: Vec<Result<(), Trouble>>) -> Result<(), Trouble> {
    ends.into_iter().collect()
}

/// A machine's container. What is no node only waits for commands.
fn container(lab: &DindLab, name: &str, machine: &Machine) -> NewContainer {
    let node = name != ELSEWHERE;
    let env = [
        ("SEATRIAL_LAN".to_owned(), machine.guard.address.clone()),
        ("SEATRIAL_SWARM".to_owned(), lab.name.clone()),
    ];
    NewContainer {
        name: machine.container.clone(),
        hostname: name.to_owned(),
        image: lab.dind.images.facts.node.clone(),
        command: match node {
            true => Vec::new(),
            false => vec!["sleep".to_owned(), "infinity".to_owned()],
        },
        env: env.into(),
        labels: lab.labels.clone(),
        network: Some((lab.lan(), machine.guard.address.clone())),
        volume: node.then(|| "/var/lib/docker".to_owned()),
        memory: vec!["/run".to_owned()],
        rights: match node {
            true => lab.dind.rights.clone(),
            false => Rights::Usual,
        },
    }
}
