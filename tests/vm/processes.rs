//! What runs on this computer, and what is left when the harness is killed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use seatrial::journal::{self, Event, Resource};
use seatrial::substrate::{Lab, PowerOff};
use seatrial::wait::{Look, until};
use tokio::process::{Child, Command};

use super::ground::{Ground, ground, scenario};

/// How long machines may take to start: another run's turn is not waited for here.
const START: Duration = Duration::from_secs(180);

/// All processes that mention one of these folders, with their commands.
fn mentioning(folders: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let processes = std::fs::read_dir("/proc").expect("a proc file system");
    let commands = processes.flatten().filter_map(|process| {
        let command = std::fs::read(process.path().join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        Some((process.path(), command))
    });
    let mentions = |(_, command): &(PathBuf, String)| {
        let mentioned = |folder: &PathBuf| command.contains(&folder.display().to_string());
        folders.iter().any(mentioned)
    };
    commands.filter(mentions).collect()
}

/// The commands of all processes that mention one of these folders.
pub(crate) fn that_mention(folders: &[PathBuf]) -> Vec<String> {
    let all = mentioning(folders).into_iter();
    all.map(|(_, command)| command).collect()
}

/// The addresses on which processes accept connections, as the kernel writes them (proc(5)).
fn accepting(processes: &[PathBuf]) -> Vec<String> {
    let open = processes.iter().flat_map(|process| {
        let files = std::fs::read_dir(process.join("fd"));
        files.into_iter().flatten().flatten()
    });
    let sockets: BTreeSet<String> = open
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .map(|link| link.display().to_string())
        .collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let tables: Vec<String> = tables.into_iter().flatten().collect();
    let lines = tables.iter().flat_map(|table| table.lines());
    let accepting = lines.filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let inode = fields.get(9)?;
        let ours = sockets.contains(&format!("socket:[{inode}]"));
        (ours && fields[3] == "0A").then(|| fields[1].to_owned())
    });
    accepting.collect()
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

/// Starts a run, and waits until all its machines have power; the folders that it announced.
async fn started(ground: &Ground, runs: &Path) -> (Child, Vec<PathBuf>) {
    let harness = seatrial(ground)
        .arg("run")
        .arg(scenario("nginx-nfs-answers-on-every-node"))
        .arg("--runs")
        .arg(runs)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
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
    (harness, machines.unwrap_or_else(|late| panic!("{late}")))
}

/// Nobody else on the network can reach what a run needs.
#[tokio::test(flavor = "multi_thread")]
async fn machines_are_reached_through_loopback_alone_and_die_with_the_harness() {
    let name = "machines_are_reached_through_loopback_alone_and_die_with_the_harness";
    let Some(ground) = ground(name).await else {
        return;
    };
    let runs = tempfile::tempdir().expect("a folder");
    let (mut harness, folders) = started(&ground, runs.path()).await;
    let machines = mentioning(&folders).into_iter().map(|(process, _)| process);
    let pid = harness.id().expect("it runs").to_string();
    let processes: Vec<PathBuf> = machines.chain([Path::new("/proc").join(pid)]).collect();
    // A port leads to a machine once somebody asks it something.
    let look = || async {
        match accepting(&processes) {
            none if none.is_empty() => Look::NotYet("nobody accepts a connection".to_owned()),
            some => Look::Holds(some),
        }
    };
    let ports = until("a port", START, Duration::from_millis(100), look).await;
    let ports = ports.unwrap_or_else(|late| panic!("{late}"));
    let loopback = |address: &String| address.starts_with("0100007F:");
    assert!(ports.iter().all(loopback), "{ports:?}");
    harness.kill().await.expect("it can be killed");
    wait_until_none_mentions(&folders, Duration::from_secs(1)).await;
    for folder in folders {
        std::fs::remove_dir_all(&folder).expect("what a killed harness leaves can be removed");
    }
}

