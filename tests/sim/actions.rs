//! Whole runs with actions: each is seen, in its turn, and nothing that it explains is held
//! against the swarm.

use rstest::rstest;
use seatrial::check::check;
use seatrial::journal::timeline::Timeline;
use seatrial::journal::{ActionStep, Event};
use seatrial::plan::{Change, Check, Plan, Probe, Role, Service, Stack};
use seatrial::report::{Style, terminal};
use seatrial::scenario::{FaultAction, Target};
use seatrial::substrate::sim::Sabotage;
use seatrial::verdict::Verdict;

use super::plans::{self, with_action, with_fault};
use super::{outline, passed, run_sim, seq};

/// A node by name.
fn node(name: &str) -> Target {
    Target::Node(name.to_owned())
}

/// The web plan with nothing to recover from.
fn web() -> Plan {
    let mut plan = plans::web();
    plan.checks
        .retain(|check| !matches!(check, Check::Recovers { .. }));
    plan
}

fn update() -> Change {
    Change::Update {
        service: "nginx".to_owned(),
        image: Some("nginx:2".to_owned()),
        env: [("COLOUR".to_owned(), "green".to_owned())].into(),
        args: None,
    }
}

fn further_stack() -> Stack {
    let service = Service {
        name: "shop".to_owned(),
        full_name: "later_shop".to_owned(),
        image: "shop:1".to_owned(),
        replicas: None,
        published: vec![9000],
        root_password: None,
        only_workers: false,
    };
    Stack {
        name: "later".to_owned(),
        text: "services: {}".to_owned(),
        services: vec![service],
    }
}

/// The same, kept off managers.
fn workers_stack() -> Stack {
    let mut stack = further_stack();
    stack.services[0].only_workers = true;
    stack
}

#[rstest]
#[case("nginx", "stack")]
#[case("shop", "later")]
fn a_service_is_found_in_whichever_stack_has_it(#[case] service: &str, #[case] stack: &str) {
    let plan = with_action(web(), 10, Change::Deploy(further_stack()));
    let found = plan.service(service).map(|one| one.name.as_str());
    assert_eq!(found, Some(service));
    let of = plan.stack_of(service).map(|one| one.name.as_str());
    assert_eq!(of, Some(stack));
}

/// Two actions in a row.
fn both(one: Change, two: Change) -> Plan {
    with_action(with_action(web(), 10, one), 20, two)
}

#[rstest]
#[case::scaled_up(plans::scaled(5))]
#[case::scaled_down(plans::scaled(1))]
#[case::promoted(with_action(web(), 10, Change::Promote(Target::Worker)))]
#[case::demoted(with_action(web(), 10, Change::Demote(Target::Leader)))]
#[case::drained(with_action(web(), 10, Change::Drain(Target::HostOf("nginx".to_owned()))))]
#[case::drained_and_back(both(
    Change::Drain(node("server-4")),
    Change::Activate(node("server-4"))
))]
#[case::every_node_is_activated(both(
    Change::Drain(node("server-4")),
    Change::Activate(Target::EveryNode)
))]
#[case::updated(with_action(web(), 10, update()))]
#[case::removed(plans::removed())]
#[case::deployed(with_action(web(), 10, Change::Deploy(further_stack())))]
#[case::deployed_on_workers(with_action(web(), 10, Change::Deploy(workers_stack())))]
#[case::a_worker_leaves(with_action(web(), 10, Change::Leave(Target::Worker)))]
#[case::the_leader_leaves(with_action(web(), 10, Change::Leave(Target::Leader)))]
#[case::wrong_tokens(plans::intruder())]
#[tokio::test(start_paused = true)]
async fn an_action_is_seen(#[case] plan: Plan) {
    let history = run_sim(&plan, None).await;
    let told = passed(&history);
    for (index, deed) in Timeline::of(&history).actions.iter().enumerate() {
        let intent = deed.intent.expect("an intent");
        let acting = deed.acting.expect("begun");
        let seen = deed.confirmed.expect("seen");
        assert!(
            intent.seq < acting.seq && acting.seq < seen.seq,
            "action {index}\n{told}"
        );
    }
}

#[rstest]
#[case(Change::Promote(node("server-1")), "is a manager already")]
#[case(Change::Demote(node("server-4")), "is a worker already")]
#[case(Change::Activate(node("server-4")), "is `active` already")]
#[case(Change::Scale { service: "nginx".to_owned(), replicas: 3 }, "has 3 replicas already")]
#[case(Change::Remove { service: "nobody".to_owned() }, "list no service `nobody`")]
#[case(
    Change::Pull { image: "nginx:1".to_owned(), on: Target::EveryNode },
    "has `nginx:1` already"
)]
#[tokio::test(start_paused = true)]
async fn an_action_that_would_change_nothing_is_unknown(#[case] change: Change, #[case] why: &str) {
    let history = run_sim(&with_action(web(), 10, change), None).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Unknown, "{}", outline(&history));
    let told = terminal(&history, &judgement, &Style::default());
    assert!(told.contains(why), "{told}");
}

