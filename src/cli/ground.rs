//! The places that a scenario can be put on, and what they mean for its plan.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;
use seatrial::capability::{Capabilities, Capability};
use seatrial::plan::Options;
use seatrial::substrate::Place;
use seatrial::substrate::sim::Sim;
use seatrial::substrate::vm::{Images, Progress, Vm};

/// The places by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum On {
    /// Virtual machines on this computer
    Vm,
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
    /// Memory.
    Sim(Sim),
}

impl Ground {
    /// What there is of a place; changes nothing.
    pub(super) fn find(on: On, cache: &Path, fresh: bool) -> Self {
        match on {
            On::Sim => Self::Sim(Sim::new()),
            On::Vm => match Images::find(cache) {
                Some(images) => Self::of(images, cache, fresh),
                None => Self::Unprepared,
            },
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

/// All that machines are known to be able to do.
fn everything() -> Capabilities {
    use Capability::{CleanStop, Flows, Isolation, NfsV3, NfsV42, Pause, PowerCut, RoutingMesh};
    [
        CleanStop,
        PowerCut,
        Pause,
        Isolation,
        Flows,
        RoutingMesh,
        NfsV3,
        NfsV42,
    ]
    .into()
}
