//! Acts and records, and never decides pass or fail: a plan and a place become a journal.
//!
//! Whatever happens after the place made a lab, everything is healed and removed, and the errors
//! of that are journaled beside what led to it, never instead of it.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::heal;
use crate::journal::{Event, FORMAT, Header, Journal, JournalError, Listener, Phase};
use crate::plan::Plan;
use crate::substrate::{Place, Trouble};

mod act;
mod audit;
mod clocks;
mod collect;
mod course;
mod excerpt;
mod folder;
mod ground;
mod load;
mod observe;
mod order;
mod poll;
mod redact;
mod sight;
mod steady;
mod strike;
mod target;
mod trial;
mod upgrade;

use trial::Trial;

pub use folder::new_folder;

/// What a run needs beside its plan and its place.
pub struct Options {
    /// The run's folder, such as `runs/<time>-<name>`; it is made, with `journal.jsonl` in it.
    pub folder: PathBuf,
    /// The command line that does this run alone, or the one that started it, for the header.
    pub command_line: Vec<String>,
    /// Is told of every entry once it is written.
    pub listener: Option<Arc<Listener>>,
    /// Cancelled at the first Ctrl-C: then the run heals, removes what it made, and returns.
    pub stop: CancellationToken,
}

/// Where a run's journal is. What it means is for [`crate::check`] to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The run's folder.
    pub folder: PathBuf,
    /// The journal in it.
    pub journal: PathBuf,
    /// True when the run was told to stop before it had done all.
    pub interrupted: bool,
}

/// Runs a plan on a place. Trouble with the place is an entry of the journal and no error here.
///
/// # Errors
/// When the journal cannot be written; everything is healed and removed all the same.
pub async fn run(place: &dyn Place, plan: &Plan, options: Options) -> Result<Summary, Trouble> {
    let folder = options.folder;
    std::fs::create_dir_all(&folder).map_err(|error| {
        let path = folder.display();
        Trouble(format!("cannot make the run's folder `{path}`: {error}"))
    })?;
    let path = folder.join("journal.jsonl");
    let mut journal = Journal::create(&path, place.clock())?;
    if let Some(listener) = options.listener {
        journal = journal.with_listener(listener);
    }
    journal.record(Event::Header(header(place, plan, options.command_line)))?;
    journal.record(Event::Plan(Box::new(plan.clone())))?;
    let before = audit::before(place, &journal).await?;
    journal.record(Event::Phase(Phase::BringUp))?;
    let made = place.bring_up(plan, &journal);
    // Whether the journal tells of the interruption already.
    let mut told = true;
    let ended = match options.stop.run_until_cancelled(made).await {
        Some(Ok(lab)) => {
            let stop = options.stop.child_token();
            let trial = Arc::new(Trial::new(lab, plan.clone(), journal.clone(), stop));
            conduct(&trial).await;
            told = options.stop.is_cancelled();
            clean_up(&trial, told).await;
            trial.fatal()
        }
        Some(Err(trouble)) => {
            let what = format!("the lab could not be made: {trouble}");
            journal.record(Event::Trouble { what }).err()
        }
        None => audit::give_up(&journal).await.err(),
    };
    if let Some(error) = ended {
        return Err(error.into());
    }
    if let Some(before) = before {
        audit::after(place, &journal, &before).await?;
    }
    let interrupted = options.stop.is_cancelled();
    if interrupted && !told {
        let what = "the run was interrupted while it was cleaned up".to_owned();
        journal.record(Event::Trouble { what })?;
    }
    journal.seal()?;
    journal.record(Event::End)?;
    Ok(Summary {
        folder,
        journal: path,
        interrupted,
    })
}

/// The journal's first entry.
fn header(place: &dyn Place, plan: &Plan, command_line: Vec<String>) -> Header {
    let identity = place.identity(plan);
    Header {
        format: FORMAT,
        seatrial: env!("CARGO_PKG_VERSION").to_owned(),
        seed: plan.seed,
        command_line,
        place: identity.place,
        accelerator: identity.accelerator,
        patience: plan.patience,
        versions: identity.versions,
        images: identity.images,
        started_from: identity.started_from,
        pid: Some(std::process::id()),
    }
}

/// Why a run did not do all that its plan says.
enum Halt {
    /// It was told to stop, or the journal failed.
    Stopped,
    /// Nothing that follows would mean anything; why.
    Trouble(String),
}

impl From<JournalError> for Halt {
    /// The error itself is kept by [`Trial::fail`].
    fn from(_: JournalError) -> Self {
        Self::Stopped
    }
}

/// Goes through the plan, and journals why if it ends early. A panic ends it, no more.
async fn conduct(trial: &Arc<Trial>) {
    let course = std::panic::AssertUnwindSafe(course::run(trial));
    match course.catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(Halt::Trouble(what))) => trial.tell(Event::Trouble { what }),
        Ok(Err(Halt::Stopped)) => {}
        Err(_) => trial.trouble("the run panicked; report this with its journal"),
    }
}

/// Ends what is under way, heals what is broken, keeps what there is to show, and removes what was
/// made. Visits everything.
async fn clean_up(trial: &Arc<Trial>, interrupted: bool) {
    if interrupted {
        trial.trouble("the run was interrupted; what follows is its clean-up");
    }
    trial.stop.cancel();
    for group in [&trial.workloads, &trial.faults] {
        group.close();
        group.wait().await;
    }
    let left = trial.outstanding();
    let tell = |event| trial.tell(event);
    heal::heal(&*trial.lab, &trial.plan, &trial.members(), &left, &tell).await;
    trial.observing.cancel();
    trial.observers.close();
    trial.observers.wait().await;
    collect::evidence(trial).await;
    trial.tell(Event::Phase(Phase::TearDown));
    if let Err(trouble) = trial.lab.tear_down().await {
        let what = format!("not everything was removed: {trouble}; remove it by hand");
        trial.tell(Event::Trouble { what });
    }
}
