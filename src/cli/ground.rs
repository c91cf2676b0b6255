//! The places that a scenario can be put on, and what they mean for its plan.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;
use seatrial::plan::Options;
use seatrial::substrate::dind::{self, Dind, NodeImages};
use seatrial::substrate::sim::Sim;
use seatrial::substrate::vm::{self, Images, Vm};
use seatrial::substrate::{Place, Progress};
use tokio::runtime::Runtime;

use super::engine;

/// The places by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum On {
    /// Virtual machines on this computer
    Vm,
    /// Containers of a Docker engine
    Dind,
    /// A few lines of memory, for tests of the harness: never a verdict about Swarm
    #[value(hide = true)]
    Sim,
}

/// A place, as far as it is ready.
pub(super) enum Ground {
    /// Machines could start now.
    Vm(Box<Vm>),
    /// The images are not built yet, so nothing was measured.
    Unprepared,
    /// Containers could start now.
    Dind(Box<Dind>),
    /// No swarm of containers was tried on this engine yet, so nobody knows what it can do.
    Untried,
    /// Memory.
    Sim(Sim),
}

impl Ground {
    /// What there is of a place; changes nothing.
    pub(super) fn find(on: On, cache: &Path, fresh: bool) -> Self {
        match on {
            On::Sim => Self::Sim(Sim::new()),
            On::Dind => Self::containers(cache),
            On::Vm => match Images::find(cache) {
                Some(images) => Self::of(images, cache, fresh),
                None => Self::Unprepared,
            },
        }
    }

    /// What is known of the engine. One that does not answer has to be asked again.
    fn containers(cache: &Path) -> Self {
        let known = || {
            let (images, address) = (NodeImages::find(cache)?, engine::address().ok()?);
            let progress = Progress::terminal();
            let known = Dind::known(&images, &address, cache, &progress);
            Runtime::new().ok()?.block_on(known).ok()?
        };
        known().map_or(Self::Untried, |dind| Self::Dind(Box::new(dind)))
    }

    /// Builds and tries what is missing.
    pub(super) async fn made_ready(self, cache: &Path, fresh: bool) -> anyhow::Result<Self> {
        let progress = Progress::terminal();
        match self {
            Self::Unprepared => Ok(Self::of(vm::prepare(cache, &progress).await?, cache, fresh)),
            Self::Untried => {
                let address = engine::address()?;
                let images = dind::prepare(cache, &progress).await?;
                let dind = Dind::tried(&images, &address, cache, &progress).await?;
                Ok(Self::Dind(Box::new(dind)))
            }
            ready => Ok(ready),
        }
    }

    /// True if something has to be built or tried before anything can run.
    pub(super) fn lacks(&self) -> bool {
        matches!(self, Self::Unprepared | Self::Untried)
    }

    /// The place, if it is ready.
    pub(super) fn place(&self) -> Option<&dyn Place> {
        match self {
            Self::Vm(vm) => Some(&**vm),
            Self::Dind(dind) => Some(&**dind),
            Self::Sim(sim) => Some(sim),
            Self::Unprepared | Self::Untried => None,
        }
    }

    /// Machines that start from these images.
    pub(super) fn of(images: Images, cache: &Path, fresh: bool) -> Self {
        Self::Vm(Box::new(Vm::new(
            images,
            cache,
            Progress::terminal(),
            fresh,
        )))
    }

    /// What the place decides of a plan. Before it is prepared it is taken to be quick, and to
    /// know no image: whoever runs the plan has to plan again.
    pub(super) fn options(&self, seed: u64, no_faults: bool) -> Options {
        let (place, capabilities, patience, environment) = match self {
            Self::Vm(vm) => ("vm", vm.capabilities(), vm.patience(), vm.variables()),
            Self::Unprepared => ("vm", Vm::at_best(), 1.0, BTreeMap::new()),
            Self::Dind(dind) => {
                let (patience, variables) = (dind.patience(), dind.variables());
                ("dind", dind.capabilities(), patience, variables)
            }
            Self::Untried => ("dind", Dind::at_best(), 1.0, BTreeMap::new()),
            Self::Sim(sim) => ("sim", sim.capabilities(), 1.0, BTreeMap::new()),
        };
        Options {
            place: place.to_owned(),
            capabilities,
            patience,
            seed,
            no_faults,
            environment,
        }
    }
}
