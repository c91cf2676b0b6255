//! `seatrial gate` as its users meet it, on a swarm of a few lines of memory.

use rstest::rstest;

use super::{Desk, Said, lines_without, shows};

/// An upgrade, and a promise that runs on both engines.
const UPGRADE: &str = "scenarios/acceptance/upgrade-managers-first.yaml";
const SIDES: &str = "scenarios/article/12-scaling.yaml";

fn gate(desk: &Desk, words: &[&str]) -> Said {
    let mut args = vec![
        "gate", "--from", "bookworm", "--to", "trixie", "--on", "sim",
    ];
    args.extend(["--seed", "7"]);
    args.extend(words);
    desk.runs(&args)
}

/// What the gate itself says, after all that its runs did.
fn decision(said: &Said) -> String {
    let from = said.out.rfind("\n    COMPARED ").map_or(0, |at| at + 1);
    said.out[from..].to_owned()
}

/// The folder of the gate that decided, and what it kept for programs.
fn kept(desk: &Desk) -> (std::path::PathBuf, serde_json::Value) {
    let folders = std::fs::read_dir(desk.path("runs")).expect("runs");
    let mut folders = folders.map(|one| one.expect("an entry").path());
    let folder = folders.find(|path| path.join("gate.json").exists());
    let folder = folder.expect("the gate's folder");
    let json = std::fs::read_to_string(folder.join("gate.json")).expect("a file");
    (folder, serde_json::from_str(&json).expect("an object"))
}

