//! Each fault by itself on one real swarm: seen to bite, and seen to be gone.

use std::time::Duration;

use seatrial::fault;
use seatrial::journal::{Inside, Intent, Rule, Slowness};
use seatrial::plan::Direction;
use seatrial::substrate::Lab;
use seatrial::substrate::vm::VmLab;
use seatrial::units::{Port, Share, Span};

use super::ground::{ground, say};

/// How long a fault may take to be seen, and to be seen gone, on emulated machines.
const DEADLINE: Duration = Duration::from_secs(90);

/// Breaks one machine, looks, and mends it; says what was seen.
async fn bites_and_is_gone(lab: &VmLab, verb: &str, machine: &str) -> (String, String) {
    strikes(lab, intent(0, verb, machine)).await
}

fn intent(number: usize, verb: &str, machine: &str) -> Intent {
    let fault = fault::of_verb(verb).expect("a fault");
    fault.prepare(number, vec![machine.to_owned()], "by hand".to_owned())
}

/// The same for a flow of `server-22`, tried from `server-3`.
async fn flow(lab: &VmLab, number: usize, verb: &str, change: impl FnOnce(&mut Rule)) -> String {
    let mut intent = intent(number, verb, "server-22");
    let mut rule = Rule {
        node: "server-22".to_owned(),
        from: Vec::new(),
        direction: Direction::Both,
        port: None,
        slow: None,
        witness: "server-3".to_owned(),
    };
    change(&mut rule);
    intent.rule = Some(rule);
    strikes(lab, intent).await.0
}

/// Strikes, looks, and mends.
async fn strikes(lab: &VmLab, intent: Intent) -> (String, String) {
    let fault = fault::of_verb(&intent.verb).expect("a fault");
    let intent = fault.survey(lab, intent).await;
    fault.inject(lab, &intent).await.expect("injected");
    let bitten = fault.confirm(lab, &intent, DEADLINE).await;
    let lasted = fault.lasted(lab, &intent).await;
    let healed = fault.heal(lab, &intent, DEADLINE).await;
    let told = (bitten.expect("it bites"), healed.expect("it is gone"));
    lasted.expect("it lasted");
    say(&format!("{}: {}; then {}", intent.verb, told.0, told.1));
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
    // Nobody mounts anything here, so the storage machine says nothing by itself.
    for machine in ["server-22", "storage"] {
        let mut intent = intent(0, "isolate", machine);
        intent.witness = Some("server-3".to_owned());
        let (bitten, _) = strikes(&lab, intent).await;
        assert!(bitten.contains("none was delivered"), "{bitten}");
    }
    for (number, direction) in [(1, Direction::In), (2, Direction::Out)] {
        let bitten = flow(&lab, number, "isolate", |rule| rule.direction = direction).await;
        assert!(bitten.contains("passed the other way"), "{bitten}");
    }
    let half = |rule: &mut Rule| {
        rule.from = vec!["server-3".to_owned()];
        rule.direction = Direction::Out;
    };
    let bitten = flow(&lab, 8, "isolate", half).await;
    assert!(bitten.contains("passed the other way"), "{bitten}");
    let pair = |rule: &mut Rule| rule.from = vec!["server-3".to_owned()];
    let bitten = flow(&lab, 3, "isolate", pair).await;
    assert!(bitten.contains("others passed"), "{bitten}");
    for (number, port) in [
        (4, Port::tcp(2377)),
        (5, Port::udp(7946)),
        (6, Port::udp(4789)),
    ] {
        let bitten = flow(&lab, number, "drop", |rule| rule.port = Some(port)).await;
        assert!(bitten.contains("it answers on 1/tcp"), "{bitten}");
    }
    let slowness = Slowness {
        delay: Span::millis(150),
        jitter: Span::millis(30),
        loss: Share(0.05),
        before_us: None,
    };
    let bitten = flow(&lab, 7, "slow", |rule| rule.slow = Some(slowness)).await;
    assert!(bitten.contains("a round trip took"), "{bitten}");
    lab.tear_down().await.expect("removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_inside_of_a_node_bites() {
    let Some(ground) = ground("every_fault_inside_of_a_node_bites").await else {
        return;
    };
    let plan = ground.plan("faults/paused-leader");
    let lab = ground.vm.lab(&plan, None).await.expect("a swarm");
    for verb in ["skew", "fill"] {
        let mut intent = intent(0, verb, "server-22");
        intent.inside = Some(Inside {
            by: Some(Span::secs(3600)),
            ..Inside::default()
        });
        let (bitten, _) = strikes(&lab, intent).await;
        assert!(
            bitten.contains("ahead") || bitten.contains("free"),
            "{bitten}"
        );
    }
    for verb in ["crash", "restart"] {
        let fault = fault::of_verb(verb).expect("a fault");
        let intent = fault.survey(&*lab, intent(0, verb, "server-22")).await;
        let early = fault.confirm(&*lab, &intent, Duration::from_secs(3)).await;
        early.expect_err("nothing was done yet");
        fault.inject(&*lab, &intent).await.expect("injected");
        let bitten = fault.confirm(&*lab, &intent, DEADLINE).await;
        let healed = fault.heal(&*lab, &intent, DEADLINE).await;
        let (bitten, healed) = (bitten.expect("it bites"), healed.expect("it is over"));
        say(&format!("{verb}: {bitten}; then {healed}"));
    }
    lab.tear_down().await.expect("removed");
}

/// What a node's disk holds of a file; empty where the file is not there.
async fn held(lab: &VmLab, file: &str) -> String {
    let ran = lab.exec("server-22", &format!("cat {file}")).await;
    ran.expect("an agent").out.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_what_was_not_flushed() {
    let Some(ground) = ground("a_power_cut_loses_what_was_not_flushed").await else {
        return;
    };
    let plan = ground.plan("faults/paused-leader");
    let lab = ground.vm.lab(&plan, None).await.expect("a swarm");
    let (kept, lost) = ("/var/lib/docker/kept", "/var/lib/docker/lost");
    let write = format!(
        "cd /var/lib/docker && echo word > {kept} && sync {kept} /var/lib/docker && \
         echo word > {lost} && cat {kept} {lost}"
    );
    let ran = lab.exec("server-22", &write).await.expect("an agent");
    assert_eq!(ran.out, "word\nword\n", "both can be read before: {ran:?}");
    let kill = intent(0, "kill", "server-22");
    let fault = fault::of_verb("kill").expect("a fault");
    fault.inject(&*lab, &kill).await.expect("injected");
    let healed = fault.heal(&*lab, &kill, Duration::from_secs(300)).await;
    healed.expect("it boots");
    let (kept, lost) = (held(&lab, kept).await, held(&lab, lost).await);
    say(&format!(
        "after the cut: `{kept}` with fsync, `{lost}` without"
    ));
    assert_eq!(kept, "word", "what was flushed is there");
    assert_ne!(lost, "word", "what was not is gone");
    lab.tear_down().await.expect("removed");
}
