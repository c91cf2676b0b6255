//! Which hosts a swarm is given back on: those that are reached, of the swarm that was lent, and
//! nobody else's. They carry the mark of the run until everything was given back.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::fleet::Fleet;
use super::mark::{self, Claim};
use super::power;
use super::restore::{PACE, answers, note, swarm_of};
use crate::journal::Lent;
use crate::leavings::Outcome;
use crate::substrate::nodes::COMMAND;
use crate::wait::{Look, until};

/// Has every host carry the mark of the run, so that no other begins while this one's swarm is
/// given back. Leaves out, and notes, what cannot be reached or is in another swarm by now.
///
/// # Errors
/// Whatever forbids to give anything back at all.
pub(super) async fn take(fleet: &Fleet, lent: &Lent, outcome: &mut Outcome) -> Result<(), String> {
    same_hosts(fleet, lent)?;
    // Those that answer now are asked before any is turned on.
    leave_strays_out(fleet, lent, outcome).await?;
    no_others(fleet, lent).await?;
    for name in fleet.within() {
        let on = power_on(fleet, name).await;
        note(outcome, format_args!("turned `{name}` on"), on);
    }
    leave_strays_out(fleet, lent, outcome).await?;
    still_the_same(fleet, lent).await?;
    claim_all(fleet, lent, outcome).await
}

/// True if no host of the swarm knows of the run: it never had them all, so it changed nothing, or
/// it has given everything back. What was before may be long ago by now.
pub(super) async fn unmarked(fleet: &Fleet, lent: &Lent) -> bool {
    let swarm = async { swarm_of(fleet).await.is_ok_and(|swarm| swarm == lent.swarm) };
    if same_hosts(fleet, lent).is_err() || !swarm.await {
        return false;
    }
    let owners = fleet.names().map(|name| async move {
        let owner = async { mark::owner_of(fleet.ssh(name)?, name).await };
        matches!(owner.await, Ok(None))
    });
    join_all(owners).await.into_iter().all(|none| none)
}

/// Lets the hosts go, as everything was given back.
pub(super) async fn release(fleet: &Fleet, lent: &Lent, outcome: &mut Outcome) {
    for name in fleet.names() {
        let gone = async { mark::release(fleet.ssh(name)?, name, &lent.owner).await };
        let gone = gone.await.map_err(|trouble| trouble.0);
        note(outcome, format_args!("let `{name}` go"), gone);
    }
}

/// Whether the inventory has the hosts that were lent, and no others.
fn same_hosts(fleet: &Fleet, lent: &Lent) -> Result<(), String> {
    let named: BTreeSet<&str> = fleet.names().collect();
    let lent: BTreeSet<&str> = lent.addresses.keys().map(String::as_str).collect();
    if named == lent {
        return Ok(());
    }
    let list = |what: &str, names: Vec<&str>| match names.is_empty() {
        true => None,
        false => Some(format!("{what} `{}`", names.join("`, `"))),
    };
    let wrong = [
        list("lacks", lent.difference(&named).copied().collect()),
        list("also has", named.difference(&lent).copied().collect()),
    ];
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    Err(format!(
        "`{}` {}: nothing is given back; name the inventory that the run had",
        fleet.inventory.path.display(),
        wrong.join(" and ")
    ))
}

/// Leaves out the hosts that are in another swarm by now, as far as their engines say so.
///
/// # Errors
/// When all that say it are: this is another swarm.
async fn leave_strays_out(fleet: &Fleet, lent: &Lent, outcome: &mut Outcome) -> Result<(), String> {
    let asked = fleet.within().into_iter().map(|name| async move {
        let asked = async {
            let engine = fleet.engine(name).await?;
            // One that is frozen or dead costs no more than that.
            engine.ping().await?;
            engine.with_deadline(COMMAND).own_place().await
        };
        let swarm = asked.await.ok()?.swarm;
        (!swarm.is_empty()).then_some((name, swarm))
    });
    let asked: Vec<(&str, String)> = join_all(asked).await.into_iter().flatten().collect();
    for (name, swarm) in strays(fleet, lent, &asked)? {
        fleet.leave_out(name);
        outcome.failed.push(format!(
            "`{name}` manages the swarm `{swarm}` now, and is left alone"
        ));
    }
    Ok(())
}

/// Those that manage another swarm, beside some that manage this one.
fn strays<'a>(
    fleet: &Fleet,
    lent: &Lent,
    asked: &'a [(&'a str, String)],
) -> Result<Vec<(&'a str, &'a str)>, String> {
    let all = asked.iter().map(|(name, swarm)| (*name, swarm.as_str()));
    let strays: Vec<_> = all.filter(|(_, swarm)| *swarm != lent.swarm).collect();
    match strays.first() {
        Some((_, swarm)) if strays.len() == asked.len() => the_same(fleet, lent, swarm)?,
        _ => {}
    }
    Ok(strays)
}

/// Whether anybody else has one of the hosts that answer now.
async fn no_others(fleet: &Fleet, lent: &Lent) -> Result<(), String> {
    let owners = fleet.within().into_iter().map(|name| async move {
        let owner = async { mark::owner_of(fleet.ssh(name)?, name).await };
        match owner.await {
            Ok(Some(other)) if other != lent.owner => Err(others(name, &other)),
            _ => Ok(()),
        }
    });
    join_all(owners).await.into_iter().collect()
}

