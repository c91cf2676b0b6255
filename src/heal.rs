//! Undoes whatever was broken, by the intents of a journal alone.
//!
//! A run heals its own faults through here; so does another process after a run was killed, which
//! also removes what that run left on this computer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use crate::fault;
use crate::journal::{Event, History, Intent, Membership};
use crate::plan::Plan;
use crate::substrate::Lab;
use crate::units::Span;
use crate::wait::{self, Look};

mod killed;

pub use killed::{announced, clear, is_settled, lent};

/// How often a manager is asked whether a node is back.
const PACE: Duration = Duration::from_millis(500);

/// How long one manager may take to say so.
const ANSWER: Duration = Duration::from_secs(10);

/// What a fault has beyond its deadline to say what it saw last.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The faults that may still be in force: begun, and never seen to be healed.
pub fn outstanding(history: &History) -> Vec<Intent> {
    let mut intents: BTreeMap<usize, &Intent> = BTreeMap::new();
    let mut begun: BTreeMap<usize, Intent> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.event {
            Event::Intent(intent) => {
                intents.insert(intent.fault, intent);
            }
            Event::Injecting { fault } => {
                if let Some(intent) = intents.get(fault) {
                    begun.insert(*fault, Intent::clone(intent));
                }
            }
            Event::Healed { fault, .. } => {
                begun.remove(fault);
            }
            _ => {}
        }
    }
    begun.into_values().collect()
}

/// Undoes these faults, the last one first, in a swarm of these members, and tells of every step
/// before it is taken.
/// Visits all of them, and returns what went wrong.
pub async fn heal(
    lab: &dyn Lab,
    plan: &Plan,
    members: &Membership,
    intents: &[Intent],
    tell: &(dyn Fn(Event) + Sync),
) -> Vec<String> {
    let mut errors = Vec::new();
    let mut broken: BTreeSet<String> = targets(intents);
    for intent in intents.iter().rev() {
        let fault = intent.fault;
        tell(Event::Healing { fault });
        match undo(lab, plan, members, intent, &broken).await {
            Ok(evidence) => {
                broken.retain(|node| !intent.targets.contains(node));
                tell(Event::Healed { fault, evidence });
            }
            Err(error) => {
                errors.push(error.clone());
                tell(Event::HealFailed { fault, error });
            }
        }
    }
    errors
}

/// Undoes one fault, and looks until the node is back in the swarm.
///
/// `broken` are all the nodes that are broken now, this fault's included. While they take the
/// managers' majority nobody can say that a node is ready, and that is not waited for.
///
/// # Errors
/// When the fault may still be in force.
pub async fn undo(
    lab: &dyn Lab,
    plan: &Plan,
    members: &Membership,
    intent: &Intent,
    broken: &BTreeSet<String>,
) -> Result<String, String> {
    let fault = fault::of_verb(&intent.verb)
        .ok_or_else(|| format!("no fault is called `{}`", intent.verb))?;
    let deadline = plan.deadlines.heal.0;
    let end = Instant::now() + deadline;
    let healed = fault.heal(lab, intent, deadline);
    let evidence = timeout(deadline + LAST_WORDS, healed)
        .await
        .unwrap_or_else(|_| Err(format!("not healed within {}", Span(deadline))))?;
    let is_node = |name: &String| plan.node_names().any(|node| node == name);
    if !intent.targets.iter().any(is_node) {
        // The swarm knows nothing of the lab's other machines.
        return Ok(evidence);
    }
    let all = plan.node_names();
    let managers: Vec<&str> = all.filter(|n| members.managers.contains(*n)).collect();
    let sound: Vec<&str> = managers
        .iter()
        .copied()
        .filter(|name| !broken.contains(*name) || intent.targets.iter().any(|t| t == name))
        .collect();
    if sound.len() * 2 <= managers.len() {
        let note = "the other faults leave no majority of managers to say more";
        return Ok(format!("{evidence}; {note}"));
    }
    let what = format!("`{}` to be ready in the swarm", intent.targets.join("`, `"));
    let left = end.saturating_duration_since(Instant::now());
    wait::until(what, left, PACE, || look_ready(lab, &sound, intent))
        .await
        .map(|ready| format!("{evidence}; {ready}"))
        .map_err(|timed_out| timed_out.to_string())
}

/// One look at what the managers say of the targets.
async fn look_ready(lab: &dyn Lab, managers: &[&str], intent: &Intent) -> Look<String> {
    let asked = managers
        .iter()
        .map(|manager| timeout(ANSWER, lab.view(manager)));
    let mut last = Look::CannotTell("no manager answers".to_owned());
    for (manager, answer) in managers.iter().zip(join_all(asked).await) {
        let Ok(answer) = answer else { continue };
        let view = match answer {
            Ok(view) => view,
            Err(error) => {
                last = Look::CannotTell(format!("`{manager}`: {error}"));
                continue;
            }
        };
        let waiting: Vec<&str> = intent
            .targets
            .iter()
            .map(String::as_str)
            .filter(|name| !is_ready(&view, name))
            .collect();
        if waiting.is_empty() {
            return Look::Holds(format!("`{manager}` sees it ready"));
        }
        last = Look::NotYet(format!(
            "`{manager}` does not see `{}` ready",
            waiting.join("`, `")
        ));
    }
    last
}

/// True if a node is ready, and a manager's fellow managers reach it.
fn is_ready(view: &crate::swarm::View, name: &str) -> bool {
    view.nodes.iter().any(|node| {
        let reached = node
            .reachability
            .as_deref()
            .is_none_or(|r| r == "reachable");
        node.name == name && node.state == "ready" && reached
    })
}

/// Every node that these intents name.
fn targets(intents: &[Intent]) -> BTreeSet<String> {
    intents
        .iter()
        .flat_map(|intent| intent.targets.iter().cloned())
        .collect()
}
