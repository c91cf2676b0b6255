//! One fault, from its hour to its heal.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::order::Step;
use super::target::{Found, find};
use super::trial::Trial;
use super::{excerpt, observe, order, steady};
use crate::fault::{self, Fault};
use crate::heal;
use crate::journal::{Event, Intent, JournalError, TaskSeen};
use crate::plan::FaultEnd;
use crate::wait::{self, Look};

/// Waits for its hour, breaks, looks, waits for its end, and heals. When the run is stopped it
/// heals at once.
pub(super) async fn run(
    trial: Arc<Trial>,
    index: usize,
    load_began: Instant,
) -> Result<(), JournalError> {
    let ended = one(&trial, index, load_began).await;
    trial.over(Step::Fault(index));
    ended
}

/// One fault, until it is over.
async fn one(trial: &Trial, index: usize, load_began: Instant) -> Result<(), JournalError> {
    let Some(planned) = trial.plan.faults.get(index) else {
        return Ok(());
    };
    let turn = order::turn(trial, Step::Fault(index), load_began + planned.at.0);
    if trial.unless_stopped(turn).await.is_none() {
        return Ok(());
    }
    let Some(fault) = fault::of_verb(planned.action.verb()) else {
        let last = format!("no fault is called `{}`", planned.action.verb());
        return trial.record(Event::NotConfirmed { fault: index, last });
    };
    let Some(intent) = announce(trial, index, fault).await? else {
        return Ok(());
    };
    let ended = last(trial, fault, &intent, planned.end).await;
    heal_one(trial, &intent).await;
    ended
}

/// Chooses the targets and journals the intent; nothing if there is no target in time.
async fn announce(
    trial: &Trial,
    index: usize,
    fault: &dyn Fault,
) -> Result<Option<Intent>, JournalError> {
    let turn = trial.choosing.lock().await;
    let Some(chosen) = trial.unless_stopped(find_targets(trial, index)).await else {
        return Ok(None);
    };
    let found = match chosen {
        Ok(found) => found,
        Err(last) => {
            let last = format!("no target: {last}");
            trial.record(Event::NotConfirmed { fault: index, last })?;
            return Ok(None);
        }
    };
    let mut intent = fault.prepare(index, found.targets, found.chosen);
    intent.rule = found.rule;
    intent.witness = found.witness;
    intent.inside = found.inside;
    let intent = fault.survey(&*trial.lab, intent).await;
    trial.record(Event::Intent(intent.clone()))?;
    trial.count_broken(&intent);
    drop(turn);
    Ok(Some(intent))
}

/// Chooses from what the managers say now; waits for a target as long as for a confirmation.
async fn find_targets(trial: &Trial, index: usize) -> Result<Found, String> {
    let deadline = trial.plan.deadlines.confirm.0;
    let Some(planned) = trial.plan.faults.get(index) else {
        return Err("the plan has no such fault".to_owned());
    };
    let target = planned.action.target();
    wait::until(
        format!("`{target}`"),
        deadline,
        observe::PACE,
        || async move {
            let sight = trial.sight(Instant::now()).await;
            find(trial, index, &planned.action, &sight)
        },
    )
    .await
    .map_err(|timed_out| timed_out.to_string())
}

/// Injects, confirms, and waits for the fault's end.
async fn last(
    trial: &Trial,
    fault: &dyn Fault,
    intent: &Intent,
    end: FaultEnd,
) -> Result<(), JournalError> {
    let index = intent.fault;
    trial.record(Event::Injecting { fault: index })?;
    if let Err(trouble) = fault.inject(&*trial.lab, intent).await {
        let last = trouble.0;
        return trial.record(Event::NotConfirmed { fault: index, last });
    }
    let injected = Instant::now();
    trial.record(Event::Injected { fault: index })?;
    let deadline = trial.plan.deadlines.confirm.0;
    let looked = async {
        let evidence = fault.confirm(&*trial.lab, intent, deadline).await?;
        noticed(trial, intent).await.map(|()| evidence)
    };
    let confirmed = match trial.unless_stopped(looked).await {
        None => return Ok(()),
        Some(Err(last)) => return trial.record(Event::NotConfirmed { fault: index, last }),
        Some(Ok(evidence)) => trial.record_and_mark(Event::Confirmed {
            fault: index,
            evidence,
        })?,
    };
    trial.bites(index, confirmed);
    if let Some(planned) = trial.plan.faults.get(index)
        && (planned.action.is_blow() || !planned.action.takes_node())
    {
        // Its node is in the swarm, or about to be: what runs there counts as well.
        trial.spare(intent);
    }
    let waited = wait_for_end(trial, index, end, injected, confirmed);
    match trial.unless_stopped(waited).await {
        None => return Ok(()),
        Some(waited) => waited?,
    }
    match fault.lasted(&*trial.lab, intent).await {
        Ok(()) => Ok(()),
        Err(last) => trial.record(Event::NotConfirmed { fault: index, last }),
    }
}

