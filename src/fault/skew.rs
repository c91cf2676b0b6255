//! `skew`: a node's clock jumps ahead; healed by setting it to ours.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::SignedDuration;

use super::{Fault, visited, watch};
use crate::journal::Intent;
use crate::substrate::{Inward, Lab, Trouble};
use crate::wait::Look;

/// By how much a clock may be off and still be where it was set: a question to a guest takes up to
/// some seconds on an emulated machine, and nobody knows when in it the clock was read.
const NEAR: SignedDuration = SignedDuration::from_secs(5);

/// A clock that is wrong.
pub(super) struct Skew;

#[async_trait]
impl Fault for Skew {
    fn verb(&self) -> &'static str {
        "skew"
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        let set = Inward::SetClock(by(intent).map_err(Trouble)?);
        let ends = intent.targets.iter().map(|node| lab.inward(node, &set));
        visited(join_all(ends).await)
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        let by = by(intent)?;
        watch::each(intent, |node| {
            let what = format!("the clock of `{node}` to be ahead");
            watch::seen(what, deadline, move || look_at(lab, node, by))
        })
        .await
    }

    async fn lasted(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), String> {
        let by = by(intent)?;
        for node in &intent.targets {
            match look_at(lab, node, by).await {
                Look::Holds(_) => {}
                Look::NotYet(seen) | Look::CannotTell(seen) => {
                    return Err(format!("it did not last: {seen}"));
                }
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
            let set = Inward::SetClock(Duration::ZERO);
            let reset = lab.inward(node, &set).await;
            reset.map_err(|trouble| trouble.0)?;
            let what = format!("the clock of `{node}` to be right");
            watch::seen(what, deadline, || look_at(lab, node, Duration::ZERO)).await
        })
        .await
    }
}

/// By how much the clock jumps.
fn by(intent: &Intent) -> Result<Duration, String> {
    let said = intent.inside.as_ref().and_then(|inside| inside.by);
    let missing = || "`skew` does not say by how much".to_owned();
    said.map(|span| span.0).ok_or_else(missing)
}

/// One look at a clock that must be this much ahead of ours.
async fn look_at(lab: &dyn Lab, node: &str, by: Duration) -> Look<String> {
    let ahead = match lab.vitals(node).await {
        Ok(now) => now.ahead,
        Err(why) => return Look::CannotTell(why),
    };
    let wanted = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    let said = format!("the clock of `{node}` is {:.1}s ahead", ahead.as_secs_f64());
    match ahead.saturating_sub(wanted).abs() <= NEAR {
        true => Look::Holds(said),
        false => Look::NotYet(said),
    }
}
