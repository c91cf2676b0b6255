//! What faults have in common: the same for every target, and what is looked at from outside.

use std::time::Duration;

use futures_util::future::join_all;

use super::PACE;
use crate::journal::{ApiError, Intent};
use crate::scenario::Target;
use crate::substrate::Lab;
use crate::wait::{self, Look};

/// How long a node that is off or frozen must be silent on the LAN. A live node of a swarm sends
/// gossip several times a second (`memberlist` probes every second, its packets every 200 ms).
const SILENCE: Duration = Duration::from_secs(1);

/// Does the same with every target at once, and joins what was seen; the errors alone if there is
/// one.
pub(super) async fn each<'a, F>(
    intent: &'a Intent,
    one: impl Fn(&'a String) -> F,
) -> Result<String, String>
where
    F: Future<Output = Result<String, String>>,
{
    let seen = join_all(intent.targets.iter().map(one)).await;
    let (fine, wrong): (Vec<_>, Vec<_>) = seen.into_iter().partition(Result::is_ok);
    let text = |all: Vec<Result<String, String>>| {
        let all: Vec<String> = all
            .into_iter()
            .map(|one| one.unwrap_or_else(|e| e))
            .collect();
        all.join("; ")
    };
    if wrong.is_empty() {
        Ok(text(fine))
    } else {
        Err(text(wrong))
    }
}

/// Looks until it holds; says what was seen last.
pub(super) async fn seen<F>(
    what: String,
    deadline: Duration,
    look: impl FnMut() -> F,
) -> Result<String, String>
where
    F: Future<Output = Look<String>>,
{
    let seen = wait::until(what, deadline, PACE, look).await;
    seen.map_err(|late| late.to_string())
}

/// One look at a machine of which nothing may be heard: silent on the LAN, and unanswered. `state`
/// is what was seen of it before.
pub(super) async fn look_silent(lab: &dyn Lab, node: &str, state: &str) -> Look<String> {
    let silence = match silent(lab, node).await {
        Ok(silence) => silence,
        Err(sent) => return Look::NotYet(sent),
    };
    let server = server(node);
    match lab.serves(node).await {
        Err(ApiError::Unreachable(_) | ApiError::TimedOut(_)) => Look::Holds(format!(
            "`{node}` {state}, sent no frame for {silence:?}, and its {server} does not answer"
        )),
        Ok(()) | Err(ApiError::Refused { .. } | ApiError::NotUnderstood(_)) => {
            Look::NotYet(format!("`{node}` still answers with its {server}"))
        }
    }
}

/// One look at a machine that must do its work again. `state` is what was seen of it before.
pub(super) async fn look_serving(lab: &dyn Lab, node: &str, state: &str) -> Look<String> {
    let server = server(node);
    match lab.serves(node).await {
        Ok(()) => Look::Holds(format!("`{node}` {state} its {server} answers")),
        Err(error) => Look::NotYet(format!("the {server} of `{node}`: {error}")),
    }
}

/// Watches a node for a while in which it must send no frame.
async fn silent(lab: &dyn Lab, node: &str) -> Result<Duration, String> {
    let before = lab.frames(node).await.out.sent;
    wait::pause(SILENCE).await;
    let after = lab.frames(node).await.out.sent;
    match after.saturating_sub(before) {
        0 => Ok(SILENCE),
        count => Err(format!("`{node}` still sent {count} frames")),
    }
}

/// What a machine answers with.
fn server(machine: &str) -> &'static str {
    match Target::from_word(machine) {
        Target::Part(_) => "server",
        _ => "engine",
    }
}
