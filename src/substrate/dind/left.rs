//! What a harness makes on an engine carries labels; by them it is found and removed, also by
//! another process.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use super::lab::ELSEWHERE;
use crate::leavings;
use crate::swarm::engine::{Engine, Kind, Labelled};
use crate::wait;

/// The label whose value is the swarm's name, the same as that of its folder.
pub(super) const SWARM: &str = "seatrial.swarm";

/// The label that says where the swarm's folder is, whose lock says whether its harness lives.
pub(super) const FOLDER: &str = "seatrial.folder";

/// The label that says which run made it.
pub(super) const RUN: &str = "seatrial.run";

/// The label that says on which computer the harness runs: only there its lock can be looked at.
pub(super) const COMPUTER: &str = "seatrial.computer";

/// How long an engine may take to remove one thing: a node's engine and all its containers end
/// with it.
const REMOVAL: Duration = Duration::from_secs(60);

/// How long an engine may go on with what was asked of it by a client that is dead. A network was
/// seen to come after all that it had been asked for before was removed.
const LATE: Duration = Duration::from_secs(2);

/// The name of this computer.
pub(super) fn computer() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.unwrap_or_default().trim().to_owned()
}

/// What is left on an engine, by swarm.
///
/// # Errors
/// When the engine cannot be asked.
pub async fn swarms(engine: &str) -> Result<BTreeMap<String, Vec<Labelled>>, String> {
    let asked = connected(engine)?.labelled(SWARM).await;
    let mut found: BTreeMap<String, Vec<Labelled>> = BTreeMap::new();
    for one in asked.map_err(|error| format!("`{engine}`: {error}"))? {
        let swarm = one.labels.get(SWARM).cloned().unwrap_or_default();
        found.entry(swarm).or_default().push(one);
    }
    Ok(found)
}

/// Who may still use these; none if nobody does.
pub fn user(left: &[Labelled]) -> Option<String> {
    let label = |name: &str| left.iter().find_map(|one| one.labels.get(name));
    match label(COMPUTER) {
        Some(other) if *other != computer() => Some(format!("a harness of the computer `{other}`")),
        _ => label(FOLDER)
            .filter(|folder| leavings::in_use(Path::new(folder)))
            .map(|_| "a living harness".to_owned()),
    }
}

/// True for what this very process made.
pub(super) fn is_own(swarm: &str, things: &[Labelled]) -> bool {
    let here = computer();
    let made_here = |one: &Labelled| one.labels.get(COMPUTER) == Some(&here);
    leavings::owner(Path::new(swarm)) == Some(std::process::id()) && things.iter().all(made_here)
}

/// Removes all that this process has on an engine, for who tries one and is told to end.
pub async fn give_up(engine: &str) -> leavings::Outcome {
    let mut outcome = leavings::Outcome::default();
    match swarms(engine).await {
        Ok(swarms) => {
            for (swarm, _) in swarms.iter().filter(|(name, has)| is_own(name, has)) {
                outcome.take_in(remove_all(engine, swarm).await);
            }
        }
        Err(why) => {
            let what = format!("what was made there is not known: {why}");
            outcome.failed.push(what);
        }
    }
    outcome
}

/// Removes everything of a swarm that nobody uses any more. Visits all of it.
pub async fn clear(engine: &str, swarm: &str) -> leavings::Outcome {
    let used = find(engine, swarm).await.ok();
    let used = used.and_then(|(_, found)| user(&found));
    match used {
        None => remove_all(engine, swarm).await,
        Some(who) => leavings::Outcome {
            done: Vec::new(),
            failed: vec![format!(
                "{who} uses what `{engine}` has of `{swarm}`, so it is left alone; end that \
                 one first"
            )],
        },
    }
}

/// Removes everything of a swarm, and looks again until there is nothing more: what its dead
/// harness had asked for may still be on its way.
async fn remove_all(engine: &str, swarm: &str) -> leavings::Outcome {
    let mut outcome = leavings::Outcome::default();
    loop {
        let removed = remove(engine, swarm).await;
        let more = !removed.done.is_empty() && removed.failed.is_empty();
        outcome.take_in(removed);
        if !more {
            return outcome;
        }
        wait::pause(LATE).await;
    }
}

/// Removes everything of a swarm that is there now. Visits all of it.
pub(super) async fn remove(engine: &str, swarm: &str) -> leavings::Outcome {
    let mut outcome = leavings::Outcome::default();
    if leavings::owner(Path::new(swarm)).is_none() || swarm.contains('/') {
        let what = format!("`{swarm}` is no name of a swarm, so it is left alone");
        outcome.failed.push(what);
        return outcome;
    }
    let found = match find(engine, swarm).await {
        Ok(found) => found,
        Err(why) => {
            let what = format!("what `{swarm}` left there is not known: {why}");
            outcome.failed.push(what);
            return outcome;
        }
    };
    let (engine, found) = found;
    for these in rounds(&found, swarm) {
        let engine = &engine;
        let removed = these
            .into_iter()
            .map(|one| async move { (one, engine.remove_labelled(one).await) });
        for (one, removed) in join_all(removed).await {
            match removed {
                Ok(()) => outcome.done.push(format!("removed {one}")),
                Err(error) => outcome.failed.push(format!("cannot remove {one}: {error}")),
            }
        }
    }
    outcome
}

