//! A swarm to keep: `up`, `ps`, `exec` and `down`, and an ordinary client of Docker.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use seatrial::swarm::engine::Engine;
use seatrial::wait::{Look, until};
use tokio::process::Command;

use super::ground::{Ground, ground, leave_out, say};
use super::processes::{seatrial, wait_until_none_mentions};

/// The nodes of two managers and two workers.
const NODES: [&str; 4] = ["server-3", "server-12", "server-16", "server-22"];

/// How long an emulated engine may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Takes the swarm down also when a test fails half way.
struct Up<'a>(&'a Ground);

impl Drop for Up<'_> {
    fn drop(&mut self) {
        let mut down = std::process::Command::new(env!("CARGO_BIN_EXE_seatrial"));
        let down = down
            .arg("down")
            .env("SEATRIAL_CACHE", &self.0.cache)
            .output();
        say(&format!("clean-up: {:?}", down.map(|ended| ended.status)));
    }
}

/// Runs the program; it must succeed.
pub(super) async fn said(ground: &Ground, arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = seatrial(ground)
        .args(arguments)
        .output()
        .await
        .expect("the program starts");
    let (out, err) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    say(&format!("$ seatrial {}\n{out}", arguments.join(" ")));
    assert!(
        status.success(),
        "{arguments:?} ended with {status}:\n{err}"
    );
    out.into_owned()
}

/// The folders that the swarm's keeper wrote down.
fn folders(cache: &Path) -> Vec<PathBuf> {
    let text = std::fs::read(cache.join("up/state.json")).expect("a state");
    let state: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let folders = state["folders"].as_array().expect("its folders").iter();
    folders
        .map(|folder| folder.as_str().expect("a path").into())
        .collect()
}

/// Asks the engine by our own client.
async fn ask_engine(address: SocketAddr) {
    let engine = Engine::connect(address, ANSWER).expect("an address");
    let view = engine
        .view(&BTreeMap::new())
        .await
        .expect("a manager's answer");
    let mut names: Vec<&str> = view.nodes.iter().map(|node| node.name.as_str()).collect();
    names.sort_by_key(|name| NODES.iter().position(|node| node == name));
    assert_eq!(names, NODES);
    assert!(
        view.nodes.iter().all(|node| node.state == "ready"),
        "{:?}",
        view.nodes
    );
    assert_eq!(view.nodes.iter().filter(|node| node.leader).count(), 1);
}

