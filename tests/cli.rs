//! The command line as its users meet it. No machine is started here.

#[path = "cli/gate.rs"]
mod gate;
#[path = "cli/heal.rs"]
mod heal;
#[path = "cli/hosts.rs"]
mod hosts;
#[path = "cli/interrupt.rs"]
mod interrupt;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/parity.rs"]
mod parity;
#[path = "cli/terminal.rs"]
mod terminal;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use insta::{Settings, assert_snapshot};
use rstest::rstest;
use tempfile::TempDir;

/// A scenario that a few lines of memory can run.
const SCENARIO: &str = "scenarios/mariadb-nfs-survives-node-stop.yaml";

/// A folder for runs and cache, and the repository to start in.
struct Desk {
    folder: TempDir,
    /// For the programs' own temporary files: what other tests leave for a moment is nobody's here.
    temporary: TempDir,
}

/// What a command came to, with paths and times taken out.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let temporary = tempfile::tempdir().expect("a folder");
        Self { folder, temporary }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The program with nothing of this machine's environment.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SEATRIAL_CACHE", self.path("cache"))
            .env("TMPDIR", self.temporary.path())
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }

    fn say(&self, args: &[&str]) -> Said {
        let mut command = self.command();
        command.args(args);
        self.said(&mut command)
    }

    /// As `say`, with runs landing on the desk.
    fn runs(&self, args: &[&str]) -> Said {
        let mut command = self.command();
        command.args(args).arg("--runs").arg(self.path("runs"));
        self.said(&mut command)
    }

    fn said(&self, command: &mut Command) -> Said {
        let output = command.output().expect("it starts");
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).expect("text");
            text.replace(&self.folder.path().display().to_string(), "[desk]")
        };
        Said {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("written");
        path.display().to_string()
    }
}

impl Said {
    /// Code, output and errors in one text.
    fn whole(&self) -> String {
        let code = self.code.map_or("none".to_owned(), |code| code.to_string());
        let mut text = format!("exit code {code}\n");
        for (name, said) in [("stdout", &self.out), ("stderr", &self.err)] {
            if !said.is_empty() {
                text += &format!("--- {name}\n{said}");
            }
        }
        text
    }
}

/// Compares under a name, with the times of runs and whatever else differs taken out.
fn shows(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(true);
    settings.add_filter(r"\d{8}T\d{6}Z", "[time]");
    settings.add_filter("/cache/w[o]rk/", "/cache/[swarms]/");
    settings.bind(|| assert_snapshot!(name, text));
}

/// A text without the lines that begin with one of these words.
fn lines_without(text: &str, words: &[&str]) -> String {
    let begins = |line: &&str| words.iter().any(|word| line.trim_start().starts_with(word));
    let lines = text.lines().filter(|line| !begins(line));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn help_names_every_command_and_exit_code() {
    let desk = Desk::new();
    let said = desk.say(&["--help"]);
    assert_eq!(said.code, Some(0));
    shows("help", &said.out);
}

#[rstest]
fn every_command_has_help(
    #[values(
        "doctor", "prepare", "plan", "run", "check", "report", "compare", "gate", "trend",
        "parity", "runs", "heal", "up", "down", "ps", "exec", "power", "schema"
    )]
    command: &str,
) {
    let said = Desk::new().say(&[command, "--help"]);
    assert_eq!(said.code, Some(0));
    shows(&format!("help-{command}"), &said.out);
}

#[rstest]
#[case::nothing(&[])]
#[case::unknown_command(&["sail"])]
#[case::unknown_option(&["run", "--fast", SCENARIO])]
#[case::no_scenario(&["run"])]
#[case::unknown_place(&["run", "--on", "moon", SCENARIO])]
#[case::seed_is_no_number(&["plan", "--seed", "often", SCENARIO])]
#[case::no_such_scenario(&["plan", "no-such.yaml"])]
#[case::no_such_run(&["check", "no-such-run"])]
#[case::no_such_format(&["report", "--format", "smoke"])]
#[case::no_command_to_run(&["exec", "server-3"])]
#[case::no_such_act(&["power", "server-3", "explode"])]
#[case::no_act(&["power", "server-3"])]
#[case::machines_twice(&["up", "--managers", "1", SCENARIO])]
#[case::api_twice(&["up", "--api", "tls", SCENARIO])]
#[case::no_such_api(&["up", "--api", "plain"])]
#[case::no_managers(&["up", "--managers", "0"])]
#[case::too_many_nodes(&["up", "--workers", "9"])]
fn bad_usage_is_64(#[case] args: &[&str]) {
    let said = Desk::new().say(args);
    assert_eq!(said.code, Some(64), "{}", said.whole());
    assert_eq!(said.out, "");
    assert_ne!(said.err, "");
}

