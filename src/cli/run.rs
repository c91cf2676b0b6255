//! `seatrial run`: runs scenarios one after the other, and judges each by its journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use seatrial::plan::{Outcome, Plan};
use seatrial::report::{Figures, Junit, SummaryRow, line, summary};
use seatrial::run::Options;
use seatrial::substrate::Place;
use seatrial::verdict::Verdict;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::ground::{Ground, On};
use super::interrupt::{self, Left};
use super::kept::Kept;
use super::record::Record;
use super::scenarios::{Again, Asked, tell_skipped};
use super::screen::Screen;
use super::{Exit, Refused, cache, consent, engine, folder, index, output};

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

    /// Run each scenario so many times, each with a seed of its own that follows from the first
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = repeats())]
    repeat: u32,

    /// Break a swarm that is there already without asking first
    #[arg(long)]
    yes: bool,

    /// Also write all results to this file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// How often a scenario may be run in a row: more say no more.
pub(super) fn repeats() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=999)
}

/// Plans everything, and only then starts anything.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let asked = &args.asked;
    let (cache, seed) = (cache::folder()?, asked.seed());
    let (on, why) = asked.on(&cache)?;
    let mut ground = asked.ground(on, &cache, args.fresh)?;
    let mut outcomes = asked.plan(&ground.options(seed, asked.no_faults))?;
    if let Some(why) = why {
        output::tell(why);
    }
    if on == On::Hosts && !args.yes && !consent::given(&outcomes)? {
        return Ok(Exit::NOTHING_RAN);
    }
    if let Some(path) = &args.junit {
        // Before hours of work, and so that a run that is killed leaves no older one's results.
        let saved = output::save(path, &Junit::default().text());
        saved.map_err(|error| Refused::new(format_args!("{error:#}")))?;
    }
    let (stop, left) = (CancellationToken::new(), Left::default());
    runtime(on)?.block_on(async {
        let screen = Screen::of_this_process();
        interrupt::watch(&stop, &left, &screen)?;
        let any = outcomes.iter().any(|one| matches!(one, Outcome::Ready(_)));
        if any && matches!(on, On::Vm | On::Dind) {
            Kept::of(&cache).refuse_if_alive()?;
        }
        if any && ground.lacks() {
            let ready = Ground::prepare(on, asked.engines, &cache, args.fresh);
            ground = tokio::select! {
                ready = ready => ready?,
                () = stop.cancelled() => {
                    if on == On::Dind {
                        engine::give_up().await;
                    }
                    return Ok(Exit::INTERRUPTED);
                }
            };
            outcomes = asked.plan(&ground.options(seed, asked.no_faults))?;
        }
        let mut session = Session::new(&args.runs, stop, left, screen);
        session.place = ground.place();
        session.again = asked.again(on);
        session.repeat = args.repeat;
        let exit = session.run(&outcomes).await;
        if let Some(path) = &args.junit {
            output::save(path, &session.results.text())?;
        }
        exit
    })
}

/// Time for machines is real; that of `sim` jumps from one event to the next.
pub(super) fn runtime(on: On) -> anyhow::Result<Runtime> {
    let built = match on {
        On::Vm | On::Dind | On::Hosts => Builder::new_multi_thread().enable_all().build(),
        On::Sim => Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build(),
    };
    built.context("cannot start")
}

/// Scenarios under way, and what they came to so far.
pub(super) struct Session<'a> {
    place: Option<&'a dyn Place>,
    /// How to do one of these runs alone.
    pub(super) again: Again,
    runs: &'a Path,
    /// How often each scenario runs.
    repeat: u32,
    stop: CancellationToken,
    left: Left,
    screen: Screen,
    rows: Vec<SummaryRow>,
    verdicts: Vec<Verdict>,
    results: Junit,
}

impl<'a> Session<'a> {
    /// Nothing is under way yet.
    pub(super) fn new(runs: &'a Path, stop: CancellationToken, left: Left, screen: Screen) -> Self {
        Self {
            place: None,
            again: Again::default(),
            runs,
            repeat: 1,
            stop,
            left,
            screen,
            rows: Vec::new(),
            verdicts: Vec::new(),
            results: Junit::default(),
        }
    }

