//! `seatrial heal`: what a killed harness left is removed by another process, from the journal
//! alone.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Desk, SCENARIO, shows};

/// No process has this number: it is above the highest that Linux gives.
const NOBODY: &str = "seatrial-4194305-0a1b2c3d";

/// A run that was killed while it lasted: a journal that breaks off, and the two folders that it
/// announced.
struct Killed {
    journal: PathBuf,
    folders: [PathBuf; 2],
}

impl Killed {
    /// The first half of an honest run, as if it had been one on machines.
    fn of(desk: &Desk) -> Self {
        let ran = desk.runs(&["run", "--on=sim", "--seed=7", SCENARIO]);
        assert_eq!(ran.code, Some(0), "{}", ran.whole());
        let journal = desk.path("runs/latest/journal.jsonl");
        let journal = fs::canonicalize(journal).expect("a journal");
        let folders = ["cache/work", "tmp"].map(|place| desk.path(place).join(NOBODY));
        for folder in &folders {
            fs::create_dir_all(folder).expect("a folder");
            fs::write(folder.join("server-3.system.qcow2"), "x").expect("a file");
        }
        let killed = Self { journal, folders };
        killed.announce();
        killed
    }

    /// Writes the journal anew: the folders announced in place of the inventory, and an end in the
    /// middle of a line, while the fault is in force.
    fn announce(&self) {
        let text = fs::read_to_string(&self.journal).expect("text");
        let resources = self.folders.each_ref().map(|folder| {
            format!(
                r#"{{"creating":{{"folder":{{"path":"{}"}}}}}}"#,
                folder.display()
            )
        });
        let (mut lines, mut number) = (String::new(), 0);
        for line in text.lines() {
            let renumber = |line: &str, number: usize| {
                let (_, rest) = line.split_once(',').expect("a number");
                format!("{{\"seq\":{number},{rest}\n")
            };
            if line.contains("\"inventory\"") {
                for resource in &resources {
                    lines += &renumber(&line.replace(r#"{"inventory":[]}"#, resource), number);
                    number += 1;
                }
                continue;
            }
            lines += &renumber(line, number);
            number += 1;
            if line.contains("\"confirmed\"") && line.contains("no frame") {
                break;
            }
        }
        lines += "{\"seq\":4711,\"at_";
        fs::write(&self.journal, lines).expect("written");
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.journal).expect("text")
    }
}

#[test]
fn what_a_killed_run_left_is_removed_once() {
    let desk = Desk::new();
    let killed = Killed::of(&desk);
    let healed = desk.runs(&["heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.whole());
    shows("heal-of-a-killed-run", &healed.whole());
    assert!(killed.folders.iter().all(|folder| !folder.exists()));
    let text = killed.text();
    assert!(
        text.ends_with("}\n") && text.contains(r#""torn":"{\"seq\":4711,\"at_""#),
        "{text}"
    );
    // It is over, and was never whole.
    let checked = desk.runs(&["check"]);
    assert_eq!(checked.code, Some(2), "{}", checked.whole());
    assert!(checked.out.contains("breaks off"), "{}", checked.out);
    for again in [&["heal"][..], &["heal", "--all"]] {
        let again = desk.runs(again);
        assert_eq!(again.code, Some(0), "{}", again.whole());
        assert!(again.out.contains("nothing is left"), "{}", again.out);
    }
    assert_eq!(killed.text(), text, "nothing was added");
}

#[test]
fn a_machine_of_a_killed_run_is_ended_by_its_number() {
    let desk = Desk::new();
    let killed = Killed::of(&desk);
    let disk = killed.folders[0].join("server-3.system.qcow2");
    let start = |path: &PathBuf| {
        let mut shell = Command::new("bash");
        let script = "exec -a /usr/bin/qemu-system-x86_64 tail -f /dev/null \"$0\"";
        shell.args(["-c", script]).arg(path).stderr(Stdio::null());
        shell.spawn().expect("a process")
    };
    let (mut machine, mut other) = (start(&disk), start(&desk.path("another")));
    for child in [&machine, &other] {
        until_it_is(child, "qemu-system-x86_64");
    }
    let id = machine.id();
    let reaped = std::thread::spawn(move || machine.wait());
    let healed = desk.runs(&["heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.whole());
    let line = format!("ended process {id} (`qemu-system-x86_64`)");
    assert!(healed.out.contains(&line), "{}", healed.out);
    reaped.join().expect("no panic").expect("it ended");
    assert!(
        other.try_wait().expect("a child").is_none(),
        "it is nobody's"
    );
    other.kill().expect("it ends");
    other.wait().expect("it ended");
}

/// Waits until a shell has become the program.
fn until_it_is(child: &Child, program: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    let command = || fs::read_to_string(format!("/proc/{}/cmdline", child.id()));
    while !command().is_ok_and(|text| {
        text.split('\0')
            .next()
            .is_some_and(|p| p.ends_with(program))
    }) {
        assert!(Instant::now() < end, "it is still a shell");
        std::thread::yield_now();
    }
}

#[test]
fn a_run_that_is_alive_is_left_alone() {
    let desk = Desk::new();
    let killed = Killed::of(&desk);
    let text = killed.text();
    let held = File::open(&killed.journal).expect("a journal");
    held.lock().expect("ours");
    let refused = desk.runs(&["heal"]);
    assert_eq!(refused.code, Some(2), "{}", refused.whole());
    assert!(
        refused.err.contains(" is alive; interrupt it"),
        "{}",
        refused.err
    );
    let work = File::open(&killed.folders[0]).expect("a folder");
    work.lock().expect("ours");
    let all = desk.runs(&["heal", "--all"]);
    assert_eq!(all.code, Some(0), "{}", all.whole());
    assert_eq!(all.out.matches("left alone").count(), 2, "{}", all.out);
    assert_eq!(killed.text(), text);
    assert!(killed.folders.iter().all(|folder| folder.exists()));
}

#[test]
fn a_folder_that_is_held_or_is_not_ours_is_never_removed() {
    let desk = Desk::new();
    let killed = Killed::of(&desk);
    let precious = desk.path("precious");
    fs::create_dir(&precious).expect("a folder");
    let ours = killed.folders[1].display().to_string();
    let edited = killed
        .text()
        .replace(&ours, &precious.display().to_string());
    fs::write(&killed.journal, edited).expect("written");
    let work = File::open(&killed.folders[0]).expect("a folder");
    work.lock().expect("ours");
    let healed = desk.runs(&["heal"]);
    assert_eq!(healed.code, Some(2), "{}", healed.whole());
    assert!(
        healed.err.contains("used by a living harness"),
        "{}",
        healed.err
    );
    assert!(
        healed.err.contains("has no name of a swarm's folder"),
        "{}",
        healed.err
    );
    assert!(precious.exists() && killed.folders[0].exists());
    // What could not be done is tried again.
    drop(work);
    let again = desk.runs(&["heal"]);
    assert_eq!(again.code, Some(2), "{}", again.whole());
    assert!(precious.exists() && !killed.folders[0].exists());
}

#[test]
fn every_run_is_healed_and_what_no_journal_knows() {
    let desk = Desk::new();
    let killed = Killed::of(&desk);
    let unknown = desk.path("cache/work").join("seatrial-4194305-ffffffff");
    let other = desk.path("cache/work").join("mine");
    for folder in [&unknown, &other] {
        fs::create_dir(folder).expect("a folder");
    }
    desk.write("runs/damaged/journal.jsonl", "half a li\nand more\n");
    desk.write("runs/unborn/journal.jsonl", "{\"seq\":0,");
    let healed = desk.runs(&["heal", "--all"]);
    assert_eq!(healed.code, Some(2), "{}", healed.whole());
    shows("heal-of-all-runs", &healed.whole());
    assert!(other.exists() && !unknown.exists());
    assert!(killed.folders.iter().all(|folder| !folder.exists()));
    fs::remove_dir_all(desk.path("runs/damaged")).expect("removed");
    let again = desk.runs(&["heal", "--all"]);
    assert_eq!(
        (again.code, again.out.as_str()),
        (Some(0), "nothing is left of any run\n")
    );
}

/// Journals from before there was anything to heal by, and runs that ended, need nothing.
#[test]
fn a_run_that_ended_is_not_touched() {
    let desk = Desk::new();
    let journal = "tests/journals/recovers.pass.jsonl";
    let text = fs::read_to_string(journal).expect("a journal");
    let copy = desk.write("run/journal.jsonl", &text);
    let healed = desk.say(&["heal", &copy]);
    assert_eq!(healed.code, Some(0), "{}", healed.whole());
    assert!(
        healed.out.ends_with("run: nothing is left\n"),
        "{}",
        healed.out
    );
    assert_eq!(fs::read_to_string(&copy).expect("a journal"), text);
    assert_eq!(desk.say(&["heal", "no-such-run"]).code, Some(64));
    assert_eq!(desk.say(&["heal", "--all", &copy]).code, Some(64));
}
