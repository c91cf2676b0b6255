//! Decisions of a gate: a table of what was seen, and what it must come to.

use rstest::rstest;
use seatrial::check::check;
use seatrial::gate::{
    Decision, Evidence, Ruling, Run, Weight, decide, gate, gate_json, gate_markdown,
};
use seatrial::journal::History;
use seatrial::plan::{Plan, Probe};
use seatrial::report::{Style, compare};
use seatrial::scenario::UpgradeOrder::ManagersFirst;
use seatrial::scenario::{FaultAction, Target};
use seatrial::substrate::sim::{Sabotage, Sim};
use tokio_util::sync::CancellationToken;

use super::plans::with_fault;
use super::{plans, run_on, run_sim, upgrade};

fn judged(history: &History) -> Run {
    Run::of(history, check(history), history.plan.name.as_str())
}

async fn run(plan: &Plan, sabotage: Option<Sabotage>) -> Run {
    judged(&run_sim(plan, sabotage).await)
}

/// A service that is scaled, on an engine that does so or does not.
async fn scaled(sabotage: Option<Sabotage>) -> Run {
    run(&plans::scaled(5), sabotage).await
}

async fn upgraded(sabotage: Option<Sabotage>) -> Run {
    run(&upgrade::upgraded(ManagersFirst), sabotage).await
}

/// What keeps its promises on both sides and on the way.
async fn well() -> Evidence {
    Evidence {
        base: vec![scaled(None).await],
        target: vec![scaled(None).await],
        upgrades: vec![upgraded(None).await],
        ..Evidence::default()
    }
}

fn told(decision: &Decision) -> String {
    gate(decision, "bookworm", "trixie", &Style::default())
}

/// How a side is: keeps its promise, breaks it, shows nothing, or did not run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Is {
    Kept,
    Broken,
    Unseen,
    Missing,
}

async fn side(is: Is) -> Vec<Run> {
    match is {
        Is::Kept => vec![scaled(None).await],
        Is::Broken => vec![scaled(Some(Sabotage::ScaleLosesRequests)).await],
        Is::Unseen => vec![scaled(Some(Sabotage::OrderDoesNothing)).await],
        Is::Missing => Vec::new(),
    }
}

async fn way(is: Is) -> Vec<Run> {
    match is {
        Is::Kept => vec![upgraded(None).await],
        Is::Broken => vec![upgraded(Some(Sabotage::NewEngineWithoutMesh)).await],
        Is::Unseen => vec![upgraded(Some(Sabotage::ExchangeDoesNothing)).await],
        Is::Missing => Vec::new(),
    }
}

#[rstest]
#[case(Is::Kept, Is::Kept, Is::Kept, Ruling::Accept)]
// What was broken before is no regression, and is told.
#[case(Is::Broken, Is::Broken, Is::Kept, Ruling::Accept)]
#[case(Is::Broken, Is::Kept, Is::Kept, Ruling::Accept)]
#[case(Is::Kept, Is::Broken, Is::Kept, Ruling::Reject)]
#[case(Is::Kept, Is::Kept, Is::Broken, Ruling::Reject)]
#[case(Is::Kept, Is::Unseen, Is::Broken, Ruling::Reject)]
#[case(Is::Kept, Is::Broken, Is::Unseen, Ruling::Reject)]
#[case(Is::Kept, Is::Unseen, Is::Kept, Ruling::Undecided)]
#[case(Is::Unseen, Is::Kept, Is::Kept, Ruling::Undecided)]
// Nobody knows whether it was better before.
#[case(Is::Unseen, Is::Broken, Is::Kept, Ruling::Undecided)]
#[case(Is::Kept, Is::Kept, Is::Unseen, Ruling::Undecided)]
#[case(Is::Missing, Is::Kept, Is::Kept, Ruling::Undecided)]
#[case(Is::Kept, Is::Missing, Is::Kept, Ruling::Undecided)]
#[case(Is::Missing, Is::Missing, Is::Kept, Ruling::Undecided)]
#[case(Is::Kept, Is::Kept, Is::Missing, Ruling::Undecided)]
#[case(Is::Missing, Is::Missing, Is::Missing, Ruling::Undecided)]
#[tokio::test(start_paused = true)]
async fn a_gate_opens_only_for_what_was_seen_to_be_no_worse(
    #[case] base: Is,
    #[case] target: Is,
    #[case] on_the_way: Is,
    #[case] ruling: Ruling,
) {
    let evidence = Evidence {
        base: side(base).await,
        target: side(target).await,
        upgrades: way(on_the_way).await,
        ..Evidence::default()
    };
    let decision = decide(&evidence);
    assert_eq!(decision.ruling, ruling, "{}", told(&decision));
    assert_eq!(decision, decide(&evidence));
    let weights: Vec<Weight> = decision.reasons.iter().map(|one| one.weight).collect();
    assert!(weights.is_sorted(), "{}", told(&decision));
    let worst = weights.first().copied();
    let expected = match ruling {
        Ruling::Reject => Some(Weight::Regression),
        Ruling::Undecided => Some(Weight::Unknown),
        Ruling::Accept if target == Is::Broken => Some(Weight::Note),
        Ruling::Accept => None,
    };
    assert_eq!(worst, expected, "{}", told(&decision));
}

