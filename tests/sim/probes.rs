//! Each probe: it holds, it does not, and it cannot tell.

use std::collections::BTreeSet;
use std::time::Duration;

use rstest::rstest;
use seatrial::journal::Membership;
use seatrial::plan::{Plan, Probe};
use seatrial::probe::observe;
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::{Lab, PowerOff};
use seatrial::wait::{self, Look};

use super::marks::no_way_to_a_database;
use super::misdeeds::{self, Misdeed, stopped, unknown};
use super::plans;

/// Asks one probe of a plan once, in the word of `server-1`.
async fn ask(lab: &dyn Lab, plan: &Plan, probe: usize, broken: &[&str]) -> Look<String> {
    let sight = match lab.view("server-1").await {
        Ok(view) => Look::Holds(view),
        Err(error) => Look::CannotTell(error.to_string()),
    };
    let broken: BTreeSet<String> = broken.iter().map(|name| (*name).to_owned()).collect();
    observe(
        lab,
        plan,
        &Membership::of(plan),
        &plan.steady[probe],
        &sight,
        &broken,
    )
    .await
}

/// A lab whose tasks run.
async fn settled(plan: &Plan, sabotage: Option<Sabotage>) -> std::sync::Arc<dyn Lab> {
    let lab = sabotage.map_or_else(Sim::new, Sim::with).lab(plan);
    lab.deploy().await.expect("deployed");
    wait::pause(Duration::from_secs(5)).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn running_counts_live_tasks_on_unbroken_nodes() {
    let plan = plans::web();
    let lab = settled(&plan, None).await;
    let Look::Holds(seen) = ask(&*lab, &plan, 0, &[]).await else {
        panic!("it holds")
    };
    assert_eq!(seen, "running nginx: 3 of 3 live");
    let less = ask(&*lab, &plan, 0, &["server-2"]).await;
    assert_eq!(less, Look::NotYet("running nginx: 2 of 3 live".to_owned()));
    lab.power_off("server-1", PowerOff::Cut).await.expect("off");
    assert!(matches!(
        ask(&*lab, &plan, 0, &[]).await,
        Look::CannotTell(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_the_managers_is_a_fact() {
    let plan = plans::web();
    let lab = settled(&plan, None).await;
    let refused = Look::NotYet("no leader".to_owned());
    let look = observe(
        &*lab,
        &plan,
        &Membership::of(&plan),
        &plan.steady[0],
        &refused,
        &BTreeSet::new(),
    )
    .await;
    assert_eq!(look, Look::NotYet("running nginx: no leader".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn sql_is_asked_through_every_unbroken_node() {
    let plan = plans::database();
    let lab = settled(&plan, None).await;
    assert!(matches!(ask(&*lab, &plan, 1, &[]).await, Look::Holds(_)));
    lab.power_off("server-4", PowerOff::Cut).await.expect("off");
    let Look::NotYet(why) = ask(&*lab, &plan, 1, &[]).await else {
        panic!("one is off")
    };
    assert!(why.contains("`server-4`: connection refused"), "{why}");
    assert!(matches!(
        ask(&*lab, &plan, 1, &["server-4"]).await,
        Look::Holds(_)
    ));
    let all = ["server-1", "server-2", "server-3", "server-4"];
    assert!(matches!(
        ask(&*lab, &plan, 1, &all).await,
        Look::CannotTell(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn http_wants_the_very_body_on_every_unbroken_node() {
    let plan = plans::web();
    let lab = settled(&plan, None).await;
    assert!(matches!(ask(&*lab, &plan, 1, &[]).await, Look::Holds(_)));
    let lab = settled(&plan, Some(Sabotage::StaleBody("server-3".to_owned()))).await;
    let Look::NotYet(why) = ask(&*lab, &plan, 1, &[]).await else {
        panic!("one is stale")
    };
    assert_eq!(
        why,
        "http :8080: `server-3`: wrong answer: 200: yesterday's page"
    );
    assert!(matches!(
        ask(&*lab, &plan, 1, &["server-3"]).await,
        Look::Holds(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_nobody_knows_cannot_be_asked() {
    let mut plan = plans::web();
    if let Probe::Http { via, .. } = &mut plan.steady[1] {
        *via = seatrial::scenario::Target::Leader;
    }
    let lab = settled(&plan, None).await;
    assert!(matches!(ask(&*lab, &plan, 1, &[]).await, Look::Holds(_)));
    let blind = Look::CannotTell("silence".to_owned());
    let look = observe(
        &*lab,
        &plan,
        &Membership::of(&plan),
        &plan.steady[1],
        &blind,
        &BTreeSet::new(),
    )
    .await;
    assert!(matches!(look, Look::CannotTell(_)), "{look:?}");
}

/// What becomes of a database that the harness cannot ask.
pub(crate) fn misdeeds() -> Vec<Misdeed> {
    let (unasked, by) = (no_way_to_a_database, "recovers");
    let no_way = Sabotage::NoWay("server-2".to_owned());
    let mut settings = misdeeds::configured();
    let other = |probe: &Probe| !matches!(probe, Probe::Sql { .. });
    settings.steady.retain(other);
    let (one, other) = ("no way to a database", "no way to a database's settings");
    vec![
        unknown(one, stopped(), no_way.clone(), unasked, by),
        unknown(other, settings, no_way, unasked, by),
    ]
}

/// A lab whose nodes have all been asked, and one of which the harness then finds no way to.
async fn without_a_way(plan: &Plan) -> std::sync::Arc<dyn Lab> {
    let lab = settled(plan, Some(Sabotage::NoWay("server-1".to_owned()))).await;
    lab.power_off("server-4", PowerOff::Cut).await.expect("off");
    lab
}

/// The database plan, with a setting as its second probe.
fn configured() -> Plan {
    let mut plan = plans::database();
    plan.steady[1] = Probe::Variables {
        service: "mariadb".to_owned(),
        port: 3306,
        set: [("max_connections".to_owned(), "100".to_owned())].into(),
        within: seatrial::units::Span::secs(2),
    };
    plan
}

#[rstest]
#[case::page(plans::web())]
#[case::statement(plans::database())]
#[case::setting(configured())]
#[tokio::test(start_paused = true)]
async fn a_node_that_could_not_be_asked_is_held_against_nobody(#[case] plan: Plan) {
    let lab = without_a_way(&plan).await;
    wait::pause(Duration::from_secs(60)).await;
    let Look::CannotTell(why) = ask(&*lab, &plan, 1, &["server-4"]).await else {
        panic!("nobody asked")
    };
    assert!(
        why.contains("`server-1`: there is no way to `server-1`"),
        "{why}"
    );
    // Another that was asked and does not answer is a fact all the same.
    let Look::NotYet(why) = ask(&*lab, &plan, 1, &[]).await else {
        panic!("one is off")
    };
    assert!(why.contains("`server-4`: connection refused"), "{why}");
}
