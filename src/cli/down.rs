//! `seatrial down`: takes the kept swarm down; whatever is left of it is removed.

use std::time::Duration;

use anyhow::{Context, bail};
use seatrial::wait::{Look, until};
use tokio::runtime::Runtime;

use super::kept::{Kept, Reply, Request};
use super::{Exit, cache, output};

/// How long a keeper may take to remove its machines.
const ENDING: Duration = Duration::from_secs(60);

/// Ends the keeper, if there is one, and removes what a killed one left.
pub(super) fn run() -> anyhow::Result<Exit> {
    let kept = Kept::of(&cache::folder()?);
    let alive = kept.alive()?;
    if alive {
        let ended = Runtime::new().context("cannot start")?.block_on(end(&kept));
        if let Err(error) = ended {
            let pid = kept.read().ok().flatten().map(|state| state.pid);
            let pid = pid.map_or_else(String::new, |pid| format!(", process {pid}"));
            return Err(error.context(format!(
                "the keeper{pid} does not end; kill it and run `seatrial down` again"
            )));
        }
    }
    match kept.read()? {
        Some(state) => {
            kept.clean(&state)?;
            output::print(if alive {
                "down\n"
            } else {
                "the keeper had been killed; what it left is removed\n"
            })?;
        }
        None if alive => output::print("down\n")?,
        None => output::print("nothing is up\n")?,
    }
    Ok(Exit::PASS)
}

/// Asks the keeper to end, and waits until it is gone.
async fn end(kept: &Kept) -> anyhow::Result<()> {
    match kept.ask(&Request::Down).await? {
        Reply::Ending => {}
        Reply::Trouble(what) => bail!("{what}"),
        other => bail!("it answered something else: {other:?}"),
    }
    let look = || async {
        match kept.alive() {
            Ok(false) => Look::Holds(()),
            Ok(true) => Look::NotYet("it removes its machines".to_owned()),
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let pace = Duration::from_millis(100);
    Ok(until("the end of the keeper", ENDING, pace, look).await?)
}
