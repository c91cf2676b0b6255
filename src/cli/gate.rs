//! `seatrial gate`: the same scenarios on both engines, the upgrade itself, and one decision.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use seatrial::gate::{Decision, Evidence, Run, decide, gate, gate_json, gate_markdown};
use seatrial::plan::{Options, Outcome, Plan};
use seatrial::report::Style;
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::vm::{Images, Release, Spoil};
use tokio_util::sync::CancellationToken;

use super::ground::{Engines, Ground, On, simulated};
use super::interrupt::{self, Left};
use super::kept::Kept;
use super::record::Record;
use super::run::{Session, repeats, runtime, seeds};
use super::screen::Screen;
use super::{Exit, Refused, cache, output, scenarios};

/// What is tried if nobody says: the upgrade in both orders, and three promises side by side,
/// whose faults strike the same kind of node wherever the tasks are.
const USUAL: [&str; 5] = [
    "scenarios/acceptance/upgrade-managers-first.yaml",
    "scenarios/acceptance/upgrade-workers-first.yaml",
    "scenarios/acceptance/leader-power-cut.yaml",
    "scenarios/acceptance/nfs-server-away.yaml",
    "scenarios/article/12-scaling.yaml",
];

/// The exit codes, which are not those of a run.
const CODES: &str = "Scenarios with an `upgrade` among their actions upgrade a swarm; all others \
                     run on both engines.\n\n\
                     Exit codes: 0 accept, 1 reject, 2 undecided, 64 bad usage or scenario, \
                     130 interrupted.";

/// What `gate` is asked.
#[derive(clap::Args)]
#[command(after_help = CODES)]
pub(super) struct Args {
    /// Scenario files, or folders [default: the upgrade in both orders, and three more, in
    /// `scenarios`]
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,

    /// The Debian release of the engine that there is: `bookworm`, `trixie` or `forky`
    #[arg(long, value_name = "RELEASE")]
    from: Release,

    /// That of the engine that there may be
    #[arg(long, value_name = "RELEASE")]
    to: Release,

    /// Where to run
    #[arg(long, value_name = "PLACE", default_value = "vm", value_parser = places_with_engines())]
    on: On,

    /// Decides every random choice, the same on both sides; random if left out
    #[arg(long, value_name = "N", value_parser = scenarios::seed)]
    seed: Option<u64>,

    /// Run everything so many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = repeats())]
    repeat: u32,

    /// Where runs land
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,

    /// Spoil the new engine on purpose, to see that it is not accepted
    #[arg(long, value_enum, hide = true)]
    sabotage: Option<Spoilt>,
}

/// The places whose nodes can have either engine.
fn places_with_engines() -> impl TypedValueParser<Value = On> {
    let known = [On::Vm, On::Sim].map(|on| on.to_possible_value().expect("a name"));
    PossibleValuesParser::new(known).map(|name| match name.as_str() {
        "sim" => On::Sim,
        _ => On::Vm,
    })
}

/// How the new engine is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Spoilt {
    /// It balances nothing
    #[value(name = "no-ip-vs")]
    Mesh,
    /// It reaches no task elsewhere
    #[value(name = "no-vxlan")]
    Overlay,
    /// Nodes keep the old one; simulated only
    #[value(name = "no-exchange")]
    Exchange,
}

/// The three places that a gate needs.
struct Places {
    base: Ground,
    target: Ground,
    upgrade: Ground,
}

/// Runs everything, decides, and tells.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    engines(args).fit(args.on)?;
    if args.on == On::Vm && args.sabotage == Some(Spoilt::Exchange) {
        return Err(Refused::new("`no-exchange` is for `--on sim`").into());
    }
    let cache = cache::folder()?;
    let (stop, left) = (CancellationToken::new(), Left::default());
    runtime(args.on)?.block_on(async {
        let screen = Screen::of_this_process();
        interrupt::watch(&stop, &left, &screen)?;
        // What is wrong with a scenario is said before anything is built.
        plans(args, &Ground::with(args.on, engines(args), &cache, false))?;
        if args.on == On::Vm {
            Kept::of(&cache).refuse_if_alive()?;
        }
        let places = tokio::select! {
            places = places(args, &cache) => places?,
            () = stop.cancelled() => return Ok(Exit::INTERRUPTED),
        };
        let session = Session::new(&args.runs, stop.clone(), left, screen);
        let name = format!("gate-{}-to-{}", args.from, args.to);
        let folder = seatrial::run::new_folder(&args.runs, &name, jiff::Timestamp::now())?;
        let mut gathered = Gathered {
            args,
            session,
            folder: folder.clone(),
            stop: stop.clone(),
            evidence: Evidence::default(),
        };
        gathered.all(&places).await?;
        let mut evidence = gathered.evidence;
        let interrupted = stop.is_cancelled();
        if interrupted {
            // What is known by now may be a regression already.
            let rest = ("the rest".to_owned(), "interrupted".to_owned());
            evidence.skipped.push(rest);
        }
        let spoilt = args.sabotage.and_then(|one| one.to_possible_value());
        evidence.spoilt = spoilt.map(|one| one.get_name().to_owned());
        let decision = decide(&evidence);
        tell(args, &decision, &folder)?;
        Ok(match interrupted {
            true => Exit::INTERRUPTED,
            false => Exit(decision.ruling.exit_code()),
        })
    })
}

