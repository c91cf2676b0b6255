//! A swarm that is there already: what it keeps before its owner upgrades it, and what it keeps
//! since.

use std::path::{Path, PathBuf};

use anyhow::Context;
use seatrial::capability::Capability;
use seatrial::gate::{Evidence, Run, decide, engines};
use seatrial::plan::Outcome;
use seatrial::substrate::Place;
use seatrial::verdict::Verdict;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Args, Gathered, Side, asked, tell};
use crate::cli::ground::{Engines, On};
use crate::cli::interrupt::{self, Left};
use crate::cli::record::Record;
use crate::cli::run::runtime;
use crate::cli::screen::Screen;
use crate::cli::{Exit, Refused, cache, consent, folder, output, scenarios};

/// What is tried if nobody says: of what an operator must know, all that names no node.
const USUAL: [&str; 10] = [
    "scenarios/acceptance/worker-power-cut.yaml",
    "scenarios/acceptance/leader-power-cut.yaml",
    "scenarios/acceptance/engine-crash.yaml",
    "scenarios/acceptance/engine-restart.yaml",
    "scenarios/acceptance/killed-task.yaml",
    "scenarios/acceptance/short-cut-of-a-worker.yaml",
    "scenarios/acceptance/rolling-update.yaml",
    "scenarios/acceptance/disk-full-on-the-leader.yaml",
    "scenarios/acceptance/clock-jump-on-a-worker.yaml",
    "scenarios/acceptance/nfs-server-away.yaml",
];

/// The file in the first half's folder that says what was asked, whatever became of it.
const ASKED: &str = "asked.json";

/// What a half is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    /// Scenario files, or folders.
    scenarios: Vec<PathBuf>,
    /// How often each runs.
    repeat: u32,
}

/// Runs everything; with what was kept before, decides.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let before = args.since.as_deref().map(kept).transpose()?;
    let what = match &before {
        Some(before) if args.scenarios.is_empty() => before.asked()?,
        _ => Asked {
            scenarios: asked(args, &USUAL)?,
            repeat: args.repeat,
        },
    };
    let runs = before.iter().flat_map(|before| &before.runs);
    let first = runs.min_by_key(|run| run.figures.began);
    let seed = first.map(|run| run.figures.seed).or(args.seed);
    let seed = seed.unwrap_or_else(rand::random);
    let on = args.on.kind();
    let cache = cache::folder()?;
    let ground = args.on.ground(Engines::default(), &cache, false)?;
    if args.sabotage.is_some() {
        return Err(Refused::new("a swarm that is in use is not spoilt on purpose").into());
    }
    // Whatever the place could do: its owner upgrades this swarm, and no scenario.
    let mut options = ground.options(seed, false);
    options.capabilities.remove(&Capability::Upgrade);
    let outcomes = scenarios::all(&what.scenarios, &options)?;
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
        gathered.repeat = what.repeat;
        let folder = gathered.folder.clone();
        let words = serde_json::to_string(&what).context("cannot keep what is asked")?;
        output::save(&folder.join(ASKED), &words)?;
        let side = Side::new("run", &args.on, Engines::default(), &what.scenarios);
        let runs = half(&mut gathered, place, (&side, outcomes), seed).await?;
        let mut evidence = gathered.known();
        evidence.by_owner = true;
        evidence.target = runs;
        let exit = match before {
            None => end_before(&folder, &evidence),
            Some(before) => {
                evidence.base = before.runs;
                end_after(&folder, &evidence)?
            }
        };
        Ok(match stop.is_cancelled() {
            true => Exit::INTERRUPTED,
            false => exit,
        })
    })
}

/// Runs all scenarios that the swarm can run, as long as nothing goes wrong, and keeps why it
/// cannot run the others.
async fn half(
    gathered: &mut Gathered<'_>,
    place: &dyn Place,
    (side, outcomes): (&Side, Vec<Outcome>),
    seed: u64,
) -> anyhow::Result<Vec<Run>> {
    let mut plans = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Ready(plan) => plans.push(plan),
            Outcome::Skipped { name, reason } => {
                scenarios::tell_skipped(&name, &reason);
                gathered.evidence.unable.push((name, reason));
            }
        }
    }
    let mut runs = Vec::new();
    for plan in plans {
        runs.extend(gathered.each(place, side, &plan, seed).await?);
        if gathered.trouble {
            break;
        }
    }
    Ok(runs)
}

/// Says what to do next: the second half accepts nothing that the first did not see.
fn end_before(folder: &Path, evidence: &Evidence) -> Exit {
    let verdicts = evidence.target.iter().map(|run| run.judgement.verdict);
    let worst = verdicts.max();
    let unseen = evidence
        .target
        .iter()
        .any(|run| run.judgement.verdict == Verdict::Unknown);
    let folder = folder.display();
    let next = match unseen || worst.is_none() || !evidence.skipped.is_empty() {
        true => {
            "not everything was seen: mend that, or leave it out, and run this half again".into()
        }
        false => format!("upgrade every node, and run the same with `--since {folder}`"),
    };
    output::tell(format_args!("{:>12} {next}", "NEXT"));
    match (worst, evidence.skipped.is_empty()) {
        (Some(worst), true) => worst.into(),
        (Some(worst), false) => worst.and(Verdict::Unknown).into(),
        (None, true) => Exit::NOTHING_RAN,
        (None, false) => Verdict::Unknown.into(),
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

/// What the first half kept.
struct Before {
    folder: PathBuf,
    /// Its runs, judged again.
    runs: Vec<Run>,
}

impl Before {
    /// What it was asked, also where it did not come to it.
    fn asked(&self) -> anyhow::Result<Asked> {
        let kept = std::fs::read_to_string(self.folder.join(ASKED));
        let kept = kept.ok().and_then(|text| serde_json::from_str(&text).ok());
        let folder = self.folder.display();
        let lacks = || {
            Refused::new(format_args!(
                "`{folder}` does not say what was asked: name it"
            ))
        };
        Ok(kept.ok_or_else(lacks)?)
    }
}

/// Reads the first half.
fn kept(since: &Path) -> anyhow::Result<Before> {
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
    let runs: anyhow::Result<Vec<Run>> = journals.into_iter().map(read).collect();
    Ok(Before {
        folder: since.to_owned(),
        runs: runs?,
    })
}
