//! Ends a machine's container, starts it again, and freezes it.

use std::time::Duration;

use super::lab::DindLab;
use crate::substrate::nodes::{COMMAND, SHUTDOWN};
use crate::substrate::{PowerOff, Trouble};
use crate::wait::{Look, until};

/// Seconds that a node may take to stop its engine and all containers: that of `docker stop` for
/// each of them is 10 s, and they are stopped together.
const SHUTDOWN_S: u16 = 90;

impl DindLab {
    /// Starts a machine, if it does not run, and raises its packet filter anew.
    pub(super) async fn start(&self, name: &str) -> Result<(), Trouble> {
        if self.state(name).await?.running {
            return Ok(());
        }
        let machine = self.machine(name)?;
        let started = self.dind.host().start_container(&machine.container).await;
        started.map_err(|error| Trouble(format!("`{name}` does not start: {error}")))?;
        machine.guard.raise(self.nodes()).await
    }

    /// Ends a machine, and returns when its container is down.
    pub(super) async fn end(&self, name: &str, how: PowerOff) -> Result<(), Trouble> {
        let machine = self.machine(name)?;
        // What was counted goes with the machine.
        machine.guard.counted(self.nodes()).await;
        let host = self.dind.host().with_deadline(SHUTDOWN);
        let off = match how {
            PowerOff::Shutdown => host.stop_container(&machine.container, SHUTDOWN_S).await,
            PowerOff::Cut => host.kill_container(&machine.container).await,
        };
        off.map_err(|error| Trouble(format!("`{name}`: {error}")))?;
        let look = || async {
            match self.state(name).await {
                Ok(state) if !state.running => Look::Holds(()),
                Ok(_) => Look::NotYet("its container runs".to_owned()),
                Err(trouble) => Look::CannotTell(trouble.0),
            }
        };
        let pace = Duration::from_millis(100);
        until(format!("the end of `{name}`"), COMMAND, pace, look)
            .await
            .map_err(|late| Trouble(late.to_string()))
    }

    /// Freezes a machine, or lets it go on.
    pub(super) async fn freeze(&self, name: &str, frozen: bool) -> Result<(), Trouble> {
        if self.frozen(name).await? == frozen {
            return Ok(());
        }
        let machine = self.machine(name)?;
        if frozen {
            // A frozen machine cannot be asked.
            machine.guard.counted(self.nodes()).await;
        }
        let host = self.dind.host();
        let ordered = host.pause_container(&machine.container, frozen).await;
        ordered.map_err(|error| Trouble(format!("`{name}`: {error}")))
    }

    /// Whether a machine is frozen. An error if it does not run.
    pub(super) async fn frozen(&self, name: &str) -> Result<bool, Trouble> {
        let state = self.state(name).await?;
        match state.running {
            true => Ok(state.paused),
            false => Err(Trouble(format!("`{name}` does not run"))),
        }
    }
}