#[tokio::test(start_paused = true)]
async fn what_was_skipped_or_spoilt_is_not_accepted() {
    let mut spoilt = well().await;
    spoilt.spoilt = Some("no-vxlan".to_owned());
    assert_eq!(decide(&spoilt).ruling, Ruling::Undecided);
    let mut evidence = well().await;
    evidence.skipped = vec![("pages".to_owned(), "`vm` has no power cut".to_owned())];
    let decision = decide(&evidence);
    assert_eq!(decision.ruling, Ruling::Undecided);
    assert!(told(&decision).contains("pages: it was skipped: `vm` has no power cut"));
}

#[tokio::test(start_paused = true)]
async fn a_new_engine_without_a_mesh_is_rejected_because_of_its_mesh() {
    let mut evidence = well().await;
    evidence.upgrades = way(Is::Broken).await;
    let decision = decide(&evidence);
    let first = decision.reasons.first().expect("a reason");
    assert_eq!(first.weight, Weight::Regression);
    assert!(
        first
            .said
            .starts_with("`upgraded`: not as before after server-1"),
        "{}",
        first.said
    );
    assert!(first.said.contains("refuses port 8080"), "{}", first.said);
}

/// Recoveries from the loss of a worker with a task and of an idle one cannot be compared.
#[tokio::test(start_paused = true)]
async fn recoveries_that_cannot_be_compared_are_not_accepted() {
    let mut plan = with_fault(plans::web(), 10, FaultAction::Kill(Target::Worker));
    "one-worker".clone_into(&mut plan.name);
    for service in plan.stack.iter_mut().flat_map(|stack| &mut stack.services) {
        service.replicas = Some(4);
    }
    for probe in &mut plan.steady {
        if let Probe::Running { replicas, .. } = probe {
            *replicas = 4;
        }
    }
    let mut blind = None;
    let base = run(&plan, None).await;
    for seed in 0..20 {
        plan.seed = seed;
        let target = run(&plan, None).await;
        let one = std::slice::from_ref;
        let told = compare(one(&base.figures), one(&target.figures));
        if told.expect("of one scenario").is_partly_blind() {
            blind = Some(target);
            break;
        }
    }
    let mut evidence = well().await;
    evidence.base.push(base);
    evidence.target.push(blind.expect("another kind of node"));
    let decision = decide(&evidence);
    assert_eq!(decision.ruling, Ruling::Undecided, "{}", told(&decision));
    assert!(told(&decision).contains("break what is the same wherever tasks run"));
}

/// A service that is scaled, on nodes whose engines have these names.
async fn on_engine(name: &str, sabotage: Option<Sabotage>) -> Run {
    let place = sabotage.map_or_else(Sim::new, Sim::with);
    let place = place.with_engines(name, name);
    judged(&run_on(&place, &plans::scaled(5), CancellationToken::new()).await)
}

