//! The simulated registry: what a task needs of it, and what that costs.

use std::time::Duration;

use seatrial::journal::timeline::Timeline;
use seatrial::plan::{Change, Plan};
use seatrial::scenario::{FaultAction, Target};
use seatrial::substrate::PowerOff;
use seatrial::substrate::sim::Sim;
use seatrial::wait;

use super::plans::{self, REMOTE, with_action, with_fault};
use super::{outline, passed, run_sim};

/// A plan whose nodes 4 and 5 need the registry when the host of a task loses its power.
fn struck() -> Plan {
    let host = Target::HostOf("nginx".to_owned());
    with_fault(plans::registered(), 20, FaultAction::Kill(host))
}

/// How long the recovery took.
async fn recovery(plan: &Plan) -> Duration {
    let history = run_sim(plan, None).await;
    passed(&history);
    let timeline = Timeline::of(&history);
    let window = timeline.faults.first().expect("a fault");
    let marks = window.struck().zip(window.recovered);
    let (struck, recovered) = marks.unwrap_or_else(|| panic!("{}", outline(&history)));
    recovered.at - struck.at
}

#[tokio::test(start_paused = true)]
async fn a_node_without_the_image_pulls_it_first() {
    let change = Change::Pull {
        image: REMOTE.to_owned(),
        on: Target::EveryNode,
    };
    let (pulls, has) = (
        recovery(&struck()).await,
        recovery(&with_action(struck(), 5, change)).await,
    );
    assert!(pulls >= has + Duration::from_secs(7), "{pulls:?} {has:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_without_an_image_is_rejected_until_the_registry_is_back() {
    let lab = Sim::new().lab(&plans::registered());
    lab.power_off("registry", PowerOff::Cut).await.expect("off");
    lab.deploy().await.expect("deployed");
    wait::pause(Duration::from_secs(20)).await;
    let view = lab.view("server-1").await.expect("a view");
    let rejected = view.tasks.iter().filter(|task| task.state == "rejected");
    let words: Vec<&str> = rejected.map(|task| task.message.as_str()).collect();
    assert!(words.len() > 3, "replaced after each: {view:?}");
    let no = format!("No such image: {REMOTE}");
    assert!(words.iter().all(|one| *one == no), "{words:?}");
    assert_eq!(view.live("nginx").count(), 0);
    lab.power_on("registry").await.expect("on");
    wait::pause(Duration::from_secs(30)).await;
    let view = lab.view("server-1").await.expect("a view");
    assert_eq!(view.live("nginx").count(), 3);
}
