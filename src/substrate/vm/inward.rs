//! What is done to a guest from inside of it, by its agent.

use super::lab::VmLab;
use crate::substrate::{Inward, Trouble, Vitals};

impl VmLab {
    /// Does one act inside of a machine.
    pub(super) async fn act_inside(&self, machine: &str, act: &Inward) -> Result<(), Trouble> {
        match act {
            // The agent knows how to, and asks the kernel alone.
            Inward::SetClock(ahead) => self.machine(machine)?.agent.set_time(*ahead).await,
            act => self.nodes().act_by_systemd(machine, act).await,
        }
    }

    /// Asks a machine how it is.
    pub(super) async fn ask_vitals(&self, machine: &str) -> Result<Vitals, String> {
        self.nodes().vitals_by_systemd(machine).await
    }
}
