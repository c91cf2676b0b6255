//! `pause`: the whole machine stands still, with its power on; healed by letting it go on.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{Fault, PACE, joined, server, silent, visited};
use crate::journal::{ApiError, Intent};
use crate::substrate::{Lab, Trouble};
use crate::wait::{self, Look};

/// A machine that is frozen.
pub(super) struct Pause;

#[async_trait]
impl Fault for Pause {
    fn verb(&self) -> &'static str {
        "pause"
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        let ends = intent.targets.iter().map(|node| lab.pause(node, true));
        visited(join_all(ends).await)
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        let looks = intent.targets.iter().map(|node| async move {
            let what = format!("`{node}` to stand still");
            wait::until(what, deadline, PACE, || look_still(lab, node))
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
            lab.pause(node, false).await.map_err(|trouble| trouble.0)?;
            let what = format!("`{node}` to go on");
            wait::until(what, deadline, PACE, || look_awake(lab, node))
                .await
                .map_err(|timed_out| timed_out.to_string())
        });
        joined(join_all(heals).await)
    }
}

/// One look at a machine that should stand still. One without power is silent too, and is not
/// paused: nothing of it would go on.
async fn look_still(lab: &dyn Lab, node: &str) -> Look<String> {
    if !lab.powered(node).await {
        return Look::NotYet(format!("`{node}` has no power, so it is not paused"));
    }
    match lab.paused(node).await {
        Ok(true) => {}
        Ok(false) => return Look::NotYet(format!("`{node}` still runs")),
        Err(trouble) => return Look::CannotTell(trouble.0),
    }
    let silence = match silent(lab, node).await {
        Ok(silence) => silence,
        Err(sent) => return Look::NotYet(sent),
    };
    let server = server(node);
    match lab.serves(node).await {
        Err(ApiError::Unreachable(_) | ApiError::TimedOut(_)) => Look::Holds(format!(
            "`{node}` has power and stands still, sent no frame for {silence:?}, and its {server} \
             does not answer"
        )),
        Ok(()) | Err(ApiError::Refused { .. } | ApiError::NotUnderstood(_)) => {
            Look::NotYet(format!("`{node}` still answers with its {server}"))
        }
    }
}

/// One look at a machine that should go on.
async fn look_awake(lab: &dyn Lab, node: &str) -> Look<String> {
    match lab.paused(node).await {
        Ok(false) => {}
        Ok(true) => return Look::NotYet(format!("`{node}` still stands still")),
        Err(trouble) => return Look::CannotTell(trouble.0),
    }
    let server = server(node);
    match lab.serves(node).await {
        Ok(()) => Look::Holds(format!("`{node}` goes on, and its {server} answers")),
        Err(error) => Look::NotYet(format!("the {server} of `{node}`: {error}")),
    }
}
