//! Each fault by itself: it is confirmed by observation, and its heal can be repeated.

use std::time::Duration;

use rstest::rstest;
use seatrial::fault;
use seatrial::heal;
use seatrial::journal::{Intent, Membership, Rule, Slowness};
use seatrial::plan::Direction;
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::{Lab, PowerOff};
use seatrial::units::{Port, Share, Span};
use seatrial::wait;
use tokio::time::Instant;

use super::plans;

const DEADLINE: Duration = Duration::from_secs(20);

/// A deployed lab.
async fn lab(sabotage: Option<Sabotage>) -> std::sync::Arc<dyn Lab> {
    let place = sabotage.map_or_else(Sim::new, Sim::with);
    let lab = place.lab(&plans::web());
    lab.deploy().await.expect("deployed");
    lab
}

#[rstest]
#[case("stop", "has no power")]
#[case("kill", "has no power")]
#[case("pause", "stands still")]
#[case("isolate", "none was delivered")]
#[tokio::test(start_paused = true)]
async fn a_fault_is_seen_to_bite_and_to_be_gone(#[case] verb: &str, #[case] seen: &str) {
    let lab = lab(None).await;
    let fault = fault::of_verb(verb).expect("a fault");
    let targets = vec!["server-2".to_owned(), "server-4".to_owned()];
    let intent = fault.prepare(0, targets, "by hand".to_owned());
    fault.inject(&*lab, &intent).await.expect("injected");
    let evidence = fault
        .confirm(&*lab, &intent, DEADLINE)
        .await
        .expect("confirmed");
    assert_eq!(evidence.matches(seen).count(), 2, "{evidence}");
    for _ in 0..2 {
        fault
            .heal(&*lab, &intent, DEADLINE)
            .await
            .expect("healed, also again");
    }
    fault
        .confirm(&*lab, &intent, DEADLINE)
        .await
        .expect_err("it is gone");
}

/// Whoever only serves others says nothing once nobody reaches it, and silence proves nothing.
#[tokio::test(start_paused = true)]
async fn a_silent_machine_is_made_to_speak() {
    let lab = Sim::new().lab(&plans::database());
    lab.deploy().await.expect("deployed");
    let fault = fault::of_verb("isolate").expect("a fault");
    let mut intent = fault.prepare(0, vec!["storage".to_owned()], "by hand".to_owned());
    fault.inject(&*lab, &intent).await.expect("injected");
    let silent = fault.confirm(&*lab, &intent, DEADLINE).await;
    let silent = silent.expect_err("nobody can tell");
    assert!(silent.contains("`storage` sent no frame"), "{silent}");
    intent.witness = Some("server-2".to_owned());
    let seen = fault.confirm(&*lab, &intent, DEADLINE).await;
    assert!(seen.expect("confirmed").contains("none was delivered"));
    fault.heal(&*lab, &intent, DEADLINE).await.expect("healed");
    let again = fault.confirm(&*lab, &intent, DEADLINE).await;
    let again = again.expect_err("it is gone");
    assert!(again.contains("is not cut off"), "{again}");
}

#[rstest]
#[case("stop", Sabotage::FaultDoesNotBite, "still has power")]
#[case("kill", Sabotage::FaultDoesNotBite, "still has power")]
#[case("pause", Sabotage::PauseNoOp, "still runs")]
#[case("isolate", Sabotage::IsolateNoOp, "frames were delivered")]
#[case(
    "isolate",
    Sabotage::IsolateOneWay,
    "0 of its frames were delivered, and"
)]
#[tokio::test(start_paused = true)]
async fn a_fault_that_does_not_bite_is_not_confirmed(
    #[case] verb: &str,
    #[case] sabotage: Sabotage,
    #[case] seen: &str,
) {
    let lab = lab(Some(sabotage)).await;
    let fault = fault::of_verb(verb).expect("a fault");
    let intent = intent(fault.verb());
    fault
        .inject(&*lab, &intent)
        .await
        .expect("it claims to be injected");
    let last = fault
        .confirm(&*lab, &intent, DEADLINE)
        .await
        .expect_err("not seen");
    assert!(last.contains(seen), "{last}");
}

