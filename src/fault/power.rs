//! `stop` and `kill`: the node shuts itself down, or loses its power; healed by giving it power.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{Fault, visited, watch};
use crate::journal::Intent;
use crate::substrate::{Lab, PowerOff, Trouble};
use crate::wait::Look;

/// A node turned off, in one of two ways that are seen, and healed, alike.
pub(super) struct Power {
    verb: &'static str,
    how: PowerOff,
}

/// A clean shutdown.
pub(super) const STOP: Power = Power {
    verb: "stop",
    how: PowerOff::Shutdown,
};

/// A power cut.
pub(super) const KILL: Power = Power {
    verb: "kill",
    how: PowerOff::Cut,
};

#[async_trait]
impl Fault for Power {
    fn verb(&self) -> &'static str {
        self.verb
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        let ends = intent
            .targets
            .iter()
            .map(|node| lab.power_off(node, self.how));
        visited(join_all(ends).await)
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        watch::each(intent, |node| {
            let what = format!("`{node}` to be off");
            watch::seen(what, deadline, move || look_off(lab, node))
        })
        .await
    }

    /// On a swarm that is there already, somebody else may turn a machine on.
    async fn lasted(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), String> {
        for node in &intent.targets {
            if lab.powered(node).await {
                return Err(format!("it did not last: `{node}` has power"));
            }
        }
        Ok(())
    }

    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        watch::each(intent, |node| async move {
            lab.power_on(node).await.map_err(|trouble| trouble.0)?;
            let what = format!("`{node}` to be on");
            watch::seen(what, deadline, || look_on(lab, node)).await
        })
        .await
    }
}

/// One look at a node that should be off.
async fn look_off(lab: &dyn Lab, node: &str) -> Look<String> {
    if lab.powered(node).await {
        return Look::NotYet(format!("`{node}` still has power"));
    }
    watch::look_silent(lab, node, "has no power").await
}

/// One look at a node that should be on.
async fn look_on(lab: &dyn Lab, node: &str) -> Look<String> {
    if !lab.powered(node).await {
        return Look::NotYet(format!("`{node}` has no power"));
    }
    watch::look_serving(lab, node, "has power and").await
}
