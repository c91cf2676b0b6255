//! Refusals about faults: their targets, their order, and what one does to the next.

use super::Docket;
use super::flow::aim;
use crate::plan::Role;
use crate::scenario::{ActionVerb, Fault, Target};
use crate::units::Span;

impl Docket<'_> {
    pub(super) fn faults(&mut self) {
        let faults = &self.scenario().faults;
        for (index, fault) in faults.iter().enumerate() {
            let path = format!("faults[{index}]");
            let verb = fault.action.verb();
            let whole = format!("{path}.do.{verb}");
            let aim = aim(&whole, &fault.action);
            if let Some(flow) = fault.action.flow() {
                self.flow(&whole, flow);
            }
            self.target(&aim, fault.action.target());
            self.inside(&path, &aim, fault);
            if *fault.action.target() == Target::EveryNode {
                let help = "write one node; no majority would be left to recover";
                self.refuse(&aim, "a fault takes one node", help);
            }
            if fault.duration == Some(Span::default()) {
                let help =
                    "write a duration, or leave `for` out: the fault then lasts until recovery";
                self.refuse(
                    &format!("{path}.for"),
                    "this fault would end as it begins",
                    help,
                );
            }
            let Some(before) = index.checked_sub(1).map(|before| &faults[before]) else {
                continue;
            };
            if fault.at < before.at {
                let title = format!("{} is before the fault above, at {}", fault.at, before.at);
                self.refuse(
                    &format!("{path}.at"),
                    title,
                    "write the faults in order of time",
                );
            }
            let in_the_way = faults[..index].iter().find(|earlier| {
                lasts_until(earlier).is_some_and(|end| end > fault.at && earlier.at <= fault.at)
                    && self.may_be_same(earlier.action.target(), fault.action.target())
            });
            if let Some(earlier) = in_the_way {
                let title = format!(
                    "at {} the node may still be down: `{}` at {} lasts {}",
                    fault.at,
                    earlier.action.verb(),
                    earlier.at,
                    earlier.duration.unwrap_or_default(),
                );
                self.refuse(
                    &aim,
                    title,
                    "write a later `at`, a shorter `for` or another node",
                );
            }
        }
    }

    /// Whether two targets may turn out to be one node.
    pub(super) fn may_be_same(&self, one: &Target, two: &Target) -> bool {
        match (one, two) {
            (Target::Node(one), Target::Node(two)) => one == two,
            (Target::Part(one), Target::Part(two)) => one == two,
            _ => {
                let (one, two) = (self.may_be(one), self.may_be(two));
                (one.0 && two.0) || (one.1 && two.1)
            }
        }
    }

    /// Whether an action may make this node a manager.
    fn may_be_promoted(&self, name: &str) -> bool {
        let mut actions = self.scenario().actions.iter();
        actions.any(|action| match &action.verb {
            ActionVerb::Promote(Target::Node(node)) => node == name,
            ActionVerb::Promote(_) => true,
            ActionVerb::Join(join) => join.node() == name && join.is_manager(),
            _ => false,
        })
    }

    /// Whether a target may be a manager, and whether it may be a worker.
    pub(super) fn may_be(&self, target: &Target) -> (bool, bool) {
        let workers = self.scenario().cluster.workers > 0;
        match target {
            Target::Leader | Target::Manager => (true, false),
            Target::Worker => (false, true),
            Target::Part(_) => (false, false),
            Target::EveryNode => (true, workers),
            Target::HostOf(service) => {
                let only_workers = self
                    .find(service)
                    .is_some_and(|service| service.only_workers);
                (!only_workers, workers)
            }
            Target::Node(name) => {
                let mut nodes = self.topology.nodes.iter();
                let manager = nodes.any(|node| node.name == *name && node.role == Role::Manager);
                (manager || self.may_be_promoted(name), !manager)
            }
        }
    }
}

/// When a fault ends whatever happens; `None` for one that ends with recovery.
fn lasts_until(fault: &Fault) -> Option<Span> {
    fault.duration.map(|duration| Span(fault.at.0 + duration.0))
}
