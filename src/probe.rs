//! Asks once whether a condition of the steady state holds. [`crate::run`] asks again and again.

use std::collections::BTreeSet;
use std::future::Future;

use futures_util::future::join_all;

use crate::plan::{Plan, Probe, Role};
use crate::scenario::Target;
use crate::substrate::Lab;
use crate::swarm::View;
use crate::wait::Look;

mod http;
mod running;
mod sql;

/// Asks about one probe.
///
/// `sight` is what the managers say, or why they say nothing: a refusal is a fact about the swarm
/// (`NotYet`), silence is not (`CannotTell`). `broken` are the nodes that we broke; they are not
/// asked, and their tasks do not count. The text is stable as long as the answer is.
pub async fn observe(
    lab: &dyn Lab,
    plan: &Plan,
    probe: &Probe,
    sight: &Look<View>,
    broken: &BTreeSet<String>,
) -> Look<String> {
    match probe {
        Probe::Running { service, replicas } => running::observe(service, *replicas, sight, broken),
        Probe::Sql {
            service,
            query,
            within,
            ..
        } => {
            let nodes = unbroken(plan.node_names(), broken);
            sql::observe(lab, service, query, within.0, &nodes).await
        }
        Probe::Http {
            via,
            port,
            path,
            body,
            within,
        } => {
            let view = match sight {
                Look::Holds(view) => Some(view),
                Look::NotYet(_) | Look::CannotTell(_) => None,
            };
            let page = crate::substrate::PageRequest {
                path: path.clone(),
                body: body.clone(),
                within: within.0,
            };
            match nodes(via, plan, view) {
                Ok(all) => {
                    let nodes = unbroken(all.iter().map(String::as_str), broken);
                    http::observe(lab, *port, &page, &nodes).await
                }
                Err(why) => Look::CannotTell(format!("http :{port}: {why}")),
            }
        }
    }
}

/// True if a probe cannot be asked without the managers' word.
pub fn needs_view(probe: &Probe) -> bool {
    match probe {
        Probe::Running { .. } => true,
        Probe::Sql { .. } => false,
        Probe::Http { via, .. } => matches!(via, Target::Leader | Target::HostOf(_)),
    }
}

/// The nodes that a probe or a workload asks.
///
/// # Errors
/// When the target needs the managers' word and there is none, or when it names nobody.
pub fn nodes(via: &Target, plan: &Plan, view: Option<&View>) -> Result<Vec<String>, String> {
    let of_role = |role: Role| {
        let found = plan.topology.nodes.iter().find(|node| node.role == role);
        found.map(|node| vec![node.name.clone()])
    };
    let found = match via {
        Target::EveryNode => Some(plan.node_names().map(str::to_owned).collect()),
        Target::Node(name) => plan
            .node_names()
            .find(|node| node == name)
            .map(|name| vec![name.to_owned()]),
        Target::Part(part) => plan.topology.part(*part).map(|name| vec![name.to_owned()]),
        Target::Manager => of_role(Role::Manager),
        Target::Worker => of_role(Role::Worker),
        Target::Leader => view
            .and_then(View::leader)
            .map(|name| vec![name.to_owned()]),
        Target::HostOf(service) => view.and_then(|view| {
            let task = view.live(service).min_by_key(|task| task.slot)?;
            Some(vec![task.node.clone()?])
        }),
    };
    found.ok_or_else(|| format!("no node is `{via}` now"))
}

/// The nodes that we did not break.
fn unbroken<'a>(all: impl Iterator<Item = &'a str>, broken: &BTreeSet<String>) -> Vec<String> {
    all.filter(|name| !broken.contains(*name))
        .map(str::to_owned)
        .collect()
}

/// Asks through every node at once; holds when all succeed.
async fn through_each<F, Fut>(what: &str, nodes: &[String], ask: F) -> Look<String>
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    if nodes.is_empty() {
        return Look::CannotTell(format!("{what}: no node is left to ask"));
    }
    let answers = join_all(nodes.iter().map(|node| ask(node.clone()))).await;
    let wrong: Vec<String> = nodes
        .iter()
        .zip(answers)
        .filter_map(|(node, answer)| answer.err().map(|why| format!("`{node}`: {why}")))
        .collect();
    if wrong.is_empty() {
        Look::Holds(format!("{what}: answered through {}", nodes.join(", ")))
    } else {
        Look::NotYet(format!("{what}: {}", wrong.join("; ")))
    }
}