/// Waits until no manager calls a task running whose container a blow ended: what they have not
/// noticed would pass for recovery.
async fn noticed(trial: &Trial, intent: &Intent) -> Result<(), String> {
    let before = intent
        .inside
        .iter()
        .flat_map(|inside| inside.before.values());
    let ended: BTreeSet<&String> = before.flat_map(|before| &before.containers).collect();
    if ended.is_empty() {
        return Ok(());
    }
    let look = || async {
        let view = match trial.sight(Instant::now()).await {
            Look::Holds(view) => view,
            Look::NotYet(why) | Look::CannotTell(why) => return Look::CannotTell(why),
        };
        let stale = |task: &&TaskSeen| {
            let container = task.container.as_ref();
            task.state == "running" && container.is_some_and(|id| ended.contains(id))
        };
        match view.tasks.iter().find(stale) {
            Some(task) => Look::NotYet(format!("task `{}` is still called running", task.id)),
            None => Look::Holds(()),
        }
    };
    let deadline = trial.plan.deadlines.confirm.0;
    let what = "the managers to notice".to_owned();
    let seen = wait::until(what, deadline, observe::PACE, look).await;
    seen.map_err(|late| late.to_string())
}

/// Waits until the fault has lasted as long as it must, and journals the recovery.
async fn wait_for_end(
    trial: &Trial,
    index: usize,
    end: FaultEnd,
    injected: Instant,
    confirmed: Instant,
) -> Result<(), JournalError> {
    let longest = injected + end.longest().0;
    if trial.plan.steady_once(trial.changed()).is_empty() {
        // Nobody can see recovery.
        wait::pause_until(longest).await;
        return Ok(());
    }
    let recovered = steady::holds_after(trial, confirmed, longest).await;
    if recovered {
        trial.record(Event::Recovered { fault: index })?;
    } else {
        excerpt::last_words(trial).await;
    }
    match end {
        FaultEnd::After(_) => wait::pause_until(longest).await,
        FaultEnd::Recovery { .. } if recovered => outlast(trial, confirmed, longest).await,
        FaultEnd::Recovery { .. } => {}
    }
    Ok(())
}

/// Lets the workloads be seen to work while the fault still lasts; and others that were begun
/// meanwhile bite, and what they broke recover: this heal would pass for their recovery.
async fn outlast(trial: &Trial, confirmed: Instant, longest: Instant) {
    let mut since = confirmed;
    loop {
        wait::pause(trial.plan.deadlines.after.0).await;
        since = match trial.all_bite() {
            Some(last) if last <= since => return,
            Some(last) => last,
            None => Instant::now(),
        };
        if !steady::holds_after(trial, since, longest).await {
            return;
        }
    }
}

/// Heals, whatever the journal says of it.
async fn heal_one(trial: &Trial, intent: &Intent) {
    let fault = intent.fault;
    trial.tell(Event::Healing { fault });
    match heal::undo(
        &*trial.lab,
        &trial.plan,
        &trial.members(),
        intent,
        &trial.broken_now(),
    )
    .await
    {
        Ok(evidence) => {
            trial.count_whole(intent);
            trial.tell(Event::Healed { fault, evidence });
        }
        Err(error) => trial.tell(Event::HealFailed { fault, error }),
    }
}