#[test]
fn a_plan_says_what_would_happen_and_changes_nothing() {
    let desk = Desk::new();
    let said = desk.say(&["plan", "--seed", "0x2a", SCENARIO]);
    shows("plan", &said.whole());
    assert!(
        fs::read_dir(desk.folder.path())
            .expect("read")
            .next()
            .is_none()
    );
    assert_eq!(said.out, desk.say(&["plan", "--seed=42", SCENARIO]).out);
}

#[rstest]
fn a_broken_scenario_stops_all_before_anything_starts(
    #[files("tests/reject/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: std::path::PathBuf,
    #[values("sim", "vm")] on: &str,
) {
    let desk = Desk::new();
    let path = path.display().to_string();
    let said = desk.runs(&["run", "--on", on, SCENARIO, &path]);
    assert_eq!(said.code, Some(64), "{}", said.whole());
    assert!(said.err.contains("error: "), "{}", said.err);
    assert_eq!(said.out, "");
    assert!(!desk.path("runs").exists() && !desk.path("cache").exists());
}

#[test]
fn the_mistakes_of_all_files_are_told_at_once() {
    let desk = Desk::new();
    fs::create_dir(desk.path("empty")).expect("a folder");
    let empty = desk.path("empty").display().to_string();
    let rejected = ["tests/reject/missing.yaml", "tests/reject/unjudged.yaml"];
    let said = desk.runs(&[
        "run",
        rejected[0],
        "no-such.yaml",
        SCENARIO,
        rejected[1],
        &empty,
    ]);
    shows("mistakes-of-all-files", &said.whole());
}

