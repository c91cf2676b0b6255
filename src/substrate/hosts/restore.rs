//! Gives a swarm back as it was: stacks and files removed, faults undone, settings restored and
//! compared. Right also when a run was killed half way, and from another process.

use std::collections::BTreeSet;
use std::time::Duration;

use super::fleet::Fleet;
use super::lease;
use crate::journal::{ApiError, Lent, Settings};
use crate::substrate::Trouble;
use crate::substrate::nodes::{BOOT, COMMAND, quoted};
use crate::swarm::engine::Engine;
use crate::wait::{Look, until};

/// Where the hosts have the share mounted.
pub(super) const SHARE: &str = "/mnt/dockernfs";

/// The pace of looking whether something is gone.
const PACE: Duration = Duration::from_secs(1);

/// What was done, and what could not be, a line each.
#[derive(Debug, Default)]
pub(super) struct Restored {
    pub(super) done: Vec<String>,
    pub(super) failed: Vec<String>,
}

impl Restored {
    fn note(&mut self, what: impl std::fmt::Display, came_to: Result<bool, String>) {
        match came_to {
            Ok(true) => self.done.push(what.to_string()),
            Ok(false) => {}
            Err(why) => self.failed.push(format!("{what}: {why}")),
        }
    }
}

/// Gives everything back; visits all, whatever fails.
pub(super) async fn give_back(fleet: &Fleet, lent: &Lent) -> Restored {
    let mut restored = Restored::default();
    for name in fleet.names() {
        let on = power_on(fleet, name).await;
        restored.note(format_args!("turned `{name}` on"), on);
        let undone = async { lease::undo_now(fleet.ssh(name)?, name).await };
        let undone = undone.await.map_err(|trouble| trouble.0);
        restored.note(format_args!("undid the faults of `{name}`"), undone);
    }
    for (name, was) in &lent.before.nodes {
        let address = lent.addresses.get(name).map_or("", String::as_str);
        let back = rejoin(fleet, name, address).await;
        restored.note(format_args!("had `{name}` join again"), back);
        let set = fleet.ask(|engine| async move { engine.restore_node(name, was).await });
        let set = set.await.map_err(|error| error.to_string());
        restored.note(format_args!("restored `{name}` as it was"), set);
    }
    for stack in &lent.stacks {
        let removed = remove_stack(fleet, stack).await;
        restored.note(format_args!("removed the stack `{stack}`"), removed);
    }
    let emptied = empty_share(fleet, &lent.share).await;
    restored.note("removed what was put on the share", emptied);
    let before = &lent.before;
    let set = fleet.ask(|engine| async move { engine.restore_swarm(before).await });
    let set = set.await.map_err(|error| error.to_string());
    restored.note("restored the swarm's heartbeat and history", set);
    let same = compare(fleet, before).await;
    restored.note("compared with what was before", same.map(|()| false));
    restored
}

/// What is set in a swarm, and what of ours is on its hosts, a line each; none if nobody can tell.
pub(super) async fn inventory(fleet: &Fleet) -> Option<BTreeSet<String>> {
    const OURS: &str = "for path in /var/lib/seatrial /var/lib/docker/seatrial-full \
        /etc/systemd/system/seatrial-undo.service; do \
        if test -e $path; then echo \"\\`$path\\`\"; fi; done; \
        if systemctl is-active --quiet seatrial-lease.service; then echo 'a lease'; fi; \
        if nft list table inet seatrial > /dev/null 2>&1; then echo 'a packet filter'; fi; \
        docker volume ls -q | sed 's/^/volume /'";
    let settings = fleet.ask(|engine| async move { engine.settings().await });
    let mut all = settings.await.ok()?.lines();
    for name in fleet.names() {
        let ran = fleet.run(name, OURS, b"", COMMAND).await.ok()?;
        let lines = ran.out.lines().filter(|_| ran.code == 0);
        all.extend(lines.map(|line| format!("on `{name}`: {line}")));
        if ran.code != 0 {
            return None;
        }
    }
    Some(all)
}

