//! What is done to the simulated machines from inside of them.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::Sabotage;
use super::swarm::container_of;
use super::tasks::Task;
use super::world::World;
use crate::substrate::{Inward, Trouble, Vitals};

/// From the death of an engine to the next (`RestartSec=2` of Docker's unit).
const RESTART: Duration = Duration::from_secs(2);

/// What a disk has room for, in bytes.
const ROOM: u64 = 8 << 30;

/// How long a clock stays wrong under [`Sabotage::ClockSetRight`].
const SET_RIGHT: Duration = Duration::from_secs(5);

/// What was done to a machine.
#[derive(Default)]
pub(super) struct Inside {
    /// How often its engine was started since the machine was made.
    starts: u64,
    /// By how much its clock is ahead, and since when.
    skewed: Option<(Duration, Instant)>,
    full: bool,
}

impl World {
    /// Does one act inside of a machine.
    pub(super) fn act_inside(&mut self, name: &str, act: &Inward) -> Result<(), Trouble> {
        let Some(node) = self.machine(name) else {
            return Err(Trouble(format!("no node is called `{name}`")));
        };
        let mends = match act {
            Inward::StartEngine | Inward::EmptyDisk => true,
            Inward::SetClock(ahead) => ahead.is_zero(),
            _ => false,
        };
        if mends && self.is(&Sabotage::HealFails) {
            return Err(Trouble(format!("nothing can be done in `{name}`")));
        }
        let now = self.now;
        let machine = self.machines.get(node);
        if !machine.is_some_and(|machine| machine.powered && !machine.paused) {
            return Err(Trouble(format!("`{name}` does not answer")));
        }
        self.struck.get_or_insert(now);
        if !mends && self.is(&Sabotage::InwardNoOp) {
            return Ok(());
        }
        if let Inward::KillContainer(container) = act {
            self.end_process(node, container);
            return Ok(());
        }
        let Some(machine) = self.machines.get_mut(node) else {
            return Ok(());
        };
        let inside = &mut machine.inside;
        match act {
            Inward::CrashEngine | Inward::RestartEngine => {
                inside.starts += 1;
                machine.engine_at = now + RESTART;
                self.drop_processes(node);
            }
            Inward::SetClock(ahead) => {
                inside.skewed = (!ahead.is_zero()).then_some((*ahead, now));
            }
            Inward::FillDisk => inside.full = true,
            Inward::EmptyDisk => inside.full = false,
            Inward::StartEngine | Inward::KillContainer(_) => {}
        }
        Ok(())
    }

    /// The process of one container is gone.
    fn end_process(&mut self, machine: usize, container: &str) {
        let here =
            |task: &&mut Task| task.node == Some(machine) && container_of(&task.id) == container;
        if let Some(task) = self.tasks.iter_mut().find(here) {
            task.process = false;
        }
    }

    /// What a machine's kernel says of it.
    pub(super) fn vitals(&self, name: &str) -> Result<Vitals, String> {
        let machine = self.machine(name).and_then(|i| self.machines.get(i));
        let machine = machine.ok_or_else(|| format!("no node is called `{name}`"))?;
        if !machine.powered || machine.paused {
            return Err(format!("`{name}` does not answer"));
        }
        let inside = &machine.inside;
        Ok(Vitals {
            engine: machine
                .live(self.now)
                .then(|| format!("start {}", inside.starts)),
            ahead: SignedDuration::try_from(self.skew_of(name)).unwrap_or_default(),
            free: if inside.full { 0 } else { ROOM },
            writes: !inside.full,
        })
    }

    /// By how much a fault has a machine's clock ahead.
    pub(super) fn skew_of(&self, name: &str) -> Duration {
        let machine = self.machine(name).and_then(|i| self.machines.get(i));
        let Some((ahead, since)) = machine.and_then(|machine| machine.inside.skewed) else {
            return Duration::ZERO;
        };
        let over = self.now >= since + SET_RIGHT;
        match over && self.is(&Sabotage::ClockSetRight) {
            true => Duration::ZERO,
            false => ahead,
        }
    }
}
