//! `docker`: what a stock client on a node comes to.

use futures_util::future::join_all;

use crate::substrate::{ClientCall, ClientRan, Lab};
use crate::wait::Look;

/// Words of an error that are shown, in characters: enough for the client's own sentence.
const SHOWN: usize = 120;

/// What the command must come to.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) prints: Option<&'a str>,
    pub(super) refused: bool,
}

/// Runs it once on each node.
pub(super) async fn observe(
    lab: &dyn Lab,
    call: &ClientCall,
    wanted: Wanted<'_>,
    nodes: &[String],
) -> Look<String> {
    let identity = if call.without_certificate {
        " without a certificate"
    } else {
        ""
    };
    let what = format!("docker{identity} {}", call.args.join(" "));
    if nodes.is_empty() {
        return Look::CannotTell(format!("{what}: no node is left to ask"));
    }
    let asked = nodes
        .iter()
        .map(|node| async move { (node, super::in_time(lab.docker(node, call)).await) });
    let (mut wrong, mut untold) = (Vec::new(), Vec::new());
    for (node, ran) in join_all(asked).await {
        match ran {
            Ok(ran) => wrong.extend(amiss(&ran, wanted).map(|why| format!("`{node}`: {why}"))),
            Err(why) => untold.push(format!("`{node}`: {why}")),
        }
    }
    if !wrong.is_empty() {
        Look::NotYet(format!("{what}: {}", wrong.join("; ")))
    } else if !untold.is_empty() {
        Look::CannotTell(format!("{what}: {}", untold.join("; ")))
    } else {
        let word = if wanted.refused { "refused" } else { "right" };
        Look::Holds(format!("{what}: {word} on {}", nodes.join(", ")))
    }
}

/// What is not as it must be.
fn amiss(ran: &ClientRan, wanted: Wanted<'_>) -> Option<String> {
    let first = ran.err.lines().find(|line| !line.trim().is_empty());
    let first: String = first
        .unwrap_or("no reason given")
        .chars()
        .take(SHOWN)
        .collect();
    let first = first.escape_debug();
    match (ran.code == 0, wanted.refused) {
        (true, true) => return Some("it was let in".to_owned()),
        (false, false) => return Some(format!("failed with {}: {first}", ran.code)),
        _ => {}
    }
    let text = wanted.prints?;
    let lines = if wanted.refused { &ran.err } else { &ran.out };
    if lines.lines().any(|line| line.contains(text)) {
        return None;
    }
    Some(if wanted.refused {
        format!("it failed for another reason: {first}")
    } else {
        format!("no line has `{text}`")
    })
}
