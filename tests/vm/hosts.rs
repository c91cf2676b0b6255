//! A swarm that is there already: that of `up --ssh`, which is broken as if it were foreign.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use seatrial::wait::{Look, until};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::ground::{Ground, say};
use super::kept::said;
use super::processes::seatrial;

/// A scenario that cuts a worker off.
const SCENARIO: &str = "tests/vm/cut-off.yaml";

/// How long a host may keep a fault whose harness is dead.
const LEASE: Duration = Duration::from_secs(15);

/// The swarm is refused, then lent; a run of it passes; another is killed, and the host mends
/// itself.
pub(super) async fn lent(ground: &Ground, inventory: &Path, nodes: &[&str]) {
    let on = format!("--on=hosts={}", inventory.display());
    refused(ground, &on).await;
    let label = "docker node update --label-add seatrial.breakable=true";
    let label = nodes.iter().map(|node| format!("{label} {node} && "));
    let label = label.collect::<String>() + "true";
    said(ground, &["exec", nodes[0], "--", "sh", "-c", &label]).await;
    let runs = tempfile::tempdir().expect("a folder");
    let runs = format!("--runs={}", runs.path().display());
    let told = said(ground, &["run", "--yes", &on, &runs, SCENARIO]).await;
    for line in ["PASS exercised", "PASS residue", "PASS cut-off"] {
        assert!(told.contains(line), "no `{line}` in:\n{told}");
    }
    killed(ground, &["run", "--yes", &on, &runs, SCENARIO]).await;
    mended(ground).await;
    let latest = format!("{}/latest", runs.trim_start_matches("--runs="));
    let inventory = inventory.display().to_string();
    said(ground, &["heal", &latest, "--inventory", &inventory]).await;
}

/// Nothing is planned on hosts whose owners have not opted in.
async fn refused(ground: &Ground, on: &str) {
    let ended = seatrial(ground).args(["plan", on, SCENARIO]).output().await;
    let ended = ended.expect("it starts");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{err}");
    assert!(err.contains("`server-22` may not be broken"), "{err}");
}

/// Kills a run as soon as its fault is in force.
async fn killed(ground: &Ground, args: &[&str]) {
    let mut run = seatrial(ground)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(run.stderr.take().expect("a pipe")).lines();
    let mut told = String::new();
    while let Some(line) = lines.next_line().await.expect("text") {
        told += &format!("{line}\n");
        if line.contains("CONFIRMED") {
            break;
        }
    }
    assert!(
        told.contains("CONFIRMED"),
        "no fault was confirmed:\n{told}"
    );
    run.kill().await.expect("SIGKILL");
}

/// The host lets its frames pass again, with nobody there to tell it to.
async fn mended(ground: &Ground) {
    let began = std::time::Instant::now();
    let look = || async {
        let ask = "nft list table inet seatrial > /dev/null 2>&1 && echo cut off || echo mended";
        let mut exec = seatrial(ground);
        let said = exec
            .args(["exec", "server-22", "--", "sh", "-c", ask])
            .output();
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
        "`server-22` mended itself {:.1?} after the harness was killed",
        began.elapsed()
    ));
}
