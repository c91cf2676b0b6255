//! The table of places and capabilities: what each can do here, and what would mend a gap.

use std::path::Path;

use anyhow::Context;
use seatrial::capability::Capability;
use seatrial::substrate::Place;
use seatrial::substrate::dind::{self, Dind};
use seatrial::substrate::vm::Vm;
use tokio::runtime::Runtime;

use super::ground::{Ground, On};
use super::{engine, output};

/// What was found of the engine that `dind` uses.
enum Found {
    /// None answers; why.
    Silent(String),
    /// One answers, and nobody knows yet what it can do.
    Untried,
    /// It was tried.
    Tried(Box<Dind>),
}

/// The table, and whether `dind` can run.
pub(super) fn table(cache: &Path) -> anyhow::Result<(String, bool)> {
    let found = found(cache)?;
    let all = Vm::at_best().into_iter();
    let rows: Vec<[String; 4]> = all
        .map(|one| {
            let (state, mend) = state(one, &found);
            [one.to_string(), "yes".to_owned(), state, mend]
        })
        .collect();
    let mut text = output::table(["capability", "vm", "dind", "mend with"], rows);
    if let Found::Silent(why) = &found {
        text += &format!("\n{why}\n");
    }
    Ok((text, matches!(found, Found::Tried(_))))
}

/// Asks the engine, if there is one.
fn found(cache: &Path) -> anyhow::Result<Found> {
    let version = Runtime::new().context("cannot start")?.block_on(async {
        dind::engine_version(&engine::address()?)
            .await
            .map_err(Into::into)
    });
    Ok(match version {
        Err(error) => {
            let error: anyhow::Error = error;
            Found::Silent(error.to_string())
        }
        Ok(_) => match Ground::find(On::Dind, cache, false) {
            Ground::Dind(dind) => Found::Tried(dind),
            _ => Found::Untried,
        },
    })
}

/// Whether `dind` has a capability, and what would mend it.
fn state(one: Capability, found: &Found) -> (String, String) {
    let vm = || match one {
        Capability::Upgrade => "run it with --on vm --upgrade-to RELEASE".to_owned(),
        _ => "run it with --on vm".to_owned(),
    };
    if !Dind::at_best().contains(&one) {
        return ("no".to_owned(), vm());
    }
    match found {
        Found::Silent(_) => (
            "no engine".to_owned(),
            "start one, or set DOCKER_HOST".to_owned(),
        ),
        Found::Untried => {
            let mend = "seatrial prepare --on dind".to_owned();
            ("not tried".to_owned(), mend)
        }
        Found::Tried(dind) if dind.capabilities().contains(&one) => {
            ("yes".to_owned(), String::new())
        }
        Found::Tried(_) => {
            let module = match one {
                Capability::RoutingMesh => "ip_vs",
                Capability::NfsV3 | Capability::NfsV42 => "nfs",
                _ => return ("no".to_owned(), vm()),
            };
            let mend = format!("modprobe {module}, then seatrial prepare --on dind");
            ("no".to_owned(), mend)
        }
    }
}

/// What the swarm of an inventory lets a run do, or why none may touch it; and which.
pub(super) fn of_hosts(inventory: &Path, cache: &Path) -> (String, bool) {
    let ground = match Ground::lent(inventory, cache) {
        Ok(ground) => ground,
        Err(why) => return (format!("`hosts` cannot run yet: {why:#}\n"), false),
    };
    let options = ground.options(0, false);
    let rows = Vm::at_best().into_iter().map(|one| {
        let (state, mend) = match options.capabilities.contains(&one) {
            true => ("yes", ""),
            false => ("no", hosts_mend(one)),
        };
        [one.to_string(), state.to_owned(), mend.to_owned()]
    });
    let mut text = output::table(["capability", "hosts", "mend with"], rows);
    let nodes = options.nodes.unwrap_or_default();
    let nodes: Vec<String> = nodes.iter().map(|one| format!("`{}`", one.name)).collect();
    text += &format!("`hosts` can run on {}\n", nodes.join(", "));
    (text, true)
}

/// What would mend the lack of a capability where the hosts are somebody's.
fn hosts_mend(one: Capability) -> &'static str {
    match one {
        Capability::CleanStop => "`node.power` with `status` and `on`, for every node",
        Capability::PowerCut | Capability::SuddenEnd => "`node.power` with `cut` too",
        Capability::Pause => "`node.power` with `pause` and `resume` too",
        Capability::Isolation | Capability::Flows => {
            "apt-get install nftables, and a way in that leads over no node"
        }
        Capability::EngineEnd => "an engine that is the unit `docker.service`",
        Capability::FullDisk => "`fallocate`, and an engine that lives in `/var/lib/docker`",
        Capability::RoutingMesh => "modprobe ip_vs",
        Capability::NfsV3 => "one share on every node, at `/mnt/dockernfs` with `-o vers=3`",
        Capability::NfsV42 => "one share on every node, at `/mnt/dockernfs` with `-o vers=4.2`",
        _ => "run it with --on vm",
    }
}