#[test]
fn a_run_is_told_while_it_runs_and_when_it_has_ended() {
    let desk = Desk::new();
    let mut said = desk.runs(&["run", "--on=sim", "--seed=7", SCENARIO]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    assert!(said.err.contains("WAITING"), "{}", said.err);
    // A look at the very moment of the fault may come before or after it.
    said.err = lines_without(&said.err, &["WAITING", "STEADY"]);
    shows("run", &said.whole());
    let latest = fs::read_link(desk.path("runs/latest")).expect("a link");
    assert!(latest.is_relative());
    let report = fs::read_to_string(desk.path("runs/latest/report.txt")).expect("a report");
    assert_eq!(report, said.out.trim_start());
    for (file, format) in [("report.html", "html"), ("junit.xml", "junit")] {
        let kept = fs::read_to_string(desk.path("runs/latest").join(file)).expect("a report");
        let kept = kept.replace(&desk.folder.path().display().to_string(), "[desk]");
        let told = desk.runs(&["report", "--format", format]).out;
        assert!(kept == told, "{file} is not what `report` prints");
    }
}

#[test]
fn the_results_of_all_runs_are_in_one_file() {
    let desk = Desk::new();
    let results = desk.path("results.xml").display().to_string();
    let said = desk.runs(&["run", "--on=sim", "--seed=7", "--junit", &results, SCENARIO]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    let text = fs::read_to_string(results).expect("results");
    let read = quick_junit::Report::deserialize_from_str(&text).expect("JUnit");
    let name = "mariadb-nfs-survives-node-stop";
    assert_eq!(read.test_suites[0].name.as_str(), name);
    assert_eq!((read.failures, read.errors), (0, 0));
    let nowhere = desk.path("no-such/results.xml").display().to_string();
    let said = desk.runs(&["run", "--on=sim", "--junit", &nowhere, SCENARIO]);
    assert_eq!(said.code, Some(64), "{}", said.whole());
    assert!(
        said.err
            .contains("cannot write `[desk]/no-such/results.xml`"),
        "{}",
        said.err
    );
    assert!(!said.whole().contains("PLANNED"), "{}", said.whole());
}

#[rstest]
#[case::html("html", "<!DOCTYPE html>")]
#[case::markdown("markdown", "## FAIL: recovers")]
#[case::junit("junit", "<?xml ")]
#[case::openmetrics("openmetrics", "# HELP seatrial_run_verdict ")]
#[case::json("json", "{\n")]
#[case::terminal("terminal", "     PLANNED recovers on vm")]
fn a_run_is_told_in_every_format(#[case] format: &str, #[case] begins: &str) {
    let said = Desk::new().say(&[
        "report",
        "tests/journals/recovers.fail.jsonl",
        "--format",
        format,
    ]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out.starts_with(begins), "{}", said.out);
    assert!(said.out.ends_with('\n'));
}

#[test]
fn a_stored_run_is_judged_and_told_again() {
    let desk = Desk::new();
    let ran = desk.runs(&["run", "--on=sim", "--seed=7", SCENARIO]);
    let checked = desk.runs(&["check"]);
    assert_eq!(checked.code, Some(0));
    shows("check-of-a-run", &checked.whole());
    let told = desk.runs(&["report"]);
    assert_eq!(told.out, ran.out.trim_start());
    let told = desk.runs(&["report", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(json["verdict"], "pass");
}

#[test]
fn many_runs_end_with_a_table() {
    let desk = Desk::new();
    let text = fs::read_to_string(SCENARIO).expect("a scenario");
    let stack = fs::read_to_string("scenarios/mariadb-nfs.stack.yaml").expect("a stack");
    desk.write("all/b/mariadb-nfs.stack.yaml", &stack);
    desk.write("all/b/second.yaml", &text);
    desk.write("all/a/first.yaml", &text);
    desk.write("all/a/mariadb-nfs.stack.yaml", &stack);
    let all = desk.path("all").display().to_string();
    let said = desk.runs(&["run", "--on=sim", "--seed=7", "--no-faults", &all]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    let (_, table) = said.out.rsplit_once("\n\n").expect("a table");
    shows("table-of-runs", table);
}

#[rstest]
#[case::pass("recovers.pass", 0)]
#[case::fail("recovers.fail", 1)]
#[case::unknown("recovers.unknown", 2)]
#[case::control("must-fail.pass", 0)]
fn a_journal_is_judged_by_itself(#[case] name: &str, #[case] code: i32) {
    let desk = Desk::new();
    let journal = format!("tests/journals/{name}.jsonl");
    let said = desk.say(&["check", &journal]);
    assert_eq!(said.code, Some(code), "{}", said.whole());
    shows(&format!("check-{name}"), &said.whole());
    assert_eq!(desk.say(&["report", &journal]).code, Some(0));
}

#[test]
fn a_damaged_journal_is_no_verdict() {
    let desk = Desk::new();
    let journal = desk.write("journal.jsonl", "half a li\n");
    let said = desk.say(&["check", &journal]);
    assert_eq!(said.code, Some(2));
    shows("check-damaged", &said.whole());
}

#[test]
fn nothing_has_run_yet() {
    let said = Desk::new().runs(&["check"]);
    assert_eq!(said.code, Some(64));
    shows("check-nothing", &said.whole());
}

#[test]
fn the_schema_is_json() {
    let said = Desk::new().say(&["schema"]);
    assert_eq!(said.code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(schema, seatrial::scenario::schema());
    let said = Desk::new().say(&["schema", "--of", "report"]);
    let schema: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(schema, seatrial::report::schema());
}

/// What differs from machine to machine is taken out.
fn doctor(desk: &Desk) -> Said {
    desk.said(desk.command().env("PATH", desk.path("bin")).arg("doctor"))
}

fn shows_doctor(name: &str, said: &Said) {
    let mut settings = Settings::clone_current();
    settings.add_filter(r"(?m)^ (free \w+) .*$", " $1  [amount]");
    settings.add_filter(" {2,}", "  ");
    // Root needs no help to map users.
    settings.add_filter(r"(?m)^ newuidmap .*\n", "");
    settings.add_filter(" uidmap", "");
    settings.bind(|| assert_snapshot!(name, said.whole()));
}

#[test]
fn a_doctor_says_what_mends() {
    let desk = Desk::new();
    let said = doctor(&desk);
    assert_eq!(said.code, Some(3));
    shows_doctor("doctor-nothing-there", &said);
}

#[test]
fn a_doctor_finds_what_is_there() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    for program in [
        "qemu-system-x86_64",
        "qemu-img",
        "setpriv",
        "zstd",
        "mmdebstrap",
        "fakeroot",
        "mkfs.ext4",
        "newuidmap",
        "ssh-keygen",
    ] {
        let path = desk.write(&format!("bin/{program}"), "");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(path, executable).expect("a program");
    }
    let said = doctor(&desk);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    shows_doctor("doctor-all-there", &said);
    fs::remove_file(desk.path("bin/fakeroot")).expect("removed");
    assert_eq!(
        doctor(&desk).code,
        Some(3),
        "nothing is built and nothing can be"
    );
}

#[test]
fn nothing_is_up() {
    let desk = Desk::new();
    let down = desk.say(&["down"]);
    assert_eq!((down.code, down.out.as_str()), (Some(0), "nothing is up\n"));
    let ps = desk.say(&["ps"]);
    assert_eq!((ps.code, ps.out.as_str()), (Some(0), "nothing is up\n"));
    let exec = desk.say(&["exec", "server-3", "--", "true"]);
    assert_eq!(exec.code, Some(2));
    assert_eq!(exec.err, "error: nothing is up: `seatrial up`\n");
    let power = desk.say(&["power", "server-3", "status"]);
    assert_eq!((power.code, power.err), (Some(2), exec.err));
    assert!(
        fs::read_dir(desk.folder.path())
            .expect("read")
            .next()
            .is_none()
    );
}

/// What a keeper writes down; no process has its number.
fn state_of_a_killed_keeper(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"{{"pid": 4194305, "name": "swarm", "ready": true, "nodes": [], "storage": null,
            "folders": ["{folder}"]}}"#
    )
}

#[test]
fn what_a_killed_keeper_left_is_removed() {
    let desk = Desk::new();
    let left = desk.path("left");
    fs::create_dir(&left).expect("a folder");
    desk.write("cache/up/state.json", &state_of_a_killed_keeper(&left));
    let ps = desk.say(&["ps"]);
    assert!(ps.out.contains("`seatrial down` removes"), "{}", ps.out);
    let down = desk.say(&["down"]);
    assert_eq!(down.code, Some(0), "{}", down.whole());
    assert_eq!(
        down.out,
        "the keeper had been killed; what it left is removed\n"
    );
    assert!(!left.exists());
    assert_eq!(desk.say(&["down"]).out, "nothing is up\n");
}

#[test]
fn one_swarm_at_a_time() {
    let desk = Desk::new();
    desk.write(
        "cache/up/state.json",
        &state_of_a_killed_keeper(&desk.path("x")),
    );
    let lock = fs::File::create(desk.path("cache/up/keeper.lock")).expect("a lock");
    lock.lock().expect("ours");
    for args in [&["up"][..], &["run", SCENARIO]] {
        let said = desk.say(args);
        assert_eq!(said.code, Some(2), "{}", said.whole());
        assert!(said.err.contains("a swarm is up"), "{}", said.err);
    }
    let said = desk.say(&["down"]);
    assert_eq!(
        said.code,
        Some(2),
        "a keeper that does not answer: {}",
        said.whole()
    );
    assert!(said.err.contains("process 4194305"), "{}", said.err);
}

#[test]
fn a_keeper_that_cannot_keep_says_why() {
    let said = Desk::new().say(&["keep"]);
    assert_eq!(said.code, Some(2));
    assert_eq!(said.err, "error: no images: run `seatrial prepare`\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_no_pass() {
    let desk = Desk::new();
    for (args, code) in [
        ("schema", 0),
        ("check tests/journals/recovers.fail.jsonl", 1),
    ] {
        let script = format!("{{ $0 {args}; echo $? >&2; }} | true");
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &script, env!("CARGO_BIN_EXE_seatrial")])
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(desk.said(&mut shell).err, format!("{code}\n"));
    }
}

/// A command that builds images with tools that never end, interrupted once it has begun.
#[rstest]
#[case::prepare(&["prepare"])]
#[case::run(&["run", "--on", "vm", SCENARIO])]
#[case::up(&["up"])]
fn an_interrupt_ends_a_build(#[case] args: &[&str]) {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Stdio;

    let desk = Desk::new();
    let tool = desk.write("bin/setpriv", "#!/bin/sh\nexec sleep 60\n");
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).expect("a program");
    let path = format!("{}:/usr/bin:/bin", desk.path("bin").display());
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_seatrial"))
        .args(args)
        .env("PATH", path)
        .env("SEATRIAL_CACHE", desk.path("cache"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(process.stderr.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.contains("Debian"), "{first}");
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("sent");
    let rest: Vec<String> = lines.map(|line| line.expect("text")).collect();
    assert_eq!(process.wait().expect("ended").code(), Some(130), "{rest:?}");
    assert!(!desk.path("cache/up").exists());
}
