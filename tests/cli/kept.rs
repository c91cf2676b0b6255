//! Runs that are kept: repeated, listed, compared, followed and pruned.

use std::fs::{self, File};
use std::path::PathBuf;

use insta::Settings;
use rstest::rstest;

use super::{Desk, SCENARIO, shows};

/// Another scenario, which asks for pages.
const PAGES: &str = "scenarios/nginx-nfs-answers-on-every-node.yaml";

/// Runs a scenario twice on the desk; the folder of both runs.
fn twice(desk: &Desk, seed: &str, scenario: &str) -> PathBuf {
    let said = desk.runs(&["run", "--on=sim", "--seed", seed, "--repeat=2", scenario]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    let latest = fs::canonicalize(desk.path("runs/latest")).expect("a run");
    assert!(latest.ends_with("2"), "{}", latest.display());
    latest.parent().expect("a folder").to_owned()
}

/// As `shows`, with what differs by the day or the size taken out.
fn shows_undated(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", "[day]");
    settings.add_filter(r"\d+\.\d MiB", "[size]");
    settings.bind(|| shows(name, text));
}

#[test]
fn repeats_have_seeds_of_their_own_and_one_row() {
    let desk = Desk::new();
    let said = desk.runs(&["run", "--on=sim", "--seed=7", "--repeat=3", SCENARIO]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    let (_, table) = said.out.rsplit_once("\n\n").expect("a table");
    shows("table-of-repeats", table);
    let planned = said.out.lines().filter(|line| line.contains("PLANNED"));
    let seeds: Vec<&str> = planned
        .filter_map(|line| line.rsplit_once("seed "))
        .map(|l| l.1)
        .collect();
    assert_eq!((seeds.len(), seeds[0]), (3, "0x7"));
    assert!(seeds[1] != seeds[2] && seeds[1] != seeds[0], "{seeds:?}");
    // Each can be had again by itself.
    let again = desk.runs(&["run", "--on=sim", "--seed", seeds[2], SCENARIO]);
    let struck = |text: &str| {
        let last = text.lines().rfind(|line| line.contains(" FAULT "));
        let (_, what) = last
            .and_then(|line| line.split_once("] "))
            .expect("a fault");
        what.split(',').next().map(str::to_owned)
    };
    assert_eq!(struck(&said.out), struck(&again.out));
}

#[test]
fn a_scenario_that_is_named_twice_runs_once() {
    let desk = Desk::new();
    let folder = "scenarios";
    let said = desk.say(&["plan", folder, SCENARIO, "./scenarios/../scenarios"]);
    let named = said
        .out
        .lines()
        .filter(|line| *line == "mariadb-nfs-survives-node-stop");
    assert_eq!(named.count(), 1, "{}", said.whole());
}

#[rstest]
#[case::never(&["run", "--on=sim", "--repeat=0", SCENARIO])]
#[case::often(&["run", "--on=sim", "--repeat=many", SCENARIO])]
#[case::nothing_to_compare(&["compare"])]
#[case::only_one(&["compare", "tests/journals/recovers.pass.jsonl"])]
#[case::no_such_run(&["compare", "no-such", "tests/journals/recovers.pass.jsonl"])]
#[case::no_runs(&["compare", "src", "tests/journals/recovers.pass.jsonl"])]
#[case::different(&[
    "compare", "tests/journals/recovers.pass.jsonl", "tests/journals/never-two.pass.jsonl",
])]
#[case::prune_what(&["runs", "prune"])]
#[case::prune_how_old(&["runs", "prune", "--older-than", "soon"])]
#[case::no_such_scenario(&["trend", "no-such"])]
fn bad_usage_of_runs_is_64(#[case] args: &[&str]) {
    let said = Desk::new().say(args);
    assert_eq!(said.code, Some(64), "{}", said.whole());
    assert_eq!(said.out, "");
    assert_ne!(said.err, "");
}

#[test]
fn scenarios_that_differ_are_refused_by_name() {
    let [one, other] = ["recovers", "never-two"].map(|n| format!("tests/journals/{n}.pass.jsonl"));
    let said = Desk::new().say(&["compare", &one, &other]);
    assert_eq!(
        said.err,
        "error: `recovers` and `never-two` are different scenarios: compare runs of one\n"
    );
}

