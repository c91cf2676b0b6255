//! How long four machines with NFS take until their page answers on every node, from nothing and
//! from the snapshot of their steady state, side by side: `cargo bench --bench bring_up`.
//!
//! The numbers to reach are 5 s restored on two emulated cores, and 15 times quicker than cold
//! (design, section 7). Nothing is asserted: this prints what it saw.

use std::collections::BTreeSet;
use std::env::var_os;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use seatrial::journal::Membership;
use seatrial::plan::{self, Options, Outcome, Plan};
use seatrial::substrate::vm::{Images, Progress, Vm, VmLab};
use seatrial::substrate::{Lab, Place};
use seatrial::wait::{Look, until};
use seatrial::{probe, scenario};
use tokio::time::Instant;

const SCENARIO: &str = "scenarios/nginx-nfs-answers-on-every-node.yaml";

/// How often the swarm is restored.
const REPETITIONS: usize = 3;

/// The pause between two looks at the steady state; the resolution of what is measured.
const PACE: Duration = Duration::from_millis(100);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without the word.
    if !std::env::args().any(|word| word == "--bench") {
        println!("not measured: run `cargo bench --bench bring_up`");
        return Ok(());
    }
    let images = match ready() {
        Ok((images, cache)) => (images, cache),
        Err(why) => {
            println!("not measured: {why:#}");
            return Ok(());
        }
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    runtime.block_on(measure(images.0, &images.1))
}

/// The images and the cache, if machines can be started here.
fn ready() -> anyhow::Result<(Images, PathBuf)> {
    let said = |name: &str| var_os(name).filter(|value| !value.is_empty());
    let cache = said("SEATRIAL_CACHE")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(said("XDG_CACHE_HOME")?).join("seatrial")))
        .or_else(|| Some(PathBuf::from(said("HOME")?).join(".cache/seatrial")))
        .context("there is no home folder: set `SEATRIAL_CACHE`")?;
    let cache = std::path::absolute(&cache)?;
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.arg("--version")
        .stdout(Stdio::null())
        .stdin(Stdio::null());
    qemu.status()
        .context("no QEMU: `ci/setup` installs it, see `seatrial doctor`")?;
    let missing = || format!("no images in `{}`: run `seatrial prepare`", cache.display());
    let images = Images::find(&cache).with_context(missing)?;
    Ok((images, cache))
}

/// Both ways, and what came out.
async fn measure(images: Images, cache: &Path) -> anyhow::Result<()> {
    let place = |fresh| Vm::new(images.clone(), cache, Progress::terminal(), fresh);
    let (cold, warm) = (place(true), place(false));
    let plan = planned(&cold)?;
    let identity = cold.identity(&plan);
    let (place, accelerator) = (&identity.place, &identity.accelerator);
    println!("{SCENARIO} on {place} ({accelerator}): from nothing");
    let (lab, from_nothing) = bring_up(&cold, &plan).await?;
    let kept = lab.checkpoint().await;
    lab.tear_down().await?;
    // It has the one place where a swarm may run until it is gone.
    drop(lab);
    kept?;
    let from = warm.identity(&plan).started_from;
    if !from.contains("steady") {
        bail!("the steady state was not kept: the next run would start from `{from}`");
    }
    println!("{SCENARIO} on {place} ({accelerator}): from {from}, {REPETITIONS} times");
    let mut restored = Vec::new();
    for _ in 0..REPETITIONS {
        let (lab, took) = bring_up(&warm, &plan).await?;
        lab.tear_down().await?;
        restored.push(took);
    }
    restored.sort_by_key(Took::whole);
    print_table(&from_nothing, &restored);
    Ok(())
}

/// The scenario without its faults.
fn planned(vm: &Vm) -> anyhow::Result<Plan> {
    let options = Options {
        place: "vm".to_owned(),
        capabilities: vm.capabilities(),
        patience: vm.patience(),
        seed: 0,
        no_faults: true,
        environment: vm.variables(),
        nodes: None,
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCENARIO);
    match scenario::load(&path).and_then(|loaded| plan::plan(&loaded, &options)) {
        Ok(Outcome::Ready(plan)) => Ok(*plan),
        Ok(Outcome::Skipped { reason, .. }) => bail!("the scenario cannot run here: {reason}"),
        Err(mistakes) => bail!("{mistakes}"),
    }
}

/// How long each part took.
struct Took {
    machines: Duration,
    deploy: Duration,
    steady: Duration,
}

impl Took {
    fn whole(&self) -> Duration {
        self.machines + self.deploy + self.steady
    }
}

/// Machines, swarm, stack, and an answer on every node.
async fn bring_up(vm: &Vm, plan: &Plan) -> anyhow::Result<(Arc<VmLab>, Took)> {
    let start = Instant::now();
    let lab = vm.lab(plan, None).await?;
    let machines = start.elapsed();
    match serve(&lab, plan).await {
        Ok((deploy, steady)) => Ok((
            lab,
            Took {
                machines,
                deploy,
                steady,
            },
        )),
        Err(error) => {
            lab.tear_down().await?;
            Err(error)
        }
    }
}

/// The stack, and an answer on every node: how long each took.
async fn serve(lab: &VmLab, plan: &Plan) -> anyhow::Result<(Duration, Duration)> {
    let start = Instant::now();
    lab.deploy().await?;
    let deploy = start.elapsed();
    let within = plan.deadlines.steady.0;
    until("the steady state", within, PACE, || steady(lab, plan)).await?;
    Ok((deploy, start.elapsed().saturating_sub(deploy)))
}

/// Whether all of the scenario's own probes hold: both tasks run, and every node answers.
async fn steady(lab: &VmLab, plan: &Plan) -> Look<()> {
    let Some(manager) = plan.node_names().next() else {
        return Look::CannotTell("no node".to_owned());
    };
    let sight = match lab.view(manager).await {
        Ok(view) => Look::Holds(view),
        Err(error) => Look::CannotTell(error.to_string()),
    };
    let members = Membership::of(plan);
    for probe in &plan.steady {
        match probe::observe(lab, plan, &members, probe, &sight, &BTreeSet::new()).await {
            Look::Holds(_) => {}
            Look::NotYet(seen) => return Look::NotYet(seen),
            Look::CannotTell(why) => return Look::CannotTell(why),
        }
    }
    Look::Holds(())
}

/// Side by side, in seconds; `restored` is in the order of the whole time.
fn print_table(cold: &Took, restored: &[Took]) {
    let (Some(min), Some(max)) = (restored.first(), restored.last()) else {
        return;
    };
    let median = &restored[restored.len() / 2];
    println!(
        "\n{:<26}{:>8}{:>10}{:>8}{:>8}",
        "seconds", "cold", "restored", "", ""
    );
    println!(
        "{:<26}{:>8}{:>10}{:>8}{:>8}",
        "", "once", "min", "median", "max"
    );
    let row = |what: &str, part: fn(&Took) -> Duration| {
        let seconds = |took: &Took| part(took).as_secs_f64();
        println!(
            "{what:<26}{:>8.1}{:>10.1}{:>8.1}{:>8.1}",
            seconds(cold),
            seconds(min),
            seconds(median),
            seconds(max)
        );
    };
    row("machines and swarm", |took| took.machines);
    row("share, mounts and stack", |took| took.deploy);
    row("until every node answers", |took| took.steady);
    row("in all", Took::whole);
    let ratio = cold.whole().as_secs_f64() / median.whole().as_secs_f64();
    println!("\nrestored is {ratio:.1} times quicker than cold (median)");
    println!("A cold start that finds no formed swarm saved also saves it, within its first row.");
}
