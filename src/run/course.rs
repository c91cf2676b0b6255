//! The phases of a run, one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::trial::{Trial, lock};
use super::{Halt, act, clocks, excerpt, ground, load, observe, steady, strike};
use crate::journal::{Event, Phase, Rows, TableCheck};
use crate::plan::Check;
use crate::units::Span;
use crate::wait;
use crate::workload::ledger::{self, Ledger};

/// Goes through every phase up to the read-back.
pub(super) async fn run(trial: &Arc<Trial>) -> Result<(), Halt> {
    enter(trial, Phase::Deploy)?;
    if let Err(trouble) = trial.lab.deploy().await {
        return Err(Halt::Trouble(format!(
            "the stack was not deployed: {trouble}"
        )));
    }
    enter(trial, Phase::SteadyBefore)?;
    observe::start(trial);
    clocks::start(trial);
    ground::start(trial);
    steady::start(trial);
    steady_before(trial).await?;
    keep_steady(trial).await?;
    let ledgers = load::ledgers(&trial.plan);
    create_tables(trial, &ledgers).await?;
    enter(trial, Phase::Load)?;
    trial.loaded.store(true, Ordering::Relaxed);
    let began = Instant::now();
    load::start(trial, &ledgers);
    strike_all(trial, began).await?;
    let holds = steady_after(trial).await?;
    trial.working.cancel();
    trial.workloads.close();
    trial.workloads.wait().await;
    enter(trial, Phase::ReadBack)?;
    let read = read_back(trial, &ledgers).await?;
    check_tables(trial).await?;
    if !(holds && read) {
        excerpt::last_words(trial).await;
    }
    Ok(())
}

/// Journals a phase, unless the run must end.
fn enter(trial: &Trial, phase: Phase) -> Result<(), Halt> {
    if trial.stop.is_cancelled() {
        return Err(Halt::Stopped);
    }
    trial.tell(Event::Phase(phase));
    Ok(())
}

/// Waits for the steady state; without it nothing that follows would mean anything.
async fn steady_before(trial: &Trial) -> Result<(), Halt> {
    let deadline = trial.plan.deadlines.steady.0;
    let began = trial.mark();
    let waited = steady::holds_after(trial, began, began + deadline);
    if trial.unless_stopped(waited).await.ok_or(Halt::Stopped)? {
        return Ok(());
    }
    excerpt::last_words(trial).await;
    let deadline = Span(deadline);
    Err(Halt::Trouble(format!(
        "the steady state did not hold within {deadline}, so nothing was broken; last seen: {}",
        steady::last_seen(trial)
    )))
}

/// Has the place keep the steady swarm for later runs, but never one whose nodes come and go:
/// every later run would inherit that.
async fn keep_steady(trial: &Trial) -> Result<(), Halt> {
    let steadfast = lock(&trial.merged).steadfast();
    if !steadfast {
        trial.lab.distrust().await;
        return Ok(());
    }
    enter(trial, Phase::Checkpoint)?;
    match trial.lab.checkpoint().await {
        Ok(true) => steady_before(trial).await,
        Ok(false) => Ok(()),
        Err(trouble) => {
            let what = format!("the steady state was not kept: {trouble}");
            Err(Halt::Trouble(what))
        }
    }
}

/// Creates the table of every ledger.
async fn create_tables(trial: &Trial, ledgers: &[Ledger]) -> Result<(), Halt> {
    let nodes: Vec<String> = trial.plan.node_names().map(str::to_owned).collect();
    let deadline = trial.plan.deadlines.steady.0;
    for ledger in ledgers {
        let created = ledger::create(&*trial.lab, ledger, &nodes, deadline);
        let created = trial.unless_stopped(created).await.ok_or(Halt::Stopped)?;
        created.map_err(|error| Halt::Trouble(format!("no ledger to write to: {error}")))?;
    }
    Ok(())
}

/// Lets every action and fault come and go; without any, lets the workloads go on for a while.
async fn strike_all(trial: &Arc<Trial>, began: Instant) -> Result<(), Halt> {
    if trial.plan.faults.is_empty() && trial.plan.actions.is_empty() {
        let quiet = wait::pause(trial.plan.deadlines.after.0);
        return trial.unless_stopped(quiet).await.ok_or(Halt::Stopped);
    }
    for index in 0..trial.plan.faults.len() {
        let name = format!("fault {index}");
        let work = strike::run(Arc::clone(trial), index, began);
        trial.spawn(&trial.faults, name, work);
    }
    for index in 0..trial.plan.actions.len() {
        let name = format!("action {index}");
        let work = act::run(Arc::clone(trial), index, began);
        trial.spawn(&trial.faults, name, work);
    }
    trial.faults.close();
    trial.faults.wait().await;
    Ok(())
}

/// Waits for the steady state after the last heal and for each workload to be served again, and
/// lets the workloads go on for a while, at the end of which it must still hold. That it does not
/// hold again is a fact about the swarm, and the ledgers are read all the same.
async fn steady_after(trial: &Trial) -> Result<bool, Halt> {
    trial.change_over();
    enter(trial, Phase::SteadyAfter)?;
    let healed = trial.mark();
    let end = healed + trial.plan.deadlines.steady_again.0;
    let waited = async {
        load::all_served(trial, healed, end).await;
        let mut since = healed;
        while steady::holds_after(trial, since, end).await {
            wait::pause(trial.plan.deadlines.after.0).await;
            if steady::still_holds(trial) {
                return true;
            }
            since = Instant::now();
        }
        false
    };
    trial.unless_stopped(waited).await.ok_or(Halt::Stopped)
}

/// Reads every ledger through every node that is in the swarm; true if all could be read.
async fn read_back(trial: &Trial, ledgers: &[Ledger]) -> Result<bool, Halt> {
    let deadline = trial.plan.deadlines.read_back.0;
    let mut all = true;
    let present = present(trial);
    for ledger in ledgers {
        let reads = present.iter().map(|node| async move {
            let (lab, clock) = (&*trial.lab, trial.journal.clock());
            let read = ledger::read_back(lab, clock, &ledger.service, node, deadline);
            let (began_us, rows) = read.await;
            let readable = !matches!(rows, Rows::Unreadable(_));
            let (workload, via) = (ledger.workload.clone(), node.clone());
            trial.tell(Event::ReadBack {
                workload,
                via,
                began_us,
                rows,
            });
            readable
        });
        let readable = trial.unless_stopped(join_all(reads)).await;
        all &= readable.ok_or(Halt::Stopped)?.into_iter().all(|r| r);
    }
    Ok(all)
}

/// Has every database of which it is expected check its table, through every node in the swarm.
async fn check_tables(trial: &Trial) -> Result<(), Halt> {
    let deadline = trial.plan.deadlines.read_back.0;
    let present = present(trial);
    for check in &trial.plan.checks {
        let Check::Intact { service } = check else {
            continue;
        };
        let asked = present.iter().map(|node| async move {
            let said = ledger::check_table(&*trial.lab, service, node, deadline).await;
            let (service, via) = (service.clone(), node.clone());
            trial.tell(Event::TableCheck(TableCheck { service, via, said }));
        });
        let asked = trial.unless_stopped(join_all(asked)).await;
        asked.ok_or(Halt::Stopped)?;
    }
    Ok(())
}

/// The nodes that are in the swarm.
fn present(trial: &Trial) -> Vec<String> {
    let absent = trial.members().absent;
    let names = trial.plan.node_names().map(str::to_owned);
    names.filter(|node| !absent.contains(node)).collect()
}
