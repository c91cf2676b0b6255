//! The stacks of a run, and how they are told from others of the same name: a host has in writing
//! that this run deployed one, and which services that made.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::fleet::Fleet;
use super::restore::PACE;
use crate::journal::Settings;
use crate::substrate::Trouble;
use crate::substrate::nodes::{COMMAND, quoted};
use crate::wait::{Look, until};

/// What a host ends with that knows nothing of a stack.
const UNKNOWN: i64 = 7;

/// Where a host has in writing what was deployed from it, in the folder of the run's mark.
fn file(stack: &str) -> String {
    quoted(&format!("/var/lib/seatrial/stack-{stack}"))
}

/// The services of a stack, an identity a line.
fn services(stack: &str) -> String {
    format!("docker stack services -q {}", quoted(stack))
}

fn announces(stack: &str) -> String {
    let file = file(stack);
    format!("set -e; : >> {file}; sync {file} /var/lib/seatrial")
}

fn notes(stack: &str) -> String {
    let (file, services) = (file(stack), services(stack));
    format!("set -e; now=$({services}); echo \"$now\" >> {file}; sync {file}")
}

fn asks(stack: &str) -> String {
    let file = file(stack);
    format!("test -e {file} || exit {UNKNOWN}; cat {file}")
}

/// Has in writing that this run is about to deploy a stack, before it does.
///
/// # Errors
/// When it could not be written: then nothing may be deployed.
pub(super) async fn announce(fleet: &Fleet, manager: &str, stack: &str) -> Result<(), Trouble> {
    told(fleet, manager, &announces(stack)).await
}

/// Adds which services the stack has, once it was deployed; slow managers may not say it at once.
///
/// # Errors
/// When they cannot be asked for, or written down.
pub(super) async fn note(fleet: &Fleet, manager: &str, stack: &str) -> Result<(), Trouble> {
    let notes = notes(stack);
    let look = || async {
        match told(fleet, manager, &notes).await {
            Ok(()) => Look::Holds(()),
            Err(trouble) => Look::NotYet(trouble.0),
        }
    };
    let noted = until(format!("the services of `{stack}`"), COMMAND, PACE, look).await;
    noted.map_err(|late| Trouble(late.to_string()))
}

async fn told(fleet: &Fleet, host: &str, command: &str) -> Result<(), Trouble> {
    let ran = fleet.run(host, command, b"", COMMAND).await?;
    match ran.code {
        0 => Ok(()),
        code => Err(Trouble(format!(
            "`{host}` has the stack not in writing ({code}): {}",
            ran.err.trim().replace('\n', "; ")
        ))),
    }
}

/// Identities, one a line; anything else is some remark.
fn identities(said: &str) -> BTreeSet<String> {
    let is_one =
        |line: &&str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let lines = said.lines().map(str::trim).filter(is_one);
    lines.map(str::to_owned).collect()
}

/// The services that this run made of a stack; none if it never deployed it.
async fn made(fleet: &Fleet, stack: &str) -> Result<Option<BTreeSet<String>>, String> {
    let ask = asks(stack);
    let within = fleet.within();
    let asked = within
        .iter()
        .map(|name| async { (*name, fleet.run(name, &ask, b"", COMMAND).await) });
    let mut made: Option<BTreeSet<String>> = None;
    for (name, ran) in join_all(asked).await {
        let ran = ran.map_err(|trouble| trouble.0)?;
        match ran.code {
            0 => made.get_or_insert_default().extend(identities(&ran.out)),
            UNKNOWN => {}
            code => return Err(format!("`{name}` ({code}): {}", ran.err.trim())),
        }
    }
    match made {
        None if within.len() < fleet.names().count() => Err(
            "no host that answers has it in writing that this run deployed it, so it is left alone"
                .to_owned(),
        ),
        made => Ok(made),
    }
}

/// Whether what is there of a stack now may be what this run made.
///
/// # Errors
/// When it is another.
fn still_ours(stack: &str, made: &BTreeSet<String>, now: &BTreeSet<String>) -> Result<(), String> {
    // Without its services it may have left volumes, and one that was half deployed is not known.
    if made.is_empty() || now.is_empty() || !made.is_disjoint(now) {
        return Ok(());
    }
    // Not "remove it": what would be left of it then, its volumes, could not be told from ours.
    Err(format!(
        "it is another by now, with other services, and is left alone with its volumes; if none \
         of those are the run's, remove {} on the hosts, then heal again",
        file(stack).replace('\'', "`")
    ))
}

/// Removes a stack that this run deployed, with all that it made on the hosts, and waits until it
/// is gone.
pub(super) async fn remove(fleet: &Fleet, stack: &str) -> Result<bool, String> {
    // A name is anybody's. Nothing is removed that is not in writing.
    let Some(made) = made(fleet, stack).await? else {
        return Ok(false);
    };
    let before = fleet.settings().await.map_err(|error| error.to_string())?;
    let there = !listed(&before, stack).is_empty();
    if there {
        let manager = a_manager(fleet, &before).await?;
        let ran = fleet.run(&manager, &services(stack), b"", COMMAND).await;
        let ran = ran.map_err(|trouble| trouble.0)?;
        if ran.code != 0 {
            return Err(ran.err.trim().replace('\n', "; "));
        }
        still_ours(stack, &made, &identities(&ran.out))?;
        take_down(fleet, &manager, stack).await?;
    }
    let mut removed = there;
    for name in fleet.within() {
        removed |= sweep(fleet, name, stack).await?;
    }
    Ok(removed)
}

