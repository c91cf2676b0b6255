//! `never_two` at its edges.

use super::*;
use story::task;

#[test]
fn the_managers_own_list_is_enough() {
    let finding = judged(never_two(), |story| {
        story.at(80.0, task("third", 50, "server-2", "running", "running"));
    });
    says(
        &finding,
        Verdict::Fail,
        "the managers list two live tasks of mariadb slot 1",
    );
}

#[test]
fn a_round_is_judged_as_a_whole() {
    let finding = judged(never_two(), |story| {
        // In one round: the new task is written before the old one's end.
        story.at(80.0, task("third", 50, "server-2", "running", "running"));
        story.at(80.1, task("new", 51, "server-4", "shutdown", "shutdown"));
    });
    says(&finding, Verdict::Pass, "never two at a time");
}

#[test]
fn a_manager_that_lags_behind_is_not_believed() {
    let finding = judged(never_two(), |story| {
        story.at(92.0, task("old", 20, "server-3", "running", "running"));
    });
    says(&finding, Verdict::Pass, "never two at a time");
}

#[test]
fn an_overlap_shorter_than_an_answer_takes_is_no_proof() {
    let finding = judged(never_two(), |story| {
        story.at(
            69.6,
            containers("server-1", Ok(vec![container("third", true)])),
        );
        story.at(71.0, containers("server-1", Ok(Vec::new())));
        story.at(
            69.8,
            containers("server-4", Ok(vec![container("new", true)])),
        );
        story.without(|at, event| {
            matches!(event, Event::Containers(look) if look.node == "server-4" && at == 69.5)
                || matches!(event, Event::Containers(look) if look.node == "server-1" && at == 69.5)
        });
        story.at(
            70.2,
            containers("server-1", Ok(vec![container("third", true)])),
        );
    });
    says(&finding, Verdict::Unknown, "perhaps two live mariadb");
}

#[test]
fn a_service_that_was_never_seen_is_unknown() {
    let finding = judged(never_two(), |story| {
        story.without(|_, event| matches!(event, Event::Containers(_)));
    });
    says(
        &finding,
        Verdict::Unknown,
        "server-1's own engine never said",
    );
    let finding = judged(
        Check::NeverTwo {
            service: "nginx".to_owned(),
        },
        |_| {},
    );
    says(
        &finding,
        Verdict::Unknown,
        "no container of nginx was ever seen running",
    );
}
