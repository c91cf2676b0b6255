//! The places that a scenario can be put on, and what they mean for its plan.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use seatrial::capability::Capability;
use seatrial::plan::Options;
use seatrial::substrate::dind::{self, Dind, NodeImages};
use seatrial::substrate::hosts::{Hosts, Inventory};
use seatrial::substrate::sim::Sim;
use seatrial::substrate::vm::{self, Images, Release, Vm};
use seatrial::substrate::{Place, Progress};
use tokio::runtime::Runtime;

use super::{Refused, engine};

/// The places by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum On {
    /// Virtual machines on this computer
    Vm,
    /// Containers of a Docker engine
    Dind,
    /// The hosts of a swarm that is there already, as an inventory names them
    #[value(skip)]
    Hosts,
    /// A few lines of memory, for tests of the harness: never a verdict about Swarm
    #[value(hide = true)]
    Sim,
}

impl On {
    /// Its name, as journals have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Dind => "dind",
            Self::Hosts => "hosts",
            Self::Sim => "sim",
        }
    }
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
    /// One engine, and no upgrade.
    pub(super) fn only(engine: Release) -> Self {
        Self {
            engine,
            upgrade_to: None,
        }
    }

    /// Refuses an upgrade to what is there, and engines that a place has no choice of.
    pub(super) fn fit(self, on: On) -> Result<(), Refused> {
        if on == On::Hosts && self != Self::default() {
            return Err(Refused::new(
                "hosts have the engines that they have: write `--on vm`",
            ));
        }
        if on == On::Dind && self != Self::default() {
            return Err(Refused::new(format_args!(
                "containers all have the engine of `{}`: write `--on vm`",
                Release::default()
            )));
        }
        match self.upgrade_to {
            Some(next) if next == self.engine => Err(Refused::new(format_args!(
                "`{next}` on both sides is no upgrade: write another release"
            ))),
            _ => Ok(()),
        }
    }

    /// The words that ask for them; none for what there is anyhow.
    pub(super) fn words(self) -> Vec<String> {
        let mut words = Vec::new();
        if self.engine != Release::default() {
            words.extend(["--engine".to_owned(), self.engine.to_string()]);
        }
        if let Some(next) = self.upgrade_to {
            words.extend(["--upgrade-to".to_owned(), next.to_string()]);
        }
        words
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
    Unprepared {
        /// Whether there would be an engine to upgrade to.
        upgrades: bool,
    },
    /// Containers could start now.
    Dind(Box<Dind>),
    /// No swarm of containers was tried on this engine yet, so nobody knows what it can do.
    Untried,
    /// A swarm that is there already.
    Hosts(Box<Hosts>),
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
        match on {
            On::Sim if engines == Engines::default() => Self::Sim(Sim::new()),
            On::Sim => Self::Sim(simulated(Sim::new(), engines)),
            On::Dind => Self::containers(cache),
            // Whoever has no inventory knows no hosts.
            On::Hosts | On::Vm => {
                let upgrades = engines.upgrade_to.is_some();
                Self::machines(engines, cache, fresh).unwrap_or(Self::Unprepared { upgrades })
            }
        }
    }

    /// The swarm of an inventory, once it was seen that it may be broken. Changes nothing.
    pub(super) fn lent(inventory: &Path, cache: &Path) -> anyhow::Result<Self> {
        // A file that says nothing sound is bad usage; what it says may still not be so.
        let inventory = Inventory::read(inventory).map_err(Refused::new)?;
        let progress = Progress::terminal();
        let found = Hosts::find(inventory, cache, &progress);
        let found = Runtime::new().context("cannot start")?.block_on(found)?;
        Ok(Self::Hosts(Box::new(found)))
    }

    /// Machines, once all images are there.
    fn machines(engines: Engines, cache: &Path, fresh: bool) -> Option<Self> {
        let images = Images::of(cache, engines.engine)?;
        let Some(next) = engines.upgrade_to else {
            return Some(Self::of(images, cache, fresh));
        };
        let vm = Vm::new(images, cache, Progress::terminal(), fresh);
        let next = Images::of(cache, next)?;
        Some(Self::Vm(Box::new(vm.upgrading_to(next, None))))
    }

    /// Builds and tries what is missing, and says what there is then.
    pub(super) async fn prepare(
        on: On,
        engines: Engines,
        cache: &Path,
        fresh: bool,
    ) -> anyhow::Result<Self> {
        let progress = Progress::terminal();
        if on == On::Dind {
            let address = engine::address()?;
            let images = dind::prepare(cache, &progress).await?;
            let dind = Dind::tried(&images, &address, cache, &progress).await?;
            return Ok(Self::Dind(Box::new(dind)));
        }
        for release in engines.releases() {
            vm::prepare(cache, release, &progress).await?;
        }
        Ok(Self::with(on, engines, cache, fresh))
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

    /// True if something has to be built or tried before anything can run.
    pub(super) fn lacks(&self) -> bool {
        matches!(self, Self::Unprepared { .. } | Self::Untried)
    }

    /// The place, if it is ready.
    pub(super) fn place(&self) -> Option<&dyn Place> {
        match self {
            Self::Vm(vm) => Some(&**vm),
            Self::Dind(dind) => Some(&**dind),
            Self::Hosts(hosts) => Some(&**hosts),
            Self::Sim(sim) => Some(sim),
            Self::Unprepared { .. } | Self::Untried => None,
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
            Self::Unprepared { upgrades } => {
                let mut able = Vm::at_best();
                able.retain(|one| *upgrades || *one != Capability::Upgrade);
                ("vm", able, 1.0, BTreeMap::new())
            }
            Self::Dind(dind) => {
                let (patience, variables) = (dind.patience(), dind.variables());
                ("dind", dind.capabilities(), patience, variables)
            }
            Self::Untried => ("dind", Dind::at_best(), 1.0, BTreeMap::new()),
            Self::Hosts(hosts) => {
                let (patience, variables) = (hosts.patience(), hosts.variables());
                ("hosts", hosts.capabilities(), patience, variables)
            }
            Self::Sim(sim) => ("sim", sim.capabilities(), 1.0, BTreeMap::new()),
        };
        Options {
            place: place.to_owned(),
            capabilities,
            patience,
            seed,
            no_faults,
            environment,
            nodes: match self {
                Self::Hosts(hosts) => Some(hosts.nodes().to_vec()),
                _ => None,
            },
        }
    }
}

/// A simulated place with nodes of these engines, by their names.
pub(super) fn simulated(sim: Sim, engines: Engines) -> Sim {
    let next = engines.upgrade_to.unwrap_or(engines.engine);
    sim.with_engines(engines.engine.name(), next.name())
}
