//! `seatrial ps`: the machines of the kept swarm.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use seatrial::plan::Role;
use tokio::runtime::Runtime;

use super::kept::{Kept, Reply, Request, State};
use super::{Exit, cache, output};

/// Prints the table, with what the keeper knows of power.
pub(super) fn run() -> anyhow::Result<Exit> {
    let kept = Kept::of(&cache::folder()?);
    if !kept.alive()? {
        let hint = match kept.read() {
            Ok(None) => "",
            _ => "; a keeper was killed: `seatrial down` removes what it left",
        };
        output::print(&format!("nothing is up{hint}\n"))?;
        return Ok(Exit::PASS);
    }
    let reply = Runtime::new()
        .context("cannot start")?
        .block_on(kept.ask(&Request::Status))?;
    match (reply, kept.read()?.filter(|state| state.ready)) {
        (Reply::Status(powered), Some(state)) => output::print(&table(&state, Some(&powered)))?,
        (Reply::Status(_), None) => {
            let log = kept.log();
            output::print(&format!("still coming up; see `{}`\n", log.display()))?;
        }
        (Reply::Trouble(what), _) => bail!("{what}"),
        (other, _) => bail!("the keeper answered something else: {other:?}"),
    }
    Ok(Exit::PASS)
}

/// A line for each machine. Without knowledge of power, all were just turned on.
pub(super) fn table(state: &State, powered: Option<&BTreeMap<String, bool>>) -> String {
    let power = |name: &str| match powered.map(|powered| powered.get(name)) {
        None | Some(Some(true)) => "on",
        Some(Some(false)) => "off",
        Some(None) => "?",
    };
    let nodes = state.nodes.iter().map(|node| {
        let role = match node.role {
            Role::Manager => "manager",
            Role::Worker => "worker",
        };
        let ports = node.published.iter();
        let ports: Vec<String> = ports.map(|(port, at)| format!("{port} at {at}")).collect();
        [
            node.name.clone(),
            role.to_owned(),
            power(&node.name).to_owned(),
            format!("tcp://{}", node.api),
            ports.join(", "),
        ]
    });
    let storage = state.storage.iter().map(|name| {
        let (role, on) = ("storage".to_owned(), power(name).to_owned());
        [name.clone(), role, on, "-".to_owned(), String::new()]
    });
    output::table(
        ["machine", "role", "power", "DOCKER_HOST", "published"],
        nodes.chain(storage),
    )
}

#[cfg(test)]
mod tests {
    use super::super::kept::Node;
    use super::*;

    #[test]
    fn every_machine_has_a_line_with_its_power_and_addresses() {
        let node = |name: &str, role, port: u16| Node {
            name: name.into(),
            role,
            api: ([127, 0, 0, 1], port).into(),
            published: [(3306, ([127, 0, 0, 1], port + 1).into())].into(),
        };
        let state = State {
            pid: 1,
            name: "swarm".into(),
            ready: true,
            nodes: vec![
                node("server-3", Role::Manager, 40001),
                node("server-12", Role::Worker, 40011),
            ],
            storage: Some("storage".into()),
            folders: Vec::new(),
        };
        let powered = [("server-3", true), ("server-12", false)];
        let powered = powered.map(|(name, on)| (name.to_owned(), on)).into();
        insta::assert_snapshot!(table(&state, Some(&powered)), @r"
        machine    role     power  DOCKER_HOST            published
        server-3   manager  on     tcp://127.0.0.1:40001  3306 at 127.0.0.1:40002
        server-12  worker   off    tcp://127.0.0.1:40011  3306 at 127.0.0.1:40012
        storage    storage  ?      -
        ");
        assert!(!table(&state, None).contains("off"));
    }
}
