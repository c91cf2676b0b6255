//! `port_closed`: every node that we did not break refuses connections to a port.
//!
//! Only a refusal holds: the node's own kernel said that nobody listens. No answer may be a filter
//! or a node that hangs, which cannot be told apart.

use crate::substrate::{Knock, Lab};
use crate::wait::Look;

/// Tries each node once, from another machine of the lab.
pub(super) async fn observe(lab: &dyn Lab, port: u16, nodes: &[String]) -> Look<String> {
    let what = format!("port_closed :{port}");
    if nodes.is_empty() {
        return Look::CannotTell(format!("{what}: no node is left to try"));
    }
    let answers = match super::in_time(lab.knock(nodes, port)).await {
        Ok(answers) => answers,
        Err(why) => return Look::CannotTell(format!("{what}: {why}")),
    };
    let that = |wanted: Option<Knock>| {
        let some = nodes
            .iter()
            .filter(|node| answers.get(*node).copied() == wanted);
        some.map(|node| format!("`{node}`")).collect::<Vec<_>>()
    };
    let (open, silent) = (that(Some(Knock::Accepted)), that(None));
    if !open.is_empty() {
        Look::NotYet(format!("{what}: open on {}", open.join(", ")))
    } else if !silent.is_empty() {
        Look::CannotTell(format!("{what}: no answer of {}", silent.join(", ")))
    } else {
        Look::Holds(format!("{what}: refused by {}", nodes.join(", ")))
    }
}
