//! Whole runs on the simulated place, minutes in milliseconds.
//!
//! Goal: whatever happens to a run, its journal tells it in order, and nothing stays broken.
//! Method: hand-built plans, tokio's paused time, and a place that can be sabotaged.

#[path = "sim/plans.rs"]
mod plans;

#[path = "sim/actions.rs"]
mod actions;
#[path = "sim/api.rs"]
mod api;
#[path = "sim/article.rs"]
mod article;
#[path = "sim/askers.rs"]
mod askers;
#[path = "sim/balancer.rs"]
mod balancer;
#[path = "sim/compared.rs"]
mod compared;
#[path = "sim/cuts.rs"]
mod cuts;
#[path = "sim/damage.rs"]
mod damage;
#[path = "sim/evidence.rs"]
mod evidence;
#[path = "sim/faults.rs"]
mod faults;
#[path = "sim/files.rs"]
mod files;
#[path = "sim/gate.rs"]
mod gate;
#[path = "sim/inquiries.rs"]
mod inquiries;
#[path = "sim/interrupted.rs"]
mod interrupted;
#[path = "sim/inward.rs"]
mod inward;
#[path = "sim/leavings.rs"]
mod leavings;
#[path = "sim/marks.rs"]
mod marks;
#[path = "sim/misdeeds.rs"]
mod misdeeds;
#[path = "sim/overlap.rs"]
mod overlap;
#[path = "sim/probes.rs"]
mod probes;
#[path = "sim/pulls.rs"]
mod pulls;
#[path = "sim/registry.rs"]
mod registry;
#[path = "sim/runs.rs"]
mod runs;
#[path = "sim/sabotage.rs"]
mod sabotage;
#[path = "sim/tour.rs"]
mod tour;
#[path = "sim/undone.rs"]
mod undone;
#[path = "sim/upgrade.rs"]
mod upgrade;
#[path = "sim/written.rs"]
mod written;

use std::path::Path;

use seatrial::check::check;
use seatrial::journal::{Event, History};
use seatrial::plan::{self, Plan};
use seatrial::report::{Style, terminal};
use seatrial::run::{self, Options};
use seatrial::scenario::load;
use seatrial::substrate::Place;
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::verdict::Verdict;
use tokio_util::sync::CancellationToken;

/// Asserts that a run passes; returns what a person reads of it.
fn passed(history: &History) -> String {
    let judgement = check(history);
    let told = terminal(history, &judgement, &Style::default());
    assert_eq!(
        judgement.verdict,
        Verdict::Pass,
        "{told}\n{}",
        outline(history)
    );
    told
}

/// The plan of a scenario file, for the simulated place, which can act out every one of them.
fn planned(path: &Path, no_faults: bool) -> Plan {
    let options = plan::Options {
        place: "sim".into(),
        capabilities: Sim::new().capabilities(),
        patience: 1.0,
        seed: 7,
        no_faults,
        environment: Default::default(),
        nodes: None,
    };
    let loaded = load(path).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    match plan::plan(&loaded, &options).unwrap_or_else(|mistakes| panic!("{mistakes}")) {
        plan::Outcome::Ready(plan) => *plan,
        plan::Outcome::Skipped { reason, .. } => panic!("{}: skipped: {reason}", path.display()),
    }
}

/// Runs a plan on the simulated place and reads its journal back.
async fn run_sim(plan: &Plan, sabotage: Option<Sabotage>) -> History {
    run_until(plan, sabotage, CancellationToken::new()).await
}

/// The same, with a token that ends it.
async fn run_until(plan: &Plan, sabotage: Option<Sabotage>, stop: CancellationToken) -> History {
    let place = sabotage.map_or_else(Sim::new, Sim::with);
    run_on(&place, plan, stop).await
}

/// The same, on a place that can be asked afterwards.
async fn run_on(place: &Sim, plan: &Plan, stop: CancellationToken) -> History {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        folder: folder.path().join("run"),
        command_line: vec!["seatrial".to_owned(), "run".to_owned()],
        listener: None,
        stop,
    };
    let summary = run::run(place, plan, options).await.expect("a journal");
    seatrial::journal::read(&summary.journal).expect("a journal that can be read")
}

/// The number of the first entry that is wanted; it must be there.
fn seq(history: &History, what: &str, wanted: impl Fn(&Event) -> bool) -> u64 {
    match history.entries.iter().find(|entry| wanted(&entry.event)) {
        Some(entry) => entry.seq,
        None => panic!("no {what} in the journal:\n{}", outline(history)),
    }
}

/// How many entries are wanted.
fn count(history: &History, wanted: impl Fn(&Event) -> bool) -> usize {
    history
        .entries
        .iter()
        .filter(|entry| wanted(&entry.event))
        .count()
}

/// What was done, and when the steady state changed, for people: seconds and event.
fn outline(history: &History) -> String {
    let mut text = String::new();
    let mut last = None;
    for entry in &history.entries {
        let seconds = entry.at().as_secs_f64();
        let line = match &entry.event {
            Event::Header(_) => "header".to_owned(),
            Event::Plan(_) => "plan".to_owned(),
            Event::Poll(_)
            | Event::Node(_)
            | Event::Task(_)
            | Event::TaskGone { .. }
            | Event::Containers(_)
            | Event::Insert { .. }
            | Event::Inserted { .. }
            | Event::Got { .. }
            | Event::Seal(_) => continue,
            Event::Steady(steady) => {
                let seen = Some((steady.holds, steady.cannot_tell, steady.broken.clone()));
                if std::mem::replace(&mut last, seen.clone()) == seen {
                    continue;
                }
                serde_json::to_string(steady).expect("an event")
            }
            event => serde_json::to_string(event).expect("an event"),
        };
        text.push_str(&format!("{seconds:7.1}  {line}\n"));
    }
    text
}
