//! Each fault by itself on one real swarm: seen to bite, and seen to be gone.

use std::time::Duration;

use seatrial::fault;
use seatrial::substrate::Lab;
use seatrial::substrate::vm::VmLab;

use super::ground::{ground, say};

/// How long a fault may take to be seen, and to be seen gone, on emulated machines.
const DEADLINE: Duration = Duration::from_secs(90);

/// Breaks one machine, looks, and mends it; says what was seen.
async fn bites_and_is_gone(lab: &VmLab, verb: &str, machine: &str) -> (String, String) {
    let fault = fault::of_verb(verb).expect("a fault");
    let intent = fault.prepare(0, vec![machine.to_owned()], "by hand".to_owned());
    fault.inject(lab, &intent).await.expect("injected");
    let bitten = fault.confirm(lab, &intent, DEADLINE).await;
    let healed = fault.heal(lab, &intent, DEADLINE).await;
    let told = (bitten.expect("it bites"), healed.expect("it is gone"));
    say(&format!("{verb} {machine}: {}; then {}", told.0, told.1));
    let again = fault.confirm(lab, &intent, Duration::from_secs(8)).await;
    again.expect_err("a fault that is gone is not seen");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_bites_and_is_gone() {
    let Some(ground) = ground("every_fault_bites_and_is_gone").await else {
        return;
    };
    let plan = ground.plan("faults/paused-leader");
    let lab = ground.vm.lab(&plan, None).await.expect("a swarm");
    for machine in ["server-22", "storage"] {
        let (bitten, healed) = bites_and_is_gone(&lab, "pause", machine).await;
        assert!(bitten.contains("stands still"), "{bitten}");
        assert!(healed.contains("goes on"), "{healed}");
    }
    let (bitten, _) = bites_and_is_gone(&lab, "isolate", "server-22").await;
    assert!(bitten.contains("none was delivered"), "{bitten}");
    lab.tear_down().await.expect("removed");
}
