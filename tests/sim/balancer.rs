//! The balancer: what is asked through it, and what becomes of it when nodes, or it, are gone.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use seatrial::check::check;
use seatrial::journal::{Answer, Event, Membership};
use seatrial::plan::{Options, Outcome, Plan, Probe, plan};
use seatrial::probe::observe;
use seatrial::scenario::{FaultAction, Part, Target, load};
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::{Lab, PageRequest, Place, PowerOff};
use seatrial::verdict::Verdict;
use seatrial::wait::{self, Look};

use super::plans::{self, with_fault};
use super::{outline, run_sim};

async fn settled(plan: &Plan) -> std::sync::Arc<dyn Lab> {
    let lab = Sim::new().lab(plan);
    lab.deploy().await.expect("deployed");
    wait::pause(Duration::from_secs(5)).await;
    lab
}

/// Asks the page through the balancer.
async fn page(lab: &dyn Lab, plan: &Plan, broken: &[&str]) -> Look<String> {
    let probe = plan.steady.last().expect("a probe");
    assert!(matches!(probe, Probe::Http { via, .. } if *via == Target::Part(Part::Balancer)));
    let sight = Look::CannotTell("nobody was asked".to_owned());
    let broken: BTreeSet<String> = broken.iter().map(|name| (*name).to_owned()).collect();
    observe(lab, plan, &Membership::of(plan), probe, &sight, &broken).await
}

/// How many of so many requests in a row fail.
async fn failed(lab: &dyn Lab, requests: usize) -> usize {
    let ask = PageRequest {
        path: "/".to_owned(),
        body: "hello".to_owned(),
        within: Duration::from_millis(50),
    };
    let mut failed = 0;
    for _ in 0..requests {
        let answer = lab.get("balancer", 8080, &ask).await;
        failed += usize::from(answer != Answer::Right);
    }
    failed
}

#[tokio::test(start_paused = true)]
async fn a_page_through_the_balancer_holds_does_not_and_cannot_be_told() {
    let plan = plans::balanced();
    let lab = settled(&plan).await;
    let Look::Holds(seen) = page(&*lab, &plan, &[]).await else {
        panic!("it holds")
    };
    assert_eq!(seen, "http :8080: answered through balancer");
    lab.power_off("balancer", PowerOff::Cut).await.expect("off");
    let seen = page(&*lab, &plan, &[]).await;
    assert!(
        matches!(&seen, Look::NotYet(why) if why.contains("`balancer`")),
        "{seen:?}"
    );
    let seen = page(&*lab, &plan, &["balancer"]).await;
    assert!(matches!(seen, Look::CannotTell(_)), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_node_is_given_requests_until_it_was_noticed() {
    let plan = plans::balanced();
    let lab = settled(&plan).await;
    assert_eq!(failed(&*lab, 20).await, 0);
    lab.power_off("server-4", PowerOff::Cut).await.expect("off");
    assert!(failed(&*lab, 8).await > 0, "nobody can know yet");
    wait::pause(
        plan.topology
            .balancer
            .as_ref()
            .expect("one")
            .notices_within()
            .0,
    )
    .await;
    assert_eq!(failed(&*lab, 20).await, 0, "by now it is known");
}

#[tokio::test(start_paused = true)]
async fn a_balancer_hides_a_dead_node_but_for_its_health_check() {
    let plan = with_fault(plans::balanced(), 10, FaultAction::Kill(Target::Worker));
    let history = run_sim(&plan, None).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Pass, "{}", outline(&history));
    let lost = |e: &Event| {
        matches!(
            e,
            Event::Got {
                answer: Answer::Failed(_),
                ..
            }
        )
    };
    let lost = super::count(&history, lost);
    assert!(lost > 0, "a dead node that costs nothing was never asked");
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_we_broke_owes_no_answer() {
    let action = FaultAction::Stop(Target::Part(Part::Balancer));
    let plan = with_fault(plans::balanced(), 10, action);
    let history = run_sim(&plan, None).await;
    let judgement = check(&history);
    // Nobody can ask the address meanwhile, so recovery cannot be told, and nothing else is wrong.
    assert_eq!(judgement.verdict, Verdict::Unknown, "{}", outline(&history));
    let find = |name: &str| judgement.findings.iter().find(|one| one.check == name);
    assert_eq!(find("answers").expect("judged").verdict, Verdict::Pass);
    assert_eq!(find("recovers").expect("judged").verdict, Verdict::Unknown);
}

/// What the simulation makes of a scenario of the article.
fn planned(name: &str) -> Outcome {
    let path = format!("scenarios/article/{name}.yaml");
    let loaded = load(Path::new(&path)).expect("sound");
    let options = Options {
        place: "sim".to_owned(),
        capabilities: Sim::new().capabilities(),
        patience: 1.0,
        seed: 7,
        no_faults: false,
        environment: Default::default(),
        nodes: None,
    };
    plan(&loaded, &options).expect("sound")
}

#[tokio::test(start_paused = true)]
async fn the_articles_balancer_keeps_its_promise_in_the_simulation() {
    let Outcome::Ready(plan) = planned("14-balancer") else {
        panic!("it can run")
    };
    let honest = run_sim(&plan, None).await;
    assert_eq!(
        check(&honest).verdict,
        Verdict::Pass,
        "{}",
        outline(&honest)
    );
    let blind = run_sim(&plan, Some(Sabotage::BalancerNeverChecks)).await;
    assert_eq!(check(&blind).verdict, Verdict::Fail, "{}", outline(&blind));
}