/// Asks it by the client that people use, if there is one.
async fn ask_by_docker(host: &str) {
    let format = "{{.Hostname}} {{.Status}} {{.ManagerStatus}}";
    let asked = Command::new("docker")
        .args(["-H", host, "node", "ls", "--format", format])
        .output()
        .await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => {
            leave_out(
                "`docker node ls`",
                &format!("`docker` cannot be run: {error}"),
            );
            return;
        }
    };
    let err = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{err}");
    let out = String::from_utf8_lossy(&answer.stdout);
    let mut nodes: Vec<&str> = out
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    nodes.sort_by_key(|name| NODES.iter().position(|node| node == name));
    assert_eq!(nodes, NODES, "{out}");
    assert_eq!(
        out.lines().filter(|line| line.ends_with("Leader")).count(),
        1,
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn up_gives_a_swarm_to_an_ordinary_client() {
    let Some(ground) = ground("up_gives_a_swarm_to_an_ordinary_client").await else {
        return;
    };
    let told = said(&ground, &["up", "--managers", "2", "--workers", "2"]).await;
    // Not before: a swarm that was up already is not ours to take down.
    let clean_up = Up(&ground);
    let host = told
        .lines()
        .find_map(|line| line.split_once("DOCKER_HOST=tcp://"));
    let (_, address) = host.expect("a `DOCKER_HOST`");
    ask_engine(address.trim().parse().expect("an address and a port")).await;
    ask_by_docker(&format!("tcp://{}", address.trim())).await;
    let table = said(&ground, &["ps"]).await;
    for node in NODES {
        let line = table
            .lines()
            .find(|line| line.split_whitespace().any(|word| word == node));
        let line = line.unwrap_or_else(|| panic!("no `{node}` in\n{table}"));
        assert!(line.split_whitespace().any(|word| word == "on"), "{line}");
    }
    let name = said(&ground, &["exec", "server-12", "--", "hostname"]).await;
    assert_eq!(name.trim(), "server-12");
    let folders = folders(&ground.cache);
    said(&ground, &["down"]).await;
    wait_until_none_mentions(&folders, Duration::from_secs(1)).await;
    let up = ground.cache.join("up");
    for left in folders
        .into_iter()
        .chain([up.join("control.sock"), up.join("state.json")])
    {
        assert!(!left.exists(), "`{}` is still there", left.display());
    }
    drop(clean_up);
}

/// How long an emulated node may take from power to an SSH server.
const BOOT: Duration = Duration::from_secs(300);

/// Has a node say its name by SSH, with nothing but what `up` wrote down.
async fn until_it_says_its_name(ssh: &Path, node: &str) {
    let look = || async {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(ssh.join("ssh_config"));
        let said = command.args([node, "hostname"]).kill_on_drop(true).output();
        match said.await {
            Ok(said) if said.stdout == format!("{node}\n").as_bytes() => Look::Holds(()),
            Ok(said) => Look::NotYet(String::from_utf8_lossy(&said.stderr).into_owned()),
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let pace = Duration::from_secs(1);
    let said = until(format!("SSH to `{node}`"), BOOT, pace, look).await;
    said.unwrap_or_else(|late| panic!("{late}"));
}

/// Does what an inventory says that an act on a node's power is: the exit code, and what it said.
async fn power(inventory: &toml::Table, node: &str, act: &str) -> (Option<i32>, String) {
    let nodes = inventory["node"].as_array().expect("nodes");
    let known = nodes
        .iter()
        .find(|known| known["name"].as_str() == Some(node));
    let words = known.expect("a node")["power"][act]
        .as_array()
        .expect("a command");
    let mut words = words.iter().map(|word| word.as_str().expect("a word"));
    let mut command = Command::new(words.next().expect("a program"));
    let ended = command.args(words).output().await.expect("it starts");
    say(&format!("{act} {node}: {ended:?}"));
    let out = String::from_utf8_lossy(&ended.stdout).into_owned();
    (ended.status.code(), out)
}

#[tokio::test(flavor = "multi_thread")]
async fn up_gives_a_swarm_to_a_stranger_with_ssh_and_a_switch() {
    let Some(ground) = ground("up_gives_a_swarm_to_a_stranger_with_ssh_and_a_switch").await else {
        return;
    };
    said(&ground, &["up", "--ssh", "--managers=2", "--workers=2"]).await;
    let clean_up = Up(&ground);
    let ssh = ground.cache.join("up/ssh");
    for node in NODES {
        until_it_says_its_name(&ssh, node).await;
    }
    let text = std::fs::read_to_string(ssh.join("swarm.toml")).expect("an inventory");
    let inventory: toml::Table = toml::from_str(&text).expect("TOML");
    let worker = "server-22";
    let looks = async |code, word: &str| {
        let looked = power(&inventory, worker, "status").await;
        assert_eq!(looked, (Some(code), format!("{word}\n")));
    };
    let does = async |act| {
        let done = power(&inventory, worker, act).await;
        assert_eq!(done, (Some(0), String::new()), "{act}");
    };
    looks(0, "on").await;
    for (act, code, word) in [
        ("pause", 0, "paused"),
        ("resume", 0, "on"),
        ("cut", 1, "off"),
        ("cut", 1, "off"),
        ("on", 0, "on"),
    ] {
        does(act).await;
        looks(code, word).await;
    }
    until_it_says_its_name(&ssh, worker).await;
    super::hosts::lent(&ground, &ssh.join("swarm.toml"), &NODES).await;
    let log = std::fs::read_to_string(ground.cache.join("up/keeper.log")).expect("a log");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
    said(&ground, &["down"]).await;
    assert!(!ssh.exists(), "keys are left");
    drop(clean_up);
}
