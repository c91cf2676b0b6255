//! Ctrl-C and SIGTERM: the first asks for an orderly end, the second gets any end at once.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Exit, output};

/// What the second interrupt leaves behind, for people.
#[derive(Clone, Default)]
pub(super) struct Left(Arc<Mutex<Option<String>>>);

impl Left {
    /// From now on, this is what would be left.
    pub(super) fn set(&self, what: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    fn get(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Both signals that ask a command to end.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on, neither ends the process by itself.
    pub(super) fn catch() -> anyhow::Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    /// Waits for the next of either.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Cancels the token at the first, and ends the process at the second.
pub(super) fn watch(stop: &CancellationToken, left: &Left) -> anyhow::Result<()> {
    let mut interrupts = Interrupts::catch()?;
    let (stop, left) = (stop.clone(), left.clone());
    tokio::spawn(async move {
        interrupts.next().await;
        output::tell("interrupted: healing and cleaning up; once more to end at once");
        stop.cancel();
        interrupts.next().await;
        match left.get() {
            Some(what) => output::tell(format_args!("interrupted again: {what}")),
            None => output::tell("interrupted again"),
        }
        end_at_once();
    });
    Ok(())
}

/// Ends the process without any clean-up.
#[expect(
    clippy::exit,
    reason = "the user asked twice; machines die with this process"
)]
fn end_at_once() -> ! {
    std::process::exit(Exit::INTERRUPTED.0.into())
}
