//! Asks again and again whether the steady state holds.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::observe::until_torn_down;
use super::trial::{Trial, lock};
use crate::journal::{Event, JournalError, Steady};
use crate::probe;
use crate::wait::{self, Look};

/// The pause between two rounds while the state does not hold; how exactly a recovery is timed.
const PACE: Duration = Duration::from_secs(1);

/// The pause while it holds. A round opens a connection through every node, which a slow machine
/// feels; the workloads notice to the moment when something ends.
const CALM_PACE: Duration = Duration::from_secs(3);

/// The steady state is journaled at least this often.
const AGAIN: Duration = Duration::from_secs(5);

/// One round of all probes.
#[derive(Clone)]
pub(super) struct Round {
    /// When its first question was asked.
    began: Instant,
    /// Whether an action had begun, or the load was over.
    changed: bool,
    /// What it came to.
    steady: Steady,
}

/// Starts to ask.
pub(super) fn start(trial: &Arc<Trial>) {
    let work = until_torn_down(trial, ask(Arc::clone(trial)));
    trial.spawn(&trial.observers, "the steady prober".to_owned(), work);
}

/// Waits until the steady state holds in a round that began after `since`; false at `end`.
/// By then the round is in the journal.
pub(super) async fn holds_after(trial: &Trial, since: Instant, end: Instant) -> bool {
    let mut rounds = trial.rounds.subscribe();
    let held = rounds.wait_for(|round| {
        let after = round.as_ref().filter(|round| round.began > since);
        after.is_some_and(|round| round.steady.holds)
    });
    let in_time = async { held.await.is_ok() };
    timeout_at(end, in_time).await.unwrap_or(false)
}

/// True if the last round held.
pub(super) fn still_holds(trial: &Trial) -> bool {
    let round = trial.rounds.borrow();
    let steady = round.as_ref().map(|round| &round.steady);
    steady.is_some_and(|steady| steady.holds)
}

/// The last round's lines, for a message.
pub(super) fn last_seen(trial: &Trial) -> String {
    match &*trial.rounds.borrow() {
        Some(round) => round.steady.probes.join("; "),
        None => "nothing".to_owned(),
    }
}

/// True if every probe of the last round could tell that it does not hold, after a moment.
pub(super) fn is_known_not_to_hold(trial: &Trial, since: Instant) -> bool {
    let round = trial.rounds.borrow();
    round.as_ref().is_some_and(|round| {
        let steady = &round.steady;
        round.began >= since && !steady.cannot_tell && !steady.holds
    })
}

/// Asks all probes in rounds. A round during which a fault came, was confirmed or went, the first
/// action began or the load ended says nothing about either side of it, and is thrown away.
async fn ask(trial: Arc<Trial>) -> Result<(), JournalError> {
    let mut written: Option<(Instant, Steady)> = None;
    loop {
        let round = one_round(&trial).await;
        let pace = match round.steady.holds {
            true => CALM_PACE,
            false => PACE,
        };
        write(&trial, round, &mut written)?;
        wait::pause(pace).await;
    }
}

/// Journals a round, if it says something about one side alone and something new.
fn write(
    trial: &Trial,
    round: Round,
    written: &mut Option<(Instant, Steady)>,
) -> Result<(), JournalError> {
    let mark = lock(&trial.mark);
    let same = trial.broken_now().iter().eq(&round.steady.broken);
    if !same || round.changed != trial.changed() || round.began < *mark {
        return Ok(());
    }
    let due = written
        .as_ref()
        .is_none_or(|(at, old)| *old != round.steady || at.elapsed() >= AGAIN || *at <= *mark);
    if due {
        trial.record(Event::Steady(round.steady.clone()))?;
        *written = Some((round.began, round.steady.clone()));
    }
    trial.rounds.send_replace(Some(round));
    Ok(())
}

/// Asks all probes at once.
async fn one_round(trial: &Trial) -> Round {
    let began = Instant::now();
    let (broken, changed) = (trial.broken_now(), trial.changed());
    let (probes, members) = (trial.plan.steady_once(changed), trial.members());
    let sight = trial.sight(began).map(|sight| (sight, Instant::now()));
    let sight = sight.shared();
    let asked = probes.iter().map(|probe| {
        let (sight, broken, members) = (sight.clone(), &broken, &members);
        async move {
            // Managers that hang must not hold up what can be asked without them.
            let sight = match probe::needs_view(probe) {
                true => sight.await.0,
                false => Look::CannotTell("nobody was asked".to_owned()),
            };
            probe::observe(&*trial.lab, &trial.plan, members, probe, &sight, broken).await
        }
    });
    let mut looks = join_all(asked).await;
    let outlasted = sight.peek().is_some_and(|(_, told)| told.elapsed() > PACE);
    if outlasted && looks.iter().all(|look| matches!(look, Look::Holds(_))) {
        // What the managers said before the other answers came may be over by now.
        let sight = trial.sight(Instant::now()).await;
        let asked = probes.iter().zip(&mut looks);
        for (probe, look) in asked.filter(|(probe, _)| probe::is_told(probe)) {
            let again = probe::observe(&*trial.lab, &trial.plan, &members, probe, &sight, &broken);
            *look = again.await;
        }
    }
    let holds = looks.iter().all(|look| matches!(look, Look::Holds(_)));
    let cannot_tell = looks.iter().any(|look| matches!(look, Look::CannotTell(_)));
    let line = |look| match look {
        Look::Holds(seen) | Look::NotYet(seen) => seen,
        Look::CannotTell(why) => format!("cannot tell: {why}"),
    };
    let steady = Steady {
        holds,
        cannot_tell,
        probes: looks.into_iter().map(line).collect(),
        broken: broken.into_iter().collect(),
    };
    Round {
        began,
        changed,
        steady,
    }
}
