//! Upgrades, node by node: each turn is seen, nothing that it explains is held against the swarm,
//! and whatever the new engine gets wrong is.

use rstest::rstest;
use seatrial::check::check;
use seatrial::journal::timeline::Timeline;
use seatrial::journal::{ActionEntry, ActionStep, Deed, Event, History, Stage};
use seatrial::plan::{Change, Plan};
use seatrial::report::{html, json, markdown, schema};
use seatrial::scenario::UpgradeOrder::{self, ManagersFirst, WorkersFirst};
use seatrial::substrate::sim::Sabotage;
use seatrial::verdict::Verdict;

use super::marks::action_not_seen;
use super::misdeeds::{Misdeed, fail, unknown};
use super::plans::{self, with_action};
use super::{outline, passed, run_sim};

/// The page, asked for everywhere while its nodes are upgraded.
pub(crate) fn upgraded(order: UpgradeOrder) -> Plan {
    let mut plan = with_action(plans::web(), 10, Change::Upgrade(order));
    plan.checks.retain(|check| check.name() != "recovers");
    plan
}

#[test]
fn only_an_upgrade_takes_a_second_engine() {
    assert!(upgraded(WorkersFirst).upgrades());
    assert!(!plans::scaled(5).upgrades());
}

fn deed(history: &History) -> Deed {
    Timeline::of(history).actions.remove(0)
}

#[rstest]
#[case(ManagersFirst, ["server-1", "server-2", "server-3", "server-4", "server-5"])]
#[case(WorkersFirst, ["server-4", "server-5", "server-1", "server-2", "server-3"])]
#[tokio::test(start_paused = true)]
async fn every_node_has_its_turn(#[case] order: UpgradeOrder, #[case] nodes: [&str; 5]) {
    let history = run_sim(&upgraded(order), None).await;
    let told = passed(&history);
    let deed = deed(&history);
    let turns: Vec<&str> = deed.turns.iter().map(|turn| turn.node.as_str()).collect();
    assert_eq!(turns, nodes, "{}", outline(&history));
    for (done, turn) in deed.turns.iter().enumerate() {
        // After so many turns so many nodes have the new engine, and no other.
        let new = |node: &str| turn.engines[node].engine == "simulated 2";
        let upgraded: Vec<&str> = nodes.into_iter().filter(|node| new(node)).collect();
        assert_eq!(upgraded, nodes[..=done], "{}", outline(&history));
        let marks = [turn.draining, turn.exchanging, turn.back, turn.as_before];
        let seqs: Vec<u64> = marks.into_iter().flatten().map(|mark| mark.seq).collect();
        assert!(seqs.len() == 4 && seqs.is_sorted() && turn.differs.is_none());
    }
    assert!(told.contains("simulated 2, linux of simulated"), "{told}");
    let judgement = check(&history);
    for text in [markdown(&history, &judgement), html(&history, &judgement)] {
        assert!(
            text.contains("not as before") || text.contains("as before"),
            "{text}"
        );
        assert!(text.contains("simulated 2"), "{text}");
    }
    let page = html(&history, &judgement);
    let (_, steps) = page.split_once("Engines, step by step").expect("a table");
    let (steps, _) = steps.split_once("</table>").expect("its end");
    let rows: Vec<&str> = steps.split("<tr><td>").skip(1).collect();
    assert_eq!(rows.len(), 6, "{steps}");
    assert!(rows.iter().all(|row| row.contains("href=\"#")), "{steps}");
    let report: serde_json::Value =
        serde_json::from_str(&json(&history, &judgement)).expect("an object");
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    assert!(validator.is_valid(&report), "{report:#}");
    let engine = &report["actions"][0]["turns"][4]["engines"]["server-1"]["engine"];
    assert_eq!(engine, "simulated 2");
}