/// The machines end with the harness, and its folders go with `seatrial heal`.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_harness_leaves_nothing_once_it_is_healed() {
    let Some(ground) = ground("a_killed_harness_leaves_nothing_once_it_is_healed").await else {
        return;
    };
    let runs = tempfile::tempdir().expect("a folder");
    let (mut harness, folders) = started(&ground, runs.path()).await;
    let refused = heal(&ground, runs.path(), &[]).await;
    assert_eq!(refused.0, Some(2), "it is alive: {}", refused.1);
    assert!(folders.iter().all(|folder| folder.exists()));
    harness.kill().await.expect("it can be killed");
    wait_until_none_mentions(&folders, Duration::from_secs(1)).await;
    let (code, said) = heal(&ground, runs.path(), &[]).await;
    assert_eq!(code, Some(0), "{said}");
    for folder in &folders {
        assert!(!folder.exists(), "`{}` is still there", folder.display());
        let line = format!("removed `{}`", folder.display());
        assert!(said.contains(&line), "{said}");
    }
    let (code, said) = heal(&ground, runs.path(), &["--all"]).await;
    assert_eq!(code, Some(0), "{said}");
    let journal = runs.path().join("latest/journal.jsonl");
    let history = journal::read(&journal).expect("a journal that can be read");
    assert_eq!(history.cleared().count(), 1);
    let verdict = seatrial::check::check(&history).verdict;
    assert_eq!(verdict, seatrial::verdict::Verdict::Unknown);
}

/// Heals the latest run; the exit code, and all that was said.
async fn heal(ground: &Ground, runs: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = seatrial(ground);
    let command = command.arg("heal").args(arguments).arg("--runs").arg(runs);
    let ended = command.output().await.expect("the program starts");
    let (out, err) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    (ended.status.code(), format!("{out}{err}"))
}

/// The first interrupt ends a run even while its machines are made, and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_gives_up_machines_that_are_being_made() {
    let Some(ground) = ground("an_interrupt_gives_up_machines_that_are_being_made").await else {
        return;
    };
    let runs = tempfile::tempdir().expect("a folder");
    let (mut harness, folders) = started(&ground, runs.path()).await;
    let pid = i32::try_from(harness.id().expect("it lives")).expect("a number");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("sent");
    let ended = tokio::time::timeout(START, harness.wait()).await;
    let status = ended.expect("it ends").expect("it ended");
    assert_eq!(status.code(), Some(130));
    assert!(that_mention(&folders).is_empty());
    assert!(folders.iter().all(|folder| !folder.exists()));
    let journal = runs.path().join("latest/journal.jsonl");
    let history = journal::read(&journal).expect("a journal that can be read");
    let judgement = seatrial::check::check(&history);
    let residue = judgement.findings.iter().find(|one| one.check == "residue");
    let verdict = residue.map(|one| (one.verdict, one.summary.as_str()));
    let nothing = "nothing is left of the run";
    assert_eq!(verdict, Some((seatrial::verdict::Verdict::Pass, nothing)));
}

/// Kills the emulator of a machine that this process started.
fn kill_emulator(machine: &str) {
    let own = format!("PPid:\t{}", std::process::id());
    let word = format!("seatrial.name={machine} ");
    let is_it = |folder: &PathBuf| {
        let read = |file| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        read("status").lines().any(|line| line == own) && read("cmdline").contains(&word)
    };
    let processes = std::fs::read_dir("/proc").expect("a proc file system");
    let folders: Vec<PathBuf> = processes.flatten().map(|one| one.path()).collect();
    let found: Vec<&PathBuf> = folders.iter().filter(|folder| is_it(folder)).collect();
    let [process] = found[..] else {
        panic!("not one emulator of `{machine}`: {found:?}");
    };
    let process = process.file_name().expect("a number");
    let killed = std::process::Command::new("kill")
        .arg("-KILL")
        .arg(process)
        .status();
    assert!(killed.expect("kill starts").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_ends_by_itself_is_told_from_one_that_was_turned_off() {
    let name = "a_machine_that_ends_by_itself_is_told_from_one_that_was_turned_off";
    let Some(ground) = ground(name).await else {
        return;
    };
    let plan = ground.plan_without_faults("nginx-nfs-answers-on-every-node");
    let lab = ground.vm.lab(&plan, None).await.expect("a lab");
    let (killed, cut) = ("server-16", "server-22");
    lab.power_off(cut, PowerOff::Cut).await.expect("it is cut");
    assert_eq!(lab.ended(killed).await, None);
    kill_emulator(killed);
    let look = || async {
        match lab.ended(killed).await {
            Some(how) => Look::Holds(how),
            None => Look::NotYet(format!("`{killed}` runs")),
        }
    };
    let pace = Duration::from_millis(20);
    let how = until("the end of a machine", START, pace, look).await;
    let how = how.unwrap_or_else(|late| panic!("{late}"));
    assert!(how.contains("signal: 9"), "{how}");
    assert_eq!(lab.ended(cut).await, None, "we turned it off");
    assert_eq!(lab.ended("server-3").await, None, "it runs");
    lab.tear_down().await.expect("it is taken down");
}
