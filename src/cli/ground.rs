//! The places that a scenario can be put on, and what they mean for its plan.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;
use seatrial::capability::{Capabilities, Capability};
use seatrial::plan::Options;
use seatrial::substrate::Place;
use seatrial::substrate::sim::Sim;
use seatrial::substrate::vm::{self, Images, Progress, Release, Vm};

use super::Refused;

/// The places by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum On {
    /// Virtual machines on this computer
    Vm,
    /// A few lines of memory, for tests of the harness: never a verdict about Swarm
    #[value(hide = true)]
    Sim,
}

/// Which engines nodes have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(super) struct Engines {
    /// The Debian release that engines come from: `bookworm`, `trixie` or `forky`
    #[arg(long, value_name = "RELEASE", default_value_t)]
    pub(super) engine: Release,

    /// The release that an `upgrade` leads to
    #[arg(long, value_name = "RELEASE")]
    pub(super) upgrade_to: Option<Release>,
}

impl Engines {
    /// Refuses an upgrade to what is there.
    pub(super) fn differ(self) -> Result<(), Refused> {
        match self.upgrade_to {
            Some(next) if next == self.engine => Err(Refused::new(format_args!(
                "`{next}` on both sides is no upgrade: write another release"
            ))),
            _ => Ok(()),
        }
    }

    /// Every release that is needed.
    fn releases(self) -> impl Iterator<Item = Release> {
        [self.engine].into_iter().chain(self.upgrade_to)
    }
}

/// A place, as far as it is ready.
pub(super) enum Ground {
    /// Machines could start now.
    Vm(Box<Vm>),
    /// The images are not built yet, so nothing was measured.
    Unprepared,
    /// Memory.
    Sim(Sim),
}

impl Ground {
    /// What there is of a place; changes nothing.
    pub(super) fn find(on: On, cache: &Path, fresh: bool) -> Self {
        Self::with(on, Engines::default(), cache, fresh)
    }

    /// What there is of a place with these engines; changes nothing.
    pub(super) fn with(on: On, engines: Engines, cache: &Path, fresh: bool) -> Self {
        if on == On::Sim {
            return Self::Sim(match engines == Engines::default() {
                true => Sim::new(),
                false => simulated(Sim::new(), engines),
            });
        }
        let Some(images) = Images::of(cache, engines.engine) else {
            return Self::Unprepared;
        };
        let Self::Vm(vm) = Self::of(images, cache, fresh) else {
            return Self::Unprepared;
        };
        match engines.upgrade_to.map(|next| Images::of(cache, next)) {
            None => Self::Vm(vm),
            Some(Some(next)) => Self::Vm(Box::new(vm.upgrading_to(next, None))),
            Some(None) => Self::Unprepared,
        }
    }

    /// Builds what is lacking for these engines, and says what there is then.
    pub(super) async fn prepare(
        engines: Engines,
        cache: &Path,
        fresh: bool,
    ) -> anyhow::Result<Self> {
        let progress = Progress::terminal();
        for release in engines.releases() {
            vm::prepare_release(cache, release, &progress).await?;
        }
        Ok(Self::with(On::Vm, engines, cache, fresh))
    }

    /// The place, once it is prepared.
    pub(super) fn place(&self) -> Option<&dyn Place> {
        match self {
            Self::Vm(vm) => Some(&**vm),
            Self::Sim(sim) => Some(sim),
            Self::Unprepared => None,
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
            Self::Unprepared => ("vm", everything(), 1.0, BTreeMap::new()),
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

/// A simulated place with nodes of these engines, by their names.
pub(super) fn simulated(sim: Sim, engines: Engines) -> Sim {
    let next = engines.upgrade_to.unwrap_or(engines.engine);
    sim.with_engines(engines.engine.name(), next.name())
}

/// All that machines are known to be able to do.
fn everything() -> Capabilities {
    use Capability::{
        CleanStop, Flows, Isolation, NfsV3, NfsV42, Pause, PowerCut, RoutingMesh, Upgrade,
    };
    [
        CleanStop,
        PowerCut,
        Pause,
        Isolation,
        Flows,
        RoutingMesh,
        NfsV3,
        NfsV42,
        Upgrade,
    ]
    .into()
}
