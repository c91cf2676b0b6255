//! Faults inside of a node: its engine, one of its tasks, its clock, its disk.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use seatrial::check::check;
use seatrial::fault;
use seatrial::journal::{Inside, Intent};
use seatrial::scenario::{FaultAction, Skew, Target};
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::{Inward, Lab, PowerOff};
use seatrial::units::Span;
use seatrial::wait::{self, Look};

use super::marks::{gone_early, not_confirmed};
use super::misdeeds::{Misdeed, unknown};
use super::plans::{self, with_fault};
use super::{outline, passed, run_sim};

const DEADLINE: Duration = Duration::from_secs(20);

/// A deployed lab whose tasks run.
async fn lab(sabotage: Option<Sabotage>) -> Arc<dyn Lab> {
    let place = sabotage.map_or_else(Sim::new, Sim::with);
    let lab = place.lab(&plans::web());
    lab.deploy().await.expect("deployed");
    wait::pause(Duration::from_secs(6)).await;
    lab
}

/// An intent against the node that runs the first task.
async fn intent(lab: &dyn Lab, verb: &str) -> Intent {
    let view = lab.view("server-1").await.expect("an answer");
    let host = view.live("nginx").find_map(|task| task.node.clone());
    let fault = fault::of_verb(verb).expect("a fault");
    let mut intent = fault.prepare(0, vec![host.expect("a task")], "by hand".to_owned());
    intent.inside = Some(Inside {
        service: (verb == "kill_task").then(|| "nginx".to_owned()),
        by: (verb == "skew").then(|| Span::secs(3600)),
        ..Inside::default()
    });
    fault.survey(lab, intent).await
}

#[rstest]
#[case("crash", "is another one than before")]
#[case("restart", "is another one than before")]
#[case("kill_task", "has ended")]
#[case("skew", "3600.0s ahead")]
#[case("fill", "no file can be written")]
#[tokio::test(start_paused = true)]
async fn it_is_seen_to_bite_and_healed_twice(#[case] verb: &str, #[case] seen: &str) {
    let lab = lab(None).await;
    let intent = intent(&*lab, verb).await;
    let fault = fault::of_verb(verb).expect("a fault");
    let healed = fault.heal(&*lab, &intent, DEADLINE).await;
    healed.expect("nothing to heal");
    let early = fault.confirm(&*lab, &intent, Duration::from_secs(3)).await;
    early.expect_err("nothing was done yet");
    fault.inject(&*lab, &intent).await.expect("injected");
    let bitten = fault.confirm(&*lab, &intent, DEADLINE).await;
    let bitten = bitten.expect("confirmed");
    assert!(bitten.contains(seen), "{bitten}");
    assert_eq!(fault.lasted(&*lab, &intent).await, Ok(()));
    for _ in 0..2 {
        let healed = fault.heal(&*lab, &intent, DEADLINE).await;
        healed.expect("healed, also again");
    }
    let gone = fault.confirm(&*lab, &intent, Duration::from_secs(3)).await;
    match verb {
        "skew" | "fill" => assert!(gone.is_err(), "{gone:?}"),
        // What has happened stays true.
        _ => assert!(gone.is_ok(), "{gone:?}"),
    }
}

#[rstest]
#[case("crash", "still the one of before")]
#[case("restart", "still the one of before")]
#[case("kill_task", "still runs")]
#[case("skew", "is 0.0s ahead")]
#[case("fill", "bytes are free")]
#[tokio::test(start_paused = true)]
async fn what_does_not_bite_is_not_confirmed(#[case] verb: &str, #[case] seen: &str) {
    let lab = lab(Some(Sabotage::InwardNoOp)).await;
    let intent = intent(&*lab, verb).await;
    let fault = fault::of_verb(verb).expect("a fault");
    fault.inject(&*lab, &intent).await.expect("it claims to be");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    let last = last.expect_err("not seen");
    assert!(last.contains(seen), "{last}");
}

#[rstest]
#[case("crash")]
#[case("restart")]
#[case("kill_task")]
#[case("skew")]
#[case("fill")]
#[tokio::test(start_paused = true)]
async fn nobody_can_tell_of_a_node_without_power(#[case] verb: &str) {
    let lab = lab(None).await;
    let intent = intent(&*lab, verb).await;
    let off = lab.power_off(&intent.targets[0], PowerOff::Cut).await;
    off.expect("off");
    let fault = fault::of_verb(verb).expect("a fault");
    let trouble = fault.inject(&*lab, &intent).await.expect_err("no answer");
    assert!(trouble.0.contains("does not answer"), "{trouble}");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    last.expect_err("silence is no blow");
}

#[rstest]
#[case("crash", "does not answer")]
#[case("restart", "does not answer")]
#[case("kill_task", "last seen: the engine of")]
#[case("skew", "does not answer")]
#[case("fill", "does not answer")]
#[tokio::test(start_paused = true)]
async fn a_node_without_power_is_not_seen_to_be_healed(#[case] verb: &str, #[case] seen: &str) {
    let lab = lab(None).await;
    let intent = intent(&*lab, verb).await;
    let fault = fault::of_verb(verb).expect("a fault");
    fault.inject(&*lab, &intent).await.expect("injected");
    let off = lab.power_off(&intent.targets[0], PowerOff::Cut).await;
    off.expect("off");
    let error = fault.heal(&*lab, &intent, DEADLINE).await;
    let error = error.expect_err("nobody can tell");
    assert!(error.contains(seen), "{error}");
}