/// What was confirmed is looked at once more before it is healed.
#[rstest]
#[case::isolation(
    intent("isolate"),
    "it did not last: 20 frames of `server-2` were delivered, and 20 to it"
)]
#[case::one_way(one_way(), "did not last: ")]
#[case::a_port(control_port(), "frames that are meant passed")]
#[case::slow(held_both_ways(), "were held for ")]
#[tokio::test(start_paused = true)]
async fn a_cut_that_fades_has_not_lasted(#[case] intent: Intent, #[case] seen: &str) {
    for (sabotage, lasts) in [(None, true), (Some(Sabotage::CutFades), false)] {
        let lab = lab(sabotage).await;
        let fault = fault::of_verb(&intent.verb).expect("a fault");
        let intent = fault.survey(&*lab, intent.clone()).await;
        fault.inject(&*lab, &intent).await.expect("injected");
        let confirmed = fault.confirm(&*lab, &intent, DEADLINE).await;
        confirmed.expect("confirmed");
        wait::pause(Duration::from_secs(60)).await;
        match fault.lasted(&*lab, &intent).await {
            Ok(()) => assert!(lasts, "{intent:?}"),
            Err(last) => assert!(!lasts && last.contains(seen), "{last}"),
        }
    }
}

/// An intent about `server-2`.
fn intent(verb: &str) -> Intent {
    let fault = fault::of_verb(verb).expect("a fault");
    fault.prepare(0, vec!["server-2".to_owned()], "by hand".to_owned())
}

/// A flow of `server-2`, tried from `server-4`.
fn flow(verb: &str, change: impl FnOnce(&mut Rule)) -> Intent {
    let mut intent = intent(verb);
    let mut rule = Rule {
        node: "server-2".to_owned(),
        from: Vec::new(),
        direction: Direction::Both,
        port: None,
        slow: None,
        witness: "server-4".to_owned(),
    };
    change(&mut rule);
    intent.rule = Some(rule);
    intent
}

fn one_way() -> Intent {
    flow("isolate", |rule| rule.direction = Direction::Out)
}

fn pair() -> Intent {
    flow("isolate", |rule| rule.from = vec!["server-4".to_owned()])
}

fn control_port() -> Intent {
    flow("drop", |rule| rule.port = Some(Port::tcp(2377)))
}

fn gossip_port() -> Intent {
    flow("drop", |rule| rule.port = Some(Port::udp(7946)))
}

fn slow() -> Intent {
    flow("slow", |rule| {
        rule.slow = Some(Slowness {
            delay: Span::millis(100),
            jitter: Span::millis(20),
            loss: Share(0.1),
            before_us: None,
        });
    })
}

/// Every frame is held for so many milliseconds, and none is lost.
fn held(delay: u64) -> Slowness {
    Slowness {
        delay: Span::millis(delay),
        jitter: Span::default(),
        loss: Share(0.0),
        before_us: None,
    }
}

fn held_both_ways() -> Intent {
    flow("slow", |rule| rule.slow = Some(held(100)))
}

fn held_one_way() -> Intent {
    flow("slow", |rule| {
        rule.slow = Some(held(100));
        rule.direction = Direction::Out;
    })
}

fn held_datagrams() -> Intent {
    flow("slow", |rule| {
        rule.slow = Some(held(100));
        rule.port = Some(Port::udp(7946));
    })
}

fn lossy() -> Intent {
    flow("slow", |rule| {
        let loss = Share(0.1);
        rule.slow = Some(Slowness { loss, ..held(0) });
    })
}

/// How long a round trip took before, in microseconds.
fn measured(intent: &Intent) -> Option<u64> {
    let rule = intent.rule.as_ref();
    rule.and_then(|rule| rule.slow?.before_us)
}

