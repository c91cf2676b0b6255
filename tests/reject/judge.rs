//! Whether anybody could tell: what is judged, and what is known of it.

use std::path::Path;

use rstest::rstest;
use seatrial::plan::plan;
use seatrial::scenario::{Mistake, parse};

use super::{edited, is_refused, options};

#[test]
fn a_run_of_which_nothing_is_judged_is_refused() {
    let text = "scenario: a\nbecause: b\ncluster: { managers: 1 }\nexpect: []\n";
    let loaded = parse(Path::new("a.yaml"), text).expect("sound");
    let mistakes = plan(&loaded, &options()).expect_err("no judge");
    let titles: Vec<&str> = mistakes.iter().map(Mistake::title).collect();
    assert_eq!(titles, ["nothing would be judged"]);
}

#[rstest]
#[case::what_could_fail("must_fail: [undisturbed]\nexpect:")]
#[case::what_is_pulled("actions: [ { at: 1s, do: { pull: { image: a } } } ]\nexpect:")]
fn of_a_stack_that_cannot_be_read_nothing_is_known(#[case] claim: &str) {
    let edits = [("shop.stack.yaml", "gone.stack.yaml"), ("expect:", claim)];
    let mistakes = plan(&edited(&edits), &options()).expect_err("no stack");
    let titles: Vec<&str> = mistakes.iter().map(Mistake::title).collect();
    let [title] = titles.as_slice() else {
        panic!("{mistakes}")
    };
    assert!(title.contains("cannot be read"), "{title}");
}

#[rstest]
#[case::recovery_waits_for_them(
    "control: kept, recovers: { within: 3m }",
    "not every node is ready while a fault lasts"
)]
#[case::nobody_waits_for_them("control: kept", "")]
fn all_nodes_are_ready_only_where_no_recovery_waits(#[case] expect: &str, #[case] refused: &str) {
    let edits = [
        ("replicas: 1 }", "replicas: 1 }, nodes: { ready: 3 }"),
        ("control: kept, recovers: { within: 3m }", expect),
    ];
    is_refused(&edits, refused);
}