/// What there is of a stack.
fn listed(settings: &Settings, stack: &str) -> Vec<String> {
    let prefix = format!("{stack}_");
    let all = settings.services.keys().chain(&settings.networks);
    let ours = all.filter(|name| name.starts_with(&prefix));
    ours.cloned().collect()
}

async fn take_down(fleet: &Fleet, manager: &str, stack: &str) -> Result<(), String> {
    let remove = format!("docker stack rm {}", quoted(stack));
    let look = || async {
        let ran = fleet.run(manager, &remove, b"", COMMAND).await;
        let left = fleet.settings().await.map(|now| listed(&now, stack));
        match (ran, left) {
            (_, Ok(left)) if left.is_empty() => Look::Holds(()),
            (_, Ok(left)) => Look::NotYet(format!("there are `{}`", left.join("`, `"))),
            (Err(trouble), _) => Look::CannotTell(trouble.0),
            (_, Err(error)) => Look::CannotTell(error.to_string()),
        }
    };
    let gone = until(format!("the end of `{stack}`"), COMMAND, PACE, look).await;
    gone.map_err(|late| late.to_string())
}

/// Waits until a host has no container of a stack, and removes its volumes.
async fn sweep(fleet: &Fleet, name: &str, stack: &str) -> Result<bool, String> {
    let label = quoted(&format!("label=com.docker.stack.namespace={stack}"));
    let command = format!(
        "test -z \"$(docker ps -aq --filter {label})\" || exit 7; \
         volumes=$(docker volume ls -q --filter {label}); \
         test -z \"$volumes\" || docker volume rm $volumes"
    );
    let look = || async {
        match fleet.run(name, &command, b"", COMMAND).await {
            Ok(ran) if ran.code == 0 => Look::Holds(!ran.out.trim().is_empty()),
            Ok(ran) if ran.code == 7 => Look::NotYet("there are containers of it".to_owned()),
            Ok(ran) => Look::NotYet(ran.err.trim().to_owned()),
            Err(trouble) => Look::CannotTell(trouble.0),
        }
    };
    let what = format!("the end of `{stack}` on `{name}`");
    let swept = until(what, COMMAND, PACE, look).await;
    swept.map_err(|late| late.to_string())
}

/// A host that manages the swarm and answers.
async fn a_manager(fleet: &Fleet, settings: &Settings) -> Result<String, String> {
    let within = fleet.within();
    let managers = settings.nodes.iter().filter(|(_, node)| node.manager);
    for (name, _) in managers.filter(|(name, _)| within.contains(&name.as_str())) {
        let asked = async { fleet.engine(name).await?.settings().await };
        if asked.await.is_ok() {
            return Ok(name.clone());
        }
    }
    Err("no manager answers".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn set(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn a_stack_of_the_same_name_is_left_alone_unless_this_run_made_it() {
        let still_ours =
            |made: &BTreeSet<String>, now: &BTreeSet<String>| still_ours("db", made, now);
        let (mine, theirs, grown) = (set(&["a1", "b2"]), set(&["c3"]), set(&["b2", "d4"]));
        // The run was killed while it deployed it.
        assert_eq!(still_ours(&set(&[]), &mine), Ok(()));
        assert_eq!(still_ours(&mine, &grown), Ok(()));
        assert_eq!(still_ours(&mine, &set(&[])), Ok(()));
        let why = still_ours(&mine, &theirs).expect_err("another's");
        assert!(why.contains("left alone with its volumes"), "{why}");
        // Once they were removed, their volumes would be taken for what a run left.
        let way = "; if none of those are the run's, remove `/var/lib/seatrial/stack-db` on";
        assert!(why.contains(way), "{why}");
    }

    /// What a command says here, with a folder of ours for that of the hosts, and another Docker.
    fn said(folder: &Path, docker: &str, command: &str) -> (Option<i32>, String) {
        let there = folder.display().to_string();
        let command = command.replace("/var/lib/seatrial", &there);
        let mut shell = std::process::Command::new("sh");
        let shell = shell.args(["-c", &format!("docker() {{ {docker}; }}; {command}")]);
        let ran = shell.output().expect("a shell");
        let out = String::from_utf8_lossy(&ran.stdout).into_owned();
        (ran.status.code(), out)
    }

    #[test]
    fn a_host_has_in_writing_which_services_a_run_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = |docker: &str, command: &str| said(folder.path(), docker, command);
        let ok = |words: &str| (Some(0), words.to_owned());
        assert_eq!(said("false", &asks("it's")), (Some(7), String::new()));
        assert_eq!(said("false", &announces("it's")), ok(""));
        assert_eq!(said("false", &asks("it's")), ok(""));
        assert_eq!(said("echo a1; echo b2", &notes("it's")), ok(""));
        // A stack that is deployed again keeps what it had, and has new ones.
        assert_eq!(said("false", &announces("it's")), ok(""));
        assert_eq!(said("echo $4", &notes("it's")), ok(""));
        assert_eq!(said("false", &asks("it's")), ok("a1\nb2\nit's\n"));
        assert_ne!(said("false", &notes("it's")).0, Some(0));
        assert_eq!(said("false", &asks("other")).0, Some(7));
        assert_eq!(
            identities("a1\n\nNothing found in stack: x\n"),
            set(&["a1"])
        );
    }
}