/// What a new engine gets wrong ends the upgrade at its first node.
#[rstest]
#[case(
    Sabotage::NewEngineWithoutMesh,
    Verdict::Fail,
    "`server-1` refuses port 8080"
)]
#[case(
    Sabotage::NewEngineWithoutOverlay,
    Verdict::Fail,
    "not as before after server-1"
)]
#[case(Sabotage::ExchangeDoesNothing, Verdict::Unknown, "was to have another")]
#[case(
    Sabotage::NewEngineNeverAnswers,
    Verdict::Unknown,
    "do not call `server-1` ready"
)]
#[tokio::test(start_paused = true)]
async fn what_the_new_engine_gets_wrong_is_noticed(
    #[case] sabotage: Sabotage,
    #[case] verdict: Verdict,
    #[case] words: &str,
) {
    let history = run_sim(&upgraded(ManagersFirst), Some(sabotage)).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, verdict, "{}", outline(&history));
    let upgraded = judgement
        .findings
        .iter()
        .find(|one| one.check == "upgraded");
    let upgraded = upgraded.expect("judged");
    assert_eq!(upgraded.verdict, verdict, "{}", upgraded.summary);
    assert!(upgraded.summary.contains(words), "{}", upgraded.summary);
    assert_eq!(deed(&history).turns.len(), 1, "{}", outline(&history));
    let differs = history.entries.iter().any(|entry| {
        matches!(&entry.event, Event::Action(ActionEntry { step: ActionStep::Turn(step), .. })
            if matches!(step.stage, Stage::Differs(_)))
    });
    assert_eq!(differs, verdict == Verdict::Fail);
}

/// What no steady state asks for must be there again all the same.
#[tokio::test(start_paused = true)]
async fn a_service_that_nobody_asks_for_must_be_as_before() {
    let history = run_sim(&unasked(), Some(Sabotage::NewEngineScalesDown)).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Fail, "{}", outline(&history));
    let mut findings = judgement.findings.iter();
    let upgraded = findings.find(|one| one.check == "upgraded");
    let said = &upgraded.expect("judged").summary;
    assert!(
        said.contains("running tasks of `nginx`: 2, and 3 before"),
        "{said}"
    );
    passed(&run_sim(&unasked(), None).await);
}

/// An upgrade of a swarm of whose tasks the steady state does not ask.
fn unasked() -> Plan {
    let mut plan = upgraded(ManagersFirst);
    plan.steady.remove(0);
    plan
}

/// A node that is away already could not be told from one that the upgrade lost.
#[tokio::test(start_paused = true)]
async fn nothing_is_begun_while_a_node_is_not_well() {
    let node = seatrial::scenario::Target::Node("server-5".to_owned());
    let mut plan = with_action(plans::web(), 5, Change::Drain(node));
    plan = with_action(plan, 10, Change::Upgrade(WorkersFirst));
    plan.checks.retain(|check| check.name() != "recovers");
    let history = run_sim(&plan, None).await;
    assert_eq!(check(&history).verdict, Verdict::Unknown);
    let deed = Timeline::of(&history).actions.remove(1);
    assert!(deed.acting.is_none(), "{}", outline(&history));
    let words = "do not list `server-5` as ready and active";
    assert!(deed.words.contains(words), "{}", deed.words);
}

/// Lines of the table of sabotages.
pub(crate) fn misdeeds() -> Vec<Misdeed> {
    use Sabotage::*;
    let (plan, by) = (|| upgraded(ManagersFirst), "upgraded");
    let unseen = action_not_seen;
    let mesh = "an upgrade that loses the mesh";
    let overlay = "an upgrade that loses the overlay";
    vec![
        fail(mesh, plan(), NewEngineWithoutMesh, unseen, by),
        fail(overlay, plan(), NewEngineWithoutOverlay, unseen, by),
        fail(
            "an upgrade that loses a replica",
            unasked(),
            NewEngineScalesDown,
            unseen,
            by,
        ),
        unknown(
            "an upgrade to the same engine",
            plan(),
            ExchangeDoesNothing,
            unseen,
            by,
        ),
        unknown(
            "an upgrade that loses a node",
            plan(),
            NewEngineNeverAnswers,
            unseen,
            by,
        ),
    ]
}
