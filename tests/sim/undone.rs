//! Faults that somebody else undoes, and a heal that nobody can see.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use seatrial::fault;
use seatrial::substrate::sim::Sim;
use seatrial::substrate::{Lab, PowerOff};
use tokio::time::Instant;

use super::plans;

const DEADLINE: Duration = Duration::from_secs(20);

/// A deployed lab.
async fn lab() -> Arc<dyn Lab> {
    let lab = Sim::new().lab(&plans::web());
    lab.deploy().await.expect("deployed");
    lab
}

#[rstest]
#[case("stop", "has power")]
#[case("kill", "has power")]
#[case("pause", "goes on")]
#[tokio::test(start_paused = true)]
async fn what_somebody_else_undid_did_not_last(#[case] verb: &str, #[case] seen: &str) {
    let lab = lab().await;
    let fault = fault::of_verb(verb).expect("a fault");
    let targets = vec!["server-2".to_owned(), "server-4".to_owned()];
    let intent = fault.prepare(0, targets, "by hand".to_owned());
    fault.inject(&*lab, &intent).await.expect("injected");
    fault.confirm(&*lab, &intent, DEADLINE).await.expect("seen");
    assert_eq!(fault.lasted(&*lab, &intent).await, Ok(()));
    let undone = match verb {
        "pause" => lab.pause("server-4", false).await,
        _ => lab.power_on("server-4").await,
    };
    undone.expect("undone");
    let last = fault.lasted(&*lab, &intent).await.expect_err("gone");
    assert_eq!(last, format!("it did not last: `server-4` {seen}"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_does_not_outlast_the_power() {
    let lab = lab().await;
    let fault = fault::of_verb("pause").expect("a fault");
    let intent = fault.prepare(0, vec!["server-2".to_owned()], "by hand".to_owned());
    fault.inject(&*lab, &intent).await.expect("injected");
    lab.power_off("server-2", PowerOff::Cut).await.expect("off");
    let last = fault.lasted(&*lab, &intent).await.expect_err("gone");
    assert!(last.contains("has no power"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_sends_nothing_is_not_seen_to_be_back() {
    let lab = lab().await;
    let fault = fault::of_verb("isolate").expect("a fault");
    let intent = fault.prepare(0, vec!["server-2".to_owned()], "by hand".to_owned());
    fault.inject(&*lab, &intent).await.expect("injected");
    lab.power_off("server-2", PowerOff::Cut).await.expect("off");
    let begun = Instant::now();
    let error = fault.heal(&*lab, &intent, DEADLINE).await;
    let error = error.expect_err("nobody can tell");
    assert!(error.contains("no frame of `server-2`"), "{error}");
    assert!(begun.elapsed() <= DEADLINE);
}
