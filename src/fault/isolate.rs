//! `isolate`: no frame passes to or from the node, or none of one direction or pair; healed by
//! letting them pass.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Fault, PACE, flow, visited, watch};
use crate::journal::Intent;
use crate::substrate::{Lab, Traffic, Trouble};
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

    /// Where nobody talks to a node any more, what it sends itself in vain is enough.
    async fn lasted(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), String> {
        if intent.rule.is_some() {
            return flow::lasted(lab, intent).await;
        }
        let seen = watch::each(intent, |node| still_cut_off(lab, node, intent));
        seen.await.map(drop)
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

/// Has frames sent both ways between a node and its witness. A file server that nobody reaches has
/// nothing to say by itself, and whoever says nothing proves nothing. Whether anybody can have them
/// sent shows in what is counted.
async fn stir(lab: &dyn Lab, node: &str, intent: &Intent) {
    if let Some(witness) = &intent.witness {
        let _ = lab.dial(node, witness, NOWHERE).await;
        let _ = lab.dial(witness, node, NOWHERE).await;
    }
}

/// Looks until frames were sent in vain for a while both ways: none of the node's reached anybody,
/// and none reached the node.
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
        let Traffic { out, into } = lab.frames(node).await.since(since.1);
        if out.sent == 0 || into.sent == 0 {
            stir(lab, node, intent).await;
        }
        let now = lab.frames(node).await;
        let watched = since.0.elapsed();
        let Traffic { out, into } = now.since(since.1);
        let last = if out.delivered + into.delivered > 0 {
            since = (Instant::now(), now);
            let (passed, got) = (out.delivered, into.delivered);
            format!(
                "`{node}` is not cut off: {passed} of its frames were delivered, and {got} to it"
            )
        } else if out.sent == 0 {
            format!("`{node}` sent no frame in {watched:.1?}, so nobody can tell")
        } else if into.sent == 0 {
            format!("`{node}` was sent no frame in {watched:.1?}, so nobody can tell")
        } else if watched >= WINDOW {
            let (sent, came) = (out.sent, into.sent);
            return Ok(format!(
                "`{node}` sent {sent} frames in {watched:.1?} and was sent {came}, and none was \
                 delivered"
            ));
        } else {
            format!("`{node}` was watched for {watched:.1?} only")
        };
        if Instant::now() >= end {
            return Err(format!("waited {deadline:.1?}; last seen: {last}"));
        }
    }
}

/// Watches for a while whether any frame of a node passes, or any for it.
async fn still_cut_off(lab: &dyn Lab, node: &str, intent: &Intent) -> Result<String, String> {
    let before = lab.frames(node).await;
    wait::pause(WINDOW).await;
    let Traffic { out, into } = lab.frames(node).await.since(before);
    if out.sent + into.sent == 0 {
        stir(lab, node, intent).await;
    }
    let Traffic { out, into } = lab.frames(node).await.since(before);
    let (passed, got) = (out.delivered, into.delivered);
    match out.sent + into.sent {
        _ if passed + got > 0 => Err(format!(
            "it did not last: {passed} frames of `{node}` were delivered, and {got} to it"
        )),
        0 => Err(format!(
            "`{node}` was neither heard nor spoken to, so nobody can tell whether it lasted"
        )),
        tried => Ok(format!(
            "{tried} frames of `{node}` and for it were sent in vain"
        )),
    }
}

/// Looks until frames are delivered both ways.
async fn seen_rejoined(
    lab: &dyn Lab,
    node: &str,
    intent: &Intent,
    deadline: Duration,
) -> Result<String, String> {
    let before = lab.frames(node).await;
    let what = format!("frames of `{node}` to pass");
    watch::seen(what, deadline, || async move {
        let Traffic { out, into } = lab.frames(node).await.since(before);
        if out.delivered > 0 && into.delivered > 0 {
            return Look::Holds(format!("frames of `{node}` and for it are delivered"));
        }
        stir(lab, node, intent).await;
        Look::NotYet(match out.delivered {
            0 => format!("no frame of `{node}` was delivered"),
            _ => format!("no frame for `{node}` was delivered"),
        })
    })
    .await
}