#[rstest]
#[case::same("recovers.pass", "recovers.pass", 0)]
#[case::worse("recovers.pass", "recovers.fail", 1)]
#[case::better("recovers.fail", "recovers.pass", 0)]
#[case::unknown("recovers.pass", "recovers.unknown", 2)]
fn the_exit_code_says_what_it_came_to(#[case] base: &str, #[case] new: &str, #[case] code: i32) {
    let [base, new] = [base, new].map(|name| format!("tests/journals/{name}.jsonl"));
    for format in ["terminal", "markdown", "json"] {
        let said = Desk::new().say(&["compare", &base, &new, "--format", format]);
        assert_eq!(
            (said.code, said.err.as_str()),
            (Some(code), ""),
            "{}",
            said.whole()
        );
        assert!(said.out.ends_with('\n'));
    }
}

#[test]
fn repeats_are_compared_as_one() {
    let desk = Desk::new();
    let (one, other) = (twice(&desk, "7", SCENARIO), twice(&desk, "8", SCENARIO));
    let [one, other] = [one, other].map(|path| path.display().to_string());
    let said = desk.say(&["compare", &one, &other]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    assert!(
        said.out.contains("2 runs before, 2 runs after"),
        "{}",
        said.out
    );
    assert!(said.out.contains("no difference"), "{}", said.out);
    let listed = desk.say(&["compare", &format!("{one}/1,{one}/2"), &other]);
    assert_eq!(listed.out, said.out);
    // Folders of several scenarios are compared scenario by scenario.
    twice(&desk, "7", PAGES);
    let all = desk.path("runs").display().to_string();
    let said = desk.say(&["compare", &one, &all]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    assert_eq!(said.out.matches("COMPARED").count(), 1);
    assert!(
        said.err
            .contains("`nginx-nfs-answers-on-every-node` is not compared"),
        "{}",
        said.err
    );
}

/// It would be compared with itself, and its broken promise hidden.
#[test]
fn a_run_on_both_sides_is_one_of_the_new() {
    let [kept, broken] = ["recovers.pass", "recovers.fail"];
    let [kept, broken] = [kept, broken].map(|name| format!("tests/journals/{name}.jsonl"));
    let all = format!("{kept},{broken}");
    let said = Desk::new().say(&["compare", &all, &broken]);
    assert_eq!(said.code, Some(1), "{}", said.whole());
    let twice = Desk::new().say(&["compare", &format!("{kept},{kept}"), &broken]);
    assert_eq!(twice.code, Some(1), "{}", twice.whole());
    assert!(twice.out.contains("1 run before"), "{}", twice.out);
}

/// It broke nothing, so it says nothing of what breaks.
#[test]
fn a_run_without_faults_is_another() {
    let desk = Desk::new();
    desk.runs(&["run", "--on=sim", "--seed=7", SCENARIO]);
    desk.runs(&["run", "--on=sim", "--seed=7", "--no-faults", SCENARIO]);
    let trend = desk.runs(&["trend"]).out;
    assert_eq!(trend.matches("on sim, accelerator").count(), 2, "{trend}");
    let pruned = desk.runs(&["runs", "prune", "--keep=1"]);
    assert!(pruned.out.contains("of 0 runs"), "{}", pruned.whole());
}

#[test]
fn runs_are_listed_and_followed() {
    let desk = Desk::new();
    let none = desk.runs(&["runs"]);
    assert_eq!(
        (none.code, none.out.as_str()),
        (Some(0), "no runs are kept in `[desk]/runs`\n")
    );
    assert_eq!(desk.runs(&["trend"]).out, "no runs are kept\n");
    twice(&desk, "7", SCENARIO);
    assert!(
        desk.path("runs/index.jsonl").exists(),
        "`run` keeps the index"
    );
    desk.runs(&["run", "--on=sim", "--seed=7", PAGES]);
    let listed = desk.runs(&["runs"]);
    shows_undated("runs", &listed.whole());
    let trend = desk.runs(&["trend"]);
    shows_undated("trend", &trend.whole());
    let one = desk.runs(&["trend", "mariadb-nfs-survives-node-stop"]);
    assert!(!one.out.contains("nginx"), "{}", one.out);
    let json = desk.runs(&["trend", "--format=json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json.as_array().expect("scenarios").len(), 2);
    // The index says nothing that the journals do not.
    for damage in ["", "half a li", "{}\n"] {
        fs::write(desk.path("runs/index.jsonl"), damage).expect("damaged");
        assert_eq!(desk.runs(&["runs"]).out, listed.out);
    }
    fs::write(desk.path("runs/latest/journal.jsonl"), "another\n").expect("damaged");
    let said = desk.runs(&["runs"]).out;
    assert!(said.contains("cannot be read"), "{said}");
}

#[test]
fn old_runs_are_removed_and_latest_leads_somewhere() {
    let desk = Desk::new();
    let old = twice(&desk, "7", SCENARIO);
    desk.runs(&["run", "--on=sim", "--seed=7", PAGES]);
    let newest = fs::canonicalize(desk.path("runs/latest")).expect("a run");
    let dry = desk.runs(&["runs", "prune", "--keep=1", "--dry-run"]);
    assert!(
        dry.out.contains("would remove") && old.join("1").exists(),
        "{}",
        dry.whole()
    );
    let pruned = desk.runs(&["runs", "prune", "--keep=1"]);
    assert_eq!(pruned.code, Some(0), "{}", pruned.whole());
    shows_undated("prune", &pruned.out);
    assert!(!old.join("1").exists() && old.join("2").exists() && newest.exists());
    let young = desk.runs(&["runs", "prune", "--keep=0", "--older-than=1h"]);
    assert!(
        young.out.starts_with("freed 0.0 MiB of 0 runs"),
        "{}",
        young.whole()
    );
    // Another process has the journal of the newest one: it is left, and the rest is removed.
    let held = File::open(newest.join("journal.jsonl")).expect("a journal");
    held.lock().expect("ours");
    let busy = desk.runs(&["runs", "prune", "--keep=0"]);
    assert_eq!(busy.code, Some(2), "{}", busy.whole());
    assert!(newest.exists() && !old.exists(), "{}", busy.whole());
    assert_eq!(
        fs::canonicalize(desk.path("runs/latest")).expect("a run"),
        newest
    );
    held.unlock().expect("ours");
    let all = desk.runs(&["runs", "prune", "--keep=0"]);
    assert_eq!(all.code, Some(0), "{}", all.whole());
    assert!(
        !desk.path("runs/latest").is_symlink(),
        "it would lead nowhere"
    );
    assert!(
        !fs::read_to_string(desk.path("runs/index.jsonl"))
            .expect("text")
            .contains("nginx")
    );
}

/// A run that was killed, or that lasts: its journal breaks off.
#[test]
fn what_needs_heal_or_lives_is_never_pruned() {
    let desk = Desk::new();
    desk.runs(&["run", "--on=sim", "--seed=7", SCENARIO]);
    let run = fs::canonicalize(desk.path("runs/latest")).expect("a run");
    let journal = run.join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("text");
    fs::write(&journal, &text.as_bytes()[..text.len() / 2]).expect("cut");
    let prune = || desk.runs(&["runs", "prune", "--keep=0"]);
    let killed = prune();
    assert!(
        killed.err.contains("something may be left: `seatrial heal"),
        "{}",
        killed.whole()
    );
    assert!(desk.runs(&["runs"]).out.contains("unknown, needs heal"));
    let lives = File::open(&journal).expect("a journal");
    lives.lock().expect("ours");
    let alive = prune();
    assert!(alive.out.contains("of 0 runs"), "{}", alive.whole());
    assert!(desk.runs(&["runs"]).out.contains("alive"));
    lives.unlock().expect("ours");
    assert!(run.exists());
    let healed = desk.runs(&["heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.whole());
    let pruned = prune();
    assert!(
        pruned.out.contains("of 1 run\n") && !run.exists(),
        "{}",
        pruned.whole()
    );
}