/// An engine lists the container of the task before it first.
#[tokio::test(start_paused = true)]
async fn the_container_that_runs_is_killed_and_none_that_has_ended() {
    let place = lab(None).await;
    let lab = &*place;
    let first = intent(lab, "kill_task").await;
    let fault = fault::of_verb("kill_task").expect("a fault");
    fault.inject(lab, &first).await.expect("injected");
    let node = first.targets[0].as_str();
    let look = || async move {
        let listed = lab.containers(node).await.expect("an answer");
        match listed.iter().any(|one| one.running) {
            true => Look::Holds(listed),
            false => Look::NotYet("nothing runs".to_owned()),
        }
    };
    let listed = wait::until("another task", DEADLINE, Duration::from_secs(1), look).await;
    let listed = listed.expect("it runs");
    let running: Vec<bool> = listed.iter().map(|one| one.running).collect();
    assert_eq!(running, [false, true], "{listed:?}");
    let second = fault.survey(lab, first.clone()).await;
    let inside = second.inside.expect("it was surveyed");
    assert_eq!(inside.before[node].containers, [listed[1].id.as_str()]);
}

#[rstest]
#[case("crash")]
#[case("skew")]
#[case("fill")]
#[tokio::test(start_paused = true)]
async fn a_heal_that_fails_says_so(#[case] verb: &str) {
    let lab = lab(Some(Sabotage::HealFails)).await;
    let intent = intent(&*lab, verb).await;
    let fault = fault::of_verb(verb).expect("a fault");
    fault.inject(&*lab, &intent).await.expect("injected");
    let error = fault.heal(&*lab, &intent, DEADLINE).await;
    error.expect_err("it fails");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_nobody_saw_before_proves_nothing() {
    let lab = lab(None).await;
    let mut intent = intent(&*lab, "crash").await;
    intent.inside = None;
    let fault = fault::of_verb("crash").expect("a fault");
    fault.inject(&*lab, &intent).await.expect("injected");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    let last = last.expect_err("nobody can tell");
    assert!(last.contains("nobody saw"), "{last}");
}

#[rstest]
#[case("skew", Inward::SetClock(Duration::ZERO))]
#[case("fill", Inward::EmptyDisk)]
#[tokio::test(start_paused = true)]
async fn what_somebody_else_undid_did_not_last(#[case] verb: &str, #[case] undo: Inward) {
    let lab = lab(None).await;
    let intent = intent(&*lab, verb).await;
    let fault = fault::of_verb(verb).expect("a fault");
    fault.inject(&*lab, &intent).await.expect("injected");
    fault.confirm(&*lab, &intent, DEADLINE).await.expect("seen");
    lab.inward(&intent.targets[0], &undo).await.expect("undone");
    let last = fault.lasted(&*lab, &intent).await.expect_err("gone");
    assert!(last.contains("did not last"), "{last}");
}

fn host() -> Target {
    Target::HostOf("nginx".to_owned())
}

fn clock() -> FaultAction {
    let by = Span::secs(3600);
    FaultAction::Skew(Skew { node: host(), by })
}

#[rstest]
#[case::crash(FaultAction::Crash(host()))]
#[case::restart(FaultAction::Restart(host()))]
#[case::crash_of_the_leader(FaultAction::Crash(Target::Leader))]
#[case::kill_task(FaultAction::KillTask(host()))]
#[case::skew(clock())]
#[case::fill(FaultAction::Fill(Target::Worker))]
#[tokio::test(start_paused = true)]
async fn a_run_with_it_passes(#[case] action: FaultAction) {
    let history = run_sim(&with_fault(plans::web(), 10, action), None).await;
    passed(&history);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_right_too_soon_is_told() {
    let plan = with_fault(plans::web(), 10, clock());
    let history = run_sim(&plan, Some(Sabotage::ClockSetRight)).await;
    let judgement = check(&history);
    let told = judgement
        .findings
        .iter()
        .find(|one| one.check == "exercised");
    let told = &told.expect("a finding").summary;
    assert!(
        told.contains("was gone before"),
        "{told}\n{}",
        outline(&history)
    );
}

/// The lines of the table of misdeeds that are about these faults.
pub(crate) fn misdeeds() -> Vec<Misdeed> {
    use FaultAction::{Crash, Fill, KillTask, Restart};
    let host = || Target::HostOf("nginx".to_owned());
    let struck = |action| with_fault(plans::web(), 10, action);
    let clock = || {
        let by = Span::secs(3600);
        struck(FaultAction::Skew(Skew { node: host(), by }))
    };
    let no_op = |name, plan| unknown(name, plan, Sabotage::InwardNoOp, not_confirmed, "exercised");
    vec![
        no_op("a crash that is a no-op", struck(Crash(host()))),
        no_op("a restart that is a no-op", struck(Restart(host()))),
        no_op("a task that is not killed", struck(KillTask(host()))),
        no_op("a clock that does not jump", clock()),
        no_op("a disk that is not full", struck(Fill(Target::Worker))),
        unknown(
            "a clock that is set right",
            clock(),
            Sabotage::ClockSetRight,
            gone_early,
            "exercised",
        ),
    ]
}
