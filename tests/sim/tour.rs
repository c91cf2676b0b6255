//! The scenario in which everything that a file can ask for comes once; real machines act it out
//! too (`tests/vm/acts.rs`).

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::Path;

use seatrial::scenario::schema;

use super::{passed, planned, run_sim};

const TOUR: &str = "tests/tour/tour.yaml";

/// What the tour leaves to another file: images of a second release, and what befalls the inside
/// of a node, one thing after the other (`every_fault_inside_of_a_node_bites`).
const ELSEWHERE: [(&str, &str); 6] = [
    (
        "upgrade",
        "scenarios/acceptance/upgrade-managers-first.yaml",
    ),
    ("crash", "scenarios/acceptance/engine-crash.yaml"),
    ("restart", "scenarios/acceptance/engine-restart.yaml"),
    ("kill_task", "scenarios/acceptance/killed-task.yaml"),
    ("skew", "scenarios/acceptance/clock-jump-on-a-worker.yaml"),
    ("fill", "scenarios/acceptance/disk-full-on-the-leader.yaml"),
];

#[tokio::test(start_paused = true)]
async fn the_tour_passes_where_everything_behaves() {
    let plan = planned(Path::new(TOUR), false);
    passed(&run_sim(&plan, None).await);
}

#[test]
fn the_tour_leaves_nothing_out() {
    let schema = schema();
    let text = read_to_string(TOUR).expect("the tour");
    let words: BTreeSet<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter_map(|word| word.strip_suffix(':'))
        .collect();
    for kind in [
        "ActionVerb",
        "Probe",
        "FaultAction",
        "Workload",
        "Expectation",
    ] {
        let forms = schema["$defs"][kind]["oneOf"].as_array().expect("forms");
        for form in forms {
            let name = form["required"][0].as_str().expect("a name");
            if let Some((_, file)) = ELSEWHERE.iter().find(|(left, _)| *left == name) {
                let text = read_to_string(file).expect("another scenario");
                assert!(text.contains(&format!("{name}:")), "`{name}` is left out");
                continue;
            }
            assert!(words.contains(name), "`{name}`, one of {kind}, is left out");
        }
    }
}
