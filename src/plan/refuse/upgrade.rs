//! Refusals about an upgrade: what must be left while one node after the other is off.

use super::Docket;
use crate::scenario::{ActionVerb, Allowance, Target};

/// With fewer managers than this, one that is off takes the majority with it.
const MANAGERS_MIN: usize = 3;

impl Docket<'_> {
    /// Refuses an upgrade that could show nothing, or that takes the swarm's control away.
    pub(super) fn upgraded(&mut self, aim: &str, index: usize, left: &[Target]) {
        let scenario = self.scenario();
        let earlier = scenario.actions.iter().take(index);
        let mut earlier = earlier.filter(|one| matches!(one.verb, ActionVerb::Upgrade(_)));
        if earlier.next().is_some() {
            let help = "write one `upgrade`; there is one engine to upgrade to";
            self.refuse(aim, "every node was upgraded by an action above", help);
        }
        if let Some(gone) = left.first() {
            let title = format!("`{gone}` has left the swarm by then");
            self.refuse(
                aim,
                title,
                "`join` it before, so that every node is upgraded",
            );
        }
        let managers = self.managers_after(index);
        let allowed = scenario.allow.contains(&Allowance::QuorumLoss);
        if managers < MANAGERS_MIN && !allowed {
            let title = format!(
                "each manager is off for a while: {} of {managers} would be left, no majority",
                managers.saturating_sub(1)
            );
            let help = "write 3 managers or more, or write `allow: [quorum_loss]`";
            self.refuse(aim, title, help);
        }
        if self.topology.nodes.len() < 2 {
            let help = "write more `managers` or `workers`";
            self.refuse(aim, "no other node could take the tasks", help);
        }
    }
}
