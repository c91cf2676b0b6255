//! `seatrial up`: a swarm that stays when the command returns.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{ValueEnum, value_parser};
use seatrial::plan::{self, Outcome, Plan};
use seatrial::scenario::{self, Mistake};
use seatrial::substrate::vm::{self, Progress, Release, Vm};
use tokio::runtime::Runtime;

use super::ground::{Engines, Ground, On};
use super::interrupt::Interrupts;
use super::keeper::Keeper;
use super::kept::{Kept, State};
use super::{Exit, Refused, cache, foreign, output, ps};

/// What `up` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Managers
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u8).range(1..))]
    managers: u8,

    /// Workers
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: u8,

    /// A storage machine, mounted on every node at `/mnt/dockernfs`
    #[arg(long, value_enum)]
    nfs: Option<Nfs>,

    /// The managers' API on the LAN
    #[arg(long, value_enum)]
    api: Option<Api>,

    /// Reach the nodes by SSH too, as those of a foreign swarm: keys, `ssh_config` and inventory
    #[arg(long)]
    pub(super) ssh: bool,

    /// Memory of each node in MiB; with it the swarm starts from nothing [default: 1536]
    #[arg(long, value_name = "MIB", value_parser = value_parser!(u32).range(512..))]
    memory: Option<u32>,

    /// The Debian release that engines come from: `bookworm`, `trixie` or `forky`
    #[arg(long, value_name = "RELEASE", default_value_t)]
    pub(super) engine: Release,

    /// A scenario file: its machines, with its stack deployed
    #[arg(conflicts_with_all = ["managers", "workers", "nfs", "api"])]
    scenario: Option<PathBuf>,
}

/// The protocol version of the share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Nfs {
    /// Locks never expire
    #[value(name = "v3")]
    V3,
    /// Locks are leased
    #[value(name = "v4.2")]
    V42,
}

impl Nfs {
    fn name(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V42 => "v4.2",
        }
    }
}

/// How the managers' API is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Api {
    /// With TLS, for clients with a certificate
    Tls,
}

impl Api {
    fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
        }
    }
}

impl Args {
    /// The same for the keeper, which runs in another folder.
    fn words(&self) -> anyhow::Result<Vec<OsString>> {
        let ssh = self.ssh.then(|| "--ssh".into());
        let mut words: Vec<OsString> = ssh.into_iter().collect();
        words.extend(self.memory.map(|mib| format!("--memory={mib}").into()));
        if self.engine != Release::default() {
            words.push(format!("--engine={}", self.engine).into());
        }
        if let Some(scenario) = &self.scenario {
            let path = std::path::absolute(scenario).context("no such scenario")?;
            words.extend(["--".into(), path.into()]);
            return Ok(words);
        }
        words.push(format!("--managers={}", self.managers).into());
        words.push(format!("--workers={}", self.workers).into());
        words.extend(self.nfs.map(|nfs| format!("--nfs={}", nfs.name()).into()));
        words.extend(self.api.map(|api| format!("--api={}", api.name()).into()));
        Ok(words)
    }

    /// A place whose machines are as large as was asked.
    pub(super) fn sized(&self, ground: Ground) -> Ground {
        match (ground, self.memory) {
            (Ground::Vm(vm), Some(mib)) => Ground::Vm(Box::new(vm.with_memory(mib))),
            (ground, _) => ground,
        }
    }

    /// How long the keeper may take until the swarm can be used.
    fn deadline(&self, plan: &Plan) -> Duration {
        let up = plan.deadlines.bring_up.0 + plan.deadlines.steady.0 * 2;
        match self.ssh {
            true => up + foreign::OPENING,
            false => up,
        }
    }
}

/// The plan of what was asked: a scenario without its faults, or a swarm with nothing deployed.
pub(super) fn planned(args: &Args, ground: &Ground) -> anyhow::Result<Plan> {
    let options = ground.options(0, true);
    let (loaded, ours) = match &args.scenario {
        Some(path) => (scenario::load(path), false),
        None => (scenario::parse(Path::new("swarm.yaml"), &swarm(args)), true),
    };
    match loaded.and_then(|loaded| plan::plan(&loaded, &options)) {
        Ok(Outcome::Ready(plan)) => Ok(*plan),
        Ok(Outcome::Skipped { reason, .. }) => bail!("it cannot be brought up: {reason}"),
        Err(mistakes) if ours => {
            // Nobody has seen the file that they are in.
            let titles: Vec<&str> = mistakes.iter().map(Mistake::title).collect();
            Err(Refused::new(titles.join("; ")).into())
        }
        Err(mistakes) => Err(Refused(mistakes.render(true)).into()),
    }
}

/// A scenario that is all machines. A fault and its judge are there because none is refused
/// without; the plan leaves both out.
fn swarm(args: &Args) -> String {
    let nfs = args.nfs.map(|nfs| format!(", nfs: {}", nfs.name()));
    let api = args.api.map(|api| format!(", api: {}", api.name()));
    format!(
        "scenario: A swarm to keep\nbecause: Somebody wants to use it.\n\
         cluster: {{ managers: {}, workers: {}{}{} }}\n\
         faults: [ {{ at: 1s, do: {{ isolate: leader }} }} ]\n\
         expect: [ {{ control: kept }} ]\nallow: [ quorum_loss ]\n",
        args.managers,
        args.workers,
        nfs.unwrap_or_default(),
        api.unwrap_or_default()
    )
}

