//! Rules of the LAN, and who is where on it.

use super::lab::VmLab;
use crate::journal::Rule;
use crate::scenario::Part;
use crate::substrate::Trouble;

impl VmLab {
    /// Puts a rule into the switch, or takes it out.
    pub(super) fn set_rule(
        &self,
        number: usize,
        rule: &Rule,
        in_force: bool,
    ) -> Result<(), Trouble> {
        let seed = self.plan.seed.wrapping_add(number as u64);
        match self.switch().impose(number, rule, in_force, seed) {
            true => Ok(()),
            false => Err(Trouble(format!(
                "`{}`{rule}: not all of them are on the switch",
                rule.node
            ))),
        }
    }

    /// A machine's address on the LAN.
    pub(super) fn lan_address(&self, machine: &str) -> Option<&str> {
        let topology = &self.plan.topology;
        let mut nodes = topology.nodes.iter();
        if let Some(node) = nodes.find(|node| node.name == machine) {
            return Some(&node.address);
        }
        let balancer = topology.balancer.as_ref();
        let registry = topology.registry.as_ref();
        if machine == Part::Storage.name() {
            // It is always there, also where nobody mounts anything.
            return Some(crate::plan::STORAGE);
        }
        let parts = [
            balancer.map(|one| (&one.name, one.address.as_str())),
            registry.map(|one| (&one.name, one.address.as_str())),
        ];
        let mut parts = parts.into_iter().flatten();
        parts
            .find(|(name, _)| *name == machine)
            .map(|(_, address)| address)
    }
}
