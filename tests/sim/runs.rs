//! Honest runs: every fault, quorum loss, and no fault at all.

use std::path::Path;

use rstest::rstest;
use seatrial::journal::{ApiError, Event, History, ManagerAnswer, Outcome, Phase, Poll, Rows};
use seatrial::plan::{Plan, Probe};
use seatrial::scenario::{Cut, Direction, FaultAction, Isolate, NodeCounts, Target};
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::units::Span;
use tokio_util::sync::CancellationToken;

use super::plans::{self, with_fault};
use super::{count, outline, passed, planned, run_on, run_sim, seq};

/// What must be true of every journal of a run that reached its end.
fn is_whole(history: &History) {
    assert!(history.ended(), "{}", outline(history));
    assert!(matches!(history.entries[0].event, Event::Header(_)));
    assert!(matches!(history.entries[1].event, Event::Plan(_)));
    let phases: Vec<Phase> = history
        .entries
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Phase(phase) => Some(phase),
            _ => None,
        })
        .collect();
    assert_eq!(
        phases,
        [
            Phase::BringUp,
            Phase::Deploy,
            Phase::SteadyBefore,
            Phase::Checkpoint,
            Phase::Load,
            Phase::SteadyAfter,
            Phase::ReadBack,
            Phase::TearDown
        ]
    );
    assert_eq!(
        count(history, |e| matches!(e, Event::Trouble { .. })),
        0,
        "{}",
        outline(history)
    );
}

/// True if a run kept its steady state for later ones.
fn is_kept(history: &History) -> bool {
    count(history, |e| *e == Event::Phase(Phase::Checkpoint)) == 1
}

/// The web plan, whose steady state waits for pages that take seconds.
fn slow_pages() -> Plan {
    let mut plan = plans::web();
    for probe in &mut plan.steady {
        if let Probe::Http { within, .. } = probe {
            *within = Span::secs(9);
        }
    }
    plan
}

#[rstest]
#[case::a_node_that_falters(Some(Sabotage::NodeFalters("server-5".to_owned())), 1)]
#[case::an_honest_swarm(None, 0)]
#[tokio::test(start_paused = true)]
async fn a_swarm_whose_nodes_come_and_go_is_not_kept(
    #[case] sabotage: Option<Sabotage>,
    #[case] distrusted: usize,
) {
    let place = sabotage.map_or_else(Sim::new, Sim::with);
    let history = run_on(&place, &slow_pages(), CancellationToken::new()).await;
    assert_eq!(is_kept(&history), distrusted == 0, "{}", outline(&history));
    assert_eq!(place.distrusted(), distrusted);
}

#[tokio::test(start_paused = true)]
async fn a_node_called_down_while_a_round_lasts_makes_it_not_hold() {
    let mut plan = slow_pages();
    plan.steady.push(Probe::Nodes(NodeCounts {
        managers: None,
        workers: None,
        ready: Some(5),
        leaders: None,
    }));
    let falters = "server-5";
    let history = run_sim(&plan, Some(Sabotage::NodeFalters(falters.to_owned()))).await;
    let mut down = false;
    let mut called_down = 0;
    for entry in &history.entries {
        match &entry.event {
            Event::Node(node) if node.name == falters => {
                down = node.state == "down";
                called_down += usize::from(down);
            }
            Event::Steady(steady) if down => assert!(!steady.holds, "{}", outline(&history)),
            _ => {}
        }
    }
    assert_eq!(called_down, 1);
    assert!(history.ended(), "{}", outline(&history));
}

/// A fault's entries stand in the order of the acts that they announce.
fn is_orderly(history: &History, index: usize) {
    let steps = [
        seq(
            history,
            "intent",
            |e| matches!(e, Event::Intent(i) if i.fault == index),
        ),
        seq(history, "injecting", |e| {
            *e == Event::Injecting { fault: index }
        }),
        seq(history, "injected", |e| {
            *e == Event::Injected { fault: index }
        }),
        seq(
            history,
            "confirmed",
            |e| matches!(e, Event::Confirmed { fault, .. } if *fault == index),
        ),
        seq(history, "healing", |e| {
            *e == Event::Healing { fault: index }
        }),
        seq(
            history,
            "healed",
            |e| matches!(e, Event::Healed { fault, .. } if *fault == index),
        ),
        seq(history, "steady after", |e| {
            *e == Event::Phase(Phase::SteadyAfter)
        }),
    ];
    assert!(steps.is_sorted(), "{steps:?}\n{}", outline(history));
}

