//! `get`: asks for a page on a fresh connection, again and again, and compares the body.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Context;
use crate::journal::{Answer, Event, JournalError};
use crate::substrate::PageRequest;
use crate::units::{Rate, Span};

/// The most requests to one node that are under way at once, whatever the plan says: each is a
/// connection, and a process may often have no more than 1024 files open.
const MOST: usize = 256;

/// How much longer than its deadline a request is waited for, should the place forget it.
const GRACE: Duration = Duration::from_secs(1);

/// One node that is asked for one page.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The workload's name.
    pub workload: String,
    /// The node.
    pub via: String,
    /// The published port.
    pub port: u16,
    /// The page.
    pub page: PageRequest,
    /// Requests a second.
    pub rate: Rate,
}

/// Requests to one node that may be under way at once: as many as are due while a node that hangs
/// keeps the first of them. With fewer, the requests that its clients miss would not be made, and
/// nobody would count them.
fn in_flight(rate: Rate, within: Duration) -> usize {
    let (lasts, period) = ((within + GRACE).as_nanos(), rate.period().as_nanos());
    let due = lasts.div_ceil(period.max(1)) + 1;
    usize::try_from(due).unwrap_or(MOST).min(MOST)
}

/// Asks until it is stopped, broken node or not, and never at more than the plan's rate; returns
/// when the last answer is journaled.
///
/// # Errors
/// When the journal cannot be written.
pub async fn drive(context: Context, asker: Asker) -> Result<(), JournalError> {
    let asker = Arc::new(asker);
    let free = Arc::new(Semaphore::new(in_flight(asker.rate, asker.page.within)));
    let mut under_way = JoinSet::new();
    let mut ticks = interval(asker.rate.period());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => break,
            Some(ended) = under_way.join_next() => finished(ended)?,
            _ = ticks.tick() => match free.clone().try_acquire_owned() {
                Ok(permit) => {
                    let (context, asker) = (context.clone(), asker.clone());
                    under_way.spawn(async move {
                        let ended = ask(&context, &asker).await;
                        drop(permit);
                        ended
                    });
                }
                Err(_) => hold_back(&context, &asker)?,
            }
        }
    }
    while let Some(ended) = under_way.join_next().await {
        finished(ended)?;
    }
    Ok(())
}

/// One request, and its entry.
async fn ask(context: &Context, asker: &Asker) -> Result<(), JournalError> {
    let began_us = context.journal.clock().now_us();
    let got = context.lab.get(&asker.via, asker.port, &asker.page);
    let within = asker.page.within;
    let answer = timeout(within + GRACE, got)
        .await
        .unwrap_or_else(|_| Answer::Failed(format!("no answer within {}", Span(within))));
    tell(context, asker, began_us, answer)
}

/// A request that is due and not sent is told, or the node would seem to owe fewer than it does.
fn hold_back(context: &Context, asker: &Asker) -> Result<(), JournalError> {
    let under_way = in_flight(asker.rate, asker.page.within);
    let why = format!("not sent: {under_way} requests are under way");
    let now_us = context.journal.clock().now_us();
    tell(context, asker, now_us, Answer::Unsent(why))
}

/// Journals what became of a request.
fn tell(
    context: &Context,
    asker: &Asker,
    began_us: u64,
    answer: Answer,
) -> Result<(), JournalError> {
    let right = answer == Answer::Right;
    let event = Event::Got {
        workload: asker.workload.clone(),
        via: asker.via.clone(),
        began_us,
        answer,
    };
    context.journal.record(event)?;
    if right {
        context.serve(&asker.workload);
    }
    Ok(())
}

/// Passes a panic on to whoever watches this workload.
fn finished(
    ended: Result<Result<(), JournalError>, tokio::task::JoinError>,
) -> Result<(), JournalError> {
    match ended {
        Ok(end) => end,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_under_way_as_are_due_while_a_node_hangs() {
        let of = |per_second, within| in_flight(Rate { per_second }, Duration::from_secs(within));
        assert_eq!(of(5.0, 2), 16);
        assert_eq!(of(10.0, 2), 31);
        assert_eq!(of(0.01, 2), 2);
        assert_eq!(of(10_000.0, 60), MOST);
    }
}
