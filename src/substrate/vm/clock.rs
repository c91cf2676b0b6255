//! A guest's clock: set right, and seen to keep our time.
//!
//! A kernel that is wrong about its processor's pace has a clock that runs away. Its timeouts are
//! over in a fraction of their time, so nothing that such a node does says anything about a swarm.

use std::time::Duration;

use tokio::time::Instant;

use super::agent::Agent;
use crate::substrate::Trouble;
use crate::wait::{Look, pause, until};

/// How far the clock of a machine may be from ours after it was set.
const OFF: Duration = Duration::from_secs(2);

/// How long a clock may take to be right: it is told again until it is.
const SETTING: Duration = Duration::from_secs(60);

/// How long after it was set a clock is read again: one that runs twice too fast, or faster, is
/// found.
const PROOF: Duration = Duration::from_secs(2);

/// How long an agent may take to tell the time.
const TELLING: Duration = Duration::from_secs(30);

/// How often a clock is looked at.
const PACE: Duration = Duration::from_millis(200);

/// Sets the clock of a machine that stood still, until it tells our time; returns when that was.
///
/// # Errors
/// When it does not within a minute.
pub(super) async fn set_right(agent: &Agent) -> Result<Instant, Trouble> {
    let look = || async {
        let off = match agent.set_time(Duration::ZERO).await {
            Ok(()) => agent.clock_off().await,
            Err(trouble) => Err(trouble),
        };
        // What the agent takes to answer counts: it may have been as slow to set it.
        match off {
            Ok((_, most)) if most <= OFF => Look::Holds(()),
            Ok((_, most)) => Look::NotYet(format!("it is off by {most:?}")),
            Err(trouble) => Look::CannotTell(trouble.0),
        }
    };
    let what = format!("the clock of `{}` to be right", agent.machine);
    let right = until(what, SETTING, PACE, look).await;
    right.map_err(|late| Trouble(late.to_string()))?;
    Ok(Instant::now())
}

/// Returns once the clock of a machine still tells our time, a while after it was set.
///
/// # Errors
/// When it runs away, or the agent does not answer.
pub(super) async fn keeps_time(agent: &Agent, set: Instant) -> Result<(), Trouble> {
    pause(PROOF.saturating_sub(set.elapsed())).await;
    // An agent that is slow to answer says nothing against the clock.
    let look = || async {
        match agent.clock_off().await {
            Ok((least, _)) => Look::Holds(least),
            Err(trouble) => Look::CannotTell(trouble.0),
        }
    };
    let what = format!("the clock of `{}`", agent.machine);
    let off = until(&what, TELLING, PACE, look).await;
    let off = off.map_err(|late| Trouble(late.to_string()))?;
    if off <= OFF {
        return Ok(());
    }
    let since = set.elapsed();
    Err(Trouble(format!(
        "{what} runs away: {since:.1?} after it was set right, it is off by {off:.1?}"
    )))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use futures_util::{SinkExt, StreamExt};
    use serde_json::{Value, json};
    use tokio::net::UnixListener;
    use tokio_util::codec::{Framed, LinesCodec};

    use super::*;

    /// The agent of a guest whose clock runs so many times too fast.
    async fn guest(socket: &Path, times: i64) {
        let listener = UnixListener::bind(socket).expect("a socket");
        while let Ok((stream, _)) = listener.accept().await {
            let mut lines = Framed::new(stream, LinesCodec::new());
            let (mut set, mut at) = (0, Instant::now());
            while let Some(Ok(line)) = lines.next().await {
                let call: Value = serde_json::from_str(&line).expect("a call");
                let result = match call["execute"].as_str() {
                    Some("guest-sync") => call["arguments"]["id"].clone(),
                    Some("guest-set-time") => {
                        set = call["arguments"]["time"].as_i64().expect("a time");
                        at = Instant::now();
                        json!({})
                    }
                    _ => {
                        let gone = i64::try_from(at.elapsed().as_nanos()).expect("not long");
                        json!(set + gone * times)
                    }
                };
                let said = lines.send(json!({ "return": result }).to_string()).await;
                said.expect("a reader");
            }
        }
    }

    async fn kept(times: i64) -> Result<(), Trouble> {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("agent");
        let serving = guest(&socket, times);
        let agent = Agent::new("server-3", &socket);
        let judged = async { keeps_time(&agent, set_right(&agent).await?).await };
        tokio::select! {
            () = serving => unreachable!("it serves for ever"),
            judged = judged => judged,
        }
    }

    #[tokio::test]
    async fn a_clock_that_runs_away_is_found_and_one_that_does_not_is_right() {
        assert!(kept(1).await.is_ok());
        let trouble = kept(7).await.expect_err("a clock that runs away").0;
        let said = "the clock of `server-3` runs away: ";
        assert!(trouble.starts_with(said), "{trouble}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_says_nothing_tells_no_time() {
        let nowhere = Agent::new("server-3", Path::new("/nowhere/at/all"));
        let trouble = keeps_time(&nowhere, Instant::now()).await;
        let trouble = trouble.expect_err("nobody there").0;
        assert!(trouble.contains("guest agent of `server-3`"), "{trouble}");
    }
}
