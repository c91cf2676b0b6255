//! Chooses the nodes that a fault breaks, or that an action changes.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::trial::Trial;
use crate::journal::{Inside, Rule, Slowness};
use crate::scenario::{FaultAction, Part, Target};
use crate::swarm::View;
use crate::units::Share;
use crate::wait::Look;

/// The nodes, and why these.
pub(super) type Chosen = (Vec<String>, String);

/// What a fault is about, once it is chosen.
pub(super) struct Found {
    pub(super) targets: Vec<String>,
    pub(super) chosen: String,
    pub(super) rule: Option<Rule>,
    pub(super) witness: Option<String>,
    pub(super) inside: Option<Inside>,
}

/// Added to a step's index where its other machines are chosen.
const OTHERS: usize = 1 << 20;

/// Chooses a fault's machine, and where frames are meant those at its other end and one that is to
/// try it.
pub(super) fn find(
    trial: &Trial,
    index: usize,
    action: &FaultAction,
    sight: &Look<View>,
) -> Look<Found> {
    let mut taken = trial.broken_now();
    let (targets, chosen) = match choose(trial, index, action.target(), sight, &taken) {
        Look::Holds(chosen) => chosen,
        Look::NotYet(why) => return Look::NotYet(why),
        Look::CannotTell(why) => return Look::CannotTell(why),
    };
    let Some((flow, node)) = action.flow().zip(targets.first().cloned()) else {
        taken.extend(targets.iter().cloned());
        let cut_off = matches!(action, FaultAction::Isolate(_));
        let witness = cut_off.then(|| unbroken(trial, &taken)).flatten();
        return Look::Holds(Found {
            targets,
            chosen,
            rule: None,
            witness,
            inside: inside(action),
        });
    };
    taken.insert(node.clone());
    let (from, chosen) = match flow.from {
        None => (Vec::new(), chosen),
        Some(from) => match choose(trial, index + OTHERS, from, sight, &taken) {
            Look::Holds((others, why)) => (others, format!("{chosen}, from {why}")),
            Look::NotYet(why) => return Look::NotYet(why),
            Look::CannotTell(why) => return Look::CannotTell(why),
        },
    };
    let other = || unbroken(trial, &taken);
    let Some(witness) = from.first().cloned().or_else(other) else {
        return Look::NotYet("no unbroken machine is left to try whether frames pass".to_owned());
    };
    let slow = flow.slow.map(|slow| Slowness {
        delay: slow.delay.unwrap_or_default(),
        jitter: slow.jitter.unwrap_or_default(),
        loss: slow.loss.unwrap_or(Share(0.0)),
        before_us: None,
    });
    Look::Holds(Found {
        targets,
        chosen,
        rule: Some(Rule {
            node,
            from,
            direction: flow.direction,
            port: flow.port,
            slow,
            witness,
        }),
        witness: None,
        inside: None,
    })
}

/// A machine that nobody broke.
fn unbroken(trial: &Trial, broken: &BTreeSet<String>) -> Option<String> {
    let storage = trial.plan.topology.part(Part::Storage);
    let mut all = trial.plan.node_names().chain(storage);
    all.find(|name| !broken.contains(*name)).map(str::to_owned)
}

/// What a fault inside of a machine is about, as far as the plan says it.
fn inside(action: &FaultAction) -> Option<Inside> {
    match action {
        FaultAction::KillTask(Target::HostOf(service)) => Some(Inside {
            service: Some(service.clone()),
            ..Inside::default()
        }),
        FaultAction::Skew(skew) => Some(Inside {
            by: Some(skew.by),
            ..Inside::default()
        }),
        _ => None,
    }
}

/// Chooses among the nodes that are not broken yet; the seed and the step's index decide where
/// there is a choice.
pub(super) fn choose(
    trial: &Trial,
    index: usize,
    target: &Target,
    sight: &Look<View>,
    broken: &BTreeSet<String>,
) -> Look<Chosen> {
    let plan = &trial.plan;
    let managers = trial.managers_now();
    let view = match sight {
        Look::Holds(view) => Some(view),
        Look::NotYet(_) | Look::CannotTell(_) => None,
    };
    let leader = view.and_then(View::leader);
    let sound = |name: &str| !broken.contains(name);
    let of_role = |manager: bool| -> Vec<&str> {
        let nodes = plan.topology.nodes.iter();
        let named =
            nodes.filter(|node| managers.contains(&node.name) == manager && sound(&node.name));
        named.map(|node| node.name.as_str()).collect()
    };
    let seeded = |from: &[&str]| {
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed.wrapping_add(index as u64));
        from.get(rng.random_range(0..from.len().max(1)))
            .map(|name| vec![(*name).to_owned()])
    };
    let text = target.to_string();
    let found = match target {
        Target::Leader => leader
            .filter(|name| sound(name))
            .map(|name| vec![name.to_owned()]),
        Target::Manager => {
            let all = of_role(true);
            let others: Vec<&str> = all.iter().copied().filter(|n| Some(*n) != leader).collect();
            seeded(if others.is_empty() { &all } else { &others })
        }
        Target::Worker => seeded(&of_role(false)),
        Target::EveryNode => {
            let all: Vec<String> = plan
                .node_names()
                .filter(|n| sound(n))
                .map(str::to_owned)
                .collect();
            (!all.is_empty()).then_some(all)
        }
        Target::Node(name) => plan
            .node_names()
            .find(|node| node == name && sound(node))
            .map(|name| vec![name.to_owned()]),
        Target::Part(part) => plan
            .topology
            .part(*part)
            .filter(|name| sound(name))
            .map(|name| vec![name.to_owned()]),
        Target::HostOf(service) => return host_of(service, sight, broken),
    };
    match found {
        Some(nodes) => Look::Holds((nodes, text)),
        None => Look::NotYet(format!("no unbroken node is `{text}`{}", reason(sight))),
    }
}

/// The node of the live task with the lowest slot.
fn host_of(service: &str, sight: &Look<View>, broken: &BTreeSet<String>) -> Look<Chosen> {
    let Look::Holds(view) = sight else {
        return Look::NotYet(format!(
            "nobody knows the host of `{service}`{}",
            reason(sight)
        ));
    };
    let hosted = view
        .live(service)
        .filter_map(|task| Some((task, task.node.clone()?)));
    let first = hosted
        .filter(|(_, node)| !broken.contains(node))
        .min_by_key(|(task, _)| task.slot);
    match first {
        Some((task, node)) => {
            let chosen = format!("host_of: {service} (slot {}, task {})", task.slot, task.id);
            Look::Holds((vec![node], chosen))
        }
        None => Look::NotYet(format!("no unbroken node runs a live task of `{service}`")),
    }
}

/// Why the managers said nothing, if they did not.
fn reason(sight: &Look<View>) -> String {
    match sight {
        Look::Holds(_) => String::new(),
        Look::NotYet(why) | Look::CannotTell(why) => format!(": {why}"),
    }
}
