//! A swarm that is there already: that of `up --ssh`, which is broken as if it were foreign.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use seatrial::wait::{Look, until};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::ground::{Ground, say};
use super::kept::said;
use super::processes::seatrial;

/// A scenario that cuts both workers off.
const SCENARIO: &str = "tests/vm/cut-off.yaml";

/// The worker that loses its power, and the one that does not.
const REBOOTED: &str = "server-16";
const LEFT_ALONE: &str = "server-22";

/// How long a host may keep a fault whose harness is dead.
const LEASE: Duration = Duration::from_secs(15);

/// How long managers may take to hear of a node that has booted.
const HEARD: Duration = Duration::from_secs(60);

/// The swarm is refused, then lent; a run of it passes; another is killed, and the hosts mend
/// themselves, one of them when it boots.
pub(super) async fn lent(ground: &Ground, inventory: &Path, nodes: &[&str]) {
    let on = format!("--on=hosts={}", inventory.display());
    refused(ground, &on).await;
    let label = "docker node update --label-add seatrial.breakable=true";
    let label = nodes.iter().map(|node| format!("{label} {node} && "));
    let label = label.collect::<String>() + "true";
    said(ground, &["exec", nodes[0], "--", "sh", "-c", &label]).await;
    able(ground, inventory).await;
    let runs = tempfile::tempdir().expect("a folder");
    let runs = format!("--runs={}", runs.path().display());
    let told = said(ground, &["run", "--yes", &on, &runs, SCENARIO]).await;
    for line in ["PASS exercised", "PASS residue", "PASS cut-off"] {
        assert!(told.contains(line), "no `{line}` in:\n{told}");
    }
    killed(ground, &["run", "--yes", &on, &runs, SCENARIO]).await;
    mended(ground, LEFT_ALONE).await;
    said(ground, &["power", REBOOTED, "on"]).await;
    mended(ground, REBOOTED).await;
    in_use(ground, &on).await;
    let latest = format!("{}/latest", runs.trim_start_matches("--runs="));
    let inventory = inventory.display().to_string();
    said(ground, &["heal", &latest, "--inventory", &inventory]).await;
    for node in nodes {
        let gone = ["exec", *node, "--", "test", "!", "-e", "/var/lib/seatrial"];
        said(ground, &gone).await;
    }
}

/// Until a killed run is healed, no other begins: the swarm may not be what it was.
async fn in_use(ground: &Ground, on: &str) {
    // The node that booted is no node that is up before the managers have heard it.
    let look = || async {
        let ended = seatrial(ground).args(["plan", on, SCENARIO]).output().await;
        let ended = ended.expect("it starts");
        let err = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{err}");
        match err.contains("is in use by the run `seatrial-") {
            true => Look::Holds(()),
            false => Look::NotYet(err),
        }
    };
    let refused = until("a refusal", HEARD, Duration::from_secs(1), look).await;
    refused.unwrap_or_else(|late| panic!("{late}"));
}

/// Nothing is planned on hosts whose owners have not opted in.
async fn refused(ground: &Ground, on: &str) {
    let ended = seatrial(ground).args(["plan", on, SCENARIO]).output().await;
    let ended = ended.expect("it starts");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{err}");
    assert!(err.contains("`server-22` may not be broken"), "{err}");
}

/// What the hosts can do is told without touching them.
async fn able(ground: &Ground, inventory: &Path) {
    let inventory = inventory.display().to_string();
    let told = said(ground, &["doctor", "--inventory", &inventory]).await;
    let row = |what: &str| {
        told.lines()
            .rfind(|line| line.trim_start().starts_with(what))
    };
    let last = |what| row(what).and_then(|line| line.split_whitespace().last());
    assert_eq!(last("power cut"), Some("yes"), "{told}");
    assert!(told.contains("`hosts` can run on `server-3`, "), "{told}");
    let place = format!("hosts={inventory}");
    let told = said(
        ground,
        &[
            "parity",
            SCENARIO,
            "scenarios/article/08-nginx-on-nfs.yaml",
            "--on",
            "vm",
            &place,
        ],
    )
    .await;
    for cells in [["cut-off", "not run"], ["08-nginx-on-nfs", "no NFS v3"]] {
        let line = told.lines().find(|line| line.contains(cells[0]));
        assert!(line.is_some_and(|line| line.contains(cells[1])), "{told}");
    }
}

/// Kills a run as soon as its faults are in force, and one of the hosts has lost its power.
async fn killed(ground: &Ground, args: &[&str]) {
    let mut run = seatrial(ground)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(run.stderr.take().expect("a pipe")).lines();
    let (mut told, mut confirmed) = (String::new(), 0);
    while let Some(line) = lines.next_line().await.expect("text") {
        told += &format!("{line}\n");
        confirmed += u32::from(line.contains("CONFIRMED"));
        if confirmed == 2 {
            break;
        }
    }
    assert_eq!(confirmed, 2, "not both faults were confirmed:\n{told}");
    // Before the harness is gone: nobody but the host itself, when it boots, can mend it then.
    said(ground, &["power", REBOOTED, "cut"]).await;
    run.kill().await.expect("SIGKILL");
}

/// A host lets its frames pass again, and has nothing left to undo, with nobody there to tell it
/// to. It stays the run's until that is healed.
async fn mended(ground: &Ground, node: &str) {
    let began = std::time::Instant::now();
    let look = || async {
        let ask = "if nft list table inet seatrial > /dev/null 2>&1; then echo cut off; \
            elif test -e /var/lib/seatrial/undo; then echo not yet mended; else echo mended; fi";
        let mut exec = seatrial(ground);
        let said = exec.args(["exec", node, "--", "sh", "-c", ask]).output();
        match said.await {
            Ok(said) if said.stdout == b"mended\n" => Look::Holds(()),
            Ok(said) => Look::NotYet(String::from_utf8_lossy(&said.stdout).into_owned()),
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let what = "the host to mend itself";
    let mended = until(what, LEASE, Duration::from_millis(200), look).await;
    mended.unwrap_or_else(|late| panic!("{late}"));
    say(&format!(
        "`{node}` had mended itself {:.1?} after it was asked first",
        began.elapsed()
    ));
}
