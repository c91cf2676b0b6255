//! Both engines beside each other, and the upgrade from one to the other, all on machines that are
//! made for it.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use seatrial::gate::decide;
use seatrial::plan::{Options, Outcome};
use seatrial::substrate::Place;
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::vm::{Images, Release, Spoil};
use tokio_util::sync::CancellationToken;

use super::{Args, Gathered, Side, Spoilt, asked, tell};
use crate::cli::ground::{Engines, Ground, On, simulated};
use crate::cli::interrupt::{self, Left};
use crate::cli::kept::Kept;
use crate::cli::run::runtime;
use crate::cli::screen::Screen;
use crate::cli::{Exit, Refused, cache, scenarios};

/// What is tried if nobody says: the upgrade in both orders, and three promises side by side,
/// whose faults strike the same kind of node wherever the tasks are.
const USUAL: [&str; 5] = [
    "scenarios/acceptance/upgrade-managers-first.yaml",
    "scenarios/acceptance/upgrade-workers-first.yaml",
    "scenarios/acceptance/leader-power-cut.yaml",
    "scenarios/acceptance/nfs-server-away.yaml",
    "scenarios/article/12-scaling.yaml",
];

/// The three places that a gate needs.
struct Places {
    base: Ground,
    target: Ground,
    upgrade: Ground,
}

/// Runs everything on both engines, decides, and tells.
pub(super) fn run(args: &Args, on: On, releases: (Release, Release)) -> anyhow::Result<Exit> {
    let (from, to) = releases;
    let engines = engines(releases);
    engines.fit(on)?;
    if on == On::Vm && args.sabotage == Some(Spoilt::Exchange) {
        return Err(Refused::new("`no-exchange` is for `--on sim`").into());
    }
    let cache = cache::folder()?;
    let (stop, left) = (CancellationToken::new(), Left::default());
    runtime(on)?.block_on(async {
        let screen = Screen::of_this_process();
        interrupt::watch(&stop, &left, &screen)?;
        // What is wrong with a scenario is said before anything is built.
        plans(args, &Ground::with(on, engines, &cache, false))?;
        if on == On::Vm {
            Kept::of(&cache).refuse_if_alive()?;
        }
        let places = tokio::select! {
            places = places(args, on, releases, &cache) => places?,
            () = stop.cancelled() => return Ok(Exit::INTERRUPTED),
        };
        let called = format!("gate-{from}-to-{to}");
        let mut gathered = Gathered::new(args, &called, (stop.clone(), left), screen)?;
        let folder = gathered.folder.clone();
        gathered.all(args, &places, releases).await?;
        let mut evidence = gathered.known();
        let spoilt = args.sabotage.and_then(|one| one.to_possible_value());
        evidence.spoilt = spoilt.map(|one| one.get_name().to_owned());
        let decision = decide(&evidence);
        tell(&decision, (from.name(), to.name()), &folder)?;
        Ok(match stop.is_cancelled() {
            true => Exit::INTERRUPTED,
            false => Exit(decision.ruling.exit_code()),
        })
    })
}

fn engines((engine, next): (Release, Release)) -> Engines {
    Engines {
        engine,
        upgrade_to: Some(next),
    }
}

fn ready(ground: &Ground) -> anyhow::Result<&dyn Place> {
    ground.place().context("the images are gone again")
}

/// Plans everything on a place; without scenarios, the usual.
fn plans(args: &Args, ground: &Ground) -> anyhow::Result<Vec<Outcome>> {
    Ok(scenarios::all(
        &asked(args, &USUAL)?,
        &options(args, ground),
    )?)
}

fn options(args: &Args, ground: &Ground) -> Options {
    ground.options(args.seed.unwrap_or_default(), false)
}

/// Builds what is lacking.
async fn places(
    args: &Args,
    on: On,
    releases: (Release, Release),
    cache: &Path,
) -> anyhow::Result<Places> {
    let (from, to) = releases;
    let both = engines(releases);
    if on == On::Vm {
        let upgrade = Ground::prepare(On::Vm, both, cache, false).await?;
        let upgrade = match (upgrade, spoil(args.sabotage)) {
            (Ground::Vm(vm), Some(spoil)) => {
                let next = Images::of(cache, to).context("the images are gone again")?;
                Ground::Vm(Box::new(vm.upgrading_to(next, Some(spoil))))
            }
            (upgrade, _) => upgrade,
        };
        return Ok(Places {
            base: Ground::with(On::Vm, Engines::only(from), cache, false),
            target: Ground::with(On::Vm, Engines::only(to), cache, false),
            upgrade,
        });
    }
    let spoilt = args.sabotage.map_or_else(Sim::new, |spoilt| {
        Sim::with(match spoilt {
            Spoilt::Mesh => Sabotage::NewEngineWithoutMesh,
            Spoilt::Overlay => Sabotage::NewEngineWithoutOverlay,
            Spoilt::Exchange => Sabotage::ExchangeDoesNothing,
        })
    });
    Ok(Places {
        base: Ground::Sim(Sim::new().with_engines(from.name(), to.name())),
        target: Ground::Sim(simulated(spoilt.clone(), Engines::only(to))),
        upgrade: Ground::Sim(simulated(spoilt, both)),
    })
}

/// How machines are spoilt.
fn spoil(spoilt: Option<Spoilt>) -> Option<Spoil> {
    match spoilt? {
        Spoilt::Mesh => Some(Spoil::NoIpVs),
        Spoilt::Overlay => Some(Spoil::NoVxlan),
        Spoilt::Exchange => None,
    }
}

impl Gathered<'_> {
    /// The upgrades first: whoever waits learns most from them.
    async fn all(
        &mut self,
        args: &Args,
        places: &Places,
        releases: (Release, Release),
    ) -> anyhow::Result<()> {
        let scenarios = asked(args, &USUAL)?;
        let side = |called, engines| Side::new(called, &args.on, engines, &scenarios);
        let upgrade = side("upgrade", engines(releases));
        let old = side("old", Engines::only(releases.0));
        let new = side("new", Engines::only(releases.1));
        let seed = args.seed.unwrap_or_else(rand::random);
        let (mut upgrades, mut others) = (Vec::new(), Vec::new());
        for outcome in plans(args, &places.upgrade)? {
            match outcome {
                Outcome::Ready(plan) if plan.upgrades() => upgrades.push(*plan),
                Outcome::Ready(plan) => others.push(*plan),
                Outcome::Skipped { name, reason } => {
                    scenarios::tell_skipped(&name, &reason);
                    self.evidence.skipped.push((name, reason));
                }
            }
        }
        for plan in &upgrades {
            let place = ready(&places.upgrade)?;
            let runs = self.each(place, &upgrade, plan, seed).await?;
            self.evidence.upgrades.extend(runs);
        }
        // Both sides get the old engine's budgets: a new one that is slower to boot gets no more.
        for plan in &others {
            let base = self.each(ready(&places.base)?, &old, plan, seed).await?;
            self.evidence.base.extend(base);
            let target = self.each(ready(&places.target)?, &new, plan, seed).await?;
            self.evidence.target.extend(target);
        }
        Ok(())
    }
}