    /// Runs all, tells each, and ends with the worst.
    async fn run(&mut self, outcomes: &[Outcome]) -> anyhow::Result<Exit> {
        for outcome in outcomes {
            match (outcome, self.place) {
                (Outcome::Skipped { name, reason }, _) => {
                    tell_skipped(name, reason);
                    self.rows.push(SummaryRow::skipped(name, reason));
                    self.results.skipped(name, reason);
                }
                (Outcome::Ready(plan), Some(place)) if !self.stop.is_cancelled() => {
                    if let Err(error) = self.each(place, plan).await {
                        output::tell(format_args!("error: {}: {error:#}", plan.name));
                        self.results.trouble(&plan.name, &format!("{error:#}"));
                        self.verdicts.push(Verdict::Unknown);
                        break;
                    }
                }
                (Outcome::Ready(_), _) => {}
            }
        }
        // Only saves the next reader time, and a run is over whether or not it could be written.
        let _ = index::read(self.runs);
        if outcomes.len() > 1 || self.repeat > 1 {
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

    /// Runs one scenario as often as it was asked for, a row of the table.
    async fn each(&mut self, place: &dyn Place, plan: &Plan) -> anyhow::Result<()> {
        let (called, now) = (called(plan, self.repeat), jiff::Timestamp::now());
        let folder = seatrial::run::new_folder(self.runs, &called, now)?;
        let named = folder.display().to_string();
        if self.repeat == 1 {
            let record = self.one(place, plan, folder).await?;
            self.results.ran(&record.history, &record.judgement);
            let row = SummaryRow::of(&record.history, &record.judgement, &named);
            self.rows.push(row);
            return Ok(());
        }
        let mut runs = Vec::new();
        let mut ended = Ok(());
        for (seed, number) in seeds(plan.seed).zip(1..=self.repeat) {
            if self.stop.is_cancelled() {
                break;
            }
            let again = Plan {
                seed,
                ..plan.clone()
            };
            let folder = folder.join(number.to_string());
            match self.one(place, &again, folder).await {
                Ok(Record { history, judgement }) => {
                    self.results.repeated(number, &history, &judgement);
                    runs.push(Figures::of(&history, &judgement));
                }
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            }
        }
        if !runs.is_empty() {
            self.rows.push(SummaryRow::repeated(&runs, &named));
        }
        ended
    }

    /// Runs one plan, judges it, and tells it.
    pub(super) async fn one(
        &mut self,
        place: &dyn Place,
        plan: &Plan,
        folder: PathBuf,
    ) -> anyhow::Result<Record> {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        folder::point(self.runs, &folder)?;
        output::tell(format_args!("{:>12} {}", "RUN", folder.display()));
        self.left.begin(&folder);
        let (told, left, screen) = (plan.clone(), self.left.clone(), self.screen.clone());
        screen.begin(plan);
        let options = Options {
            folder: folder.clone(),
            command_line: self
                .again
                .command(&plan.name, plan.seed)
                .unwrap_or_else(asked),
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
        record.save(&folder)?;
        output::print(&format!("\n{}", record.told(&output::style())))?;
        Ok(record)
    }
}

/// What this process was asked for.
fn asked() -> Vec<String> {
    let words = std::env::args_os();
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// The name of the folder: the scenario's, and how often it runs.
fn called(plan: &Plan, repeat: u32) -> String {
    match repeat {
        1 => plan.name.clone(),
        repeat => format!("{}-x{repeat}", plan.name),
    }
}

/// The seeds of repeats: the one that was given, and what follows from it.
pub(super) fn seeds(first: u64) -> impl Iterator<Item = u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(first);
    std::iter::once(first).chain(std::iter::from_fn(move || Some(rng.next_u64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ended(interrupted: bool, verdicts: &[Verdict]) -> Exit {
        let stop = CancellationToken::new();
        if interrupted {
            stop.cancel();
        }
        let runs = Path::new("never-made");
        let mut session = Session::new(runs, stop, Left::default(), Screen::default());
        session.verdicts = verdicts.to_vec();
        let skipped = Outcome::Skipped {
            name: "a".into(),
            reason: "`sim` has no power cut".into(),
        };
        session.run(&[skipped]).await.expect("written")
    }

    #[test]
    fn repeats_have_seeds_of_their_own_that_follow_from_the_first() {
        let some: Vec<u64> = seeds(7).take(20).collect();
        assert_eq!(some[0], 7);
        assert_eq!(some, seeds(7).take(20).collect::<Vec<_>>());
        let different: std::collections::BTreeSet<u64> = some.into_iter().collect();
        assert_eq!(different.len(), 20);
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
