//! Puts a lab together: disks, sockets, switch, machines, and a swarm of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::process::Command;
use tokio::sync::Mutex;

use super::Vm;
use super::lab::{COMMAND, Machines, VmLab, all};
use super::machine::{Machine, Spec, lan_socket};
use super::prepare::make_folder;
use super::share::EXPORT;
use super::snapshot::Moment;
use super::switch::Switch;
use crate::journal::{Event, Journal, Resource};
use crate::plan::{Plan, STORAGE};
use crate::scenario::Target;
use crate::substrate::Trouble;
use crate::substrate::workspace::{Workspace, take_turn};

/// Memory of a node and of every other machine, in MiB. 1.5 GiB a node is what the engine,
/// MariaDB and a kernel were seen to live in without swapping.
const NODE_MEMORY: u32 = 1536;
const PART_MEMORY: u32 = 512;

/// Makes a plan's machines and swarm: from the latest snapshot there is, else from nothing.
pub(super) async fn bring_up(
    vm: &Vm,
    plan: &Plan,
    journal: Option<&Journal>,
) -> Result<Arc<VmLab>, Trouble> {
    let turn = take_turn(&vm.cache, &vm.progress).await?;
    let lab = Arc::new(lay_out(vm, plan, journal, turn)?);
    match start(&lab).await {
        Ok(()) => Ok(lab),
        Err(trouble) => {
            use crate::substrate::Lab;
            let cleaned = lab.tear_down().await;
            let left = cleaned.err().map(|left| format!("; left behind: {left}"));
            Err(Trouble(format!("{trouble}{}", left.unwrap_or_default())))
        }
    }
}

/// Turns the machines on.
async fn start(lab: &VmLab) -> Result<(), Trouble> {
    let saved = lab.vm.shelf.latest(&lab.plan, &lab.vm.images.facts);
    match saved.filter(|_| !lab.vm.fresh) {
        Some((Moment::Booted, snapshot)) => lab.restore(Moment::Booted, snapshot).await?,
        Some((moment, snapshot)) => {
            *lab.deployed.lock().await = moment == Moment::Steady;
            return lab.restore(moment, snapshot).await;
        }
        None => {
            boot(lab).await?;
            lab.keep(Moment::Booted).await?;
        }
    }
    let step = lab.vm.progress.step("form the swarm");
    lab.nodes().form().await?;
    step.done();
    lab.keep(Moment::Formed).await.map(drop)
}

/// Makes folders, switch and machines, all without power.
fn lay_out(
    vm: &Vm,
    plan: &Plan,
    journal: Option<&Journal>,
    turn: std::fs::File,
) -> Result<VmLab, Trouble> {
    let folders = Workspace::make(&vm.cache, journal)?;
    let (disks, sockets) = (&folders.disks, &folders.sockets);
    let consoles =
        journal.map_or_else(|| disks.clone(), |journal| journal.folder().join("console"));
    make_folder(&consoles)?;
    let mut switch = Switch::new();
    let mut machines = Machines::new();
    for spec in specs(vm, plan, disks, sockets, &consoles) {
        if let Some(journal) = journal {
            journal.record(Event::Creating(Resource::Machine {
                name: spec.name.clone(),
            }))?;
        }
        switch
            .add_port(&spec.name, &lan_socket(sockets, &spec.name))
            .map_err(|error| Trouble(format!("no port for `{}`: {error}", spec.name)))?;
        machines.insert(spec.name.clone(), Arc::new(Machine::new(spec)));
    }
    Ok(VmLab {
        vm: vm.clone(),
        plan: plan.clone(),
        journal: journal.cloned(),
        machines,
        switch: Arc::new(std::sync::Mutex::new(switch)),
        folders,
        deployed: Mutex::new(false),
        saved: Mutex::default(),
        engines: Mutex::default(),
        _turn: turn,
    })
}

/// What each machine of a plan is made of. The storage machine is always there, so that one
/// snapshot of a formed swarm serves every version of NFS; the balancer and the registry only if
/// the plan has them.
fn specs(vm: &Vm, plan: &Plan, disks: &Path, sockets: &Path, consoles: &Path) -> Vec<Spec> {
    let storage = ("storage", STORAGE);
    let nodes = plan
        .topology
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.address.as_str()));
    let balancer = plan.topology.balancer.iter();
    let registry = plan.topology.registry.iter();
    let parts = balancer
        .map(|one| (one.name.as_str(), one.address.as_str()))
        .chain(registry.map(|one| (one.name.as_str(), one.address.as_str())))
        .chain([storage]);
    let role = |name: &str| match Target::from_word(name) {
        Target::Part(part) => part.name(),
        _ => "node",
    };
    let all: BTreeMap<&str, &str> = nodes.chain(parts).collect();
    let hosts: Vec<String> = all
        .iter()
        .map(|(name, address)| format!("{address}={name}"))
        .collect();
    let spec = |(name, address): (&&str, &&str)| {
        let disk = |disk: &str| disks.join(format!("{name}.{disk}.qcow2"));
        Spec {
            name: (*name).to_owned(),
            role: role(name),
            lan: format!("{address}/24"),
            number: address
                .rsplit('.')
                .next()
                .and_then(|last| last.parse().ok())
                .unwrap_or(1),
            hosts: hosts.join(","),
            memory: match role(name) {
                "node" => vm.memory.unwrap_or(NODE_MEMORY),
                _ => PART_MEMORY,
            },
            accelerator: vm.images.facts.accelerator,
            kernel: vm.images.kernel(),
            initrd: vm.images.initrd(),
            disks: vec![disk("system"), disk("state")],
            sockets: sockets.into(),
            console: consoles.join(format!("{name}.log")),
        }
    };
    all.iter().map(spec).collect()
}

/// Boots every machine from the images.
async fn boot(lab: &VmLab) -> Result<(), Trouble> {
    let step = lab
        .vm
        .progress
        .step(format!("boot {} machines", lab.machines.len()));
    let images = &lab.vm.images;
    let boots = lab.machines.values().map(|machine| async move {
        let state = match machine.spec.role {
            "node" => images.node_state(),
            _ => images.storage_state(),
        };
        overlay(&images.system(), &machine.spec.disks[0]).await?;
        overlay(&state, &machine.spec.disks[1]).await?;
        machine.boot().await
    });
    all(boots).await?;
    step.done();
    let step = lab.vm.progress.step("wait for engines and storage");
    let storage = lab
        .machines
        .values()
        .filter(|machine| machine.spec.role == "storage");
    for machine in storage {
        machine.agent.sh(EXPORT, COMMAND).await?;
    }
    all(lab
        .plan
        .node_names()
        .map(|node| lab.nodes().engine_answers(node)))
    .await?;
    lab.rehearse_mounts().await?;
    step.done();
    Ok(())
}

/// Creates a disk that is written to, on one that is not.
pub(super) async fn overlay(base: &Path, overlay: &PathBuf) -> Result<(), Trouble> {
    let mut command = Command::new("qemu-img");
    command
        .args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"])
        .arg(base)
        .arg(overlay);
    let out = command.stdin(Stdio::null()).output().await;
    let out = out.map_err(|error| Trouble(format!("cannot run `qemu-img`: {error}")))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
    Err(Trouble(format!(
        "cannot create `{}`: {said}",
        overlay.display()
    )))
}