/// Recovery was seen in a steady entry between confirmation and heal.
fn recovered_by_itself(history: &History, index: usize) {
    let confirmed = seq(
        history,
        "confirmed",
        |e| matches!(e, Event::Confirmed { fault, .. } if *fault == index),
    );
    let recovered = seq(history, "recovered", |e| {
        *e == Event::Recovered { fault: index }
    });
    let healing = seq(history, "healing", |e| {
        *e == Event::Healing { fault: index }
    });
    assert!(
        confirmed < recovered && recovered < healing,
        "{}",
        outline(history)
    );
    let between = &history.entries[confirmed as usize..recovered as usize];
    let holds = |e: &Event| matches!(e, Event::Steady(s) if s.holds && !s.broken.is_empty());
    assert!(
        between.iter().any(|entry| holds(&entry.event)),
        "{}",
        outline(history)
    );
}

/// Every acknowledged row is read back through every node.
fn kept_every_row(history: &History) {
    let acknowledged: Vec<u64> = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Inserted {
                row,
                outcome: Outcome::Acknowledged,
                ..
            } => Some(*row),
            _ => None,
        })
        .collect();
    assert!(acknowledged.len() > 100, "{} rows", acknowledged.len());
    let mut nodes = 0;
    for entry in &history.entries {
        let Event::ReadBack {
            via,
            rows,
            began_us,
            ..
        } = &entry.event
        else {
            continue;
        };
        let asked = began_us.expect("it was asked");
        assert!(asked < entry.at_us && asked + 1_000_000 > entry.at_us);
        let Rows::Found {
            ranges,
            duplicates,
            strange,
        } = rows
        else {
            panic!("through {via}: {rows:?}");
        };
        let found = |row: &u64| ranges.iter().any(|(from, to)| (from..=to).contains(&row));
        assert!(acknowledged.iter().all(found) && duplicates.is_empty() && strange.is_empty());
        nodes += 1;
    }
    assert_eq!(nodes, history.plan.topology.nodes.len());
}

#[rstest]
#[case::stop(FaultAction::Stop(plans::database_host()))]
#[case::kill(FaultAction::Kill(plans::database_host()))]
#[case::isolate(FaultAction::Isolate(plans::database_host().into()))]
#[case::pause(FaultAction::Pause(plans::database_host()))]
#[case::pause_leader(FaultAction::Pause(Target::Leader))]
#[case::kill_leader(FaultAction::Kill(Target::Leader))]
#[case::isolate_leader(FaultAction::Isolate(Target::Leader.into()))]
#[case::stop_manager(FaultAction::Stop(Target::Manager))]
#[case::kill_worker(FaultAction::Kill(Target::Worker))]
#[tokio::test(start_paused = true)]
async fn a_database_survives_a_fault(#[case] action: FaultAction) {
    let plan = with_fault(plans::database(), 10, action);
    let history = run_sim(&plan, None).await;
    is_whole(&history);
    is_orderly(&history, 0);
    recovered_by_itself(&history, 0);
    kept_every_row(&history);
}

