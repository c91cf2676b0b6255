//! Which images the simulated nodes have, and how they come by those of the registry.

use std::time::Duration;

use super::world::World;
use crate::scenario::Part;

/// How long an engine takes to pull an image.
pub(super) const PULL: Duration = Duration::from_secs(8);

impl World {
    /// True for an image that only the registry has in the beginning. Every node has the others.
    fn is_remote(&self, image: &str) -> bool {
        let registry = self.plan.topology.registry.as_ref();
        let rest = registry.and_then(|registry| image.strip_prefix(&registry.place()));
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether a machine's engine lists an image.
    pub(super) fn has_image(&self, machine: usize, image: &str) -> bool {
        let machine = self.machines.get(machine);
        machine.is_some_and(|machine| !self.is_remote(image) || machine.images.contains(image))
    }

    /// Whether a machine's engine could pull an image now, and the engine's words if not.
    pub(super) fn may_pull(&self, machine: usize, image: &str) -> Result<(), String> {
        if !self.is_remote(image) {
            return Err(format!("pull access denied for {image}"));
        }
        let passes = self.machines.get(machine).is_some_and(|m| !m.isolated);
        if passes && self.reaches(Part::Registry) {
            return Ok(());
        }
        let (at, _) = image.split_once('/').unwrap_or((image, ""));
        Err(format!("dial tcp {at}: connect: no route to host"))
    }

    /// A machine's engine pulls an image.
    pub(super) fn pull(&mut self, machine: usize, image: &str) -> Result<(), String> {
        self.may_pull(machine, image)?;
        if let Some(machine) = self.machines.get_mut(machine) {
            machine.images.insert(image.to_owned());
        }
        Ok(())
    }
}
