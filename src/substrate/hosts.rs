//! A swarm that is there already: hosts that are reached by SSH, and engines by their sockets or by
//! TLS. It is lent, not made, and is given back as it was.
//!
//! Nothing is touched before every host's owner was seen to allow it. Whatever is broken on a host
//! that host mends alone, when the harness is not heard any more or when it boots ([`lease`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::capability::Capabilities;
use crate::journal::{Event, Journal, Lent, Resource};
use crate::leavings;
use crate::plan::{Node, Plan};
use crate::substrate::nodes::guard::Guard;
use crate::substrate::nodes::residents::Residents;
use crate::substrate::nodes::share::tops;
use crate::substrate::workspace::{Workspace, here};
use crate::substrate::{Identity, Lab, Place, Progress, Trouble};

mod fleet;
mod hold;
mod inventory;
mod lab;
mod lease;
mod mark;
mod ours;
mod power;
mod rejoin;
mod restore;
mod share;
mod stacks;
mod survey;

pub use super::nodes::key::key_pair;
pub use inventory::{Host, Inventory, Power, Reach};
pub use lab::HostsLab;
pub use survey::OPT_IN;

use fleet::Fleet;
use lab::Keep;
use lease::Lease;
use survey::{Survey, survey};

/// A swarm that is there already, as it was seen before anything was touched.
#[derive(Clone)]
pub struct Hosts {
    inventory: Inventory,
    cache: PathBuf,
    progress: Progress,
    survey: Survey,
}

impl Hosts {
    /// Looks at all hosts of an inventory; changes nothing.
    ///
    /// # Errors
    /// Whatever forbids to touch this swarm, all of it.
    pub async fn find(
        inventory: Inventory,
        cache: &Path,
        progress: &Progress,
    ) -> Result<Self, Trouble> {
        let step = progress.step(format!("look at {} hosts", inventory.hosts.len()));
        let folders = Workspace::make(cache, None)?;
        let fleet = Fleet::new(&inventory, &folders.sockets);
        let found = survey(&fleet).await;
        fleet.close().await;
        let survey = found?;
        step.done();
        Ok(Self {
            inventory,
            cache: cache.to_owned(),
            progress: progress.clone(),
            survey,
        })
    }

    /// Its nodes, managers first.
    pub fn nodes(&self) -> &[Node] {
        &self.survey.nodes
    }

    /// What liveness budgets are multiplied by, as the inventory says.
    pub fn patience(&self) -> f64 {
        self.inventory.patience
    }

    /// The variables that stack files take their images from.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.inventory.images.clone()
    }

    /// What the swarm is before a run, and what the run will make in it.
    ///
    /// # Errors
    /// Whatever is there already that the run would take for its own, or another run.
    async fn lent(
        &self,
        plan: &Plan,
        fleet: &Fleet,
        survey: &Survey,
        owner: String,
    ) -> Result<Lent, Trouble> {
        if survey.nodes != plan.topology.nodes {
            let what = "the swarm's nodes are not those that the run was planned for".to_owned();
            return Err(Trouble(what));
        }
        let stacks: BTreeSet<String> = plan.stacks().map(|stack| stack.name.clone()).collect();
        let share: Vec<String> = tops(&plan.share).into_iter().map(str::to_owned).collect();
        survey::taken(fleet, survey, &stacks).await?;
        share::look(fleet, &share).await?;
        let addresses = survey.nodes.iter();
        let swarm = restore::swarm_of(fleet).await;
        Ok(Lent {
            inventory: self.inventory.path.display().to_string(),
            swarm: swarm.map_err(|error| Trouble(error.to_string()))?,
            owner,
            before: survey.settings.clone(),
            addresses: addresses
                .map(|node| (node.name.clone(), node.address.clone()))
                .collect(),
            stacks: stacks.into_iter().collect(),
            share,
        })
    }

    /// What is kept of each host.
    fn keeps(plan: &Plan) -> BTreeMap<String, Keep> {
        let nodes = &plan.topology.nodes;
        let keep = |node: &Node| {
            let peers = nodes.iter().filter(|other| other.name != node.name);
            let peers = peers.map(|other| other.address.clone()).collect();
            let keep = Keep {
                guard: Guard::new(&node.name, &node.address, peers),
                lease: Lease::default(),
                residents: Residents::default(),
            };
            (node.name.clone(), keep)
        };
        nodes.iter().map(keep).collect()
    }

    /// A journal's header has what was found, so a run of what came since would say what is not
    /// so.
    fn is_as_found(&self, now: &Survey) -> Result<(), Trouble> {
        let (was, is) = (&self.survey.versions, &now.versions);
        if was == is {
            return Ok(());
        }
        let told = |all: &BTreeMap<String, String>| {
            let all = all
                .iter()
                .map(|(name, version)| format!("{name} {version}"));
            all.collect::<Vec<_>>().join(", ")
        };
        Err(Trouble(format!(
            "the hosts were changed meanwhile, from {} to {}: run it again once that is over",
            told(was),
            told(is)
        )))
    }
}

