//! Writes down who leads, in the word of every manager.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::observe::{PACE, Seen};
use super::trial::Trial;
use crate::journal::{ApiError, Event, JournalError, ManagerAnswer, Poll};
use crate::wait;

/// Polls are journaled at least this often.
const AGAIN: Duration = Duration::from_secs(1);

/// An answer to a question asked longer ago is no answer about now.
const FRESH: Duration = Duration::from_secs(6);

/// Journals the managers' answers when they change, and every second.
pub(super) async fn write(trial: Arc<Trial>) -> Result<(), JournalError> {
    let mut last: Option<(Instant, Poll)> = None;
    loop {
        wait::pause(PACE).await;
        let managers = trial.managers_now();
        let managers: Vec<&str> = trial
            .plan
            .node_names()
            .filter(|name| managers.contains(*name))
            .collect();
        let now = Instant::now();
        let poll = compose(&trial.seen.borrow(), &managers, now);
        let due = last
            .as_ref()
            .is_none_or(|(written, old)| *old != poll || now.duration_since(*written) >= AGAIN);
        if due {
            last = Some((now, poll.clone()));
            trial.record(Event::Poll(poll))?;
        }
    }
}

/// Each manager's answer, if it is about now.
fn compose(seen: &Seen, managers: &[&str], now: Instant) -> Poll {
    let one = |name: &&str| {
        let answer = seen.get(*name);
        let old = answer.is_none_or(|answer| now.duration_since(answer.asked) > FRESH);
        let (leader, error) = match answer.map(|answer| &answer.result) {
            Some(Err(error)) => (None, Some(error.clone())),
            Some(Ok(view)) if !old => (view.leader().map(str::to_owned), None),
            Some(Ok(_)) | None => (None, Some(ApiError::TimedOut(format!("{FRESH:?}")))),
        };
        ManagerAnswer {
            node: (*name).to_owned(),
            leader,
            error,
        }
    };
    Poll {
        managers: managers.iter().map(one).collect(),
    }
}