#[rstest]
#[case(Change::Promote(Target::Worker))]
#[case(Change::Demote(Target::Leader))]
#[case(Change::Drain(Target::Worker))]
#[case(update())]
#[case(Change::Deploy(further_stack()))]
#[case(Change::Leave(Target::Worker))]
#[tokio::test(start_paused = true)]
async fn an_order_that_does_nothing_is_not_seen(#[case] change: Change) {
    let plan = with_action(web(), 10, change);
    let history = run_sim(&plan, Some(Sabotage::OrderDoesNothing)).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Unknown, "{}", outline(&history));
}

/// A manager more, the leader without power, and back to three.
fn promoted_and_killed() -> Plan {
    let plan = with_action(plans::web(), 10, Change::Promote(node("server-4")));
    let plan = with_fault(plan, 11, FaultAction::Kill(Target::Leader));
    with_action(plan, 12, Change::Demote(node("server-4")))
}

#[tokio::test(start_paused = true)]
async fn a_step_waits_for_the_steps_before_it() {
    let history = run_sim(&promoted_and_killed(), None).await;
    let told = passed(&history);
    let action = |index: usize, wanted: fn(&ActionStep) -> bool| {
        seq(
            &history,
            "step",
            |e| matches!(e, Event::Action(one) if one.action == index && wanted(&one.step)),
        )
    };
    let promoted = action(0, |step| matches!(step, ActionStep::Confirmed(_)));
    let killed = seq(&history, "intent", |e| matches!(e, Event::Intent(_)));
    let healed = seq(&history, "heal", |e| matches!(e, Event::Healed { .. }));
    let demoting = action(1, |step| matches!(step, ActionStep::Acting));
    assert!(
        promoted < killed && killed < healed && healed < demoting,
        "{told}"
    );
    insta::assert_snapshot!(told);
}

/// A fourth manager that was promoted has a vote: the loss of two of four takes the majority.
#[tokio::test(start_paused = true)]
async fn who_was_promoted_has_a_vote() {
    let mut plan = with_action(web(), 10, Change::Promote(node("server-4")));
    plan = with_fault(plan, 20, FaultAction::Kill(node("server-2")));
    plan = with_fault(plan, 21, FaultAction::Kill(node("server-3")));
    plan.checks = vec![
        Check::Control {
            expected: seatrial::scenario::Control::Lost,
        },
        Check::Exercised,
    ];
    let history = run_sim(&plan, None).await;
    let judgement = check(&history);
    let control = judgement.findings.iter().find(|one| one.check == "control");
    let control = control.expect("judged");
    assert_eq!(
        control.verdict,
        Verdict::Pass,
        "{}\n{}",
        control.summary,
        outline(&history)
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_left_owes_nothing_until_it_is_back() {
    let mut plan = with_action(web(), 10, Change::Leave(node("server-5")));
    plan = with_action(
        plan,
        40,
        Change::Join {
            node: "server-5".to_owned(),
            role: Role::Worker,
            token: seatrial::scenario::Token::Right,
        },
    );
    let history = run_sim(&plan, None).await;
    let left = Timeline::of(&history);
    let left = left.absences("server-5");
    let [(from, Some(to))] = left.as_slice() else {
        panic!("{left:?}\n{}", outline(&history));
    };
    let lost = history.entries.iter().filter(|entry| match &entry.event {
        Event::Got { via, answer, .. } => {
            via == "server-5" && *answer != seatrial::journal::Answer::Right
        }
        _ => false,
    });
    let lost: Vec<u64> = lost.map(|entry| entry.seq).collect();
    assert!(lost.len() > 50, "{}", outline(&history));
    assert!(
        lost.iter().all(|seq| *seq > from.seq),
        "{}",
        outline(&history)
    );
    assert!(
        lost.iter().filter(|seq| **seq > to.seq).count() < 5,
        "{}",
        outline(&history)
    );
    assert_eq!(check(&history).verdict, Verdict::Pass);
}

/// The web plan without its service, of which nothing must be left in the end.
fn nothing_left() -> Plan {
    let mut plan = plans::removed();
    let service = "nginx".to_owned();
    let via = Target::EveryNode;
    plan.steady_after = vec![
        Probe::Gone { service },
        Probe::PortClosed { via, port: 8080 },
    ];
    plan
}

#[rstest]
#[case::honest(None, Verdict::Pass)]
#[case::a_network_stays(Some(Sabotage::NetworkLeft), Verdict::Fail)]
#[case::a_port_stays(Some(Sabotage::OpenPort("server-2".to_owned())), Verdict::Fail)]
#[case::a_port_is_silent(Some(Sabotage::SilentPorts("server-2".to_owned())), Verdict::Unknown)]
#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_removed_service(
    #[case] sabotage: Option<Sabotage>,
    #[case] verdict: Verdict,
) {
    let history = run_sim(&nothing_left(), sabotage).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, verdict, "{judgement:#?}");
    let steady = judgement.findings.iter().find(|one| one.check == "steady");
    assert_eq!(steady.map(|one| one.verdict), Some(verdict));
}
