//! Notices when this computer's clock is set, or the computer sleeps, while a run is under way.
//!
//! Nothing is judged by the time for people, but a computer that slept saw nothing meanwhile, and
//! its machines may not have slept with it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::observe::until_torn_down;
use super::trial::Trial;
use crate::journal::JournalError;
use crate::wait;

/// The pace of looking.
const PACE: Duration = Duration::from_secs(1);

/// How far the two clocks may come apart from one look to the next: a busy computer may come late
/// to the second one.
const APART: SignedDuration = SignedDuration::from_secs(30);

/// Starts to watch.
pub(super) fn start(trial: &Arc<Trial>) {
    let work = until_torn_down(trial, watch(Arc::clone(trial)));
    trial.spawn(&trial.observers, "the watcher of clocks".to_owned(), work);
}

/// Compares what passed by the two clocks, from look to look.
async fn watch(trial: Arc<Trial>) -> Result<(), JournalError> {
    let look = || (Instant::now(), trial.journal.clock().wall());
    let mut last = look();
    loop {
        wait::pause(PACE).await;
        let now = look();
        if let Some(jump) = jumped(last, now) {
            let seconds = jump.as_secs_f64();
            trial.gave_way(format!(
                "the clock of this computer jumped by {seconds:.1}s: it was set, or the computer \
                 slept; run again"
            ));
        }
        last = now;
    }
}

/// How far the time for people jumped between two looks, if it did.
fn jumped(before: (Instant, Timestamp), after: (Instant, Timestamp)) -> Option<SignedDuration> {
    let passed = SignedDuration::try_from(after.0.duration_since(before.0)).ok()?;
    let apart = after.1.duration_since(before.1).checked_sub(passed)?;
    (apart.abs() > APART).then_some(apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_from_a_late_look() {
        let (instant, wall) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let jump = |real: u64, told: i64| {
            let later = wall
                .checked_add(SignedDuration::from_secs(told))
                .expect("in range");
            let after = (instant + Duration::from_secs(real), later);
            jumped((instant, wall), after).map(|jump| jump.as_secs())
        };
        assert_eq!(jump(1, 1), None);
        assert_eq!(jump(20, 20), None, "late, by both clocks");
        assert_eq!(jump(1, 3601), Some(3600));
        assert_eq!(jump(1, -3599), Some(-3600));
        assert_eq!(jump(1, 25), None);
    }
}
