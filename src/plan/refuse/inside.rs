//! Refusals about faults inside of a machine: those it does not have, or that end by themselves.

use super::Docket;
use crate::scenario::{Fault, FaultAction, Target};
use crate::units::Span;

/// The least that a clock jumps: below, it could not be told from a slow answer of a guest.
const LEAST: Span = Span::secs(30);

impl Docket<'_> {
    /// Examines a fault at a path such as `faults[0]`, aimed at one such as `faults[0].do.fill`.
    pub(super) fn inside(&mut self, path: &str, aim: &str, fault: &Fault) {
        let verb = fault.action.verb();
        let is_inside = fault.action.is_blow()
            || matches!(fault.action, FaultAction::Skew(_) | FaultAction::Fill(_));
        if is_inside && matches!(fault.action.target(), Target::Part(_)) {
            let title = format!("`{verb}` is about a node, and this is none");
            let help = "write a node, or `stop`, `kill`, `pause` or `isolate`";
            self.refuse(aim, title, help);
        }
        if fault.action.is_blow() && fault.duration.is_some() {
            let title = format!("`{verb}` is over as soon as it is done");
            let help = "leave `for` out";
            self.refuse(&format!("{path}.for"), title, help);
        }
        match &fault.action {
            FaultAction::KillTask(Target::HostOf(_)) => {}
            FaultAction::KillTask(_) => {
                let help = "write `kill_task: { host_of: SERVICE }`";
                self.refuse(aim, "nobody knows whose task is meant", help);
            }
            FaultAction::Skew(skew) if skew.by < LEAST => {
                let title = format!("a clock jumps by {LEAST} or more");
                let by = format!("{path}.do.skew.by");
                self.refuse(&by, title, "write a longer one");
            }
            _ => {}
        }
    }
}
