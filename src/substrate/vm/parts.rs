//! The machines of a lab that are no nodes: whether they do what they are there for.

use std::time::Duration;

use super::lab::{BOOT, COMMAND, VmLab};
use super::share::EXPORT;
use crate::journal::ApiError;
use crate::scenario::{Part, Target};
use crate::substrate::Trouble;
use crate::wait::{Look, until};

/// Succeeds while the kernel's NFS server exports something.
const EXPORTS: &str = "systemctl is-active nfs-server && test -n \"$(exportfs -s)\"";

impl VmLab {
    /// What a machine is, if it is no node.
    pub(super) fn part(&self, machine: &str) -> Option<Part> {
        match Target::from_word(machine) {
            Target::Part(part) => Some(part),
            _ => None,
        }
    }

    /// Whether it answers, on a path that no fault of the LAN cuts.
    pub(super) async fn part_answers(&self, machine: &str, part: Part) -> Result<(), ApiError> {
        let port = self.plan.topology.registry.as_ref().map(|one| one.port);
        match part {
            Part::Balancer => self.balancer_serves(machine).await,
            Part::Registry => {
                self.registry_serves(machine, port.unwrap_or_default())
                    .await
            }
            Part::Storage => {
                let found = self.machine(machine);
                let found = found.map_err(|trouble| ApiError::Unreachable(trouble.0))?;
                if !found.powered().await {
                    return Err(ApiError::Unreachable(format!("`{machine}` has no power")));
                }
                let ran = found.agent.run(EXPORTS, b"", COMMAND).await;
                match ran.map(|ran| ran.code) {
                    Ok(0) => Ok(()),
                    Ok(_) => Err(ApiError::Unreachable("nothing is exported".to_owned())),
                    Err(trouble) => Err(ApiError::TimedOut(trouble.0)),
                }
            }
        }
    }

    /// Waits until it answers, after it was turned on.
    pub(super) async fn part_serves(&self, machine: &str, part: Part) -> Result<(), Trouble> {
        let agent = &self.machine(machine)?.agent;
        let ready = agent.ready(BOOT).await;
        ready.map_err(|late| Trouble(late.to_string()))?;
        if part == Part::Storage {
            agent.sh(EXPORT, COMMAND).await?;
        }
        self.until_it_answers(machine, part, BOOT).await
    }

    /// Waits until it answers, once it was told to work.
    pub(super) async fn until_it_answers(
        &self,
        machine: &str,
        part: Part,
        within: Duration,
    ) -> Result<(), Trouble> {
        let look = || async {
            match self.part_answers(machine, part).await {
                Ok(()) => Look::Holds(()),
                Err(error) => Look::NotYet(error.to_string()),
            }
        };
        let pace = Duration::from_millis(250);
        until(format!("`{machine}` to answer"), within, pace, look)
            .await
            .map_err(|late| Trouble(late.to_string()))
    }
}
