//! `gone`: nothing is left of a service on the managers' lists or on a node that we did not break.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::LONGEST;
use crate::journal::{ApiError, Membership};
use crate::plan::Plan;
use crate::substrate::Lab;
use crate::swarm::Remains;
use crate::wait::Look;

/// Asks a manager, and each node's own engine.
pub(super) async fn observe(
    lab: &dyn Lab,
    plan: &Plan,
    members: &Membership,
    service: &str,
    broken: &BTreeSet<String>,
) -> Look<String> {
    let what = format!("gone {service}");
    let nodes = super::unbroken(plan.node_names(), broken);
    let remains = {
        // Whoever is none any more answers that it is none, and that is no word about the service.
        let is_manager = |name: &String| members.managers.contains(name);
        let managers: Vec<&String> = nodes.iter().filter(|name| is_manager(name)).collect();
        managers_word(lab, &managers, service).await
    };
    let remains = match remains {
        Ok(remains) => remains,
        Err(Look::NotYet(why)) => return Look::NotYet(format!("{what}: {why}")),
        Err(Look::CannotTell(why) | Look::Holds(why)) => {
            return Look::CannotTell(format!("{what}: {why}"));
        }
    };
    let lists = nodes.iter().map(|node| async move {
        let list = timeout(LONGEST, lab.containers(node)).await;
        let list = list.unwrap_or_else(|_| Err(ApiError::TimedOut(format!("{LONGEST:?}"))));
        (node, list)
    });
    let mut left = listed(&remains);
    let mut silent = Vec::new();
    for (node, list) in join_all(lists).await {
        match list {
            Ok(list) => {
                let runs =
                    |one: &&crate::journal::ContainerSeen| one.running && one.service == service;
                match list.iter().filter(runs).count() {
                    0 => {}
                    count => left.push(format!("containers on `{node}`: {count}")),
                }
            }
            Err(error) => silent.push(format!("`{node}` {error}")),
        }
    }
    if !left.is_empty() {
        Look::NotYet(format!("{what}: left are {}", left.join(", ")))
    } else if !silent.is_empty() {
        Look::CannotTell(format!("{what}: {}", silent.join("; ")))
    } else {
        Look::Holds(format!("{what}: nothing left on {}", nodes.join(", ")))
    }
}

/// The list of the first of these managers that gives one. A refusal is a fact, silence is not.
async fn managers_word(
    lab: &dyn Lab,
    managers: &[&String],
    service: &str,
) -> Result<Remains, Look<String>> {
    let mut errors: Vec<(String, bool)> = Vec::new();
    for manager in managers {
        let asked = timeout(LONGEST, lab.remains(manager, service)).await;
        match asked.unwrap_or_else(|_| Err(ApiError::TimedOut(format!("{LONGEST:?}")))) {
            Ok(remains) => return Ok(remains),
            Err(error) => {
                let refused = matches!(error, ApiError::Refused { .. });
                errors.push((format!("`{manager}` {error}"), refused));
            }
        }
    }
    let refused = errors.iter().any(|(_, refused)| *refused);
    let said: Vec<String> = errors.into_iter().map(|(error, _)| error).collect();
    Err(match (refused, said.is_empty()) {
        (_, true) => Look::CannotTell("every manager is broken".to_owned()),
        (true, _) => Look::NotYet(said.join("; ")),
        (false, _) => Look::CannotTell(said.join("; ")),
    })
}

/// What the managers still list, in words.
fn listed(remains: &Remains) -> Vec<String> {
    let mut left = Vec::new();
    if remains.service {
        left.push("the service".to_owned());
    }
    if remains.tasks > 0 {
        left.push(format!("tasks: {}", remains.tasks));
    }
    let networks = remains.networks.iter();
    left.extend(networks.map(|name| format!("network `{name}`")));
    left
}