fn engines(args: &Args) -> Engines {
    Engines {
        engine: args.from,
        upgrade_to: Some(args.to),
    }
}

/// Plans everything on a place; without scenarios, the usual.
fn plans(args: &Args, ground: &Ground) -> anyhow::Result<Vec<Outcome>> {
    if !args.scenarios.is_empty() {
        return Ok(scenarios::all(&args.scenarios, &options(args, ground))?);
    }
    let usual = USUAL.map(PathBuf::from);
    if let Some(missing) = usual.iter().find(|path| !path.exists()) {
        let missing = missing.display();
        let said = format_args!("there is no `{missing}` here: name the scenarios to try");
        return Err(Refused::new(said).into());
    }
    Ok(scenarios::all(&usual, &options(args, ground))?)
}

fn options(args: &Args, ground: &Ground) -> Options {
    ground.options(args.seed.unwrap_or_default(), false)
}

/// Builds what is lacking.
async fn places(args: &Args, cache: &Path) -> anyhow::Result<Places> {
    let of = |engine: Release| Engines {
        engine,
        upgrade_to: None,
    };
    if args.on == On::Vm {
        let upgrade = Ground::prepare(On::Vm, engines(args), cache, false).await?;
        let upgrade = match (upgrade, spoil(args.sabotage)) {
            (Ground::Vm(vm), Some(spoil)) => {
                let next = Images::of(cache, args.to).context("the images are gone again")?;
                Ground::Vm(Box::new(vm.upgrading_to(next, Some(spoil))))
            }
            (upgrade, _) => upgrade,
        };
        return Ok(Places {
            base: Ground::with(On::Vm, of(args.from), cache, false),
            target: Ground::with(On::Vm, of(args.to), cache, false),
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
    let both = engines(args);
    Ok(Places {
        base: Ground::Sim(Sim::new().with_engines(args.from.name(), args.to.name())),
        target: Ground::Sim(simulated(spoilt.clone(), of(args.to))),
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

/// Runs under way, and what they came to so far.
struct Gathered<'a> {
    args: &'a Args,
    session: Session<'a>,
    folder: PathBuf,
    stop: CancellationToken,
    evidence: Evidence,
}

impl Gathered<'_> {
    /// The upgrades first: whoever waits learns most from them.
    async fn all(&mut self, places: &Places) -> anyhow::Result<()> {
        let args = self.args;
        let seed = args.seed.unwrap_or_else(rand::random);
        let (mut upgrades, mut others) = (Vec::new(), Vec::new());
        for outcome in plans(args, &places.upgrade)? {
            match outcome {
                Outcome::Ready(plan) if plan.upgrades() => upgrades.push(*plan),
                Outcome::Ready(plan) => others.push(*plan),
                Outcome::Skipped { name, reason } => {
                    output::tell(format_args!("{:>12} {name}: {reason}", "SKIPPED"));
                    self.evidence.skipped.push((name, reason));
                }
            }
        }
        for plan in &upgrades {
            let runs = self.each(&places.upgrade, "upgrade", plan, seed).await?;
            self.evidence.upgrades.extend(runs);
        }
        // Both sides get the old engine's budgets: a new one that is slower to boot gets no more.
        for plan in &others {
            let base = self.each(&places.base, "old", plan, seed).await?;
            self.evidence.base.extend(base);
            let target = self.each(&places.target, "new", plan, seed).await?;
            self.evidence.target.extend(target);
        }
        Ok(())
    }

    /// Runs a plan as often as it was asked for.
    async fn each(
        &mut self,
        ground: &Ground,
        side: &str,
        plan: &Plan,
        seed: u64,
    ) -> anyhow::Result<Vec<Run>> {
        let place = ground.place().context("the images are gone again")?;
        let mut runs = Vec::new();
        for (seed, number) in seeds(seed).zip(1..=self.args.repeat) {
            if self.stop.is_cancelled() {
                break;
            }
            let plan = Plan {
                seed,
                ..plan.clone()
            };
            let folder = match self.args.repeat {
                1 => format!("{side}-{}", plan.name),
                _ => format!("{side}-{}/{number}", plan.name),
            };
            match self
                .session
                .one(place, &plan, self.folder.join(&folder))
                .await
            {
                Ok(Record { history, judgement }) => {
                    runs.push(Run::of(&history, judgement, folder));
                }
                Err(error) => {
                    output::tell(format_args!("error: {}: {error:#}", plan.name));
                    let why = format!("trouble: {error:#}");
                    self.evidence.skipped.push((plan.name, why));
                    break;
                }
            }
        }
        Ok(runs)
    }
}

/// Prints the decision, and writes it beside the runs.
fn tell(args: &Args, decision: &Decision, folder: &Path) -> anyhow::Result<()> {
    let (from, to) = (args.from.name(), args.to.name());
    let plain = gate(decision, from, to, &Style::default());
    output::save(&folder.join("gate.txt"), &plain)?;
    output::save(&folder.join("gate.md"), &gate_markdown(decision, from, to))?;
    output::save(&folder.join("gate.json"), &gate_json(decision, from, to))?;
    output::print(&format!("\n{}", gate(decision, from, to, &output::style())))?;
    output::tell(format_args!(
        "{:>12} {}",
        "SEE",
        folder.join("gate.md").display()
    ));
    Ok(())
}
