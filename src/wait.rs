//! Waits for a condition, never for a time; on timeout, says the last thing seen.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// What a single look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Look<T> {
    /// The condition holds.
    Holds(T),
    /// It does not hold yet; what was seen instead.
    NotYet(String),
    /// It could not be seen; why.
    CannotTell(String),
}

/// A condition did not hold in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("waited {waited:.1?} for {what}; last seen: {last}")]
pub struct TimedOut {
    /// The condition.
    pub what: String,
    /// How long it was waited for.
    pub waited: Duration,
    /// The last thing seen.
    pub last: String,
    /// True when the last look could not tell.
    pub cannot_tell: bool,
}

/// Looks every `pace` until the condition holds or `deadline` has passed.
///
/// A look that is still under way at the deadline is cut off.
///
/// # Errors
/// When the condition did not hold in time.
pub async fn until<T, F, Fut>(
    what: impl fmt::Display,
    deadline: Duration,
    pace: Duration,
    mut look: F,
) -> Result<T, TimedOut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Look<T>>,
{
    let start = Instant::now();
    let end = start + deadline;
    let (mut last, mut cannot_tell) = ("nothing yet".to_owned(), true);
    loop {
        match tokio::time::timeout_at(end, look()).await {
            Ok(Look::Holds(value)) => return Ok(value),
            Ok(Look::NotYet(seen)) => (last, cannot_tell) = (seen, false),
            Ok(Look::CannotTell(why)) => (last, cannot_tell) = (why, true),
            Err(_) => {}
        }
        if Instant::now() + pace >= end {
            let what = what.to_string();
            return Err(TimedOut {
                what,
                waited: start.elapsed(),
                last,
                cannot_tell,
            });
        }
        pause(pace).await;
    }
}

/// The pace of a poll or a workload. Never a substitute for a condition.
pub async fn pause(pace: Duration) {
    pause_until(Instant::now() + pace).await;
}

/// The pace of something that acts at fixed times.
pub async fn pause_until(when: Instant) {
    tokio::time::sleep_until(when).await;
}
