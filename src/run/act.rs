//! One action, from its hour until it is seen.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::order::Step;
use super::target::choose;
use super::trial::Trial;
use super::{excerpt, observe, order, upgrade};
use crate::action::{self, Action, Ground};
use crate::journal::{ActionIntent, ActionStep, ApiError, JournalError, refuses_token};
use crate::plan::Change;
use crate::units::Span;
use crate::wait::{self, Look};

/// Waits for its hour and for every earlier step, acts, and looks.
pub(super) async fn run(
    trial: Arc<Trial>,
    index: usize,
    load_began: Instant,
) -> Result<(), JournalError> {
    let step = Step::Action(index);
    let ended = match trial.plan.actions.get(index) {
        Some(planned) => {
            let turn = order::turn(&trial, step, load_began + planned.at.0);
            match trial.unless_stopped(turn).await {
                Some(()) => change(&trial, index).await,
                None => Ok(()),
            }
        }
        None => Ok(()),
    };
    trial.over(step);
    ended
}

/// Writes the intent, acts, and looks until it is so.
async fn change(trial: &Trial, index: usize) -> Result<(), JournalError> {
    let Some(planned) = trial.plan.actions.get(index) else {
        return Ok(());
    };
    let Some(change) = action::of(&planned.change) else {
        return match planned.change {
            Change::Upgrade(order) => upgrade::roll(trial, index, order).await,
            _ => Ok(()),
        };
    };
    let end = Instant::now() + planned.within.0;
    let announced = timeout_at(end, announce(trial, index, &*change));
    let Some(announced) = trial.unless_stopped(announced).await else {
        return Ok(());
    };
    let announced = announced.unwrap_or_else(|_| Err("nobody answered in time".to_owned()));
    let intent = match announced {
        Ok(intent) => intent,
        Err(last) => return trial.note(index, ActionStep::NotConfirmed(last)),
    };
    trial.note(index, ActionStep::Intent(Box::new(intent.clone())))?;
    trial.note(index, ActionStep::Acting)?;
    let ground = ground(trial, &planned.change, &intent);
    let acted = timeout_at(end, change.act(&ground, &intent));
    let Some(acted) = trial.unless_stopped(acted).await else {
        return Ok(());
    };
    let within = planned.within;
    let acted = acted.unwrap_or_else(|_| Err(ApiError::TimedOut(within.to_string())));
    let must_be_refused = planned.change.must_be_refused();
    let last = match acted {
        Ok(()) => {
            trial.note(index, ActionStep::Acted)?;
            must_be_refused.then(|| "the swarm took it, and had to refuse it".to_owned())
        }
        Err(error @ ApiError::Refused { .. }) => {
            let words = error.to_string();
            trial.note(index, ActionStep::Refused(words.clone()))?;
            match (must_be_refused, refuses_token(&words)) {
                (true, true) => None,
                (true, false) => Some(format!("refused, but not because of its token: {words}")),
                (false, _) => Some(words),
            }
        }
        // Perhaps it was taken all the same: what is seen afterwards decides.
        Err(error) => must_be_refused.then(|| format!("nobody refused it: {error}")),
    };
    if let Some(last) = last {
        return trial.note(index, ActionStep::NotConfirmed(last));
    }
    let seen = look(&ground, &*change, &intent, end, within);
    let step = match trial.unless_stopped(seen).await {
        None => return Ok(()),
        Some(Ok(evidence)) => ActionStep::Confirmed(evidence),
        Some(Err(last)) => {
            excerpt::last_words(trial).await;
            ActionStep::NotConfirmed(last)
        }
    };
    trial.note(index, step)?;
    trial.mark();
    Ok(())
}

/// The managers that may be asked about these targets, and the nodes: one that is to be demoted, or
/// leaves, is no witness of that.
pub(super) fn ground<'a>(trial: &'a Trial, change: &Change, intent: &ActionIntent) -> Ground<'a> {
    let broken = trial.broken_now();
    let unseated = |name: &String| change.unseats() && intent.targets.contains(name);
    let managers = trial.managers_now().into_iter();
    let managers = managers.filter(|name| !broken.contains(name) && !unseated(name));
    let nodes = trial.plan.node_names().map(str::to_owned);
    Ground {
        lab: &*trial.lab,
        plan: &trial.plan,
        managers: managers.collect(),
        nodes: nodes.filter(|name| !broken.contains(name)).collect(),
    }
}

/// Chooses the targets and writes down what is there before; waits for a target.
async fn announce(
    trial: &Trial,
    index: usize,
    action: &dyn Action,
) -> Result<ActionIntent, String> {
    let planned = trial.plan.actions.get(index).ok_or("no such action")?;
    let deadline = planned.within.0;
    let (targets, chosen) = match planned.change.target() {
        None => (Vec::new(), planned.change.about()),
        Some(target) => {
            let target = &target;
            let what = format!("`{target}`");
            let chosen = wait::until(what, deadline, observe::PACE, || async move {
                let sight = trial.sight(Instant::now()).await;
                // A node that left is chosen by nobody but whoever has it join.
                let joins = planned.change.verb() == "join";
                let hidden = if joins {
                    Default::default()
                } else {
                    trial.broken_now()
                };
                choose(trial, index, target, &sight, &hidden)
            });
            chosen.await.map_err(|late| format!("no target: {late}"))?
        }
    };
    let mut intent = ActionIntent {
        verb: planned.change.verb().to_owned(),
        targets,
        chosen,
        before: Default::default(),
    };
    let ground = ground(trial, &planned.change, &intent);
    let targets = intent.targets.as_slice();
    let before = wait::until("what is there before", deadline, action::PACE, || async {
        match ground.before(action, targets).await {
            Ok(before) => Look::Holds(before),
            Err(why) => Look::CannotTell(why),
        }
    });
    intent.before = before.await.map_err(|late| late.to_string())?;
    action.fits(&intent.targets, &intent.before)?;
    Ok(intent)
}

/// Looks until it is so, or its time is over.
async fn look(
    ground: &Ground<'_>,
    action: &dyn Action,
    intent: &ActionIntent,
    end: Instant,
    within: Span,
) -> Result<String, String> {
    let left = end.saturating_duration_since(Instant::now());
    let what = format!(
        "`{} {}` to be seen within {within}",
        intent.verb, intent.chosen
    );
    wait::until(what, left, action::PACE, || action.look(ground, intent))
        .await
        .map_err(|late| late.to_string())
}
