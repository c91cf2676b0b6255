//! A swarm that is there already: what it keeps before its owner upgrades it, and what it keeps
//! since.

use std::path::{Path, PathBuf};

use anyhow::Context;
use seatrial::capability::Capability;
use seatrial::gate::{Evidence, Run, decide, engines};
use seatrial::plan::{Options, Outcome};
use seatrial::substrate::Place;
use seatrial::verdict::Verdict;
use tokio_util::sync::CancellationToken;

use super::{Args, Gathered, tell};
use crate::cli::ground::{Engines, On};
use crate::cli::interrupt::{self, Left};
use crate::cli::record::Record;
use crate::cli::run::runtime;
use crate::cli::screen::Screen;
use crate::cli::{Exit, Refused, cache, consent, folder, output, scenarios};

/// Runs everything; with what was kept before, decides.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let before = args.since.as_deref().map(kept).transpose()?;
    let first = before.iter().flatten().min_by_key(|run| run.figures.began);
    let seed = first.map(|run| run.figures.seed).or(args.seed);
    let seed = seed.unwrap_or_else(rand::random);
    let on = args.on.kind();
    let cache = cache::folder()?;
    let ground = args.on.ground(Engines::default(), &cache, false)?;
    let outcomes = planned(args, &ground.options(seed, false))?;
    if on == On::Hosts && !args.yes && !consent::given(&outcomes)? {
        return Ok(Exit::NOTHING_RAN);
    }
    let place = ground.place().context("there is no such swarm")?;
    let (stop, left) = (CancellationToken::new(), Left::default());
    runtime(on)?.block_on(async {
        let screen = Screen::of_this_process();
        interrupt::watch(&stop, &left, &screen)?;
        let called = match before {
            None => "gate-before",
            Some(_) => "gate-after",
        };
        let mut gathered = Gathered::new(args, called, (stop.clone(), left), screen)?;
        let folder = gathered.folder.clone();
        let runs = half(&mut gathered, place, outcomes, seed).await?;
        let mut evidence = gathered.known();
        evidence.by_owner = true;
        evidence.target = runs;
        let exit = match before {
            None => end_before(&folder, &evidence),
            Some(before) => {
                evidence.base = before;
                end_after(&folder, &evidence)?
            }
        };
        Ok(match stop.is_cancelled() {
            true => Exit::INTERRUPTED,
            false => exit,
        })
    })
}

/// Plans everything, if there is nothing in it that only the owner does.
fn planned(args: &Args, options: &Options) -> anyhow::Result<Vec<Outcome>> {
    if args.sabotage.is_some() {
        return Err(Refused::new("a swarm that is in use is not spoilt on purpose").into());
    }
    if args.scenarios.is_empty() {
        let said = "a swarm that is in use is not broken by default: name the scenarios to try";
        return Err(Refused::new(said).into());
    }
    // Hosts cannot be upgraded by a scenario, which would leave it out as any that they lack.
    let mut able = options.clone();
    able.capabilities.insert(Capability::Upgrade);
    let upgrades = |one: &Outcome| matches!(one, Outcome::Ready(plan) if plan.upgrades());
    if scenarios::all(&args.scenarios, &able)?.iter().any(upgrades) {
        let said = "its owner upgrades this swarm: leave out scenarios with an `upgrade`";
        return Err(Refused::new(said).into());
    }
    Ok(scenarios::all(&args.scenarios, options)?)
}

/// Runs all scenarios that the swarm can run, as long as nothing goes wrong, and keeps why it
/// cannot run the others.
async fn half(
    gathered: &mut Gathered<'_>,
    place: &dyn Place,
    outcomes: Vec<Outcome>,
    seed: u64,
) -> anyhow::Result<Vec<Run>> {
    let mut plans = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Ready(plan) => plans.push(plan),
            Outcome::Skipped { name, reason } => gathered.skips(name, reason),
        }
    }
    let mut runs = Vec::new();
    for plan in plans {
        runs.extend(gathered.each(place, "run", &plan, seed).await?);
        if gathered.trouble {
            break;
        }
    }
    Ok(runs)
}

/// Says what to do next: the second half accepts nothing that the first did not see.
fn end_before(folder: &Path, evidence: &Evidence) -> Exit {
    let verdicts = evidence.target.iter().map(|run| run.judgement.verdict);
    let worst = verdicts.max().unwrap_or(Verdict::Unknown);
    let unseen = evidence
        .target
        .iter()
        .any(|run| run.judgement.verdict == Verdict::Unknown);
    let folder = folder.display();
    let next = match unseen || !evidence.skipped.is_empty() {
        true => {
            "not everything was seen: mend that, or leave it out, and run this half again".into()
        }
        false => format!("upgrade every node, and run the same with `--since {folder}`"),
    };
    output::tell(format_args!("{:>12} {next}", "NEXT"));
    match evidence.skipped.is_empty() {
        true => worst.into(),
        false => worst.and(Verdict::Unknown).into(),
    }
}

/// Decides between what was kept and what just ran.
fn end_after(folder: &Path, evidence: &Evidence) -> anyhow::Result<Exit> {
    let named = |runs: &[Run]| match engines(runs).into_iter().collect::<Vec<_>>() {
        none if none.is_empty() => "an unknown docker".to_owned(),
        some => format!("docker {}", some.join(" and ")),
    };
    let decision = decide(evidence);
    let (from, to) = (named(&evidence.base), named(&evidence.target));
    tell(&decision, (&from, &to), folder)?;
    Ok(Exit(decision.ruling.exit_code()))
}

/// The runs of the first half, judged again.
fn kept(since: &Path) -> anyhow::Result<Vec<Run>> {
    let journals = folder::journals(since)?;
    if journals.is_empty() {
        let said = format_args!(
            "there is no run in `{}`: name the folder that `gate` told before the upgrade",
            since.display()
        );
        return Err(Refused::new(said).into());
    }
    let read = |path: PathBuf| {
        let failed = || format!("cannot read `{}`", path.display());
        let Record { history, judgement } = Record::read(&path).with_context(failed)?;
        let folder = path.parent().unwrap_or(&path);
        let folder = std::path::absolute(folder).context("cannot tell where runs are")?;
        Ok(Run::of(&history, judgement, folder.display().to_string()))
    };
    journals.into_iter().map(read).collect()
}
