//! `isolate`: no frame passes to or from the node, or none of one direction or pair; healed by
//! letting them pass.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Fault, PACE, flow, visited, watch};
use crate::journal::Intent;
use crate::substrate::{Lab, Trouble};
use crate::units::Port;
use crate::wait::{self, Look};

/// The least time over which a node must have sent in vain.
const WINDOW: Duration = Duration::from_secs(2);

/// Where nobody listens or answers (`discard`, of the IANA registry of ports).
const NOWHERE: Port = Port::udp(9);

/// A node cut off from the LAN.
pub(super) struct Isolate;

#[async_trait]
impl Fault for Isolate {
    fn verb(&self) -> &'static str {
        "isolate"
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        match &intent.rule {
            None => set(lab, intent, true).await,
            Some(rule) => lab.impose(intent.fault, rule, true).await,
        }
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        if intent.rule.is_some() {
            return flow::seen_in_force(lab, intent, deadline).await;
        }
        watch::each(intent, |node| seen_cut_off(lab, node, intent, deadline)).await
    }

    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        if intent.rule.is_some() {
            return flow::lift(lab, intent, deadline).await;
        }
        set(lab, intent, false).await.map_err(|trouble| trouble.0)?;
        watch::each(intent, |node| seen_rejoined(lab, node, intent, deadline)).await
    }
}

/// Cuts every target off, or lets it back; visits all, and says all that went wrong.
async fn set(lab: &dyn Lab, intent: &Intent, isolated: bool) -> Result<(), Trouble> {
    let ends = intent
        .targets
        .iter()
        .map(|node| lab.isolate(node, isolated));
    visited(join_all(ends).await)
}

/// Has a node send frames. A file server that nobody reaches has nothing to say by itself, and
/// whoever says nothing proves nothing. Whether anybody can have it do so shows in what is counted.
async fn stir(lab: &dyn Lab, node: &str, intent: &Intent) {
    if let Some(witness) = &intent.witness {
        let _ = lab.dial(node, witness, NOWHERE).await;
    }
}

/// Looks until the node has sent frames for a while and nobody got one.
async fn seen_cut_off(
    lab: &dyn Lab,
    node: &str,
    intent: &Intent,
    deadline: Duration,
) -> Result<String, String> {
    let mut since = (Instant::now(), lab.frames(node).await);
    let end = Instant::now() + deadline;
    loop {
        wait::pause(PACE).await;
        let (sent, delivered) = lab.frames(node).await;
        let (began, (sent_before, delivered_before)) = since;
        let vain = sent.saturating_sub(sent_before);
        let watched = began.elapsed();
        let last = if delivered != delivered_before {
            since = (Instant::now(), (sent, delivered));
            let passed = delivered.saturating_sub(delivered_before);
            format!("`{node}` is not cut off: {passed} of its frames were delivered")
        } else if vain == 0 {
            stir(lab, node, intent).await;
            format!("`{node}` sent no frame in {watched:.1?}, so nobody can tell")
        } else if watched >= WINDOW {
            return Ok(format!(
                "`{node}` sent {vain} frames in {watched:.1?}, and none was delivered"
            ));
        } else {
            format!("`{node}` was watched for {watched:.1?} only")
        };
        if Instant::now() >= end {
            return Err(format!("waited {deadline:.1?}; last seen: {last}"));
        }
    }
}

/// Looks until a frame of the node is delivered.
async fn seen_rejoined(
    lab: &dyn Lab,
    node: &str,
    intent: &Intent,
    deadline: Duration,
) -> Result<String, String> {
    let (_, before) = lab.frames(node).await;
    let what = format!("frames of `{node}` to pass");
    watch::seen(what, deadline, || async move {
        let (_, now) = lab.frames(node).await;
        if now > before {
            Look::Holds(format!("frames of `{node}` are delivered"))
        } else {
            stir(lab, node, intent).await;
            Look::NotYet(format!("no frame of `{node}` was delivered"))
        }
    })
    .await
}
