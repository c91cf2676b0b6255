//! A harness, and a healer, that ends within a line: the kernel ends it in the middle of a write,
//! once its journal has reached a size.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use seatrial::verdict::Verdict;

use super::harness::Desk;
use super::healed::{Healed, heal, said, seatrial};
use super::kinds::Point;

/// A scenario that a few lines of memory can run.
const SCENARIO: &str = "scenarios/mariadb-nfs-survives-node-stop.yaml";

/// Runs the program with arguments until a file of it has this size; true if that ended it.
fn limited(desk: &Desk, size: u64, arguments: &[&str]) -> bool {
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--fsize={size}"))
        .arg("--core=0")
        .arg(env!("CARGO_BIN_EXE_seatrial"))
        .args(arguments)
        .env("SEATRIAL_CACHE", desk.path("cache"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = command.status().expect("`prlimit` of util-linux");
    status.signal() == Some(Signal::XFSZ.as_raw())
}

/// Checks what a run came to that was ended so.
fn healed(desk: &Desk, journal: &Path) -> Healed {
    heal(
        journal,
        &desk.path("cache"),
        &desk.places(),
        &Default::default(),
    )
}

/// How long the journal of a whole run is: never quite the same.
pub(crate) fn length() -> u64 {
    let desk = Desk::new();
    let mut run = seatrial(&desk.path("cache"));
    run.args(["run", "--on=sim", "--seed=7", SCENARIO, "--runs"])
        .arg(desk.path("runs"))
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let (code, said) = said(&mut run);
    assert_eq!(code, Some(0), "{said}");
    let journal = fs::metadata(desk.path("runs/latest/journal.jsonl"));
    journal.expect("a journal").len()
}

/// The program, ended once its journal has this size: what it came to.
pub(crate) fn run(size: u64) -> Healed {
    let desk = Desk::new();
    let runs = desk.path("runs").display().to_string();
    let arguments = ["run", "--on=sim", "--seed=7", SCENARIO, "--runs", &runs];
    let ended = limited(&desk, size, &arguments);
    let mut healed = healed(&desk, &only_journal(&desk.path("runs")));
    if !ended {
        healed.wrong.push("it was not ended there".to_owned());
    }
    if healed.verdict == Some(Verdict::Fail) {
        healed.wrong.push("a run that was ended fails".to_owned());
    }
    healed
}

/// A run that was killed while its machine ran, and a healer that was ended within its entry.
pub(crate) fn heal_of(run: &str) -> Healed {
    let desk = Desk::new();
    let point = Point::parse("confirmed 1");
    desk.start(run, point, false);
    let journal = desk.journal();
    let length = fs::metadata(&journal).expect("a journal").len();
    let path = journal.display().to_string();
    let ended = limited(&desk, length + 40, &["heal", &path]);
    let mut healed = healed(&desk, &journal);
    if !ended {
        healed
            .wrong
            .push("the healer was not ended there".to_owned());
    }
    healed
}

/// The journal of the only run in a folder.
fn only_journal(runs: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(runs).expect("runs").flatten();
    let run = entries
        .map(|entry| entry.path())
        .find(|path| !path.is_symlink());
    run.expect("a run").join("journal.jsonl")
}