/// Gives a host power, if somebody can see that it has none, and waits for its shell.
async fn power_on(fleet: &Fleet, name: &str) -> Result<bool, String> {
    let host = fleet.host(name).map_err(|trouble| trouble.0)?;
    let Some(power) = &host.power else {
        return Ok(false);
    };
    if let Some(resume) = &power.resume
        && fleet.run(name, "true", b"", COMMAND).await.is_err()
    {
        // One that is not frozen refuses, and that is as well.
        let _ = super::power::switch(name, resume).await;
    }
    if super::power::status(&power.status).await != Some(false) {
        return Ok(false);
    }
    let on = super::power::switch(name, &power.on).await;
    on.map_err(|trouble| trouble.0)?;
    answers(fleet, name).await.map_err(|trouble| trouble.0)?;
    Ok(true)
}

/// Waits until a host takes commands.
pub(super) async fn answers(fleet: &Fleet, name: &str) -> Result<(), Trouble> {
    let look = || async {
        match fleet.run(name, "true", b"", COMMAND).await {
            Ok(ran) if ran.code == 0 => Look::Holds(()),
            Ok(ran) => Look::NotYet(ran.err),
            Err(trouble) => Look::NotYet(trouble.0),
        }
    };
    let answered = until(format!("`{name}` by SSH"), BOOT, PACE, look).await;
    answered.map_err(|late| Trouble(late.to_string()))
}

/// Has a node join again that the managers do not know any more.
async fn rejoin(fleet: &Fleet, name: &str, address: &str) -> Result<bool, String> {
    let said = |error: ApiError| error.to_string();
    let now = fleet.ask(|engine| async move { engine.settings().await });
    if now.await.map_err(said)?.nodes.contains_key(name) {
        return Ok(false);
    }
    let tokens = fleet.ask(|engine| async move { engine.join_tokens().await });
    let tokens = tokens.await.map_err(said)?;
    let manager = fleet.ask(|engine| async move {
        // Only a manager answers the first.
        engine.settings().await?;
        Ok(engine.own_place().await?.1)
    });
    let manager = manager
        .await
        .map_err(said)?
        .ok_or("no manager has an address")?;
    let engine = fleet
        .engine(name)
        .await
        .map_err(said)?
        .with_deadline(COMMAND);
    if engine.membership().await.map_err(said)?.state != "inactive" {
        engine.leave_swarm(true).await.map_err(said)?;
    }
    // A role is restored afterwards; a manager too begins as a worker does.
    let remote = [format!("{manager}:2377")];
    match engine.swarm_join(&remote, &tokens.worker, address).await {
        Ok(()) | Err(ApiError::Refused { status: 503, .. }) => {}
        Err(error) => return Err(error.to_string()),
    }
    known(fleet, name).await?;
    Ok(true)
}

