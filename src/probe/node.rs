//! `node` and `nodes`: what the managers say of the nodes, also of those that we broke.

use std::collections::BTreeSet;

use crate::journal::{Membership, NodeSeen};
use crate::plan::Plan;
use crate::scenario::{NodeCounts, NodeIs};
use crate::swarm::View;
use crate::wait::Look;

/// Looks whether the managers say all of this about every node that is meant.
pub(super) fn observe(
    plan: &Plan,
    members: &Membership,
    wanted: &NodeIs,
    sight: &Look<View>,
    broken: &BTreeSet<String>,
) -> Look<String> {
    let what = format!("node {}", wanted.name);
    let view = match super::said(&what, sight) {
        Ok(view) => view,
        Err(look) => return look,
    };
    let names = match super::nodes(&wanted.name, plan, members, Some(view), broken) {
        Ok(names) => names,
        Err(why) => return Look::CannotTell(format!("{what}: {why}")),
    };
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for name in &names {
        let same: Vec<&NodeSeen> = view.nodes.iter().filter(|one| one.name == *name).collect();
        // A machine that left and joined again is listed twice until it is removed.
        match same.as_slice() {
            [] => wrong.push(format!("`{name}` is not listed")),
            [one] => match differences(wanted, one) {
                Ok(seen) => right.push(format!("`{name}` {seen}")),
                Err(seen) => wrong.push(format!("`{name}` {seen}")),
            },
            more => wrong.push(format!("`{name}` is listed {} times", more.len())),
        }
    }
    if wrong.is_empty() {
        Look::Holds(format!("{what}: {}", right.join("; ")))
    } else {
        Look::NotYet(format!("{what}: {}", wrong.join("; ")))
    }
}

/// What is asked of one node, as `Err` when some of it is otherwise.
fn differences(wanted: &NodeIs, node: &NodeSeen) -> Result<String, String> {
    let role = takes_part_as(node);
    let reachability = node.reachability.as_deref().unwrap_or("no manager");
    let leads = if node.leader {
        "leads"
    } else {
        "does not lead"
    };
    let leader = wanted
        .leader
        .map(|leader| if leader { "leads" } else { "does not lead" });
    let asked = [
        (wanted.role.as_deref(), role),
        (wanted.state.as_deref(), node.state.as_str()),
        (wanted.availability.as_deref(), node.availability.as_str()),
        (wanted.reachability.as_deref(), reachability),
        (leader, leads),
    ];
    let asked = asked.into_iter().filter_map(|(wanted, seen)| {
        let wanted = wanted?;
        let told = if wanted == seen {
            seen.to_owned()
        } else {
            format!("{seen}, not {wanted}")
        };
        Some((wanted == seen, told))
    });
    let (same, told): (Vec<bool>, Vec<String>) = asked.unzip();
    let told = told.join(", ");
    if same.into_iter().all(|same| same) {
        Ok(told)
    } else {
        Err(told)
    }
}

/// `manager`, `worker`, or what it is becoming. The role that is listed is the desired one: a
/// promotion is complete when the node has a manager's status, a demotion when it has none.
fn takes_part_as(node: &NodeSeen) -> &'static str {
    match (node.role.as_str(), node.reachability.is_some()) {
        ("manager", true) => "manager",
        ("manager", false) => "being promoted",
        ("worker", false) => "worker",
        ("worker", true) => "being demoted",
        _ => "of no known role",
    }
}

/// Counts the nodes that the managers list.
pub(super) fn count(wanted: &NodeCounts, sight: &Look<View>) -> Look<String> {
    let view = match super::said("nodes", sight) {
        Ok(view) => view,
        Err(look) => return look,
    };
    let number = |so: &dyn Fn(&NodeSeen) -> bool| view.nodes.iter().filter(|one| so(one)).count();
    let counts = [
        (
            "managers",
            wanted.managers,
            number(&|one| takes_part_as(one) == "manager"),
        ),
        (
            "workers",
            wanted.workers,
            number(&|one| takes_part_as(one) == "worker"),
        ),
        ("ready", wanted.ready, number(&|one| one.state == "ready")),
        ("leaders", wanted.leaders, number(&|one| one.leader)),
    ];
    let asked = counts.into_iter().filter_map(|(name, wanted, seen)| {
        let wanted = usize::from(wanted?);
        let same = seen == wanted;
        let told = if same {
            String::new()
        } else {
            format!(", not {wanted}")
        };
        Some((same, format!("{name} {seen}{told}")))
    });
    let (same, told): (Vec<bool>, Vec<String>) = asked.unzip();
    let told = format!("nodes: {}", told.join("; "));
    if same.into_iter().all(|same| same) {
        Look::Holds(told)
    } else {
        Look::NotYet(told)
    }
}
