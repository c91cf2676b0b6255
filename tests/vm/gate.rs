//! An upgrade of real engines, and one whose target is spoilt. Each takes a quarter of an hour on
//! emulated processors, and images of two releases, so both run only where `SEATRIAL_GATE` names
//! the release to upgrade to: `SEATRIAL_GATE=trixie cargo test --test vm gate_`.

use seatrial::check::check;
use seatrial::run;
use seatrial::substrate::Place;
use seatrial::substrate::vm::{Images, Release, Spoil, Vm};
use seatrial::verdict::{Judgement, Verdict};
use tokio_util::sync::CancellationToken;

use super::ground::{Ground, ground, leave_out, say};

/// The release that was named, if one was.
fn asked(test: &str) -> Option<Release> {
    let named = std::env::var("SEATRIAL_GATE").ok();
    if named.is_none() {
        leave_out(test, "`SEATRIAL_GATE` names no release");
    }
    named.map(|name| name.parse().unwrap_or_else(|wrong| panic!("{wrong}")))
}

/// Upgrades a swarm, managers first, and judges it.
async fn upgraded(ground: &Ground, to: Release, spoil: Option<Spoil>) -> Judgement {
    let next = Images::of(&ground.cache, to);
    let next = next.unwrap_or_else(|| panic!("run `seatrial prepare --engine {to}`"));
    let vm: Vm = ground.vm.clone().upgrading_to(next, spoil);
    let plan = ground.plan_on(&vm, "acceptance/upgrade-managers-first");
    let folder = tempfile::tempdir().expect("a folder");
    let options = run::Options {
        folder: folder.path().join("run"),
        command_line: Vec::new(),
        listener: None,
        stop: CancellationToken::new(),
    };
    let place: &dyn Place = &vm;
    let summary = run::run(place, &plan, options).await.expect("a journal");
    let history = seatrial::journal::read(&summary.journal).expect("a sound journal");
    let judgement = check(&history);
    let style = seatrial::report::Style::default();
    say(&seatrial::report::terminal(&history, &judgement, &style));
    judgement
}

/// Asserts what `upgraded` came to; its words.
fn said(judgement: &Judgement, verdict: Verdict) -> &str {
    let finding = judgement
        .findings
        .iter()
        .find(|one| one.check == "upgraded");
    let finding = finding.expect("judged");
    assert_eq!(finding.verdict, verdict, "{}", finding.summary);
    &finding.summary
}

#[tokio::test(flavor = "multi_thread")]
async fn gate_a_swarm_is_upgraded_node_by_node() {
    let test = "gate_a_swarm_is_upgraded_node_by_node";
    let (Some(to), Some(ground)) = (asked(test), ground(test).await) else {
        return;
    };
    let judgement = upgraded(&ground, to, None).await;
    said(&judgement, Verdict::Pass);
    assert_eq!(judgement.verdict, Verdict::Pass);
}

#[tokio::test(flavor = "multi_thread")]
async fn gate_an_engine_without_ip_vs_is_noticed_by_its_ports() {
    let test = "gate_an_engine_without_ip_vs_is_noticed_by_its_ports";
    let (Some(to), Some(ground)) = (asked(test), ground(test).await) else {
        return;
    };
    let judgement = upgraded(&ground, to, Some(Spoil::NoIpVs)).await;
    let words = said(&judgement, Verdict::Fail);
    assert!(words.contains("port 80"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gate_an_engine_without_vxlan_is_noticed_by_its_clients() {
    let test = "gate_an_engine_without_vxlan_is_noticed_by_its_clients";
    let (Some(to), Some(ground)) = (asked(test), ground(test).await) else {
        return;
    };
    let judgement = upgraded(&ground, to, Some(Spoil::NoVxlan)).await;
    let words = said(&judgement, Verdict::Fail);
    assert!(words.contains("not as before after server-"), "{words}");
}
