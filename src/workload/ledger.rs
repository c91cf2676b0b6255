//! `ledger`: inserts numbered rows, and journals each before it is sent and when its fate is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Context;
use crate::journal::{Clock, Event, JournalError, Outcome, Rows, TableWord};
use crate::substrate::{Database, Lab, NoSession};
use crate::units::{Rate, Span};
use crate::wait::{self, Look};

/// How long one attempt to connect may take; a row's own deadline if that is shorter.
const CONNECT: Duration = Duration::from_secs(2);

/// How much longer than its deadline an answer is waited for, should the place forget it.
const GRACE: Duration = Duration::from_secs(1);

/// The pause after a failed attempt to connect, as a careful client makes it: while a database is
/// down, knocking at the row's rate would slow an emulated swarm's recovery down.
const RECONNECT: Duration = Duration::from_millis(500);

/// The pace of attempts that are made until they succeed: table, read-back.
const PACE: Duration = Duration::from_millis(500);

/// How long one attempt to read, or to check, the whole ledger may take before it is tried again.
const READ: Duration = Duration::from_secs(30);

/// A ledger of the plan, ready to be driven.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The workload's name.
    pub workload: String,
    /// The service's name in the stack file.
    pub service: String,
    /// Rows a second, over all writers.
    pub rate: Rate,
    /// How many writers.
    pub writers: u8,
    /// True for a new connection for each row.
    pub reconnect: bool,
    /// How long one row may take before its fate is unknown.
    pub within: Duration,
    /// The number of the last row that was taken; the writers share it.
    pub last_row: Arc<AtomicU64>,
}

/// Creates the table, through any node.
///
/// # Errors
/// When no node's session could do it before the deadline; the last error.
pub async fn create(
    lab: &dyn Lab,
    ledger: &Ledger,
    nodes: &[String],
    deadline: Duration,
) -> Result<(), String> {
    let what = format!("the table of `{}`", ledger.workload);
    wait::until(what, deadline, PACE, || async move {
        let mut last = "there is no node".to_owned();
        for node in nodes {
            let created = async {
                let mut session = lab.database(node, &ledger.service, CONNECT).await?;
                session.create_ledger(ledger.within).await
            };
            match timeout(CONNECT + ledger.within, created).await {
                Ok(Ok(())) => return Look::Holds(()),
                Ok(Err(error)) => last = format!("`{node}`: {error}"),
                Err(_) => last = format!("`{node}`: no answer"),
            }
        }
        Look::NotYet(last)
    })
    .await
    .map_err(|timed_out| timed_out.to_string())
}

/// One writer: a row a tick, on a connection of its own, or each on a new one; a tick that comes
/// too late, or within half a second of a failed attempt to connect, is skipped. Returns when it is
/// stopped and the row under way is settled.
///
/// # Errors
/// When the journal cannot be written; then no further row is sent.
pub async fn write(context: Context, ledger: Ledger, writer: u8) -> Result<(), JournalError> {
    let writers = u32::from(ledger.writers.max(1));
    let period = ledger.rate.period() * writers;
    let first = Instant::now() + period * u32::from(writer) / writers;
    let mut ticks = interval_at(first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut session: Option<(String, Box<dyn Database>)> = None;
    let mut attempt = 0;
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        session = match session.take() {
            Some((via, open)) => insert(&context, &ledger, via, open).await?,
            None => {
                let via = next_node(&context, usize::from(writer), attempt);
                attempt += 1;
                match connect(&context, &ledger, &via).await {
                    Ok(open) => insert(&context, &ledger, via, open).await?,
                    Err(error) => {
                        refuse(&context, &ledger, via, &error)?;
                        ticks.reset_at(Instant::now() + RECONNECT.max(period));
                        None
                    }
                }
            }
        };
    }
}

/// Sends one row; gives the session back if it can be used again.
async fn insert(
    context: &Context,
    ledger: &Ledger,
    via: String,
    mut session: Box<dyn Database>,
) -> Result<Option<(String, Box<dyn Database>)>, JournalError> {
    let row = announce(context, ledger, via.clone())?;
    let sent = session.insert(row, ledger.within);
    let outcome = timeout(ledger.within + GRACE, sent)
        .await
        .unwrap_or_else(|_| Outcome::Unknown(format!("no answer within {}", Span(ledger.within))));
    let usable = outcome == Outcome::Acknowledged && !ledger.reconnect;
    settle(context, ledger, row, outcome)?;
    Ok(usable.then_some((via, session)))
}

