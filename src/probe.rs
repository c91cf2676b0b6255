//! Asks once whether a condition of the steady state holds. [`crate::run`] asks again and again.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::journal::Membership;
use crate::plan::{Plan, Probe};
use crate::scenario::Target;
use crate::substrate::{ClientCall, Lab, NoSession};
use crate::swarm::View;
use crate::wait::Look;

mod docker;
mod gone;
mod http;
mod mount;
mod node;
mod port_closed;
mod running;
mod sql;
mod variables;

/// How long one question to a place is waited for; its own deadlines are shorter.
const LONGEST: Duration = Duration::from_secs(30);

/// Asks about one probe.
///
/// `sight` is what the managers say, or why they say nothing: a refusal is a fact about the swarm
/// (`NotYet`), silence is not (`CannotTell`). `broken` are the nodes that we broke; they are not
/// asked, and their tasks do not count. `members` says who manages the swarm by now. The text is
/// stable as long as the answer is.
pub async fn observe(
    lab: &dyn Lab,
    plan: &Plan,
    members: &Membership,
    probe: &Probe,
    sight: &Look<View>,
    broken: &BTreeSet<String>,
) -> Look<String> {
    let every = || unbroken(plan.node_names(), broken);
    match probe {
        Probe::Running { service, replicas } => running::observe(service, *replicas, sight, broken),
        Probe::Sql {
            service,
            query,
            within,
            ..
        } => sql::observe(lab, service, query, within.0, &every()).await,
        Probe::Variables {
            service,
            set,
            within,
            ..
        } => variables::observe(lab, service, set, within.0, &every()).await,
        Probe::Gone { service } => gone::observe(lab, plan, members, service, broken).await,
        Probe::Mount {
            service,
            at,
            read_only,
            kind,
        } => {
            let wanted = mount::Wanted {
                at,
                read_only: *read_only,
                kind: *kind,
            };
            mount::observe(lab, service, wanted, sight, broken).await
        }
        Probe::Node(wanted) => node::observe(plan, members, wanted, sight, broken),
        Probe::Nodes(wanted) => node::count(wanted, sight),
        Probe::Http { via, .. }
        | Probe::PortClosed { via, .. }
        | Probe::Docker { node: via, .. } => {
            let asked = nodes(via, plan, members, view_of(sight), broken);
            let asked = asked.map(|all| unbroken(all.iter().map(String::as_str), broken));
            through(lab, probe, asked).await
        }
    }
}

/// Asks about a probe that is aimed at nodes: those, or why nobody can say which.
async fn through(lab: &dyn Lab, probe: &Probe, nodes: Result<Vec<String>, String>) -> Look<String> {
    match (probe, nodes) {
        (
            Probe::Http {
                port,
                path,
                body,
                within,
                ..
            },
            Ok(nodes),
        ) => {
            let page = crate::substrate::PageRequest {
                path: path.clone(),
                body: body.clone(),
                within: within.0,
            };
            http::observe(lab, *port, &page, &nodes).await
        }
        (Probe::PortClosed { port, .. }, Ok(nodes)) => {
            port_closed::observe(lab, *port, &nodes).await
        }
        (
            Probe::Docker {
                args,
                without_certificate,
                prints,
                refused,
                ..
            },
            Ok(nodes),
        ) => {
            let call = ClientCall {
                args: args.clone(),
                without_certificate: *without_certificate,
            };
            let wanted = docker::Wanted {
                prints: prints.as_deref(),
                refused: *refused,
            };
            docker::observe(lab, &call, wanted, &nodes).await
        }
        (Probe::Http { port, .. }, Err(why)) => Look::CannotTell(format!("http :{port}: {why}")),
        (Probe::PortClosed { port, .. }, Err(why)) => {
            Look::CannotTell(format!("port_closed :{port}: {why}"))
        }
        (Probe::Docker { args, .. }, Err(why)) => {
            Look::CannotTell(format!("docker {}: {why}", args.join(" ")))
        }
        (other, _) => Look::CannotTell(format!("{other:?} is not aimed at nodes")),
    }
}

/// True if a probe cannot be asked without the managers' word.
pub fn needs_view(probe: &Probe) -> bool {
    match probe {
        Probe::Running { .. } | Probe::Mount { .. } | Probe::Node(_) | Probe::Nodes(_) => true,
        Probe::Sql { .. } | Probe::Gone { .. } | Probe::Variables { .. } => false,
        Probe::Http { via, .. }
        | Probe::PortClosed { via, .. }
        | Probe::Docker { node: via, .. } => matches!(via, Target::Leader | Target::HostOf(_)),
    }
}

