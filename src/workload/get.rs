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

/// Requests to one node that may be under way at once; a tick that finds none free is skipped.
const IN_FLIGHT: usize = 4;

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

/// Asks until it is stopped, broken node or not; returns when the last answer is journaled.
///
/// # Errors
/// When the journal cannot be written.
pub async fn drive(context: Context, asker: Asker) -> Result<(), JournalError> {
    let asker = Arc::new(asker);
    let free = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut under_way = JoinSet::new();
    let mut ticks = interval(asker.rate.period());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => break,
            Some(ended) = under_way.join_next() => finished(ended)?,
            _ = ticks.tick() => {
                if let Ok(permit) = free.clone().try_acquire_owned() {
                    let (context, asker) = (context.clone(), asker.clone());
                    under_way.spawn(async move {
                        let ended = ask(&context, &asker).await;
                        drop(permit);
                        ended
                    });
                }
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
    let event = Event::Got {
        workload: asker.workload.clone(),
        via: asker.via.clone(),
        began_us,
        answer,
    };
    context.journal.record(event).map(drop)
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
