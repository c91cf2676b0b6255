//! Every scenario that comes with Seatrial is read and planned, and is short enough to be read.

use std::path::{Path, PathBuf};

use insta::{Settings, assert_snapshot};
use rstest::rstest;
use seatrial::capability;
use seatrial::plan::{Check, Options, Outcome, Plan, plan, text};
use seatrial::scenario::{load, parse, schema};

/// The longest that a scenario file may be, so that a reader sees all of it at once.
const LINES: usize = 40;

fn options(no_faults: bool) -> Options {
    Options {
        place: "vm".into(),
        capabilities: capability::all(),
        patience: 2.0,
        seed: 7,
        no_faults,
        environment: Default::default(),
        nodes: None,
    }
}

fn ready(path: &Path, options: &Options) -> Plan {
    let loaded = load(path).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    match plan(&loaded, options).unwrap_or_else(|mistakes| panic!("{mistakes}")) {
        Outcome::Ready(plan) => *plan,
        Outcome::Skipped { reason, .. } => panic!("skipped: {reason}"),
    }
}

#[rstest]
fn a_scenario_is_read_and_planned(
    #[files("scenarios/**/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: PathBuf,
) {
    let lines = std::fs::read_to_string(&path)
        .expect("a file")
        .lines()
        .count();
    assert!(lines <= LINES, "{lines} lines are more than {LINES}");
    let plan = ready(&path, &options(false));
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_suffix("");
    settings.bind(|| assert_snapshot!(format!("plan-{}", plan.name), text(&plan)));
}

#[rstest]
fn a_scenario_runs_without_its_faults_too(
    #[files("scenarios/**/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: PathBuf,
) {
    let plan = ready(&path, &options(true));
    assert_eq!(plan.faults, []);
    // What must fail without any fault must fail without them too.
    let whole = ready(&path, &options(false));
    let faultless = whole.faults.is_empty().then_some(whole.must_fail);
    assert_eq!(plan.must_fail, faultless.unwrap_or_default());
    let checks: Vec<&str> = plan.checks.iter().map(Check::name).collect();
    assert!(!checks.contains(&"recovers"));
    assert_eq!(checks.last(), Some(&"exercised"));
}

#[rstest]
fn a_plan_is_read_back_from_a_journal(
    #[files("scenarios/**/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: PathBuf,
) {
    let mut plan = ready(&path, &options(false));
    let text = serde_json::to_string(&plan).expect("plain data");
    assert!(
        !text.contains("P@ssw0rd"),
        "credentials stay out of the journal: {text}"
    );
    let read: Plan = serde_json::from_str(&text).expect("what was written");
    // All but the credentials is there.
    for (stack, read) in plan.stack.iter_mut().zip(&read.stack) {
        stack.text.clone_from(&read.text);
        stack
            .services
            .iter_mut()
            .for_each(|service| service.root_password = None);
    }
    assert_eq!(read, plan);
}

#[test]
fn the_schema_is_what_editors_were_given() {
    insta::assert_json_snapshot!("schema", schema());
}

#[test]
fn the_scenarios_of_the_readme_can_be_run_as_they_stand() {
    let readme = std::fs::read_to_string("README.md").expect("a file");
    let blocks = readme.split("```yaml\n").skip(1);
    let whole: Vec<&str> = blocks
        .filter(|text| text.starts_with("scenario:"))
        .collect();
    assert_eq!(whole.len(), 2);
    for text in whole {
        let text = &text[..text.find("```").expect("its end")];
        let loaded = parse(Path::new("scenarios/readme.yaml"), text).expect("sound");
        let planned = plan(&loaded, &options(false));
        let planned = planned.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert!(matches!(planned, Outcome::Ready(_)));
    }
}