fn others(name: &str, owner: &str) -> String {
    format!("{}; nothing is given back", mark::in_use(name, owner))
}

/// Waits for a manager of the swarm that was lent.
async fn still_the_same(fleet: &Fleet, lent: &Lent) -> Result<(), String> {
    let look = || async {
        match swarm_of(fleet).await {
            Ok(swarm) => Look::Holds(swarm),
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let swarm = until("a manager of the swarm", COMMAND, PACE, look).await;
    the_same(fleet, lent, &swarm.map_err(|late| late.to_string())?)
}

fn the_same(fleet: &Fleet, lent: &Lent, swarm: &str) -> Result<(), String> {
    if swarm == lent.swarm {
        return Ok(());
    }
    let inventory = fleet.inventory.path.display();
    Err(format!(
        "`{inventory}` is about the swarm `{swarm}` now, and the run was lent `{}`: nothing is \
         given back",
        lent.swarm
    ))
}

/// Puts the mark on every host; leaves out, and notes, those that cannot be reached.
async fn claim_all(fleet: &Fleet, lent: &Lent, outcome: &mut Outcome) -> Result<(), String> {
    let mut new = Vec::new();
    for name in fleet.within() {
        let claim = async { mark::claim(fleet.ssh(name)?, name, &lent.owner).await };
        match claim.await {
            Ok(Claim::Ours) => {}
            Ok(Claim::New) => new.push(name),
            Ok(Claim::Others(owner)) => {
                let released = new.iter().map(|name| async move {
                    mark::release(fleet.ssh(name)?, name, &lent.owner).await
                });
                let released = join_all(released).await.into_iter();
                let left = released.filter_map(Result::err).map(|trouble| trouble.0);
                outcome.failed.extend(left);
                return Err(others(name, &owner));
            }
            Err(trouble) => {
                fleet.leave_out(name);
                outcome.failed.push(trouble.0);
            }
        }
    }
    Ok(())
}

/// Gives a host power, if somebody can see that it has none, and waits for its shell.
async fn power_on(fleet: &Fleet, name: &str) -> Result<bool, String> {
    let host = fleet.host(name).map_err(|trouble| trouble.0)?;
    let mut done = false;
    if let Some(switch) = &host.power {
        if power::status(&switch.status).await == Some(false) {
            let on = power::switch(name, &switch.on).await;
            on.map_err(|trouble| trouble.0)?;
            done = true;
        } else if let Some(resume) = &switch.resume
            && fleet.run(name, "true", b"", COMMAND).await.is_err()
        {
            // One that is not frozen refuses, and that is as well.
            let _ = power::switch(name, resume).await;
        }
    }
    answers(fleet, name).await.map_err(|trouble| trouble.0)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::substrate::hosts::Inventory;

    fn fleet(names: &[&str]) -> Fleet {
        let host = |name: &&str| format!("[[node]]\nname = \"{name}\"\nssh = \"{name}\"\n");
        let text: String = names.iter().map(host).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("swarm.toml");
        std::fs::write(&path, text).expect("written");
        let mut inventory = Inventory::read(&path).expect("read");
        inventory.path = "swarm.toml".into();
        Fleet::new(&inventory, Path::new("/nowhere"))
    }

    fn lent(names: &[&str]) -> Lent {
        let address = |name: &&str| ((*name).to_owned(), "10.0.0.3".to_owned());
        Lent {
            inventory: "swarm.toml".to_owned(),
            swarm: "ours".to_owned(),
            owner: "seatrial-7-0a1b2c3d".to_owned(),
            before: Default::default(),
            addresses: names.iter().map(address).collect(),
            stacks: Vec::new(),
            share: Vec::new(),
        }
    }

    #[tokio::test]
    async fn an_inventory_with_other_hosts_gives_nothing_back() {
        let (fleet, lent) = (fleet(&["a", "x"]), lent(&["a", "b", "c"]));
        let given = super::super::restore::give_back(&fleet, &lent).await;
        assert_eq!(given.done, Vec::<String>::new());
        let why = "`swarm.toml` lacks `b`, `c` and also has `x`: nothing is given back; name the \
                   inventory that the run had";
        assert_eq!(given.failed, [why]);
    }

    #[test]
    fn a_host_of_another_swarm_is_left_alone_and_another_swarm_altogether() {
        let (fleet, lent) = (fleet(&["a", "b"]), lent(&["a", "b"]));
        let say = |swarms: [&str; 2]| {
            let asked = ["a", "b"].into_iter().zip(swarms.map(str::to_owned));
            let asked: Vec<_> = asked.filter(|(_, swarm)| !swarm.is_empty()).collect();
            let strays = strays(&fleet, &lent, &asked);
            strays.map(|all| all.iter().map(|(name, _)| (*name).to_owned()).collect())
        };
        assert_eq!(say(["ours", "ours"]), Ok(Vec::new()));
        // Those that are no managers say nothing.
        assert_eq!(say(["", ""]), Ok(Vec::new()));
        assert_eq!(say(["other", "ours"]), Ok(vec!["a".to_owned()]));
        let all = say(["", "other"]).expect_err("another swarm");
        assert!(all.contains("the swarm `other` now"), "{all}");
        fleet.leave_out("a");
        assert_eq!(fleet.within(), ["b"]);
    }
}