/// True if the managers' word is all that a probe asks for.
pub fn is_told(probe: &Probe) -> bool {
    match probe {
        Probe::Running { .. } | Probe::Node(_) | Probe::Nodes(_) => true,
        Probe::Http { .. }
        | Probe::Sql { .. }
        | Probe::PortClosed { .. }
        | Probe::Variables { .. }
        | Probe::Mount { .. }
        | Probe::Gone { .. }
        | Probe::Docker { .. } => false,
    }
}

/// What the managers say, if they say anything.
fn view_of(sight: &Look<View>) -> Option<&View> {
    match sight {
        Look::Holds(view) => Some(view),
        Look::NotYet(_) | Look::CannotTell(_) => None,
    }
}

/// What the managers say, or what follows for a probe when they say nothing.
fn said<'a>(what: &str, sight: &'a Look<View>) -> Result<&'a View, Look<String>> {
    match sight {
        Look::Holds(view) => Ok(view),
        Look::NotYet(why) => Err(Look::NotYet(format!("{what}: {why}"))),
        Look::CannotTell(why) => Err(Look::CannotTell(format!("{what}: {why}"))),
    }
}

/// Asks a place, should it forget its own deadline.
async fn in_time<T>(ask: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let asked = timeout(LONGEST, ask).await;
    asked.unwrap_or_else(|_| Err(format!("no answer within {LONGEST:?}")))
}

/// The nodes that a probe or a workload asks. A role is that of now, and of whoever we did not
/// break: the first manager of the plan may be none any more.
///
/// # Errors
/// When the target needs the managers' word and there is none, or when it names nobody.
pub fn nodes(
    via: &Target,
    plan: &Plan,
    members: &Membership,
    view: Option<&View>,
    broken: &BTreeSet<String>,
) -> Result<Vec<String>, String> {
    let whole = |name: &str| !broken.contains(name) && !members.absent.contains(name);
    let of_role = |manager: bool| {
        let fits = |name: &str| whole(name) && members.managers.contains(name) == manager;
        let found = plan.node_names().find(|name| fits(name));
        found.map(|name| vec![name.to_owned()])
    };
    let found = match via {
        Target::EveryNode => Some(plan.node_names().map(str::to_owned).collect()),
        Target::Node(name) => plan
            .node_names()
            .find(|node| node == name)
            .map(|name| vec![name.to_owned()]),
        Target::Part(part) => plan.topology.part(*part).map(|name| vec![name.to_owned()]),
        Target::Manager => of_role(true),
        Target::Worker => of_role(false),
        Target::Leader => view
            .and_then(View::leader)
            .filter(|name| whole(name))
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

/// Why a node is not known to answer as it must.
struct Miss {
    why: String,
    /// False where the harness had no way to ask.
    asked: bool,
}

impl From<String> for Miss {
    fn from(why: String) -> Self {
        Self { why, asked: true }
    }
}

impl From<NoSession> for Miss {
    fn from(none: NoSession) -> Self {
        let asked = !matches!(none, NoSession::Unasked(_));
        let why = none.to_string();
        Self { why, asked }
    }
}

/// Asks through every node at once; holds when all succeed, and cannot tell when those that do not
/// could not be asked.
async fn through_each<F, Fut, E>(what: &str, nodes: &[String], ask: F) -> Look<String>
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Into<Miss>,
{
    if nodes.is_empty() {
        return Look::CannotTell(format!("{what}: no node is left to ask"));
    }
    let answers = join_all(nodes.iter().map(|node| ask(node.clone()))).await;
    let misses = answers.into_iter().map(|answer| answer.err().map(E::into));
    let misses: Vec<(&String, Miss)> = (nodes.iter().zip(misses))
        .filter_map(|(node, miss)| Some((node, miss?)))
        .collect();
    if misses.is_empty() {
        return Look::Holds(format!("{what}: answered through {}", nodes.join(", ")));
    }
    // What is the same through several nodes is said once.
    let mut alike: Vec<(Vec<String>, &str)> = Vec::new();
    for (node, miss) in &misses {
        let node = format!("`{node}`");
        match alike.iter_mut().find(|(_, why)| *why == miss.why) {
            Some((nodes, _)) => nodes.push(node),
            None => alike.push((vec![node], &miss.why)),
        }
    }
    let told = alike
        .iter()
        .map(|(nodes, why)| format!("{}: {why}", nodes.join(", ")));
    let told = format!("{what}: {}", told.collect::<Vec<_>>().join("; "));
    match misses.iter().any(|(_, miss)| miss.asked) {
        true => Look::NotYet(told),
        false => Look::CannotTell(told),
    }
}
