//! Ctrl-C and SIGTERM while a run is under way: the first heals and judges, the second ends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};

use super::{Desk, SCENARIO};

/// Runs one after the other, so that none of the signals comes too late: one takes less than a
/// second.
const RUNS: usize = 60;

/// A harness that has begun to load its first swarm.
struct Running {
    process: Child,
    err: BufReader<ChildStderr>,
}

impl Running {
    fn start(desk: &Desk) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_seatrial"))
            .args(["run", "--on=sim", "--seed=7"])
            .args([SCENARIO].repeat(RUNS))
            .arg("--runs")
            .arg(desk.path("runs"))
            .env("SEATRIAL_CACHE", desk.path("cache"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(fs::File::create(desk.path("out")).expect("a file"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let err = BufReader::new(process.stderr.take().expect("piped"));
        let mut running = Self { process, err };
        running.until("LOAD");
        running
    }

    /// Reads up to a line that has this in it.
    fn until(&mut self, part: &str) {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            let read = self.err.read_line(&mut line).expect("text");
            assert!(read > 0, "it never said `{part}`");
        }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("sent");
    }

    /// The exit code, and all that was said since.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.err.read_to_string(&mut rest).expect("text");
        (self.process.wait().expect("it ended").code(), rest)
    }
}

#[rstest]
#[case::control_c(Signal::INT)]
#[case::terminated(Signal::TERM)]
fn the_first_heals_and_judges_what_there_is(#[case] signal: Signal) {
    let desk = Desk::new();
    let running = Running::start(&desk);
    running.send(signal);
    let (code, said) = running.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(
        said.contains("interrupted: healing and cleaning up"),
        "{said}"
    );
    assert!(!said.contains("interrupted again"), "{said}");
    let told = fs::read_to_string(desk.path("out")).expect("text");
    assert!(told.contains("UNKNOWN run"), "{told}");
    assert!(told.contains("the run was interrupted"), "{told}");
    let checked = desk.runs(&["check"]);
    assert_eq!(checked.code, Some(2), "{}", checked.whole());
    let healed = desk.runs(&["heal"]);
    assert!(
        healed.out.ends_with("nothing is left\n"),
        "{}",
        healed.whole()
    );
}

#[test]
fn the_second_ends_at_once_and_names_what_is_left() {
    let desk = Desk::new();
    let running = Running::start(&desk);
    // Stopped, it can do nothing between the two.
    for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
        running.send(signal);
    }
    let (code, said) = running.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("interrupted again: "), "{said}");
    let runs = desk.path("runs");
    let command = format!("`seatrial heal {}/", runs.display());
    assert!(said.contains(&command), "{said}");
    let healed = desk.runs(&["heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.whole());
    let journal = fs::read_to_string(runs.join("latest/journal.jsonl")).expect("a journal");
    assert!(journal.contains("\"cleared\"") && !journal.contains("\"event\":\"end\""));
    assert_eq!(desk.runs(&["check"]).code, Some(2));
}

/// SIGKILL leaves nobody to say anything: the journal's lock is free all the same.
#[test]
fn a_killed_harness_is_healed_at_once() {
    let desk = Desk::new();
    let mut running = Running::start(&desk);
    running.process.kill().expect("killed");
    running.process.wait().expect("it ended");
    let healed = desk.runs(&["heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.whole());
    let again = desk.runs(&["heal"]);
    assert!(
        again.out.ends_with("nothing is left\n"),
        "{}",
        again.whole()
    );
    assert_eq!(desk.runs(&["check"]).code, Some(2));
}
