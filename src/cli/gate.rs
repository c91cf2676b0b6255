//! `seatrial gate`: whether a swarm may be upgraded, by runs on both sides of an upgrade.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use seatrial::gate::{Decision, Evidence, Run, gate, gate_json, gate_markdown};
use seatrial::plan::Plan;
use seatrial::report::Style;
use seatrial::substrate::Place;
use seatrial::substrate::vm::Release;
use tokio_util::sync::CancellationToken;

use super::ground::{Engines, On};
use super::interrupt::Left;
use super::place::Where;
use super::record::Record;
use super::run::{Session, repeats, seeds};
use super::scenarios::Again;
use super::screen::Screen;
use super::{Exit, Refused, output, scenarios};

mod both;
mod owned;

/// The exit codes, which are not those of a run.
const CODES: &str = "Scenarios with an `upgrade` among their actions upgrade a swarm; all others \
                     run on both engines.\n\n\
                     Of hosts, the first half says with `run`'s exit codes what they keep now; \
                     the second, with `--since`, decides.\n\n\
                     Exit codes: 0 accept, 1 reject, 2 undecided, 64 bad usage or scenario, \
                     130 interrupted.";

/// What `gate` is asked.
#[derive(clap::Args)]
#[command(after_help = CODES)]
pub(super) struct Args {
    /// Scenario files, or folders [default: the upgrade in both orders, and three more, in
    /// `scenarios`; of hosts: ten of `scenarios/acceptance`, as far as they can]
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,

    /// The Debian release of the engine that there is: `bookworm`, `trixie` or `forky`
    #[arg(long, value_name = "RELEASE", requires = "to")]
    from: Option<Release>,

    /// That of the engine that there may be
    #[arg(long, value_name = "RELEASE", requires = "from")]
    to: Option<Release>,

    /// Where to run: `vm` (virtual machines on this computer), or `hosts=FILE` (the swarm of an
    /// inventory, before its owner upgrades it and, with `--since`, afterwards)
    #[arg(long, value_name = "PLACE", default_value = "vm", value_parser = place)]
    on: Where,

    /// What `gate` kept of these hosts before the upgrade: a folder
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["from", "seed"])]
    since: Option<PathBuf>,

    /// Decides every random choice, the same on both sides; random if left out
    #[arg(long, value_name = "N", value_parser = scenarios::seed)]
    seed: Option<u64>,

    /// Run everything so many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = repeats())]
    repeat: u32,

    /// Where runs land
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,

    /// Break a swarm that is there already without asking first
    #[arg(long)]
    yes: bool,

    /// Spoil the new engine on purpose, to see that it is not accepted
    #[arg(long, value_enum, hide = true)]
    sabotage: Option<Spoilt>,
}

/// The places whose nodes can have another engine: containers all have one.
fn place(text: &str) -> Result<Where, String> {
    match text.parse() {
        Ok(Where::Dind) | Err(_) => Err("write `vm` or `hosts=FILE`".to_owned()),
        known => known,
    }
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

/// Tries both engines, or one side of an upgrade that is somebody else's.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    match (args.from, args.to, args.on.kind()) {
        (Some(engine), Some(next), on) => both::run(args, on, (engine, next)),
        (.., On::Hosts | On::Sim) => owned::run(args),
        _ => {
            let said = "write `--from` and `--to`, or the swarm that its owner upgrades: `--on \
                        hosts=FILE`";
            Err(Refused::new(said).into())
        }
    }
}

/// One side of an upgrade, or the way between both.
struct Side {
    /// What the folders of its runs begin with.
    called: &'static str,
    /// How to do one of its runs alone.
    again: Again,
}

impl Side {
    /// On these engines of the place that was asked for.
    fn new(called: &'static str, on: &Where, engines: Engines, scenarios: &[PathBuf]) -> Self {
        Self {
            called,
            again: Again::new(on.to_string(), engines, scenarios),
        }
    }
}

/// Runs under way, and what they came to so far.
struct Gathered<'a> {
    /// How often everything runs.
    repeat: u32,
    session: Session<'a>,
    folder: PathBuf,
    stop: CancellationToken,
    evidence: Evidence,
    /// True once the harness itself could not go on.
    trouble: bool,
}

impl<'a> Gathered<'a> {
    /// Makes the folder in which everything lands. Nothing ran yet.
    fn new(
        args: &'a Args,
        called: &str,
        (stop, left): (CancellationToken, Left),
        screen: Screen,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            repeat: args.repeat,
            folder: seatrial::run::new_folder(&args.runs, called, jiff::Timestamp::now())?,
            session: Session::new(&args.runs, stop.clone(), left, screen),
            stop,
            evidence: Evidence::default(),
            trouble: false,
        })
    }

    /// What is known once all ran, or somebody interrupted it.
    fn known(mut self) -> Evidence {
        if self.stop.is_cancelled() {
            // It may be a regression already.
            self.evidence
                .skipped
                .push(("the rest".to_owned(), "interrupted".to_owned()));
        }
        self.evidence
    }

    /// Runs a plan as often as it was asked for.
    async fn each(
        &mut self,
        place: &dyn Place,
        side: &Side,
        plan: &Plan,
        seed: u64,
    ) -> anyhow::Result<Vec<Run>> {
        self.session.again = side.again.clone();
        let side = side.called;
        let mut runs = Vec::new();
        for (seed, number) in seeds(seed).zip(1..=self.repeat) {
            if self.stop.is_cancelled() {
                break;
            }
            let plan = Plan {
                seed,
                ..plan.clone()
            };
            let folder = match self.repeat {
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
                    self.trouble = true;
                    break;
                }
            }
        }
        Ok(runs)
    }
}

/// The scenarios to try: those that are named, or the usual.
fn asked(args: &Args, usual: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    if !args.scenarios.is_empty() {
        return Ok(args.scenarios.clone());
    }
    let usual: Vec<PathBuf> = usual.iter().map(PathBuf::from).collect();
    if let Some(missing) = usual.iter().find(|path| !path.exists()) {
        let missing = missing.display();
        let said = format_args!("there is no `{missing}` here: name the scenarios to try");
        return Err(Refused::new(said).into());
    }
    Ok(usual)
}

/// Prints the decision, and writes it beside the runs.
fn tell(decision: &Decision, (from, to): (&str, &str), folder: &Path) -> anyhow::Result<()> {
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