/// A row that was never sent, because there is no connection.
fn refuse(
    context: &Context,
    ledger: &Ledger,
    via: String,
    error: &str,
) -> Result<(), JournalError> {
    let row = announce(context, ledger, via)?;
    let outcome = Outcome::Refused(format!("no connection: {error}"));
    settle(context, ledger, row, outcome)
}

/// Takes the next row's number and journals it.
fn announce(context: &Context, ledger: &Ledger, via: String) -> Result<u64, JournalError> {
    let row = ledger.last_row.fetch_add(1, Ordering::Relaxed) + 1;
    let workload = ledger.workload.clone();
    context
        .journal
        .record(Event::Insert { workload, row, via })?;
    Ok(row)
}

/// Journals a row's fate.
fn settle(
    context: &Context,
    ledger: &Ledger,
    row: u64,
    outcome: Outcome,
) -> Result<(), JournalError> {
    let served = outcome == Outcome::Acknowledged || outcome.tells_that_the_table_is_gone();
    let workload = ledger.workload.clone();
    let event = Event::Inserted {
        workload,
        row,
        outcome,
    };
    context.journal.record(event)?;
    if served {
        context.serve(&ledger.workload);
    }
    Ok(())
}

/// Opens a session.
async fn connect(
    context: &Context,
    ledger: &Ledger,
    via: &str,
) -> Result<Box<dyn Database>, String> {
    let deadline = CONNECT.min(ledger.within);
    let open = context.lab.database(via, &ledger.service, deadline);
    let late = |_| format!("no session within {}", Span(deadline));
    Ok(timeout(deadline, open).await.map_err(late)??)
}

/// The node to try next: the writer's own, so that somebody tells of every node when it answers
/// again; while that one is broken, in turn those that are not, or all if every one is.
fn next_node(context: &Context, writer: usize, attempt: usize) -> String {
    let broken = context.broken.borrow();
    let own = context.nodes.get(writer % context.nodes.len().max(1));
    if let Some(own) = own.filter(|own| !broken.contains(*own)) {
        return own.clone();
    }
    let sound: Vec<&String> = context
        .nodes
        .iter()
        .filter(|n| !broken.contains(*n))
        .collect();
    let turn = writer + attempt;
    match sound.len() {
        0 => context.nodes.get(turn % context.nodes.len().max(1)),
        count => sound.get(turn % count).copied(),
    }
    .cloned()
    .unwrap_or_default()
}

/// Reads the ledger through one node, again until it can be read or the deadline has passed; with
/// when it was asked for what was read, in microseconds since the run began.
pub async fn read_back(
    lab: &dyn Lab,
    clock: Clock,
    service: &str,
    node: &str,
    deadline: Duration,
) -> (Option<u64>, Rows) {
    let read = || async move {
        let rows = async {
            let mut session = lab.database(node, service, CONNECT).await?;
            let began_us = clock.now_us();
            Ok::<_, NoSession>((began_us, session.read_ledger(READ).await))
        };
        match timeout(CONNECT + READ + GRACE, rows).await {
            Ok(Ok((_, Rows::Unreadable(why)))) => Look::CannotTell(why),
            Ok(Ok((began_us, rows))) => Look::Holds((Some(began_us), rows)),
            Ok(Err(none)) => Look::CannotTell(format!("no connection: {none}")),
            Err(_) => Look::CannotTell("no answer".to_owned()),
        }
    };
    wait::until(format!("the ledger through `{node}`"), deadline, PACE, read)
        .await
        .unwrap_or_else(|timed_out| (None, Rows::Unreadable(timed_out.to_string())))
}

/// Has the database check the ledger's table, asked through one node, again until it answers or the
/// deadline has passed.
///
/// # Errors
/// When it gave no answer in time; the last error.
pub async fn check_table(
    lab: &dyn Lab,
    service: &str,
    node: &str,
    deadline: Duration,
) -> Result<Vec<TableWord>, String> {
    let ask = || async move {
        let words = async {
            let mut session = lab.database(node, service, CONNECT).await?;
            session.check_ledger(READ).await
        };
        match timeout(CONNECT + READ + GRACE, words).await {
            Ok(Ok(words)) => Look::Holds(words),
            Ok(Err(why)) => Look::CannotTell(why),
            Err(_) => Look::CannotTell("no answer".to_owned()),
        }
    };
    let what = format!("a check of the table through `{node}`");
    let checked = wait::until(what, deadline, PACE, ask).await;
    checked.map_err(|timed_out| timed_out.to_string())
}