#[async_trait]
impl Place for Hosts {
    fn capabilities(&self) -> Capabilities {
        self.survey.capabilities.clone()
    }

    fn identity(&self, _plan: &Plan) -> Identity {
        let images = self.inventory.images.values();
        Identity {
            place: "hosts".into(),
            accelerator: "none".into(),
            patience: self.patience(),
            versions: self.survey.versions.clone(),
            images: images
                .map(|image| (image.clone(), "unknown".into()))
                .collect(),
            started_from: "found".into(),
        }
    }

    async fn bring_up(&self, plan: &Plan, journal: &Journal) -> Result<Arc<dyn Lab>, Trouble> {
        let folders = Workspace::make(&self.cache, Some(journal))?;
        let fleet = Fleet::new(&self.inventory, &folders.sockets);
        let step = self.progress.step("connect to the hosts");
        // Time has passed: everything that forbids to touch this swarm is looked at again.
        let now = survey(&fleet).await?;
        self.is_as_found(&now)?;
        let owner = folders.disks.file_name().unwrap_or_default();
        let owner = owner.to_string_lossy().into_owned();
        let lent = self.lent(plan, &fleet, &now, owner).await?;
        journal.record(Event::Creating(Resource::Lent(Box::new(lent.clone()))))?;
        step.done();
        let lab = HostsLab {
            walls: now
                .capabilities
                .contains(&crate::capability::Capability::Isolation),
            keeps: Self::keeps(plan),
            fleet,
            plan: plan.clone(),
            journal: journal.clone(),
            progress: self.progress.clone(),
            lent,
            away: Default::default(),
            folders,
            deployed: Default::default(),
        };
        let step = self.progress.step("take the leases");
        for node in plan.node_names() {
            if let Err(trouble) = lab.hold(node).await {
                let left = lab.withdraw().await;
                let left = left.map(|left| format!("; left behind: {left}"));
                return Err(Trouble(format!("{trouble}{}", left.unwrap_or_default())));
            }
        }
        step.done();
        Ok(Arc::new(lab))
    }

    /// Beside what is on this computer, what is set in the swarm, and what is ours on its hosts.
    async fn inventory(&self) -> Result<BTreeSet<String>, Trouble> {
        let mut all = here(&self.cache)?;
        let folders = Workspace::make(&self.cache, None)?;
        let fleet = Fleet::new(&self.inventory, &folders.sockets);
        let found = restore::inventory(&fleet).await;
        fleet.close().await;
        all.extend(found?);
        Ok(all)
    }
}

/// Gives a swarm back that a run was lent whose harness is gone, by an inventory that somebody
/// names: that of the journal may be anybody's.
pub async fn give_back(lent: &Lent, inventory: &Path) -> leavings::Outcome {
    let failed = |why: String| leavings::Outcome {
        done: Vec::new(),
        failed: vec![why],
    };
    let inventory = match Inventory::read(inventory) {
        Ok(inventory) => inventory,
        Err(trouble) => return failed(trouble.0),
    };
    let sockets = match tempfile::Builder::new().prefix("seatrial-heal-").tempdir() {
        Ok(folder) => folder,
        Err(error) => return failed(format!("no folder for sockets: {error}")),
    };
    let fleet = Fleet::new(&inventory, sockets.path());
    let given = match ours::unmarked(&fleet, lent).await {
        true => leavings::Outcome {
            done: vec![
                "no host has the mark of this run: it changed nothing, or gave all back".into(),
            ],
            failed: Vec::new(),
        },
        false => restore::give_back(&fleet, lent).await,
    };
    fleet.close().await;
    given
}
