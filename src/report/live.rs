//! One line an entry while the run is under way.

use super::Style;
use crate::journal::{ActionEntry, ActionStep, Entry, Event, Phase, Stage, TurnStep};
use crate::plan::Plan;
use crate::verdict::wording::counted;

/// The progress line for an entry; none for entries that only a checker needs. No colour, and no
/// line end.
pub fn line(entry: &Entry, plan: &Plan) -> Option<String> {
    let (word, said) = told(&entry.event, plan)?;
    let line = match entry.event {
        Event::Plan(_) => Style::default().remark(word, &said),
        _ => Style::default().moment(word, entry.at(), &said),
    };
    Some(line.trim_end().to_owned())
}

/// What is going to happen, in one line.
pub(super) fn planned(plan: &Plan) -> String {
    let actions = match plan.actions.len() as u64 {
        0 => String::new(),
        actions => format!(", {}", counted(actions, "action")),
    };
    format!(
        "{} on {}: {}{actions}, {}, seed {:#x}",
        plan.name,
        plan.place,
        counted(plan.topology.nodes.len() as u64, "node"),
        counted(plan.faults.len() as u64, "fault"),
        plan.seed
    )
}

/// A fault of the plan: `stop host_of: mariadb`.
fn fault(plan: &Plan, index: usize) -> String {
    let name = plan.faults.get(index).map_or_else(
        || "not in the plan".to_owned(),
        |fault| format!("{} {}", fault.action.verb(), fault.action.about()),
    );
    format!("fault {} ({name})", index + 1)
}

/// The word and the rest of an entry's line.
fn told(event: &Event, plan: &Plan) -> Option<(&'static str, String)> {
    Some(match event {
        Event::Plan(plan) => ("PLANNED", planned(plan)),
        Event::Phase(phase) => phase_line(*phase),
        Event::Steady(look) if look.holds => ("STEADY", look.probes.join("; ")),
        Event::Steady(look) => ("WAITING", look.probes.join("; ")),
        Event::Intent(intent) => {
            let said = format!("{} {}", intent.verb, intent.targets.join(", "));
            ("FAULT", format!("{said} ({})", intent.chosen))
        }
        Event::Confirmed {
            fault: index,
            evidence,
        } => ("CONFIRMED", format!("{}: {evidence}", fault(plan, *index))),
        Event::NotConfirmed { fault: index, last } => {
            ("UNCONFIRMED", format!("{}: {last}", fault(plan, *index)))
        }
        Event::Recovered { fault: index } => (
            "RECOVERED",
            format!("{}: the steady state holds again", fault(plan, *index)),
        ),
        Event::Healing { fault: index } => ("HEALING", fault(plan, *index)),
        Event::Healed {
            fault: index,
            evidence,
        } => ("HEALED", format!("{}: {evidence}", fault(plan, *index))),
        Event::HealFailed {
            fault: index,
            error,
        } => (
            "TROUBLE",
            format!("{} is not healed: {error}", fault(plan, *index)),
        ),
        Event::Action(one) => return action(one, plan),
        Event::Trouble { what } | Event::GaveWay { what } => ("TROUBLE", what.clone()),
        Event::Residue(left) if !left.is_empty() => ("LEFT", left.join("; ")),
        Event::End => ("END", "the run reached its end".to_owned()),
        _ => return None,
    })
}

/// A step of an action.
fn action(one: &ActionEntry, plan: &Plan) -> Option<(&'static str, String)> {
    let name = plan.actions.get(one.action).map_or_else(
        || "not in the plan".to_owned(),
        |action| format!("{} {}", action.change.verb(), action.change.about()),
    );
    let named = format!("action {} ({name})", one.action + 1);
    Some(match &one.step {
        ActionStep::Intent(intent) if !intent.targets.is_empty() => {
            let targets = intent.targets.join(", ");
            (
                "ACTION",
                format!("{} {targets} ({})", intent.verb, intent.chosen),
            )
        }
        ActionStep::Intent(intent) => ("ACTION", format!("{} {}", intent.verb, intent.chosen)),
        ActionStep::Refused(words) => ("REFUSED", format!("{named}: {words}")),
        ActionStep::Confirmed(words) => ("CONFIRMED", format!("{named}: {words}")),
        ActionStep::NotConfirmed(words) => ("UNCONFIRMED", format!("{named}: {words}")),
        ActionStep::Turn(step) => return turn(&named, step),
        ActionStep::Acting | ActionStep::Acted => return None,
    })
}

/// A step of a node's turn in an upgrade.
fn turn(named: &str, step: &TurnStep) -> Option<(&'static str, String)> {
    let node = &step.node;
    let (word, said) = match &step.stage {
        Stage::Draining => ("DRAIN", node.clone()),
        Stage::Exchanging => ("EXCHANGE", format!("the system disk of {node}")),
        Stage::Back(engines) => {
            let engine = engines.get(node)?;
            let (engine, kernel) = (&engine.engine, &engine.kernel);
            (
                "BACK",
                format!("{node} with docker {engine}, linux {kernel}"),
            )
        }
        Stage::AsBefore(seen) => ("AS BEFORE", format!("{node}: {seen}")),
        Stage::Differs(last) => ("DIFFERS", format!("{named}, {node}: {last}")),
    };
    Some((word, said))
}

/// What a phase is about.
pub(super) fn phase_line(phase: Phase) -> (&'static str, String) {
    let (word, said) = match phase {
        Phase::BringUp => ("BRING UP", "making machines and swarm"),
        Phase::Deploy => ("DEPLOY", "filling the share, deploying the stack"),
        Phase::SteadyBefore => ("WAIT", "for the steady state"),
        Phase::Checkpoint => ("KEEP", "the steady state, for the next run"),
        Phase::Load => ("LOAD", "the workloads run; fault times count from here"),
        Phase::SteadyAfter => ("WAIT", "for the steady state, all faults over"),
        Phase::ReadBack => (
            "READ BACK",
            "the workloads have stopped; reading the ledgers",
        ),
        Phase::TearDown => ("TEAR DOWN", "removing everything"),
    };
    (word, said.to_owned())
}