#[test]
fn a_new_engine_that_is_no_worse_is_accepted() {
    let desk = Desk::new();
    let said = gate(&desk, &[]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    assert!(
        said.out
            .contains("ACCEPT from bookworm to trixie: 0 regressions, nothing unknown")
    );
    // What every node ran, step by step, is in the report of the upgrade.
    assert!(said.out.contains("trixie, linux of trixie"), "{}", said.out);
    let (folder, json) = kept(&desk);
    let schema = jsonschema::validator_for(&seatrial::gate::gate_schema());
    let schema = schema.expect("a sound schema");
    let wrong = schema.iter_errors(&json).map(|wrong| wrong.to_string());
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(json["decision"]["ruling"], "accept");
    assert_eq!(
        json["decision"]["comparisons"].as_array().map(Vec::len),
        Some(3)
    );
    for file in [
        "gate.txt",
        "gate.md",
        "upgrade-upgrade-workers-first/report.html",
    ] {
        assert!(folder.join(file).exists(), "{file}");
    }
}

#[rstest]
#[case("no-ip-vs", 1, "`server-3` refuses port 80")]
#[case("no-vxlan", 1, "not as before after server-3 with docker trixie")]
#[case("no-exchange", 2, "still runs docker bookworm")]
fn a_spoilt_engine_is_turned_away_for_the_right_reason(
    #[case] sabotage: &str,
    #[case] code: i32,
    #[case] why: &str,
) {
    let desk = Desk::new();
    let said = gate(&desk, &["--sabotage", sabotage, UPGRADE, SIDES]);
    assert_eq!(said.code, Some(code), "{}", said.whole());
    let decision = decision(&said);
    assert!(decision.contains(why), "{decision}");
    shows(
        &format!("gate-{sabotage}"),
        &lines_without(&decision, &["SEE"]),
    );
}

#[test]
fn a_gate_that_tried_only_half_is_undecided() {
    let desk = Desk::new();
    let said = gate(&desk, &[SIDES]);
    assert_eq!(said.code, Some(2), "{}", said.whole());
    assert!(said.out.contains("no swarm was upgraded"), "{}", said.out);
    let said = gate(&desk, &[UPGRADE]);
    assert_eq!(said.code, Some(2), "{}", said.whole());
    assert!(
        said.out.contains("nothing ran on both engines"),
        "{}",
        said.out
    );
}

/// The folder of the first half, as it was told for the second.
fn told(desk: &Desk, before: &Said) -> String {
    let next = before.err.lines().find(|line| line.contains("--since"));
    let next = next.unwrap_or_else(|| panic!("{}", before.whole()));
    let folder = next.rsplit('`').nth(1).expect("a command");
    let folder = folder.trim_start_matches("--since ");
    folder.replace("[desk]", &desk.path("").display().to_string())
}

/// Whoever names nothing gets what the first half ran, as often.
#[test]
fn the_second_half_asks_what_the_first_did() {
    let desk = Desk::new();
    let before = desk.runs(&["gate", "--on", "sim", "--repeat", "2", SIDES]);
    let folder = told(&desk, &before);
    let after = desk.runs(&["gate", "--on", "sim", "--since", &folder]);
    let said = decision(&after);
    assert!(
        said.contains("12-scaling: 2 runs before, 2 runs after"),
        "{said}"
    );
    assert!(!said.contains("upgrade-managers-first"), "{said}");
    // What the first half did not come to was asked all the same.
    let run = std::path::Path::new(&folder).join("run-12-scaling/2");
    std::fs::remove_dir_all(run).expect("removed");
    let one = desk.runs(&["gate", "--on", "sim", "--since", &folder]);
    assert!(decision(&one).contains("1 run before, 2 runs after"));
    std::fs::remove_file(std::path::Path::new(&folder).join("asked.json")).expect("removed");
    let none = desk.runs(&["gate", "--on", "sim", "--since", &folder]);
    assert_eq!(none.code, Some(64), "{}", none.whole());
}

/// One half before somebody upgrades the swarm, and one afterwards.
#[test]
fn the_second_half_decides_about_what_the_first_kept() {
    let desk = Desk::new();
    let before = desk.runs(&["gate", "--on", "sim", "--seed", "7", SIDES]);
    assert_eq!(before.code, Some(0), "{}", before.whole());
    let folder = told(&desk, &before);
    let after = desk.runs(&["gate", "--on", "sim", "--since", &folder, SIDES, UPGRADE]);
    assert_eq!(after.code, Some(2), "{}", after.whole());
    let said = decision(&after);
    assert!(
        said.contains("upgrade-managers-first: tried on neither side: "),
        "{said}"
    );
    assert!(
        said.contains("12-scaling: 1 run before, 1 run after"),
        "{said}"
    );
    assert!(said.contains("nobody knows which docker"), "{said}");
    let (_, json) = kept(&desk);
    let sides = json["decision"]["sides"].as_array().expect("runs");
    let seeds: Vec<_> = sides.iter().map(|side| side["seed"].as_u64()).collect();
    assert_eq!(seeds, [Some(7); 2], "the second half has the first one's");
}

/// Without names it tries what an operator must know, but for what this swarm cannot do.
#[test]
fn a_swarm_that_is_there_already_is_asked_all_that_it_can_do() {
    let desk = Desk::new();
    let said = desk.runs(&["gate", "--on", "sim", "--seed", "7"]);
    assert_eq!(said.code, Some(0), "{}", said.whole());
    assert!(said.err.contains("run-leader-power-cut"), "{}", said.err);
    let none = desk.runs(&["gate", "--on", "sim", UPGRADE]);
    assert_eq!(none.code, Some(3), "{}", none.whole());
    assert!(none.err.contains("not everything was seen"), "{}", none.err);
}

/// What a run keeps to be repeated by does that run alone, whatever command began it.
#[test]
fn a_run_of_a_gate_can_be_repeated_alone() {
    let desk = Desk::new();
    gate(&desk, &[UPGRADE, SIDES]);
    let (folder, _) = kept(&desk);
    for (run, says) in [
        (
            "upgrade-upgrade-managers-first",
            format!("seatrial run {UPGRADE} --on sim --upgrade-to trixie --seed 0x7"),
        ),
        (
            "old-12-scaling",
            format!("seatrial run {SIDES} --on sim --seed 0x7"),
        ),
        (
            "new-12-scaling",
            format!("seatrial run {SIDES} --on sim --engine trixie --seed 0x7"),
        ),
    ] {
        let kept = folder.join(run).join("evidence/repeat.txt");
        let kept = std::fs::read_to_string(kept).expect("a file");
        assert_eq!(kept.lines().next(), Some(&*says));
        let words: Vec<&str> = says.split(' ').skip(1).collect();
        let again = desk.runs(&words);
        assert_eq!(again.code, Some(0), "{}", again.whole());
    }
}

#[test]
fn machines_can_be_upgraded_and_containers_cannot() {
    let plan = |on| {
        let upgrade = ["--upgrade-to", "trixie"];
        let words = ["plan", UPGRADE, "--on", on];
        let upgrade = upgrade.iter().filter(|_| on == "vm");
        let words: Vec<&str> = words.iter().chain(upgrade).copied().collect();
        Desk::new().say(&words)
    };
    let machines = plan("vm");
    assert_eq!(machines.code, Some(0), "{}", machines.whole());
    let containers = plan("dind");
    assert_eq!(containers.code, Some(3), "{}", containers.whole());
    assert!(containers.out.contains("no engine to upgrade to"));
}

#[rstest]
#[case("same", &["gate", "--from", "trixie", "--to", "trixie", "--on", "sim"])]
#[case("unknown", &["gate", "--from", "bookworm", "--to", "sid", "--on", "sim"])]
#[case("run-same", &["run", SIDES, "--on", "sim", "--upgrade-to", "bookworm"])]
#[case("half-named", &["gate", "--from", "bookworm", "--on", "sim"])]
#[case("nothing-named", &["gate"])]
#[case("containers", &["gate", "--from", "bookworm", "--to", "trixie", "--on", "dind"])]
#[case("spoilt-swarm", &["gate", "--on", "sim", "--sabotage", "no-ip-vs", SIDES])]
#[case("nothing-kept", &["gate", "--on", "sim", "--since", "src", SIDES])]
#[case("missing", &["gate", "--from", "bookworm", "--to", "trixie", "--on", "sim", "none.yaml"])]
fn what_cannot_be_gated_is_said_before_anything_runs(#[case] name: &str, #[case] args: &[&str]) {
    let desk = Desk::new();
    let said = desk.runs(args);
    assert_eq!(said.code, Some(64), "{}", said.whole());
    assert!(!desk.path("runs").exists());
    shows(&format!("gate-refuses-{name}"), &said.whole());
}