/// Somebody else upgrades the swarm between both sides; then each side says what it runs.
#[rstest]
#[case::upgraded(
    Some("20.10.24"),
    Some("26.1.5"),
    None,
    Ruling::Accept,
    "the way from one to the other was not"
)]
#[case::broken(
    Some("20.10.24"),
    Some("26.1.5"),
    Some(Sabotage::ScaleLosesRequests),
    Ruling::Reject,
    "`answers`"
)]
#[case::in_part(
    Some("20.10.24"),
    Some("20.10.24, 26.1.5"),
    None,
    Ruling::Undecided,
    "docker 20.10.24 was there before and still is: upgrade every node"
)]
#[case::not_at_all(
    Some("26.1.5"),
    Some("26.1.5"),
    None,
    Ruling::Undecided,
    "docker 26.1.5 was there before and still is"
)]
#[case::to_several(
    Some("20.10.24"),
    Some("26.1.5, 28.5.2"),
    None,
    Ruling::Undecided,
    "the nodes have docker 26.1.5 and 28.5.2: give all the same"
)]
#[case::nobody_knows(None, None, None, Ruling::Undecided, "nobody knows which docker")]
#[tokio::test(start_paused = true)]
async fn a_swarm_that_its_owner_upgrades_is_judged_by_both_sides(
    #[case] was: Option<&str>,
    #[case] is: Option<&str>,
    #[case] sabotage: Option<Sabotage>,
    #[case] ruling: Ruling,
    #[case] says: &str,
) {
    let side = async |engine: Option<&str>, sabotage| match engine {
        Some(engine) => vec![on_engine(engine, sabotage).await],
        None => vec![scaled(sabotage).await],
    };
    let evidence = Evidence {
        base: side(was, None).await,
        target: side(is, sabotage).await,
        by_owner: true,
        ..Evidence::default()
    };
    let decision = decide(&evidence);
    assert_eq!(decision.ruling, ruling, "{}", told(&decision));
    assert!(told(&decision).contains(says), "{}", told(&decision));
}

/// A second half that asks less than the first says nothing of the engine.
#[tokio::test(start_paused = true)]
async fn halves_that_do_not_ask_the_same_are_not_accepted() {
    let mut plan = plans::scaled(5);
    plan.checks.clear();
    let place = Sim::new().with_engines("26.1.5", "26.1.5");
    let less = run_on(&place, &plan, CancellationToken::new()).await;
    let evidence = Evidence {
        base: vec![on_engine("20.10.24", None).await],
        target: vec![judged(&less)],
        by_owner: true,
        ..Evidence::default()
    };
    let decision = decide(&evidence);
    assert_eq!(decision.ruling, Ruling::Undecided, "{}", told(&decision));
    let says = "the halves differ by more: the scenario's expectations";
    assert!(told(&decision).contains(says), "{}", told(&decision));
}

/// A first half that was killed between two of its runs kept fewer than the second.
#[tokio::test(start_paused = true)]
async fn a_side_that_lacks_a_run_is_not_accepted() {
    let mut evidence = well().await;
    evidence.target.push(scaled(None).await);
    let decision = decide(&evidence);
    assert_eq!(decision.ruling, Ruling::Undecided, "{}", told(&decision));
    let says = "it ran 1 time on the old engine and 2 times on the new: run both alike";
    assert!(told(&decision).contains(says), "{}", told(&decision));
}

#[tokio::test(start_paused = true)]
async fn a_decision_reads_well() {
    let mut evidence = well().await;
    evidence.target = side(Is::Broken).await;
    evidence.upgrades.extend(way(Is::Unseen).await);
    let decision = decide(&evidence);
    insta::assert_snapshot!("gate", told(&decision));
    insta::assert_snapshot!(
        "gate-markdown",
        gate_markdown(&decision, "bookworm", "trixie")
    );
    let json: serde_json::Value =
        serde_json::from_str(&gate_json(&decision, "bookworm", "trixie")).expect("an object");
    assert_eq!(json["decision"]["ruling"], "reject");
    assert_eq!(json["decision"]["reasons"][0]["weight"], "regression");
}
