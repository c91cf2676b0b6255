//! Gives a swarm back as it was: stacks and files removed, faults undone, settings restored and
//! compared. Right also when a run was killed half way, and from another process.

use std::collections::BTreeSet;
use std::time::Duration;

use super::fleet::Fleet;
use super::rejoin::rejoin;
use super::{lease, ours, share, stacks};
use crate::journal::{ApiError, Lent, NodeSettings, Settings};
use crate::leavings::Outcome;
use crate::substrate::Trouble;
use crate::substrate::nodes::{BOOT, COMMAND};
use crate::wait::{Look, until};

/// The pace of looking whether something is gone.
pub(super) const PACE: Duration = Duration::from_secs(1);

/// Notes what one step came to: true where there was something to be done.
pub(super) fn note(
    outcome: &mut Outcome,
    what: impl std::fmt::Display,
    came_to: Result<bool, String>,
) {
    match came_to {
        Ok(true) => outcome.done.push(what.to_string()),
        Ok(false) => {}
        Err(why) => outcome.failed.push(format!("{what}: {why}")),
    }
}

/// Gives everything back; visits all that can be reached, whatever fails. Nothing at all where this
/// is another swarm by now, or another run has one of its hosts.
pub(super) async fn give_back(fleet: &Fleet, lent: &Lent) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(why) = ours::take(fleet, lent, &mut outcome).await {
        outcome.failed.push(why);
        return outcome;
    }
    for name in fleet.within() {
        let undone = async { lease::undo_now(fleet.ssh(name)?, name, &lent.owner).await };
        let undone = undone.await.map_err(|trouble| trouble.0);
        note(
            &mut outcome,
            format_args!("undid the faults of `{name}`"),
            undone,
        );
    }
    restore_nodes(fleet, lent, &mut outcome).await;
    let forgot = forget_doubles(fleet, &lent.before).await;
    note(&mut outcome, "removed nodes that were there twice", forgot);
    for stack in &lent.stacks {
        let removed = stacks::remove(fleet, stack).await;
        note(
            &mut outcome,
            format_args!("removed the stack `{stack}`"),
            removed,
        );
    }
    let emptied = share::empty(fleet, lent).await;
    note(&mut outcome, "removed what was put on the share", emptied);
    let before = &lent.before;
    let set = fleet.ask(|engine| async move { engine.restore_swarm(before).await });
    let set = set.await.map_err(|error| error.to_string());
    note(
        &mut outcome,
        "restored the swarm's heartbeat and history",
        set,
    );
    let same = compare(fleet, before).await;
    note(
        &mut outcome,
        "compared with what was before",
        same.map(|()| false),
    );
    if outcome.failed.is_empty() {
        ours::release(fleet, lent, &mut outcome).await;
    }
    outcome
}

/// Restores the membership, roles, availability and labels of all nodes that can be reached.
async fn restore_nodes(fleet: &Fleet, lent: &Lent, outcome: &mut Outcome) {
    let within = fleet.within();
    let nodes = lent.before.nodes.iter();
    let mut nodes: Vec<_> = nodes
        .filter(|(name, _)| within.contains(&name.as_str()))
        .collect();
    // Whoever managed it manages it again before another is demoted.
    nodes.sort_by_key(|(_, was)| !was.manager);
    for (name, was) in nodes {
        let back = rejoin(fleet, lent, name).await;
        note(outcome, format_args!("had `{name}` join again"), back);
        let set = set_node(fleet, name, was).await;
        note(outcome, format_args!("restored `{name}` as it was"), set);
    }
}

/// The identity of the swarm, by a manager.
pub(super) async fn swarm_of(fleet: &Fleet) -> Result<String, ApiError> {
    let asked = fleet.ask(|engine| async move {
        // Only a manager answers the first.
        engine.settings().await?;
        Ok(engine.with_deadline(COMMAND).own_place().await?.swarm)
    });
    asked.await
}

/// Sets a node as it was, as soon as the managers take it.
async fn set_node(fleet: &Fleet, name: &str, was: &NodeSettings) -> Result<bool, String> {
    let look = || async {
        match fleet
            .ask(|engine| async move { engine.restore_node(name, was).await })
            .await
        {
            Ok(set) => Look::Holds(set),
            Err(error) => Look::NotYet(error.to_string()),
        }
    };
    let set = until(format!("`{name}` as it was"), COMMAND, PACE, look).await;
    set.map_err(|late| late.to_string())
}

/// Removes nodes that are down and there once more, as soon as the managers take it.
async fn forget_doubles(fleet: &Fleet, before: &Settings) -> Result<bool, String> {
    let look = || async {
        match fleet
            .ask(|engine| async move { engine.forget_doubles(before).await })
            .await
        {
            Ok(any) => Look::Holds(any),
            Err(error) => Look::NotYet(error.to_string()),
        }
    };
    let forgot = until("no node twice", COMMAND, PACE, look).await;
    forgot.map_err(|late| late.to_string())
}

/// What is set of the swarm and its nodes, and what of ours is on its hosts, a line each. What
/// others deploy meanwhile is none of ours.
///
/// # Errors
/// When the swarm or one of its hosts cannot be asked.
pub(super) async fn inventory(fleet: &Fleet) -> Result<BTreeSet<String>, Trouble> {
    const OURS: &str = "for path in /var/lib/seatrial /var/lib/docker/seatrial-full \
        /etc/systemd/system/seatrial-undo.service; do \
        if test -e $path; then echo \"\\`$path\\`\"; fi; done; \
        if systemctl is-active --quiet seatrial-lease.service; then echo 'a lease'; fi; \
        if nft list table inet seatrial > /dev/null 2>&1; then echo 'a packet filter'; fi; true";
    let settings = fleet.settings().await;
    let set = Settings {
        services: Default::default(),
        networks: Default::default(),
        ..settings.map_err(|error| Trouble(format!("the swarm: {error}")))?
    };
    let mut all = set.lines();
    for name in fleet.names() {
        let ran = fleet.run(name, OURS, b"", COMMAND).await?;
        if ran.code != 0 {
            let said = ran.err.trim().replace('\n', "; ");
            return Err(Trouble(format!("`{name}`: {said}")));
        }
        let lines = ran.out.lines();
        all.extend(lines.map(|line| format!("on `{name}`: {line}")));
    }
    Ok(all)
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

/// What differs from before, by the lines of both.
async fn compare(fleet: &Fleet, before: &Settings) -> Result<(), String> {
    let look = || async {
        match fleet.settings().await {
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