#[rstest]
#[case::one_way(one_way(), "passed the other way")]
#[case::a_pair(pair(), "others passed")]
#[case::a_port_of_tcp(control_port(), "it answers on 1/tcp")]
#[case::a_port_of_udp(gossip_port(), "it answers on 1/tcp")]
#[case::slow(slow(), "a round trip took")]
#[case::slow_both_ways(held_both_ways(), "took 2.0ms before and 202.0ms now")]
#[case::slow_one_way(held_one_way(), "took 2.0ms before and 102.0ms now")]
#[case::slow_datagrams(held_datagrams(), "were held for 100.0ms on average")]
#[case::lossy(lossy(), "frames were lost")]
#[tokio::test(start_paused = true)]
async fn a_flow_is_struck_and_the_rest_is_left(#[case] intent: Intent, #[case] seen: &str) {
    let lab = lab(None).await;
    let fault = fault::of_verb(&intent.verb).expect("a fault");
    fault
        .heal(&*lab, &intent, DEADLINE)
        .await
        .expect("nothing to heal");
    let intent = fault.survey(&*lab, intent).await;
    fault.inject(&*lab, &intent).await.expect("injected");
    let evidence = fault.confirm(&*lab, &intent, DEADLINE).await;
    let evidence = evidence.expect("confirmed");
    assert!(evidence.contains(seen), "{evidence}");
    for _ in 0..2 {
        let healed = fault.heal(&*lab, &intent, DEADLINE).await;
        healed.expect("healed, also again");
    }
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    last.expect_err("it is gone");
}

#[rstest]
#[case::one_way(one_way(), Sabotage::RuleNoOp, "still answer each other")]
#[case::a_pair(pair(), Sabotage::RuleNoOp, "still answer each other")]
#[case::a_port_of_tcp(control_port(), Sabotage::RuleNoOp, "still answer each other")]
#[case::a_port_of_udp(gossip_port(), Sabotage::RuleNoOp, "frames that are meant passed")]
#[case::slow(slow(), Sabotage::RuleNoOp, "was lost")]
#[case::slow_one_way(held_one_way(), Sabotage::RuleNoOp, "which is not 100ms more")]
#[case::slow_datagrams(held_datagrams(), Sabotage::RuleNoOp, "were held for 0.0ns only")]
#[case::all_ways(one_way(), Sabotage::RuleCutsAll, "the other way either")]
#[case::both_ways(one_way(), Sabotage::RuleCutsBothWays, "the other way either")]
#[case::all_pairs(pair(), Sabotage::RuleCutsAll, "no other frame")]
#[case::all_ports(
    control_port(),
    Sabotage::RuleCutsAll,
    "does not answer on 1/tcp either"
)]
#[tokio::test(start_paused = true)]
async fn a_flow_that_is_not_struck_alone_is_not_confirmed(
    #[case] intent: Intent,
    #[case] sabotage: Sabotage,
    #[case] seen: &str,
) {
    let lab = lab(Some(sabotage)).await;
    let fault = fault::of_verb(&intent.verb).expect("a fault");
    let intent = fault.survey(&*lab, intent).await;
    fault.inject(&*lab, &intent).await.expect("it claims to be");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    let last = last.expect_err("not seen");
    assert!(last.contains(seen), "{last}");
}

