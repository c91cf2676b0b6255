//! Single flows of a node, dropped by its packet filter.

use super::lab::DindLab;
use crate::journal::Rule;
use crate::substrate::nodes::wall::Flow;
use crate::substrate::{Tally, Trouble};

impl DindLab {
    /// Puts a rule into a node's filter, or has it count only.
    pub(super) async fn set_rule(
        &self,
        number: usize,
        rule: &Rule,
        in_force: bool,
    ) -> Result<(), Trouble> {
        let address = |peer: &String| Ok(self.machine(peer)?.guard.address.clone());
        let flow = Flow::of(rule, address, in_force)?;
        let guard = &self.machine(&rule.node)?.guard;
        guard.watch(self.nodes(), number, flow).await
    }

    /// What was counted of a rule's frames since its node started; nothing if nobody can tell.
    pub(super) async fn counted_of(&self, number: usize) -> Tally {
        for machine in self.machines.values() {
            if let Some(tally) = machine.guard.tally(self.nodes(), number).await {
                return tally;
            }
        }
        Tally::default()
    }
}
