//! What actions leave behind, for the actions and the faults after them.

use rstest::rstest;
use seatrial::plan::plan;
use seatrial::scenario::Mistake;

use super::{TWO_MANAGERS, edited, is_refused, options, refusal};

/// That the template with two workers, these actions and other words is refused in these words;
/// accepted, if there are none.
#[track_caller]
fn acted(actions: &str, edits: &[(&str, &str)], refused: &str) {
    let actions = format!("actions: [ {actions} ]\nexpect:");
    let mut all = vec![("workers: 1", "workers: 2"), ("expect:", actions.as_str())];
    all.extend(edits);
    is_refused(&all, refused);
}

#[rstest]
#[case::the_node_is_back(
    "{ at: 1s, do: { leave: server-16 } }, { at: 2s, do: { join: server-16 } }, \
     { at: 3s, do: { drain: server-16 } }",
    ""
)]
#[case::another_node(
    "{ at: 1s, do: { leave: server-16 } }, { at: 2s, do: { drain: server-22 } }",
    ""
)]
#[case::a_node_that_may_be_another(
    "{ at: 1s, do: { leave: worker } }, { at: 2s, do: { drain: worker } }",
    ""
)]
#[case::an_image_that_no_stack_has(
    "{ at: 1s, do: { deploy: shop.stack.yaml } }, { at: 2s, do: { pull: { image: a } } }",
    "no stack of the scenario uses `a`"
)]
fn an_action_is_seen_beside_those_before_it(#[case] actions: &str, #[case] refused: &str) {
    acted(actions, &[], refused);
}

#[rstest]
#[case::asked("sql: { service: mariadb, query: SELECT 1 }")]
#[case::looked_into("mount: { service: mariadb, at: /data }")]
fn nobody_answers_for_a_service_that_is_removed(#[case] probe: &str) {
    let probes = format!("replicas: 1 }}, {probe}");
    let removed = "{ at: 1s, do: { remove: mariadb } }";
    let edits = [("replicas: 1 }", probes.as_str())];
    acted(removed, &edits, "`mariadb` is removed by an action");
}

#[rstest]
#[case::a_manager_that_is_back(
    "{ at: 1s, do: { leave: server-3 } }, { at: 2s, do: { join: server-3 } }",
    ""
)]
#[case::a_manager_that_was_not_let_in(
    "{ at: 1s, do: { leave: server-3 } }, \
     { at: 2s, do: { join: { node: server-3, as: manager, token: wrong } } }",
    "1 of 2 would be left"
)]
#[case::a_worker_that_is_back(
    "{ at: 1s, do: { leave: server-22 } }, { at: 2s, do: { join: server-22 } }",
    ""
)]
fn three_managers_can_spare_one_if_they_are_three(#[case] actions: &str, #[case] refused: &str) {
    let edits = [
        ("managers: 2", "managers: 3"),
        ("stop: worker", "stop: leader"),
    ];
    acted(actions, &edits, refused);
}

#[rstest]
#[case::the_promoted_one("{ at: 1s, do: { promote: server-16 } }", "server-16", "1 of 3")]
#[case::another_one("{ at: 1s, do: { promote: server-16 } }", "server-22", "")]
#[case::perhaps_the_promoted_one("{ at: 1s, do: { promote: worker } }", "server-22", "1 of 3")]
#[case::one_that_came_back_as_a_manager(
    "{ at: 1s, do: { leave: server-16 } }, \
     { at: 2s, do: { join: { node: server-16, as: manager } } }",
    "server-16",
    "`server-16` is a manager"
)]
fn a_worker_may_have_become_a_manager(
    #[case] actions: &str,
    #[case] second: &str,
    #[case] refused: &str,
) {
    let second = format!("16s, do: {{ stop: {second}");
    let edits = [
        ("4m, do: { stop: worker", second.as_str()),
        ("stop: worker", "stop: leader"),
    ];
    acted(actions, &edits, refused);
}

/// Two of five are spared, and later one of two is not.
#[test]
fn the_loss_of_the_majority_counts_and_not_that_of_the_most() {
    let demoted = "{ at: 200s, do: { demote: manager } }, { at: 201s, do: { demote: manager } }, \
                   { at: 202s, do: { demote: manager } }";
    let third = "16s, do: { stop: worker } }\n  - { at: 4m, do: { stop: worker";
    let edits = [
        ("managers: 2", "managers: 5"),
        ("4m, do: { stop: worker", third),
        ("stop: worker", "stop: leader"),
    ];
    acted(demoted, &edits, "1 of 2 would be left");
}

#[rstest]
#[case::in_an_action(&[("expect:", "actions: [ { at: 1s, do: { join: server-99 } } ]\nexpect:")])]
#[case::in_a_fault_of_a_swarm_without_workers(&[
    ("managers: 2, workers: 1", "managers: 3"),
    ("15s, do: { stop: worker }", "15s, do: { stop: { host_of: mariadb } }, for: 4m"),
    ("stop: worker", "stop: server-99"),
])]
fn a_node_that_is_not_there_is_told_of_once(#[case] edits: &[(&str, &str)]) {
    let mistakes = plan(&edited(edits), &options()).expect_err("no such node");
    let titles: Vec<&str> = mistakes.iter().map(Mistake::title).collect();
    assert_eq!(titles, ["the cluster has no node `server-99`"]);
}

#[test]
fn two_stacks_that_publish_one_port_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    let deploy = "actions: [ { at: 1s, do: { deploy: one.stack.yaml } }, \
                  { at: 2s, do: { deploy: two.stack.yaml } } ]\nexpect:";
    write("a.yaml", &TWO_MANAGERS.replace("expect:", deploy));
    write("shop.stack.yaml", "services: { mariadb: { image: a } }\n");
    for name in ["one", "two"] {
        let stack = format!("services: {{ {name}: {{ image: a, ports: ['81:80'] }} }}\n");
        write(&format!("{name}.stack.yaml"), &stack);
    }
    let mistakes = refusal(&folder.path().join("a.yaml"), &options());
    let titles: Vec<&str> = mistakes.iter().map(Mistake::title).collect();
    assert_eq!(titles, ["`one` and `two` publish port 81"]);
}
