//! Virtual machines: a swarm with its own kernels, disks, clocks and network, made without root.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::capability::{self, Capabilities, Capability};
use crate::journal::{Journal, UPGRADED};
use crate::plan::Plan;
use crate::substrate::workspace::here;
use crate::substrate::{Identity, Lab, Place, Trouble};

mod accelerator;
mod agent;
mod api;
pub(super) mod archive;
mod assemble;
mod clock;
mod evidence;
mod exchange;
mod export;
mod flow;
mod inward;
mod lab;
mod machine;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod noise;
pub(super) mod prepare;
mod qmp;
mod residents;
mod share;
mod shelf;
mod snapshot;
mod still;
mod switch;

pub use super::nodes::Ran;
pub use super::progress::Progress;
pub use exchange::Spoil;
pub use lab::VmLab;
pub use prepare::{Images, Release, prepare};
pub use shelf::weigh;

use exchange::Next;
use shelf::Shelf;
use snapshot::Moment;

/// Seconds from power to an answer of the engine that need no patience. Budgets are multiplied by
/// how much longer it really took, see [`Vm::patience`].
const PROMPT_BOOT_SECONDS: f64 = 15.0;

/// Swarm's own timers are not stretched, so no place is given more than this.
const PATIENCE_MAX: f64 = 2.5;

/// This machine, as a place where swarms of virtual machines can run.
#[derive(Clone)]
pub struct Vm {
    images: Images,
    cache: PathBuf,
    shelf: Shelf,
    progress: Progress,
    fresh: bool,
    /// Memory of a node in MiB, where it is not the usual.
    memory: Option<u32>,
    /// What nodes can be upgraded to.
    next: Option<Next>,
}

impl Vm {
    /// The place, with images that were prepared. `fresh` starts from nothing, whatever is saved.
    pub fn new(images: Images, cache: &Path, progress: Progress, fresh: bool) -> Self {
        let shelf = Shelf::new(cache);
        Self {
            images,
            cache: cache.into(),
            shelf,
            progress,
            fresh,
            memory: None,
            next: None,
        }
    }

    /// The same place, with so many MiB of memory for each node. Swarms of such machines start
    /// from nothing and are not saved.
    #[must_use]
    pub fn with_memory(self, memory: u32) -> Self {
        Self {
            fresh: true,
            memory: Some(memory),
            ..self
        }
    }

    /// The same place, with images that its nodes can be upgraded to; spoilt on purpose to see
    /// that it is noticed.
    #[must_use]
    pub fn upgrading_to(self, images: Images, spoil: Option<Spoil>) -> Self {
        Self {
            next: Some(Next { images, spoil }),
            ..self
        }
    }

    /// What liveness budgets are multiplied by here: how many times longer than 15 s a machine
    /// took to boot when the images were prepared; at least 1, at most 2.5.
    pub fn patience(&self) -> f64 {
        let times = self.images.facts.boot_seconds / PROMPT_BOOT_SECONDS;
        (times.clamp(1.0, PATIENCE_MAX) * 10.0).round() / 10.0
    }

    /// The variables that stack files take their images from.
    pub fn variables(&self) -> std::collections::BTreeMap<String, String> {
        self.images.facts.variables.clone()
    }

    /// What machines can do whose next engine is there too.
    pub fn at_best() -> Capabilities {
        capability::all()
    }

    /// Makes a lab, with a journal or, for a swarm that is only to be used, without one.
    ///
    /// # Errors
    /// When the lab cannot be made; whatever was made is removed again.
    pub async fn lab(&self, plan: &Plan, journal: Option<&Journal>) -> Result<Arc<VmLab>, Trouble> {
        assemble::bring_up(self, plan, journal).await
    }
}

#[async_trait]
impl Place for Vm {
    fn capabilities(&self) -> Capabilities {
        let upgrade = self.next.is_some();
        let able = |one: &Capability| upgrade || *one != Capability::Upgrade;
        Self::at_best().into_iter().filter(able).collect()
    }

    fn identity(&self, plan: &Plan) -> Identity {
        let facts = &self.images.facts;
        let versions = [
            ("docker", &facts.engine),
            ("linux", &facts.kernel),
            ("qemu", &facts.qemu),
        ];
        let next = self.next.iter().filter(|_| plan.upgrades());
        let next = next.map(|next| (UPGRADED, &next.images.facts.engine));
        let saved = self.shelf.latest(plan, facts).filter(|_| !self.fresh);
        let started_from = match saved {
            Some((Moment::Steady, saved)) => format!("snapshot {} of the steady state", saved.key),
            Some((Moment::Formed, saved)) => format!("snapshot {} of the formed swarm", saved.key),
            Some((Moment::Booted, saved)) => format!("snapshot {} of the machines", saved.key),
            None => "cold".to_owned(),
        };
        Identity {
            place: "vm".into(),
            accelerator: facts.accelerator.to_string(),
            patience: self.patience(),
            versions: versions
                .into_iter()
                .chain(next)
                .map(|(name, version)| (name.into(), version.clone()))
                .collect(),
            images: facts.images.clone(),
            started_from,
        }
    }

    async fn bring_up(&self, plan: &Plan, journal: &Journal) -> Result<Arc<dyn Lab>, Trouble> {
        let lab: Arc<dyn Lab> = self.lab(plan, Some(journal)).await?;
        Ok(lab)
    }

    async fn inventory(&self) -> Result<BTreeSet<String>, Trouble> {
        here(&self.cache)
    }
}
