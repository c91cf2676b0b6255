//! Has a host's engine take part in the swarm again that it was lent in, and takes none out of
//! another.

use super::fleet::Fleet;
use super::restore::PACE;
use crate::journal::{ApiError, Lent};
use crate::substrate::nodes::COMMAND;
use crate::swarm::engine::Engine;
use crate::wait::{Look, until};

/// What is to be done about an engine whose node the managers do not see up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// It is in no swarm.
    Join,
    /// It is stuck on its way into one: that is left for good if it goes on so.
    LeaveAndJoin,
    /// It takes part in one, and may only have started. Nobody can tell in which.
    Wait,
}

/// Has a node join again that is not in the swarm any more. One whose engine takes part, and that
/// the managers do not see up yet, may only have started.
///
/// # Errors
/// When it could not, or its engine may be in another swarm, which it then still is.
pub(super) async fn rejoin(fleet: &Fleet, lent: &Lent, name: &str) -> Result<bool, String> {
    let said = |error: ApiError| error.to_string();
    let now = fleet.settings().await.map_err(said)?;
    if now.nodes.contains_key(name) {
        return Ok(false);
    }
    let engine = fleet.engine(name).await.map_err(said)?;
    let engine = engine.with_deadline(COMMAND);
    let mut course = course_of(&engine, lent, name).await?;
    if course != Course::Join {
        let Err(why) = known(fleet, name).await else {
            return Ok(false);
        };
        // Time has passed.
        course = course_of(&engine, lent, name).await?;
        match course {
            Course::Join => {}
            Course::LeaveAndJoin => engine.leave_swarm(true).await.map_err(said)?,
            Course::Wait => {
                return Err(format!(
                    "it takes part in a swarm, which may be another, and is left alone: {why}; if \
                     it is not needed there, `docker swarm leave` on `{name}`, then heal again"
                ));
            }
        }
    }
    join(fleet, &engine, lent, name).await?;
    Ok(true)
}

/// Has an engine that is in no swarm join; its role is restored afterwards: a manager too begins as
/// a worker does.
async fn join(fleet: &Fleet, engine: &Engine, lent: &Lent, name: &str) -> Result<(), String> {
    let said = |error: ApiError| error.to_string();
    let tokens = fleet.ask(|engine| async move { engine.join_tokens().await });
    let tokens = tokens.await.map_err(said)?;
    let manager = fleet.ask(|engine| async move {
        engine.settings().await?;
        Ok(engine.with_deadline(COMMAND).own_place().await?.address)
    });
    let manager = manager.await.map_err(said)?;
    let manager = manager.ok_or("no manager has an address")?;
    let remote = [format!("{manager}:2377")];
    let address = lent.addresses.get(name).map_or("", String::as_str);
    match engine.swarm_join(&remote, &tokens.worker, address).await {
        Ok(()) | Err(ApiError::Refused { status: 503, .. }) => {}
        Err(error) => return Err(error.to_string()),
    }
    known(fleet, name).await
}

async fn course_of(engine: &Engine, lent: &Lent, name: &str) -> Result<Course, String> {
    let said = |error: ApiError| error.to_string();
    let state = engine.membership().await.map_err(said)?.state;
    let swarm = engine.own_place().await.map_err(said)?.swarm;
    course(name, &state, &swarm, &lent.swarm)
}

/// What is to be done by what an engine says of itself; `swarm` is empty for all but managers.
fn course(name: &str, state: &str, swarm: &str, lent: &str) -> Result<Course, String> {
    if !swarm.is_empty() && swarm != lent {
        return Err(format!(
            "it manages the swarm `{swarm}` now, and is left alone"
        ));
    }
    match state {
        "inactive" => Ok(Course::Join),
        "pending" | "error" => Ok(Course::LeaveAndJoin),
        "active" => Ok(Course::Wait),
        "locked" => Err(format!(
            "it is a locked manager, and is left alone: `docker swarm unlock` on `{name}`, then \
             heal again"
        )),
        other => Err(format!(
            "nobody knows what its state `{other}` is, so it is left alone: have it in the swarm, \
             then heal again"
        )),
    }
}

async fn known(fleet: &Fleet, name: &str) -> Result<(), String> {
    let look = || async {
        match fleet.settings().await {
            Ok(now) if now.nodes.contains_key(name) => Look::Holds(()),
            Ok(_) => Look::NotYet("the managers do not know it".to_owned()),
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let known = until(format!("`{name}` in the swarm"), COMMAND, PACE, look).await;
    known.map_err(|late| late.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_may_be_in_another_swarm_is_never_taken_out_of_it() {
        let course = |state: &str, swarm: &str| course("server-16", state, swarm, "ours");
        assert_eq!(course("inactive", ""), Ok(Course::Join));
        for stuck in ["pending", "error"] {
            assert_eq!(course(stuck, ""), Ok(Course::LeaveAndJoin));
            assert!(course(stuck, "other").is_err());
        }
        assert_eq!(course("active", ""), Ok(Course::Wait));
        assert_eq!(course("active", "ours"), Ok(Course::Wait));
        let words: Vec<String> = [("active", "other"), ("locked", ""), ("", "")]
            .into_iter()
            .filter_map(|(state, swarm)| course(state, swarm).err())
            .collect();
        insta::assert_snapshot!("left-alone", words.join("\n"));
    }
}
