//! What CI is given: workflow files that call scripts and do nothing else, and the nightly script,
//! acted out on the simulated place.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every command of a workflow, by the keys under which these services have commands.
fn commands(workflow: &Value) -> Vec<String> {
    let lines = |value: &Value| -> Vec<String> {
        match value {
            Value::String(text) => text.lines().map(str::to_owned).collect(),
            Value::Array(all) => all
                .iter()
                .map(|one| one.as_str().unwrap_or("").to_owned())
                .collect(),
            other => vec![format!("no command: {other}")],
        }
    };
    match workflow {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match key.as_str() {
                "run" | "script" | "before_script" | "after_script" => lines(value),
                _ => commands(value),
            })
            .collect(),
        Value::Array(all) => all.iter().flat_map(commands).collect(),
        _ => Vec::new(),
    }
}

/// The same of a Jenkinsfile.
fn steps(jenkinsfile: &str) -> Vec<String> {
    let steps = jenkinsfile
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sh "));
    steps
        .map(|step| step.trim_matches('\'').to_owned())
        .collect()
}

/// Why a command is more than a call of a script that is there.
fn wrong(command: &str) -> Option<String> {
    let (script, arguments) = command.split_once(' ').unwrap_or((command, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./ ".contains(c);
    if !script.starts_with("ci/") || !arguments.chars().all(plain) {
        return Some(format!("`{command}` is more than a call of a script"));
    }
    let about = fs::metadata(root().join(script));
    let runs = about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0);
    (!runs).then(|| format!("`{script}` is no script that can be run"))
}

#[rstest]
#[case::github("ci/github-actions.yml", &["ci/test", "ci/run", "ci/nightly"])]
#[case::gitlab("ci/gitlab-ci.yml", &["ci/test", "ci/run", "ci/nightly"])]
fn a_workflow_calls_scripts_that_are_there(#[case] path: &str, #[case] scripts: &[&str]) {
    let text = fs::read_to_string(root().join(path)).expect("a workflow");
    let workflow: Value = serde_saphyr::from_str(&text).expect("YAML");
    are_calls(&commands(&workflow), scripts);
    assert!(text.contains("runs/results"), "{path} shows no results");
}

#[test]
fn the_jenkinsfile_calls_scripts_that_are_there() {
    let text = fs::read_to_string(root().join("ci/Jenkinsfile")).expect("a Jenkinsfile");
    are_calls(&steps(&text), &["ci/test", "ci/run", "ci/nightly"]);
    let (open, close) = (text.matches('{').count(), text.matches('}').count());
    assert_eq!(open, close, "braces");
}

fn are_calls(commands: &[String], scripts: &[&str]) {
    let wrong: Vec<String> = commands.iter().filter_map(|one| wrong(one)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    for script in scripts {
        let called = |command: &String| command.split(' ').next() == Some(script);
        assert!(
            commands.iter().any(called),
            "{script} is not called: {commands:?}"
        );
    }
}

#[test]
fn more_than_a_call_is_noticed() {
    for bad in [
        "cargo test",
        "ci/no-such",
        "ci/run; true",
        "ci/run $X",
        "ci",
        "ci/run > x",
        "",
    ] {
        assert!(wrong(bad).is_some(), "{bad}");
    }
    let workflow: Value =
        serde_saphyr::from_str("a: {steps: [{run: make}, {script: [x, z]}]}").expect("YAML");
    assert_eq!(commands(&workflow), ["make", "x", "z"]);
    assert_eq!(steps("  sh 'ci/test'\n  echo 'x'\n"), ["ci/test"]);
}

/// A place for nights, and a program that runs scenarios in memory.
struct Nights {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Nights {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("seatrial");
        let real = env!("CARGO_BIN_EXE_seatrial");
        let script = format!(
            "#!/bin/sh\ncase \"$1\" in\nprepare) exit 0 ;;\n\
             run) shift; exec {real} run --seed 7 \"$@\" ;;\n\
             *) exec {real} \"$@\" ;;\nesac\n"
        );
        fs::write(&program, script).expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
        Self { folder, program }
    }

    fn night(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(root().join("ci/nightly"));
        command
            .args(arguments)
            .current_dir(root())
            .env_remove("GITHUB_STEP_SUMMARY")
            .env("SEATRIAL", &self.program)
            .env("SEATRIAL_ON", "sim")
            .env("SEATRIAL_CACHE", self.folder.path().join("cache"))
            .env("SEATRIAL_NIGHTS", self.folder.path().join("nights"))
            .env("SEATRIAL_RESULTS", self.folder.path().join("results"));
        command.output().expect("it starts")
    }

    fn result(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join("results").join(name)).ok()
    }
}

#[test]
fn a_night_is_told_beside_the_one_before() {
    let nights = Nights::new();
    let scenario = "scenarios/nginx-nfs-answers-on-every-node.yaml";
    let first = nights.night(&["--repeat", "2", scenario]);
    let said = |night: &Output| String::from_utf8_lossy(&night.stderr).into_owned();
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert!(
        said(&first).contains("no night before this one"),
        "{}",
        said(&first)
    );
    assert_eq!(nights.result("compare.md"), None);
    let trend = nights.result("trend.txt").expect("a trend");
    assert!(trend.contains("2 runs"), "{trend}");
    // Nights that begin in one second have one folder: the next one begins later.
    let mark = nights.folder.path().join("nights");
    let renamed = fs::read_dir(&mark)
        .expect("nights")
        .flatten()
        .find(|one| one.file_name().to_string_lossy().ends_with('Z'));
    fs::rename(
        renamed.expect("a night").path(),
        mark.join("20240506T070809Z"),
    )
    .expect("renamed");
    let second = nights.night(&["--repeat", "2", scenario]);
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    let compared = nights.result("compare.md").expect("a comparison");
    assert!(
        compared.starts_with("## SAME: nginx-nfs-answers-on-every-node: 2 runs"),
        "{compared}"
    );
    assert!(compared.contains("no difference"), "{compared}");
    let results = nights.result("junit.xml").expect("results");
    for number in [1, 2] {
        let suite = format!("<testsuite name=\"nginx-nfs-answers-on-every-node #{number}\"");
        assert!(results.contains(&suite), "{results}");
    }
    assert!(
        nights
            .result("trend.json")
            .is_some_and(|trend| trend.starts_with('['))
    );
}

#[test]
fn a_night_ends_with_its_worst() {
    let nights = Nights::new();
    let none = nights.night(&["--repeat", "1", "tests/reject/missing.yaml"]);
    assert_eq!(none.status.code(), Some(64), "bad scenarios are told");
    let scenario = "scenarios/nginx-nfs-answers-on-every-node.yaml";
    assert_eq!(
        nights.night(&["--repeat", "1", scenario]).status.code(),
        Some(0)
    );
    let missing = nights.night(&["--repeat"]);
    assert_ne!(missing.status.code(), Some(0));
}