/// The plan of the swarm that `up` makes when nothing else is asked.
pub(super) fn plan_of_a_swarm(vm: &Vm) -> anyhow::Result<Plan> {
    plain(&Ground::Vm(Box::new(vm.clone())))
}

/// The same anywhere.
pub(super) fn plain(ground: &Ground) -> anyhow::Result<Plan> {
    let args = Args {
        managers: 3,
        workers: 1,
        nfs: None,
        api: None,
        ssh: false,
        memory: None,
        engine: Release::default(),
        scenario: None,
    };
    planned(&args, ground)
}

/// Starts a keeper and waits until its swarm can be used.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let cache = cache::folder()?;
    let kept = Kept::of(&cache);
    let engines = Engines {
        engine: args.engine,
        upgrade_to: None,
    };
    let mut ground = Ground::with(On::Vm, engines, &cache, false);
    let mut plan = planned(args, &ground)?;
    kept.refuse_if_alive()?;
    Runtime::new().context("cannot start")?.block_on(async {
        let mut interrupts = Interrupts::catch()?;
        if matches!(ground, Ground::Unprepared { .. }) {
            let progress = Progress::terminal();
            let images = tokio::select! {
                images = vm::prepare(&cache, args.engine, &progress) => images?,
                () = interrupts.next() => return Ok(Exit::INTERRUPTED),
            };
            ground = Ground::of(images, &cache, false);
            plan = planned(args, &ground)?;
        }
        if let Some(stale) = kept.read()? {
            kept.clean(&stale)?;
        }
        let mut keeper = Keeper::start(&args.words()?, &kept, &cache)?;
        let waited = tokio::select! {
            waited = keeper.ready(&kept, args.deadline(&plan)) => Some(waited),
            () = interrupts.next() => None,
        };
        match waited {
            Some(Ok(state)) => {
                let mut text = told(&state);
                if let Some(node) = state.nodes.first().filter(|_| args.ssh) {
                    text += &foreign::told(&kept.ssh(), &node.name);
                }
                output::print(&text)?;
                Ok(Exit::PASS)
            }
            Some(Err(error)) => {
                keeper.end().await?;
                Err(error)
            }
            None => {
                output::tell("interrupted: taking down what there is");
                keeper.end().await?;
                Ok(Exit::INTERRUPTED)
            }
        }
    })
}

/// What there is now, and how to use it.
fn told(state: &State) -> String {
    let mut text = ps::table(state, None);
    if let Some(node) = state.nodes.first() {
        let (name, api) = (&node.name, node.api);
        text += &format!(
            "\nexport DOCKER_HOST=tcp://{api}\n\n\
             docker node ls              any docker client can use it now\n\
             seatrial exec {name} -- CMD   run a command in a machine\n\
             seatrial power {name} off   turn a machine off; `on` turns it on again\n\
             seatrial ps                 this table\n\
             seatrial down               take it all down\n"
        );
    }
    for folder in state.folders.iter().filter(|one| holds_logs(one)) {
        text += &format!("\nconsole logs: {}\n", folder.display());
    }
    text
}

/// True for the folder with the machines' disks and console logs; the other one has sockets.
fn holds_logs(folder: &Path) -> bool {
    folder.parent().is_some_and(|above| above.ends_with("work"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swarm_of_any_size_can_be_planned_up_to_what_a_lab_has() {
        let planned = |managers, workers, nfs| {
            let args = Args {
                managers,
                workers,
                nfs,
                api: None,
                ssh: false,
                memory: None,
                engine: Release::default(),
                scenario: None,
            };
            planned(&args, &Ground::Unprepared { upgrades: false })
        };
        let plan = planned(3, 1, Some(Nfs::V42)).expect("a plan");
        assert_eq!(plan.topology.nodes.len(), 4);
        assert!(plan.topology.storage.is_some() && plan.faults.is_empty());
        assert!(
            planned(1, 0, None)
                .expect("a plan")
                .topology
                .storage
                .is_none()
        );
        for managers in 1..=7 {
            planned(managers, 7 - managers, None).expect("a plan");
        }
        let error = planned(200, 100, None).expect_err("too many");
        let refused = error.downcast::<Refused>().expect("bad usage");
        assert_eq!(refused.0, "error: 300 nodes are more than a lab has");
    }

    /// What somebody may type.
    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    fn typed(words: &[OsString]) -> Args {
        use clap::Parser;
        let words = [OsString::from("up")].into_iter().chain(words.to_vec());
        Typed::parse_from(words).args
    }

    #[test]
    fn the_keeper_is_told_all_that_was_typed() {
        for words in [
            &["--managers=3", "--workers=1"][..],
            &[
                "--ssh",
                "--managers=1",
                "--workers=2",
                "--nfs=v4.2",
                "--api=tls",
            ],
            &["--ssh", "--", "/x/scenario.yaml"],
            &["--engine=trixie", "--managers=3", "--workers=1"],
        ] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(typed(&words).words().expect("words"), words);
        }
    }

    #[test]
    fn managers_listen_and_nodes_are_opened_only_if_that_is_asked() {
        let planned = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let args = typed(&words);
            let plan = planned(&args, &Ground::Unprepared { upgrades: false }).expect("a plan");
            (plan.topology.api, args.deadline(&plan))
        };
        let (closed, deadline) = planned(&[]);
        assert!(closed.is_closed());
        let (api, longer) = planned(&["--api", "tls", "--ssh"]);
        assert_eq!(api, scenario::Api::Tls);
        assert!(longer >= deadline + foreign::OPENING);
    }
}
