//! `seatrial parity` as its users meet it: a row a scenario, a column a place.

use super::Desk;

const LINES: [&str; 3] = [
    "scenarios/article/03-node-down.yaml",
    "scenarios/article/06-pre-provisioned-images.yaml",
    "scenarios/mariadb-nfs-v3-power-cut.yaml",
];

/// The cells of the row of a scenario.
fn row(text: &str, scenario: &str) -> Vec<String> {
    let found = text.lines().find(|line| line.contains(scenario));
    let cells = found.unwrap_or_else(|| panic!("no `{scenario}` in:\n{text}"));
    let cells = cells.trim_matches('|').split('|');
    cells.map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn a_cell_is_the_newest_verdict_or_what_the_place_lacks() {
    let desk = Desk::new();
    let table = || {
        let mut args = vec!["parity"];
        args.extend(LINES);
        args.extend(["--format", "markdown", "--on", "sim", "dind"]);
        let said = desk.runs(&args);
        assert_eq!(said.code, Some(0), "{}", said.whole());
        said.out
    };
    assert_eq!(row(&table(), "03-node-down")[1..], ["not run", "not run"]);
    let ran = desk.runs(&["run", LINES[0], "--on", "sim", "--seed", "7"]);
    assert_eq!(ran.code, Some(0), "{}", ran.whole());
    // One without faults says nothing of them.
    let quiet = ["run", LINES[2], "--on", "sim", "--seed", "7", "--no-faults"];
    let quiet = desk.runs(&quiet);
    assert_eq!(quiet.code, Some(0), "{}", quiet.whole());
    let told = table();
    let header = told.lines().next().expect("a header");
    assert_eq!(header, "| scenario | sim | dind |");
    // A verdict is one of its place, and of no other.
    assert_eq!(row(&told, "03-node-down")[1..], ["pass", "not run"]);
    assert_eq!(row(&told, "power-cut")[1..], ["not run", "no power cut"]);
}

#[test]
fn nothing_is_compared_without_scenarios_or_by_one_that_is_wrong() {
    let desk = Desk::new();
    assert_eq!(desk.runs(&["parity"]).code, Some(64));
    let wrong = desk.runs(&["parity", "scenarios/article/apache-three.stack.yaml"]);
    assert_eq!(wrong.code, Some(64), "{}", wrong.whole());
}