/// A node that is let back is not back while something else drops its frames, one way or the other.
#[rstest]
#[case(Direction::Out, "no frame of `server-2` was delivered")]
#[case(Direction::In, "no frame for `server-2` was delivered")]
#[tokio::test(start_paused = true)]
async fn a_node_is_back_when_frames_pass_both_ways(
    #[case] direction: Direction,
    #[case] seen: &str,
) {
    let lab = lab(None).await;
    let fault = fault::of_verb("isolate").expect("a fault");
    let isolation = intent("isolate");
    fault.inject(&*lab, &isolation).await.expect("injected");
    let rule = flow("isolate", |rule| rule.direction = direction).rule;
    let imposed = lab.impose(1, &rule.expect("a rule"), true).await;
    imposed.expect("imposed");
    let last = fault.heal(&*lab, &isolation, DEADLINE).await;
    let last = last.expect_err("not back");
    assert!(last.contains(seen), "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_only_loses_frames_needs_no_round_trip_before() {
    let lab = lab(None).await;
    let fault = fault::of_verb("slow").expect("a fault");
    let intent = lossy();
    fault.inject(&*lab, &intent).await.expect("injected");
    let seen = fault.confirm(&*lab, &intent, DEADLINE).await;
    seen.expect("confirmed");
}

#[rstest]
#[case::on_the_port_that_is_meant(Some(Port::tcp(2377)), 82_000)]
#[case::on_another_than_one_of_udp(Some(Port::udp(7946)), 2_000)]
#[case::on_any(None, 2_000)]
#[tokio::test(start_paused = true)]
async fn a_round_trip_is_measured_before(#[case] port: Option<Port>, #[case] took: u64) {
    let lab = lab(None).await;
    let slow_already = flow("slow", |rule| {
        rule.slow = Some(held(40));
        rule.port = Some(Port::tcp(2377));
    });
    let rule = slow_already.rule.expect("a rule");
    lab.impose(1, &rule, true).await.expect("imposed");
    let intent = flow("slow", |rule| {
        rule.slow = Some(held(100));
        rule.port = port;
    });
    let fault = fault::of_verb("slow").expect("a fault");
    let intent = fault.survey(&*lab, intent).await;
    assert_eq!(measured(&intent), Some(took));
}

#[rstest]
#[case::both_ways(held_both_ways(), "and 82.0ms now, which is not 200ms more")]
#[case::one_way(held_one_way(), "and 42.0ms now, which is not 100ms more")]
#[case::datagrams(held_datagrams(), "were held for 40.0ms only")]
#[tokio::test(start_paused = true)]
async fn a_flow_is_slow_by_all_that_was_asked(#[case] intent: Intent, #[case] seen: &str) {
    let lab = lab(None).await;
    let fault = fault::of_verb("slow").expect("a fault");
    let intent = fault.survey(&*lab, intent).await;
    assert_eq!(measured(&intent), Some(2_000));
    let rule = intent.rule.clone().expect("a rule");
    let slow = Some(held(40));
    let less = Rule { slow, ..rule };
    let imposed = lab.impose(intent.fault, &less, true).await;
    imposed.expect("imposed");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    let last = last.expect_err("not all of it");
    assert!(last.contains(seen), "{last}");
}

#[rstest]
#[case::unknown(None, "no round trip was measured before")]
#[case::as_slow(Some(200_000), "and 202.0ms now, which is not 200ms more")]
#[tokio::test(start_paused = true)]
async fn a_flow_that_was_not_seen_to_be_quicker_before_proves_nothing(
    #[case] before_us: Option<u64>,
    #[case] seen: &str,
) {
    let lab = lab(None).await;
    let fault = fault::of_verb("slow").expect("a fault");
    let mut intent = held_both_ways();
    let slow = intent.rule.as_mut().and_then(|rule| rule.slow.as_mut());
    slow.expect("a slow one").before_us = before_us;
    fault.inject(&*lab, &intent).await.expect("injected");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    let last = last.expect_err("nobody can tell");
    assert!(last.contains(seen), "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_answer_is_not_slow() {
    let lab = lab(None).await;
    let fault = fault::of_verb("slow").expect("a fault");
    let intent = fault.survey(&*lab, held_both_ways()).await;
    fault.inject(&*lab, &intent).await.expect("injected");
    let cut = flow("drop", |_| {}).rule.expect("a rule");
    lab.impose(1, &cut, true).await.expect("imposed");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    let last = last.expect_err("no answer");
    assert!(last.contains("`server-2` does not answer"), "{last}");
}

#[rstest]
#[case::slow(Some(held(100)), "a round trip takes 202.0ms")]
#[case::cut(None, "`server-2` does not answer `server-4`")]
#[tokio::test(start_paused = true)]
async fn a_flow_that_another_rule_strikes_is_not_seen_to_be_healed(
    #[case] slow: Option<Slowness>,
    #[case] seen: &str,
) {
    let lab = lab(None).await;
    let fault = fault::of_verb("slow").expect("a fault");
    let intent = fault.survey(&*lab, held_both_ways()).await;
    fault.inject(&*lab, &intent).await.expect("injected");
    let rule = intent.rule.clone().expect("a rule");
    let other = Rule { slow, ..rule };
    lab.impose(1, &other, true).await.expect("imposed");
    let error = fault.heal(&*lab, &intent, DEADLINE).await;
    let error = error.expect_err("it is still struck");
    assert!(error.contains(seen), "{error}");
}

#[rstest]
#[case::one_way(one_way())]
#[case::a_port(control_port())]
#[tokio::test(start_paused = true)]
async fn a_machine_without_power_proves_no_cut(#[case] intent: Intent) {
    let lab = lab(None).await;
    lab.power_off("server-2", PowerOff::Cut).await.expect("off");
    let fault = fault::of_verb(&intent.verb).expect("a fault");
    fault.inject(&*lab, &intent).await.expect("injected");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    last.expect_err("silence is no drop");
}

#[tokio::test(start_paused = true)]
async fn a_node_without_power_is_not_paused() {
    let lab = lab(None).await;
    let fault = fault::of_verb("pause").expect("a fault");
    let intent = intent(fault.verb());
    fault.inject(&*lab, &intent).await.expect("injected");
    lab.power_off("server-2", PowerOff::Cut).await.expect("off");
    let last = fault
        .confirm(&*lab, &intent, DEADLINE)
        .await
        .expect_err("it is off");
    assert!(last.contains("has no power"), "{last}");
    let error = fault.heal(&*lab, &intent, DEADLINE).await;
    let error = error.expect_err("nothing goes on");
    assert!(error.contains("has no power"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_sends_nothing_proves_no_isolation() {
    let lab = lab(None).await;
    lab.power_off("server-2", PowerOff::Cut).await.expect("off");
    let fault = fault::of_verb("isolate").expect("a fault");
    let intent = intent(fault.verb());
    fault.inject(&*lab, &intent).await.expect("injected");
    let last = fault
        .confirm(&*lab, &intent, DEADLINE)
        .await
        .expect_err("nobody can tell");
    assert!(last.contains("sent no frame"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn what_a_node_sent_in_vain_before_it_was_watched_proves_no_isolation() {
    let lab = lab(None).await;
    let fault = fault::of_verb("isolate").expect("a fault");
    let intent = intent(fault.verb());
    fault.inject(&*lab, &intent).await.expect("injected");
    // It sends on until it is off.
    let off = lab.power_off("server-2", PowerOff::Shutdown).await;
    off.expect("off");
    let out = lab.frames("server-2").await.out;
    assert!(out.sent > out.delivered, "{out:?}");
    let last = fault.confirm(&*lab, &intent, DEADLINE).await;
    let last = last.expect_err("nobody can tell");
    assert!(last.contains("sent no frame"), "{last}");
}

/// From when the last of its frames got through.
#[rstest]
#[case::cut_off_at_once(0)]
#[case::cut_off_later(1)]
#[tokio::test(start_paused = true)]
async fn an_isolation_is_watched_for_two_seconds(#[case] after: u64) {
    let lab = lab(None).await;
    let fault = fault::of_verb("isolate").expect("a fault");
    let intent = intent(fault.verb());
    let begun = Instant::now();
    let cut = async {
        wait::pause(Duration::from_secs(after)).await;
        fault.inject(&*lab, &intent).await.expect("injected");
    };
    let (seen, ()) = tokio::join!(fault.confirm(&*lab, &intent, DEADLINE), cut);
    seen.expect("confirmed");
    assert!(begun.elapsed() >= Duration::from_secs(after + 2));
}

#[rstest]
#[case("stop")]
#[case("kill")]
#[case("pause")]
#[case("isolate")]
#[tokio::test(start_paused = true)]
async fn a_heal_is_right_when_the_injection_never_ran_or_half_ran(#[case] verb: &str) {
    let lab = lab(None).await;
    let fault = fault::of_verb(verb).expect("a fault");
    let targets = vec!["server-2".to_owned(), "server-4".to_owned()];
    let intent = fault.prepare(0, targets, "by hand".to_owned());
    fault
        .heal(&*lab, &intent, DEADLINE)
        .await
        .expect("nothing to heal");
    let half = self::intent(fault.verb());
    fault.inject(&*lab, &half).await.expect("half injected");
    fault.heal(&*lab, &intent, DEADLINE).await.expect("healed");
    assert!(lab.powered("server-2").await);
    fault
        .confirm(&*lab, &half, DEADLINE)
        .await
        .expect_err("it is gone");
}

#[tokio::test(start_paused = true)]
async fn a_heal_that_fails_says_so_and_visits_every_target() {
    let lab = lab(Some(Sabotage::HealFails)).await;
    let fault = fault::of_verb("kill").expect("a fault");
    let targets = vec!["server-2".to_owned(), "server-4".to_owned()];
    let intent = fault.prepare(0, targets, "by hand".to_owned());
    fault.inject(&*lab, &intent).await.expect("injected");
    let error = fault
        .heal(&*lab, &intent, DEADLINE)
        .await
        .expect_err("it fails");
    assert!(
        error.contains("server-2") && error.contains("server-4"),
        "{error}"
    );
}

#[rstest]
#[case("stop", "balancer")]
#[case("kill", "balancer")]
#[case("pause", "balancer")]
#[case("isolate", "balancer")]
#[case("stop", "storage")]
#[tokio::test(start_paused = true)]
async fn a_machine_that_is_no_node_breaks_and_is_mended(#[case] verb: &str, #[case] name: &str) {
    let mut plan = plans::balanced();
    plan.topology.storage = plans::database().topology.storage;
    let lab = Sim::new().lab(&plan);
    lab.deploy().await.expect("deployed");
    assert_eq!(lab.serves(name).await, Ok(()));
    let fault = fault::of_verb(verb).expect("a fault");
    let mut intent = fault.prepare(0, vec![name.to_owned()], "by hand".to_owned());
    intent.witness = plan.node_names().next().map(str::to_owned);
    fault.inject(&*lab, &intent).await.expect("injected");
    let bitten = fault.confirm(&*lab, &intent, DEADLINE).await.expect("seen");
    if verb != "isolate" {
        assert!(bitten.contains("its server does not answer"), "{bitten}");
        assert!(lab.serves(name).await.is_err());
    }
    // The managers know nothing of it, so they are not waited for.
    let broken = [name.to_owned()].into();
    let healed = heal::undo(&*lab, &plan, &Membership::of(&plan), &intent, &broken).await;
    let healed = healed.expect("healed");
    assert!(!healed.contains("ready"), "{healed}");
    assert_eq!(lab.serves(name).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_the_place_lacks_cannot_be_broken() {
    let lab = lab(None).await;
    let fault = fault::of_verb("stop").expect("a fault");
    let intent = fault.prepare(0, vec!["registry".to_owned()], "by hand".to_owned());
    let trouble = fault.inject(&*lab, &intent).await.expect_err("not there");
    assert!(trouble.0.contains("registry"), "{trouble}");
}

#[test]
fn an_unknown_verb_is_no_fault() {
    assert!(fault::of_verb("stpo").is_none());
}
