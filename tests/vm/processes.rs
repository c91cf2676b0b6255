//! What runs on this computer, and what is left when the harness is killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use seatrial::journal::{self, Event, Resource};
use seatrial::wait::{Look, until};
use tokio::process::Command;

use super::ground::{Ground, ground, scenario};

/// How long machines may take to start: another run's turn is not waited for here.
const START: Duration = Duration::from_secs(180);

/// The commands of all processes that mention one of these folders.
pub(crate) fn that_mention(folders: &[PathBuf]) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("a proc file system");
    let commands = processes.flatten().filter_map(|process| {
        let command = std::fs::read(process.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&command).replace('\0', " "))
    });
    let mentions = |command: &String| {
        let mentioned = |folder: &PathBuf| command.contains(&folder.display().to_string());
        folders.iter().any(mentioned)
    };
    commands.filter(mentions).collect()
}

/// Waits until no process mentions one of these folders.
pub(crate) async fn wait_until_none_mentions(folders: &[PathBuf], deadline: Duration) {
    assert!(!folders.is_empty(), "no folder to look for");
    let look = || async {
        match that_mention(folders) {
            none if none.is_empty() => Look::Holds(()),
            left => Look::NotYet(left.join("\n")),
        }
    };
    let gone = until(
        "the end of every machine",
        deadline,
        Duration::from_millis(20),
        look,
    );
    gone.await.unwrap_or_else(|late| panic!("{late}"));
}

/// The program, with this ground's images.
pub(crate) fn seatrial(ground: &Ground) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
    command
        .env("SEATRIAL_CACHE", &ground.cache)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Folders and machines that a run has announced so far.
fn announced(runs: &Path) -> (Vec<PathBuf>, usize) {
    let (mut folders, mut machines) = (Vec::new(), 0);
    for run in std::fs::read_dir(runs).into_iter().flatten().flatten() {
        // Half a line, or half a journal, is read again at the next look.
        let Ok(history) = journal::read(&run.path().join("journal.jsonl")) else {
            continue;
        };
        for entry in &history.entries {
            match &entry.event {
                Event::Creating(Resource::Folder { path }) => folders.push(PathBuf::from(path)),
                Event::Creating(Resource::Machine { .. }) => machines += 1,
                _ => {}
            }
        }
    }
    // `latest` is the same run under another name.
    folders.sort();
    folders.dedup();
    (folders, machines)
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_die_with_the_harness() {
    let Some(ground) = ground("machines_die_with_the_harness").await else {
        return;
    };
    let runs = tempfile::tempdir().expect("a folder");
    let mut harness = seatrial(&ground)
        .arg("run")
        .arg(scenario("nginx-nfs-answers-on-every-node"))
        .arg("--runs")
        .arg(runs.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let runs = runs.path();
    let look = || async move {
        let (folders, machines) = announced(runs);
        let running = that_mention(&folders);
        let running = running
            .iter()
            .filter(|command| command.contains("qemu-system"))
            .count();
        // Two managers, two workers and the storage machine.
        if machines >= 5 && running >= 5 {
            Look::Holds(folders)
        } else {
            Look::NotYet(format!("{running} processes of {machines} machines"))
        }
    };
    let machines = until("five machines", START, Duration::from_millis(100), look).await;
    harness.kill().await.expect("it can be killed");
    let folders = machines.unwrap_or_else(|late| panic!("{late}"));
    wait_until_none_mentions(&folders, Duration::from_secs(1)).await;
    for folder in folders {
        std::fs::remove_dir_all(&folder).expect("what a killed harness leaves can be removed");
    }
}
