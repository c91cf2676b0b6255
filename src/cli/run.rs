//! `seatrial run`: runs scenarios one after the other, and judges each by its journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use seatrial::plan::{Outcome, Plan};
use seatrial::report::{Junit, SummaryRow, line, summary};
use seatrial::run::Options;
use seatrial::substrate::Place;
use seatrial::substrate::vm::{self, Progress};
use seatrial::verdict::Verdict;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::ground::{Ground, On};
use super::interrupt::{self, Left};
use super::kept::Kept;
use super::record::Record;
use super::scenarios::Asked;
use super::screen::Screen;
use super::{Exit, cache, output, runs};

/// What `run` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    asked: Asked,

    /// Start from nothing, whatever swarm is saved
    #[arg(long)]
    fresh: bool,

    /// Where runs land
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,

    /// Also write all results to this file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Plans everything, and only then starts anything.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let asked = &args.asked;
    let (cache, seed) = (cache::folder()?, asked.seed());
    let mut ground = Ground::find(asked.on, &cache, args.fresh);
    let mut outcomes = asked.plan(&ground.options(seed, asked.no_faults))?;
    let (stop, left) = (CancellationToken::new(), Left::default());
    runtime(asked.on)?.block_on(async {
        let screen = Screen::of_this_process();
        interrupt::watch(&stop, &left, &screen)?;
        let any = outcomes.iter().any(|one| matches!(one, Outcome::Ready(_)));
        if any && asked.on == On::Vm {
            Kept::of(&cache).refuse_if_alive()?;
        }
        if any && matches!(ground, Ground::Unprepared) {
            let progress = Progress::terminal();
            let images = tokio::select! {
                images = vm::prepare(&cache, &progress) => images?,
                () = stop.cancelled() => return Ok(Exit::INTERRUPTED),
            };
            ground = Ground::of(images, &cache, args.fresh);
            outcomes = asked.plan(&ground.options(seed, asked.no_faults))?;
        }
        let place: Option<&dyn Place> = match &ground {
            Ground::Vm(vm) => Some(&**vm),
            Ground::Sim(sim) => Some(sim),
            Ground::Unprepared => None,
        };
        let mut session = Session {
            place,
            runs: &args.runs,
            stop,
            left,
            screen,
            rows: Vec::new(),
            verdicts: Vec::new(),
            results: Junit::default(),
        };
        let exit = session.run(&outcomes).await;
        if let Some(path) = &args.junit {
            output::save(path, &session.results.text())?;
        }
        exit
    })
}

/// Time for machines is real; that of `sim` jumps from one event to the next.
fn runtime(on: On) -> anyhow::Result<Runtime> {
    let built = match on {
        On::Vm => Builder::new_multi_thread().enable_all().build(),
        On::Sim => Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build(),
    };
    built.context("cannot start")
}

/// Scenarios under way, and what they came to so far.
struct Session<'a> {
    place: Option<&'a dyn Place>,
    runs: &'a Path,
    stop: CancellationToken,
    left: Left,
    screen: Screen,
    rows: Vec<SummaryRow>,
    verdicts: Vec<Verdict>,
    results: Junit,
}

impl Session<'_> {
    /// Runs all, tells each, and ends with the worst.
    async fn run(&mut self, outcomes: &[Outcome]) -> anyhow::Result<Exit> {
        for outcome in outcomes {
            match (outcome, self.place) {
                (Outcome::Skipped { name, reason }, _) => {
                    output::tell(format_args!("{:>12} {name}: {reason}", "SKIPPED"));
                    self.rows.push(SummaryRow::skipped(name, reason));
                    self.results.skipped(name, reason);
                }
                (Outcome::Ready(plan), Some(place)) if !self.stop.is_cancelled() => {
                    if let Err(error) = self.one(place, plan).await {
                        output::tell(format_args!("error: {}: {error:#}", plan.name));
                        self.results.trouble(&plan.name, &format!("{error:#}"));
                        self.verdicts.push(Verdict::Unknown);
                        break;
                    }
                }
                (Outcome::Ready(_), _) => {}
            }
        }
        if outcomes.len() > 1 {
            output::print(&format!("\n{}", summary(&self.rows)))?;
        }
        Ok(if self.stop.is_cancelled() {
            Exit::INTERRUPTED
        } else if self.verdicts.is_empty() {
            Exit::NOTHING_RAN
        } else {
            Verdict::worst(self.verdicts.iter().copied()).into()
        })
    }

    /// Runs one plan, judges it, and tells it.
    async fn one(&mut self, place: &dyn Place, plan: &Plan) -> anyhow::Result<()> {
        let folder = runs::make(self.runs, &plan.name, jiff::Timestamp::now())?;
        output::tell(format_args!("{:>12} {}", "RUN", folder.display()));
        self.left.begin(&folder);
        let (told, left, screen) = (plan.clone(), self.left.clone(), self.screen.clone());
        screen.begin(plan);
        let options = Options {
            folder: folder.clone(),
            command_line: std::env::args_os()
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            listener: Some(Arc::new(move |entry| {
                left.note(&entry.event);
                screen.show(entry, line(entry, &told));
            })),
            stop: self.stop.clone(),
        };
        let ended = seatrial::run::run(place, plan, options).await;
        self.screen.end();
        let ended = ended?;
        self.left.end();
        let record = Record::read(&ended.journal)?;
        let verdict = record.judgement.verdict;
        self.verdicts.push(verdict);
        let place = folder.display().to_string();
        self.rows
            .push(SummaryRow::of(&record.history, &record.judgement, &place));
        record.save(&folder)?;
        self.results.ran(&record.history, &record.judgement);
        output::print(&format!("\n{}", record.told(&output::style())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ended(interrupted: bool, verdicts: &[Verdict]) -> Exit {
        let stop = CancellationToken::new();
        if interrupted {
            stop.cancel();
        }
        let mut session = Session {
            place: None,
            runs: Path::new("never-made"),
            stop,
            left: Left::default(),
            screen: Screen::default(),
            rows: Vec::new(),
            verdicts: verdicts.to_vec(),
            results: Junit::default(),
        };
        let skipped = Outcome::Skipped {
            name: "a".into(),
            reason: "`sim` has no power cut".into(),
        };
        session.run(&[skipped]).await.expect("written")
    }

    #[tokio::test]
    async fn the_exit_code_is_the_worst_of_what_ran() {
        use Verdict::{Fail, Pass, Unknown};
        assert_eq!(ended(false, &[]).await, Exit::NOTHING_RAN);
        assert_eq!(ended(false, &[Pass]).await, Exit::PASS);
        assert_eq!(ended(false, &[Pass, Unknown]).await, Exit::UNKNOWN);
        assert_eq!(ended(false, &[Unknown, Fail, Pass]).await, Exit(1));
        assert_eq!(ended(true, &[Fail]).await, Exit::INTERRUPTED);
    }
}
