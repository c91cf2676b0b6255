//! Every action, probe, fault, workload and check of a scenario file, on real machines.
//!
//! Tests run in the order of their names. This one is first, so that a slow computer has time for
//! it.

use seatrial::verdict::Verdict;

use super::ground::ground;
use super::trial::run;

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_file_can_ask_for_works() {
    let Some(ground) = ground("everything_that_a_file_can_ask_for_works").await else {
        return;
    };
    let told = run(&ground, &ground.plan_of("tests/tour/tour.yaml")).await;
    // An action or a fault that was not seen to take hold makes this unknown.
    assert_eq!(told.judgement.verdict, Verdict::Pass);
}