/// What is removed at once, one round after the other. A node goes before the storage machine:
/// the kernel waits for a share whose server is gone, and a container that waits cannot be killed.
fn rounds<'a>(found: &'a [Labelled], swarm: &str) -> [Vec<&'a Labelled>; 4] {
    let storage = format!("{swarm}-{ELSEWHERE}");
    let those = |kind, last| {
        let these = found.iter().filter(move |one| one.kind == kind);
        let these =
            these.filter(|one| (one.kind == Kind::Container && one.name == storage) == last);
        these.collect()
    };
    [
        those(Kind::Container, false),
        those(Kind::Container, true),
        those(Kind::Network, false),
        those(Kind::Volume, false),
    ]
}

/// What a swarm has on an engine.
pub(super) async fn find(engine: &str, swarm: &str) -> Result<(Engine, Vec<Labelled>), String> {
    let engine = connected(engine)?;
    let found = engine.labelled(&format!("{SWARM}={swarm}")).await;
    let found = found.map_err(|error| error.to_string())?;
    Ok((engine, found))
}

fn connected(engine: &str) -> Result<Engine, String> {
    Engine::at(engine, REMOVAL).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(labels: &[(&str, &str)]) -> Vec<Labelled> {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        vec![Labelled {
            kind: Kind::Container,
            name: "x".into(),
            labels: labels.collect(),
        }]
    }

    #[test]
    fn a_lock_says_who_lives_and_another_computer_cannot_be_asked() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = cache.path().join("seatrial-4194305-0a1b2c3d");
        std::fs::create_dir(&folder).expect("a folder");
        let path = folder.display().to_string();
        let ours = labelled(&[(FOLDER, path.as_str()), (COMPUTER, &computer())]);
        assert_eq!(user(&ours), None);
        let held = leavings::hold(&folder).expect("a lock");
        assert!(user(&ours).is_some_and(|who| who.contains("living")));
        drop(held);
        let theirs = labelled(&[(FOLDER, path.as_str()), (COMPUTER, "another")]);
        assert!(user(&theirs).is_some_and(|who| who.contains("`another`")));
    }

    #[test]
    fn only_what_this_process_made_on_this_computer_is_its_own() {
        let here = labelled(&[(COMPUTER, &computer())]);
        let name = leavings::name();
        assert!(is_own(&name, &here));
        assert!(!is_own("seatrial-4194305-0a1b2c3d", &here));
        assert!(!is_own(&name, &labelled(&[(COMPUTER, "another")])));
        assert!(!is_own(&name, &labelled(&[])));
    }

    #[tokio::test]
    async fn who_gives_up_says_what_it_could_not_ask() {
        let outcome = give_up("unix:///nowhere").await;
        assert!(outcome.failed[0].contains("not known"), "{outcome:?}");
    }

    #[test]
    fn a_node_goes_before_the_storage_machine_that_its_kernel_waits_for() {
        let of = |kind, machine: &str| Labelled {
            kind,
            name: format!("seatrial-1-0a1b2c3d-{machine}"),
            labels: BTreeMap::new(),
        };
        let found = [
            of(Kind::Container, "server-16"),
            of(Kind::Container, "storage"),
            of(Kind::Container, "server-3"),
            of(Kind::Network, "lan"),
            of(Kind::Volume, "storage"),
        ];
        let rounds = rounds(&found, "seatrial-1-0a1b2c3d");
        let names = rounds.map(|round| {
            let names = round
                .iter()
                .map(|one| one.name.trim_start_matches("seatrial-1-0a1b2c3d-"));
            names.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(names, ["server-16 server-3", "storage", "lan", "storage"]);
    }

    #[tokio::test]
    async fn only_a_name_of_ours_is_removed() {
        for foreign in ["", "mine", "x/seatrial-1-0a1b2c3d", "seatrial-1-0a1b2c3d,x"] {
            let outcome = remove("unix:///nowhere", foreign).await;
            assert_eq!(outcome.failed.len(), 1, "{foreign}");
            assert!(outcome.failed[0].contains("left alone"), "{outcome:?}");
        }
        let outcome = remove("unix:///nowhere", "seatrial-1-0a1b2c3d").await;
        assert!(outcome.failed[0].contains("not known"), "{outcome:?}");
    }
}
