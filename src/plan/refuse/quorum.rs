//! Refusals about the managers' majority: liveness is owed only while one is left.

use super::Docket;
use crate::plan::ready::recovery_deadline;
use crate::scenario::{Allowance, Control, Expectation, Fault, Target};
use crate::units::Span;

impl Docket<'_> {
    pub(super) fn quorum(&mut self) {
        let scenario = self.scenario();
        let worst = (0..scenario.faults.len()).max_by_key(|index| {
            // Of equals the first: the caret shall be where the majority goes.
            let (managers, down) = (self.managers_then(*index), self.managers_down(*index));
            (
                down + managers / 2 + 1 > managers,
                down,
                std::cmp::Reverse(*index),
            )
        });
        let managers = worst.map_or(0, |index| self.managers_then(index));
        let spare = managers.saturating_sub(managers / 2 + 1);
        let down = worst.map_or(0, |index| self.managers_down(index));
        if let (Some(index), true) = (worst, down > spare) {
            if !scenario.allow.contains(&Allowance::QuorumLoss) {
                self.majority_lost(index, managers, down);
            }
            return;
        }
        for (index, expectation) in scenario.expect.iter().enumerate() {
            if *expectation == Expectation::Control(Control::Lost) && !scenario.faults.is_empty() {
                let title = format!("{managers} managers keep their majority through these faults");
                let help = "write `kept`, or faults that take more managers at a time";
                self.refuse(&format!("expect[{index}].control"), title, help);
            }
        }
    }

    /// Refuses if anything is expected that needs a majority.
    fn majority_lost(&mut self, index: usize, managers: usize, down: usize) {
        let scenario = self.scenario();
        let needs = scenario
            .expect
            .iter()
            .find_map(|expectation| match expectation {
                Expectation::Recovers(_) => Some("recovers"),
                Expectation::Control(Control::Kept) => Some("control: kept"),
                _ => None,
            });
        let Some(needs) = needs else { return };
        let action = &scenario.faults[index].action;
        let may = match action.target() {
            Target::HostOf(_) => "may be",
            _ => "is",
        };
        let title = format!(
            "`{}` {may} a manager: {} of {managers} would be left, no majority, and `{needs}` is \
             expected",
            action.target(),
            managers.saturating_sub(down),
        );
        let help = "write 3 managers or more, keep the service on workers by \
                    `node.role == worker`, or write `allow: [quorum_loss]`";
        self.refuse(
            &format!("faults[{index}].do.{}", action.verb()),
            title,
            help,
        );
    }

    /// How many managers there are when this fault begins: it waits for every earlier action.
    fn managers_then(&self, index: usize) -> usize {
        let scenario = self.scenario();
        let at = scenario.faults[index].at;
        let earlier = scenario.actions.iter().rposition(|action| action.at <= at);
        earlier.map_or(usize::from(scenario.cluster.managers), |last| {
            self.managers_after(last)
        })
    }

    /// How many managers may be down at once when this fault begins.
    fn managers_down(&self, index: usize) -> usize {
        let faults = &self.scenario().faults;
        let now = faults[index].at;
        let mut named: Vec<&Target> = Vec::new();
        let mut chosen = 0;
        for fault in &faults[..=index] {
            let target = fault.action.target();
            let spared = !fault.action.takes_node() || !self.may_be(target).0;
            if self.lasts_until(fault) <= now || spared {
                continue;
            }
            match target {
                Target::Node(_) if named.contains(&target) => {}
                Target::Node(_) => named.push(target),
                _ => chosen += 1,
            }
        }
        (named.len() + chosen).min(self.managers_then(index))
    }

    fn lasts_until(&self, fault: &Fault) -> Span {
        let recovery = || recovery_deadline(self.scenario()).stretched(self.patience);
        let longest = fault.duration.unwrap_or_else(recovery);
        Span(fault.at.0 + longest.0)
    }
}
