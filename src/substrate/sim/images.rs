//! Which images the simulated nodes have, and how they come by those of the registry.

use std::time::Duration;

use super::Sabotage;
use super::world::World;
use crate::scenario::Part;

/// How long an engine takes to pull an image.
pub(super) const PULL: Duration = Duration::from_secs(8);

/// Whether a task's image is on its node.
pub(super) enum Supply {
    /// It is, or the task needs none.
    There,
    /// The node's engine is pulling it.
    Coming,
    /// It is not to be had: its name.
    Nowhere(String),
}

impl World {
    /// True for an image that only the registry has in the beginning. Every node has the others.
    fn is_remote(&self, image: &str) -> bool {
        let registry = self.plan.topology.registry.as_ref();
        let rest = registry.and_then(|registry| image.strip_prefix(&registry.place()));
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether a machine's engine lists an image.
    pub(super) fn has_image(&self, machine: usize, image: &str) -> bool {
        let Some(machine) = self.machines.get(machine) else {
            return false;
        };
        let given = !self.is_remote(image) || self.is(&Sabotage::ImagesEverywhere);
        (given || machine.images.contains(image))
            && !self.is_struck(&Sabotage::ImagesLost(machine.name.clone()))
    }

    /// Has a task's image be on its node before the task starts. The engine tries once.
    pub(super) fn supply(&mut self, task: usize) -> Supply {
        let known = self.tasks.get(task);
        let wanted = known.and_then(|task| self.services.get(&task.service));
        let Some((task_on, wanted)) = known.and_then(|task| task.node).zip(wanted) else {
            return Supply::There;
        };
        let image = wanted.image().to_owned();
        if self.has_image(task_on, &image) {
            return Supply::There;
        }
        let due = self.now + PULL;
        let (pulls, may) = (
            known.is_some_and(|task| task.pulls),
            self.may_pull(task_on, &image),
        );
        if !pulls && may.is_ok() {
            self.change(task, |task| (task.pulls, task.due) = (true, due));
            return Supply::Coming;
        }
        match self.pull(task_on, &image) {
            Ok(()) => Supply::There,
            Err(_) => Supply::Nowhere(image),
        }
    }

    /// Whether a machine's engine could pull an image now, and the engine's words if not.
    fn may_pull(&self, machine: usize, image: &str) -> Result<(), String> {
        if !self.is_remote(image) {
            return Err(format!("pull access denied for {image}"));
        }
        let passes = self.machines.get(machine).is_some_and(|m| !m.isolated);
        let gives = !self.is_struck(&Sabotage::RegistryGivesNothing);
        if passes && gives && self.reaches(Part::Registry) {
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
