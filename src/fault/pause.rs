//! `pause`: the whole machine stands still, with its power on; healed by letting it go on.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{Fault, visited, watch};
use crate::journal::Intent;
use crate::substrate::{Lab, Trouble};
use crate::wait::Look;

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
        watch::each(intent, |node| {
            let what = format!("`{node}` to stand still");
            watch::seen(what, deadline, move || look_still(lab, node))
        })
        .await
    }

    async fn lasted(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), String> {
        for node in &intent.targets {
            match lab.paused(node).await {
                Ok(true) => {}
                Ok(false) => return Err(format!("it did not last: `{node}` goes on")),
                Err(trouble) => return Err(trouble.0),
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
            lab.pause(node, false).await.map_err(|trouble| trouble.0)?;
            let what = format!("`{node}` to go on");
            watch::seen(what, deadline, || look_awake(lab, node)).await
        })
        .await
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
    watch::look_silent(lab, node, "has power and stands still").await
}

/// One look at a machine that should go on.
async fn look_awake(lab: &dyn Lab, node: &str) -> Look<String> {
    match lab.paused(node).await {
        Ok(false) => {}
        Ok(true) => return Look::NotYet(format!("`{node}` still stands still")),
        Err(trouble) => return Look::CannotTell(trouble.0),
    }
    watch::look_serving(lab, node, "goes on, and").await
}
