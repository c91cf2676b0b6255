//! `stop` and `kill`: the node shuts itself down, or loses its power; healed by giving it power.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{Fault, PACE, joined, server, silent, visited};
use crate::journal::{ApiError, Intent};
use crate::substrate::{Lab, PowerOff, Trouble};
use crate::wait::{self, Look};

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
        let looks = intent.targets.iter().map(|node| async move {
            let what = format!("`{node}` to be off");
            wait::until(what, deadline, PACE, || look_off(lab, node))
                .await
                .map_err(|timed_out| timed_out.to_string())
        });
        joined(join_all(looks).await)
    }

    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        let heals = intent.targets.iter().map(|node| async move {
            lab.power_on(node).await.map_err(|trouble| trouble.0)?;
            let what = format!("`{node}` to be on");
            wait::until(what, deadline, PACE, || look_on(lab, node))
                .await
                .map_err(|timed_out| timed_out.to_string())
        });
        joined(join_all(heals).await)
    }
}

/// One look at a node that should be off.
async fn look_off(lab: &dyn Lab, node: &str) -> Look<String> {
    if lab.powered(node).await {
        return Look::NotYet(format!("`{node}` still has power"));
    }
    let silence = match silent(lab, node).await {
        Ok(silence) => silence,
        Err(sent) => return Look::NotYet(sent),
    };
    let server = server(node);
    match lab.serves(node).await {
        Err(ApiError::Unreachable(_) | ApiError::TimedOut(_)) => Look::Holds(format!(
            "`{node}` has no power, sent no frame for {silence:?}, and its {server} does not answer"
        )),
        Ok(()) | Err(ApiError::Refused { .. } | ApiError::NotUnderstood(_)) => {
            Look::NotYet(format!("`{node}` still answers with its {server}"))
        }
    }
}

/// One look at a node that should be on.
async fn look_on(lab: &dyn Lab, node: &str) -> Look<String> {
    if !lab.powered(node).await {
        return Look::NotYet(format!("`{node}` has no power"));
    }
    let server = server(node);
    match lab.serves(node).await {
        Ok(()) => Look::Holds(format!("`{node}` has power and its {server} answers")),
        Err(error) => Look::NotYet(format!("the {server} of `{node}`: {error}")),
    }
}
