//! What the managers that we did not break say now.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::observe::{Asked, Seen};
use super::trial::Trial;
use crate::journal::ApiError;
use crate::swarm::View;
use crate::wait::Look;

/// How long a fresh answer of any manager is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

impl Trial {
    /// What an unbroken manager says to a question asked after `asked`. A refusal is a fact about
    /// the swarm (`NotYet`); silence is not (`CannotTell`).
    pub(super) async fn sight(&self, asked: Instant) -> Look<View> {
        let broken = self.broken_now();
        let mut managers = self.managers_now();
        managers.retain(|name| !broken.contains(name));
        let managers: Vec<&str> = managers.iter().map(String::as_str).collect();
        if managers.is_empty() {
            return Look::CannotTell("every manager is broken".to_owned());
        }
        let mut answers = self.seen.subscribe();
        let settled = answers.wait_for(|seen| is_settled(seen, &managers, asked));
        let in_time = async { settled.await.map(|seen| look(&seen, &managers, asked)) };
        match timeout(PATIENCE, in_time).await {
            Ok(Ok(sight)) => sight,
            Ok(Err(_)) | Err(_) => look(&self.seen.borrow(), &managers, asked),
        }
    }

    /// The newest list that any manager gave, however old.
    pub(super) fn newest_view(&self) -> Option<View> {
        let seen = self.seen.borrow();
        let views = seen
            .values()
            .filter_map(|answer| answer.result.as_ref().ok());
        views.max_by_key(|view| highest_index(view)).cloned()
    }
}

/// The answers to questions asked after `asked`.
fn fresh<'a>(
    seen: &'a Seen,
    managers: &'a [&str],
    asked: Instant,
) -> impl Iterator<Item = (&'a str, &'a Asked)> {
    managers.iter().filter_map(move |manager| {
        let answer = seen.get(*manager).filter(|answer| answer.asked >= asked)?;
        Some((*manager, answer))
    })
}

/// True when one manager gave its list, or all have answered.
fn is_settled(seen: &Seen, managers: &[&str], asked: Instant) -> bool {
    fresh(seen, managers, asked).any(|(_, answer)| answer.result.is_ok())
        || fresh(seen, managers, asked).count() == managers.len()
}

/// The newest list among the fresh answers, or why there is none.
fn look(seen: &Seen, managers: &[&str], asked: Instant) -> Look<View> {
    let lists = fresh(seen, managers, asked).filter_map(|(_, answer)| answer.result.as_ref().ok());
    if let Some(view) = lists.max_by_key(|view| highest_index(view)) {
        return Look::Holds(view.clone());
    }
    let errors: Vec<(&str, &ApiError)> = fresh(seen, managers, asked)
        .filter_map(|(manager, answer)| Some((manager, answer.result.as_ref().err()?)))
        .collect();
    let texts: Vec<String> = errors
        .iter()
        .map(|(manager, error)| format!("`{manager}` {error}"))
        .collect();
    if errors
        .iter()
        .any(|(_, error)| matches!(error, ApiError::Refused { .. }))
    {
        Look::NotYet(format!("no list of tasks: {}", texts.join("; ")))
    } else if texts.is_empty() {
        Look::CannotTell(format!("no manager answered within {PATIENCE:?}"))
    } else {
        Look::CannotTell(format!("no list of tasks: {}", texts.join("; ")))
    }
}

/// Orders lists by age.
fn highest_index(view: &View) -> u64 {
    let nodes = view.nodes.iter().map(|node| node.index);
    nodes
        .chain(view.tasks.iter().map(|task| task.index))
        .max()
        .unwrap_or(0)
}