async fn known(fleet: &Fleet, name: &str) -> Result<(), String> {
    let look = || async {
        match fleet
            .ask(|engine| async move { engine.settings().await })
            .await
        {
            Ok(now) if now.nodes.contains_key(name) => Look::Holds(()),
            Ok(_) => Look::NotYet("the managers do not know it".to_owned()),
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let known = until(format!("`{name}` in the swarm"), COMMAND, PACE, look).await;
    known.map_err(|late| late.to_string())
}

/// Removes a stack with all that it made on the hosts, and waits until it is gone.
async fn remove_stack(fleet: &Fleet, stack: &str) -> Result<bool, String> {
    let prefix = format!("{stack}_");
    let listed = |settings: &Settings| {
        let all = settings.services.keys().chain(&settings.networks);
        let ours = all.filter(|name| name.starts_with(&prefix));
        ours.cloned().collect::<Vec<String>>()
    };
    let ask = || fleet.ask(|engine| async move { engine.settings().await });
    let before = ask().await.map_err(|error| error.to_string())?;
    let there = !listed(&before).is_empty();
    if there {
        let manager = a_manager(fleet, &before).await?;
        let remove = format!("docker stack rm {}", quoted(stack));
        let look = || async {
            let ran = fleet.run(&manager, &remove, b"", COMMAND).await;
            let left = ask().await.map(|now| listed(&now));
            match (ran, left) {
                (_, Ok(left)) if left.is_empty() => Look::Holds(()),
                (_, Ok(left)) => Look::NotYet(format!("there are `{}`", left.join("`, `"))),
                (Err(trouble), _) => Look::CannotTell(trouble.0),
                (_, Err(error)) => Look::CannotTell(error.to_string()),
            }
        };
        let gone = until(format!("the end of `{stack}`"), COMMAND, PACE, look).await;
        gone.map_err(|late| late.to_string())?;
    }
    let mut removed = there;
    for name in fleet.names() {
        removed |= sweep(fleet, name, stack).await?;
    }
    Ok(removed)
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
    let managers = settings.nodes.iter().filter(|(_, node)| node.manager);
    for (name, _) in managers {
        let asked = async { fleet.engine(name).await?.settings().await };
        if asked.await.is_ok() {
            return Ok(name.clone());
        }
    }
    Err("no manager answers".to_owned())
}

/// Removes what a run made at the top of the share, by the host that made it.
async fn empty_share(fleet: &Fleet, tops: &[String]) -> Result<bool, String> {
    let Some(name) = fleet.names().next().filter(|_| !tops.is_empty()) else {
        return Ok(false);
    };
    // A journal is a file that anybody may have written.
    if let Some(odd) = tops.iter().find(|top| !is_top(top)) {
        return Err(format!(
            "`{odd}` is no name at the top of the share, so it is left alone"
        ));
    }
    let paths: Vec<String> = tops
        .iter()
        .map(|top| quoted(&format!("{SHARE}/{top}")))
        .collect();
    let command = format!("rm -rf {}", paths.join(" "));
    let ran = fleet.run(name, &command, b"", COMMAND).await;
    let ran = ran.map_err(|trouble| trouble.0)?;
    match ran.code {
        0 => Ok(true),
        _ => Err(ran.err.trim().replace('\n', "; ")),
    }
}

/// True for a plain name, with no way out of its folder.
fn is_top(top: &str) -> bool {
    !top.is_empty() && top != "." && top != ".." && !top.contains(['/', '\0'])
}

/// What differs from before, by the lines of both.
async fn compare(fleet: &Fleet, before: &Settings) -> Result<(), String> {
    let look = || async {
        match fleet
            .ask(|engine: Engine| async move { engine.settings().await })
            .await
        {
            Ok(now) => match differences(before, &now) {
                none if none.is_empty() => Look::Holds(()),
                some => Look::NotYet(some.join("; ")),
            },
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let same = until("the swarm to be as it was", COMMAND, PACE, look).await;
    same.map_err(|late| late.to_string())
}

fn differences(before: &Settings, now: &Settings) -> Vec<String> {
    let (before, now): (BTreeSet<_>, BTreeSet<_>) = (before.lines(), now.lines());
    let lost = before.difference(&now).map(|line| format!("was: {line}"));
    let new = now.difference(&before).map(|line| format!("is: {line}"));
    lost.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::NodeSettings;

    #[test]
    fn only_a_plain_name_is_removed_from_the_share() {
        assert!(is_top("nginx-01") && is_top("mariadb service"));
        for odd in ["", ".", "..", "../etc", "/etc", "a/b"] {
            assert!(!is_top(odd), "{odd}");
        }
    }

    #[test]
    fn whatever_differs_is_named_with_what_it_was() {
        let node = |availability: &str| NodeSettings {
            manager: false,
            availability: availability.to_owned(),
            labels: Default::default(),
        };
        let with = |availability: &str| Settings {
            nodes: [("server-22".to_owned(), node(availability))].into(),
            history: 5,
            heartbeat_ns: 5_000_000_000,
            ..Settings::default()
        };
        assert_eq!(
            differences(&with("active"), &with("active")),
            Vec::<String>::new()
        );
        let mut drained = with("drain");
        drained
            .services
            .insert("shop_db".to_owned(), "0123456789abcdef".to_owned());
        insta::assert_snapshot!(differences(&with("active"), &drained).join("\n"), @r"
        was: node `server-22`, a worker, active, labels ``
        is: node `server-22`, a worker, drain, labels ``
        is: service `shop_db`, specification 0123456789ab
        ");
    }
}