#[tokio::test(start_paused = true)]
async fn the_workload_never_bursts_and_numbers_its_rows_without_gaps() {
    let plan = with_fault(
        plans::database(),
        10,
        FaultAction::Isolate(plans::database_host().into()),
    );
    let history = run_sim(&plan, None).await;
    let mut rows = Vec::new();
    let mut a_second = std::collections::BTreeMap::<u64, usize>::new();
    for entry in &history.entries {
        if let Event::Insert { row, .. } = entry.event {
            rows.push(row);
            *a_second.entry(entry.at().as_secs()).or_default() += 1;
        }
    }
    rows.sort_unstable();
    assert_eq!(rows, (1..=rows.len() as u64).collect::<Vec<_>>());
    assert!(a_second.values().all(|count| *count <= 21), "{a_second:?}");
    let settled = count(&history, |e| matches!(e, Event::Inserted { .. }));
    assert_eq!(settled, rows.len());
    let unknown = |e: &Event| {
        matches!(
            e,
            Event::Inserted {
                outcome: Outcome::Unknown(_),
                ..
            }
        )
    };
    assert!(
        count(&history, unknown) > 0,
        "a cut connection leaves a row's fate open"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_without_faults() {
    for plan in [plans::database(), plans::web()] {
        let history = run_sim(&plan, None).await;
        is_whole(&history);
        assert_eq!(count(&history, |e| matches!(e, Event::Intent(_))), 0);
        let steady = |e: &Event| matches!(e, Event::Steady(s) if s.holds);
        assert!(count(&history, steady) >= 2, "{}", outline(&history));
    }
}

/// Without an action, what differs is asked once the load is over, and never before.
#[rstest]
#[case::nothing_is_broken(plans::web())]
#[case::a_node_is(with_fault(plans::web(), 10, FaultAction::Kill(Target::Worker)))]
#[tokio::test(start_paused = true)]
async fn what_is_to_hold_after_the_load_is_asked_then(#[case] mut plan: seatrial::plan::Plan) {
    plan.steady_after = vec![seatrial::plan::Probe::PortClosed {
        via: Target::EveryNode,
        port: 2375,
    }];
    let history = run_sim(&plan, None).await;
    is_whole(&history);
    let over = seq(&history, "phase", |e| {
        *e == Event::Phase(Phase::SteadyAfter)
    });
    let mut after = 0;
    for entry in &history.entries {
        let Event::Steady(look) = &entry.event else {
            continue;
        };
        let other = look.probes.iter().any(|one| one.contains("port_closed"));
        assert_eq!(other, entry.seq > over, "{}", outline(&history));
        after += usize::from(other);
    }
    assert!(after > 0, "{}", outline(&history));
    let judgement = seatrial::check::check(&history);
    let steady = judgement.findings.iter().find(|one| one.check == "steady");
    let verdict = steady.map(|one| one.verdict);
    assert_eq!(verdict, Some(seatrial::verdict::Verdict::Pass));
}

#[tokio::test(start_paused = true)]
async fn a_page_is_asked_for_on_every_node_while_one_is_down() {
    let plan = with_fault(plans::web(), 10, FaultAction::Kill(Target::Worker));
    let history = run_sim(&plan, None).await;
    is_whole(&history);
    is_orderly(&history, 0);
    recovered_by_itself(&history, 0);
    for node in plan.node_names() {
        let right = count(&history, |e| {
            matches!(e, Event::Got { via, answer: seatrial::journal::Answer::Right, .. }
                if via == node)
        });
        assert!(right > 50, "{node}: {right}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_of_three_managers_take_the_leader_with_them() {
    let history = run_sim(&plans::quorum_loss(), None).await;
    is_whole(&history);
    (0..2).for_each(|index| is_orderly(&history, index));
    let confirmed = seq(&history, "confirmed", |e| {
        matches!(e, Event::Confirmed { fault: 1, .. })
    });
    let healing = seq(&history, "healing", |e| matches!(e, Event::Healing { .. }));
    let between = &history.entries[confirmed as usize..healing as usize];
    let polls: Vec<&Poll> = between
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Poll(poll) => Some(poll),
            _ => None,
        })
        .collect();
    let refused =
        |m: &ManagerAnswer| matches!(m.error, Some(ApiError::Refused { status: 503, .. }));
    assert!(polls.len() > 20, "{} polls", polls.len());
    for poll in polls {
        assert!(
            poll.leader().is_none() && poll.managers.iter().any(refused),
            "{poll:?}"
        );
    }
    assert_eq!(count(&history, |e| matches!(e, Event::Recovered { .. })), 0);
    let last = history
        .entries
        .iter()
        .rev()
        .find_map(|entry| match &entry.event {
            Event::Poll(poll) => Some(poll.leader().map(str::to_owned)),
            _ => None,
        });
    assert!(last.flatten().is_some(), "a leader is back after the heals");
}

#[tokio::test(start_paused = true)]
async fn faults_may_overlap_and_never_share_a_node() {
    let plan = with_fault(plans::web(), 10, FaultAction::Kill(Target::Worker));
    let plan = with_fault(plan, 10, FaultAction::Isolate(Target::Worker.into()));
    let history = run_sim(&plan, None).await;
    is_whole(&history);
    let targets: Vec<&str> = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Intent(intent) => Some(intent.targets[0].as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(targets.len(), 2);
    assert_ne!(targets[0], targets[1]);
}

/// A leader that is cut off from a worker.
fn from_a_worker() -> FaultAction {
    FaultAction::Isolate(Isolate::Partly(Cut {
        node: Target::Leader,
        from: Some(Target::Worker),
        direction: None,
    }))
}

#[rstest]
#[case::a_fault_without_a_target(FaultAction::Kill(Target::Worker))]
#[case::a_flow_without_another_end(from_a_worker())]
#[tokio::test(start_paused = true)]
async fn a_fault_of_nobody_is_never_confirmed(#[case] action: FaultAction) {
    let mut plan = with_fault(plans::database(), 10, action);
    plan.topology.nodes.pop();
    let history = run_sim(&plan, None).await;
    is_whole(&history);
    assert_eq!(count(&history, |e| matches!(e, Event::Intent(_))), 0);
    let said = |e: &Event| matches!(e, Event::NotConfirmed { last, .. } if last.contains("worker"));
    assert_eq!(count(&history, said), 1, "{}", outline(&history));
}

#[tokio::test(start_paused = true)]
async fn a_flow_names_its_other_end_and_who_tried_it() {
    let cut = Cut {
        node: Target::Leader,
        from: Some(Target::Manager),
        direction: Some(Direction::Out),
    };
    let action = FaultAction::Isolate(Isolate::Partly(cut));
    let history = run_sim(&with_fault(plans::database(), 10, action), None).await;
    is_orderly(&history, 0);
    let rules = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Intent(intent) => intent.rule.as_ref(),
            _ => None,
        });
    let rules: Vec<_> = rules.collect();
    assert_eq!(rules.len(), 1, "{}", outline(&history));
    assert_eq!(rules[0].node, "server-1");
    assert_eq!(rules[0].from.len(), 1, "one manager, and not itself");
    assert!(rules[0].from[0] != "server-1" && rules[0].witness == rules[0].from[0]);
    assert_eq!(rules[0].direction, Direction::Out);
}

#[tokio::test(start_paused = true)]
async fn what_the_managers_say_never_goes_backwards() {
    let plan = with_fault(
        plans::database(),
        10,
        FaultAction::Isolate(Target::Leader.into()),
    );
    let history = run_sim(&plan, None).await;
    let mut indices = std::collections::BTreeMap::<String, u64>::new();
    for entry in &history.entries {
        let (id, index) = match &entry.event {
            Event::Node(node) => (node.id.clone(), node.index),
            Event::Task(task) => (task.id.clone(), task.index),
            _ => continue,
        };
        let old = indices.insert(id, index).unwrap_or(0);
        assert!(old <= index);
    }
    assert!(indices.len() >= 6, "{indices:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_breaks_the_same_node() {
    let outlines = [0, 1].map(|_| async {
        let plan = with_fault(plans::web(), 10, FaultAction::Kill(Target::Manager));
        outline(&run_sim(&plan, None).await)
    });
    let [one, other] = outlines;
    assert_eq!(one.await, other.await);
}

#[tokio::test(start_paused = true)]
async fn the_outline_of_a_run_reads_well() {
    let plan = with_fault(
        plans::database(),
        10,
        FaultAction::Kill(plans::database_host()),
    );
    insta::assert_snapshot!(outline(&run_sim(&plan, None).await));
}

/// A node's NFS client asks its server again only half a minute after that is back.
#[tokio::test(start_paused = true)]
async fn the_load_goes_on_until_each_workload_was_served_again() {
    let plan = planned(
        Path::new("scenarios/acceptance/nfs-server-away.yaml"),
        false,
    );
    passed(&run_sim(&plan, Some(Sabotage::ShareRests)).await);
}
