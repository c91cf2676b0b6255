//! Engines of the simulated nodes, and what an exchange makes of them.

use super::orders::Wanted;
use super::world::{BOOT, World};
use super::{HOUR, Sabotage};
use crate::journal::{ApiError, Engine};

/// The engine before an upgrade and the one after it, by names that say what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Engines {
    pub(super) now: String,
    pub(super) next: String,
}

impl Default for Engines {
    fn default() -> Self {
        let (now, next) = ("simulated 1".to_owned(), "simulated 2".to_owned());
        Self { now, next }
    }
}

/// What an engine that is called this says of itself.
pub(super) fn engine(name: &str) -> Engine {
    Engine {
        engine: name.to_owned(),
        kernel: format!("of {name}"),
    }
}

impl World {
    /// What a node's engine says of itself.
    pub(super) fn runs(&self, machine: usize) -> Result<Engine, ApiError> {
        let live = self.machines.get(machine).filter(|_| self.live(machine));
        let name = live.map(|machine| machine.engine.as_str());
        name.map(engine)
            .ok_or_else(|| ApiError::Unreachable("connection refused".to_owned()))
    }

    /// Takes a node's power away, and gives it back with another system disk in it.
    pub(super) fn exchange(&mut self, node: &str) -> Result<(), ApiError> {
        let Some(i) = self.machine(node) else {
            return Err(ApiError::Unreachable("no such machine".to_owned()));
        };
        self.drop_processes(i);
        let stays = self.is(&Sabotage::ExchangeDoesNothing);
        let next = self.engines.next.clone();
        let boots = match self.is(&Sabotage::NewEngineNeverAnswers) {
            true => HOUR,
            false => BOOT,
        };
        let (engine_at, index) = (tokio::time::Instant::now() + boots, self.next_index());
        if let Some(machine) = self.machines.get_mut(i) {
            (machine.engine_at, machine.index) = (engine_at, index);
            if !stays {
                (machine.engine, machine.upgraded) = (next, true);
            }
        }
        self.scale_down()
    }

    /// Takes a replica away from every service that has several, if that is what goes wrong.
    fn scale_down(&mut self) -> Result<(), ApiError> {
        if !self.is(&Sabotage::NewEngineScalesDown) {
            return Ok(());
        }
        let several = |(name, service): (&String, &Wanted)| {
            let replicas = service.replicas.filter(|replicas| *replicas > 1)?;
            Some((name.clone(), replicas - 1))
        };
        let fewer: Vec<_> = self.services.iter().filter_map(several).collect();
        for (service, replicas) in fewer {
            self.scale(&service, replicas)?;
        }
        Ok(())
    }

    /// True for a node whose engine balances no requests among tasks.
    pub(super) fn lacks_mesh(&self, machine: usize) -> bool {
        self.is_new(machine) && self.is(&Sabotage::NewEngineWithoutMesh)
    }

    /// True for a node that reaches no task elsewhere.
    pub(super) fn lacks_overlay(&self, machine: usize) -> bool {
        self.is_new(machine) && self.is(&Sabotage::NewEngineWithoutOverlay)
    }

    fn is_new(&self, machine: usize) -> bool {
        self.machines.get(machine).is_some_and(|one| one.upgraded)
    }
}
