//! Every way to misbehave leaves its mark in the journal, and an honest run leaves none of them.
//!
//! The checkers must let none of these pass.

use rstest::rstest;
use seatrial::journal::{Answer, ApiError, ContainerSeen, Event, History, Outcome, Rows};
use seatrial::plan::Plan;
use seatrial::scenario::{FaultAction, Target};
use seatrial::substrate::sim::Sabotage;

use super::plans::{self, with_fault};
use super::{count, outline, run_sim};

type Mark = fn(&History) -> bool;

/// A database whose host is turned off cleanly.
fn stopped() -> Plan {
    with_fault(
        plans::database(),
        10,
        FaultAction::Stop(plans::database_host()),
    )
}

/// A database whose host is cut off.
fn isolated() -> Plan {
    with_fault(plans::database(), 10, FaultAction::Isolate(Target::Worker))
}

/// A page, and a worker without power.
fn web() -> Plan {
    with_fault(plans::web(), 10, FaultAction::Kill(Target::Worker))
}

/// A database whose leader has no power.
fn headless() -> Plan {
    with_fault(plans::database(), 10, FaultAction::Kill(Target::Leader))
}

#[rstest]
#[case(stopped(), Sabotage::LoseRow, acknowledged_is_missing)]
#[case(stopped(), Sabotage::AckWithoutCommit, acknowledged_is_missing)]
#[case(stopped(), Sabotage::DuplicateRow, duplicate)]
#[case(stopped(), Sabotage::StrangeRow, strange)]
#[case(web(), Sabotage::StaleBody("server-1".to_owned()), never_load)]
#[case(web(), Sabotage::WrongBody("server-1".to_owned()), never_load)]
#[case(stopped(), Sabotage::SecondLiveTask, two_of_a_slot)]
#[case(stopped(), Sabotage::ResurrectedTask, two_of_a_slot)]
#[case(stopped(), Sabotage::FaultDoesNotBite, not_confirmed)]
#[case(web(), Sabotage::FaultDoesNotBite, not_confirmed)]
#[case(isolated(), Sabotage::IsolateNoOp, not_confirmed)]
#[case(stopped(), Sabotage::WorkloadNeverConnects, nothing_acknowledged)]
#[case(stopped(), Sabotage::ReadBackUnavailable("server-2".to_owned()), unreadable)]
#[case(stopped(), Sabotage::ApiHangs, silent_managers)]
#[case(stopped(), Sabotage::ApiNotUnderstood, babbling_managers)]
#[case(stopped(), Sabotage::HealFails, heal_failed)]
#[case(isolated(), Sabotage::HealFails, heal_failed)]
#[case(stopped(), Sabotage::DatabaseNeverComesBack, not_recovered)]
#[case(stopped(), Sabotage::SteadyNeverHolds, never_load)]
#[case(headless(), Sabotage::LeaderNeverReturns, not_recovered)]
#[case(stopped(), Sabotage::BringUpFails, trouble)]
#[case(stopped(), Sabotage::TearDownFails, trouble)]
#[tokio::test(start_paused = true)]
async fn sabotage_shows(#[case] plan: Plan, #[case] sabotage: Sabotage, #[case] mark: Mark) {
    let history = run_sim(&plan, Some(sabotage)).await;
    assert!(history.ended(), "{}", outline(&history));
    assert!(mark(&history), "{}", outline(&history));
    let honest = run_sim(&plan, None).await;
    assert!(!mark(&honest), "an honest run:\n{}", outline(&honest));
}

fn holds(ranges: &[(u64, u64)], row: u64) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&row))
}

fn running_in(containers: &[ContainerSeen]) -> usize {
    containers.iter().filter(|one| one.running).count()
}

fn any(history: &History, wanted: impl Fn(&Event) -> bool) -> bool {
    count(history, wanted) > 0
}

fn found(history: &History) -> impl Iterator<Item = (&Vec<(u64, u64)>, &Vec<u64>, &Vec<String>)> {
    history
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::ReadBack {
                rows:
                    Rows::Found {
                        ranges,
                        duplicates,
                        strange,
                    },
                ..
            } => Some((ranges, duplicates, strange)),
            _ => None,
        })
}

fn acknowledged_is_missing(history: &History) -> bool {
    let is_there = |row: u64| found(history).all(|(ranges, ..)| holds(ranges, row));
    any(history, |e| match e {
        Event::Inserted { row, outcome, .. } => {
            *outcome == Outcome::Acknowledged && !is_there(*row)
        }
        _ => false,
    })
}

fn duplicate(history: &History) -> bool {
    found(history).any(|(_, duplicates, _)| duplicates == &[7])
}

fn strange(history: &History) -> bool {
    found(history).any(|(.., strange)| !strange.is_empty())
}

fn never_load(history: &History) -> bool {
    trouble(history)
        && !any(history, |e| {
            matches!(e, Event::Got { .. } | Event::Insert { .. })
        })
}

fn two_of_a_slot(history: &History) -> bool {
    let mut running = std::collections::BTreeMap::<String, usize>::new();
    history.entries.iter().any(|entry| {
        if let Event::Containers(seen) = &entry.event {
            let here = seen.seen.as_ref().map_or(0, |all| running_in(all));
            running.insert(seen.node.clone(), here);
        }
        running.values().sum::<usize>() > 1
    })
}

fn not_confirmed(history: &History) -> bool {
    any(history, |e| matches!(e, Event::NotConfirmed { .. }))
        && !any(history, |e| {
            matches!(e, Event::Confirmed { .. } | Event::Recovered { .. })
        })
}

fn nothing_acknowledged(history: &History) -> bool {
    any(history, |e| matches!(e, Event::Inserted { .. }))
        && !any(history, |e| {
            matches!(
                e,
                Event::Inserted {
                    outcome: Outcome::Acknowledged,
                    ..
                }
            )
        })
}

fn unreadable(history: &History) -> bool {
    any(history, |e| match e {
        Event::ReadBack { via, rows, .. } => {
            via == "server-2" && matches!(rows, Rows::Unreadable(_))
        }
        _ => false,
    })
}

fn managers_said(history: &History, wanted: impl Fn(&ApiError) -> bool) -> bool {
    let all = |e: &Event| {
        matches!(e, Event::Poll(poll)
            if poll.managers.iter().all(|m| m.error.as_ref().is_some_and(&wanted)))
    };
    any(history, all) && not_recovered(history)
}

fn silent_managers(history: &History) -> bool {
    managers_said(history, |e| matches!(e, ApiError::TimedOut(_)))
}

fn babbling_managers(history: &History) -> bool {
    managers_said(history, |e| matches!(e, ApiError::NotUnderstood(_)))
}

fn heal_failed(history: &History) -> bool {
    any(history, |e| matches!(e, Event::HealFailed { .. }))
        && !any(history, |e| matches!(e, Event::Healed { .. }))
}

fn not_recovered(history: &History) -> bool {
    any(history, |e| matches!(e, Event::Confirmed { .. }))
        && !any(history, |e| matches!(e, Event::Recovered { .. }))
}

fn trouble(history: &History) -> bool {
    any(history, |e| matches!(e, Event::Trouble { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_stale_under_load_is_told() {
    let mut plan = web();
    plan.steady.pop();
    let history = run_sim(&plan, Some(Sabotage::StaleBody("server-1".to_owned()))).await;
    let wrong = |e: &Event| {
        matches!(
            e,
            Event::Got {
                answer: Answer::Wrong(_),
                ..
            }
        )
    };
    assert!(count(&history, wrong) > 50, "{}", outline(&history));
}

#[tokio::test(start_paused = true)]
async fn a_database_without_shared_storage_loses_its_rows() {
    let mut plan = stopped();
    plan.topology.storage = None;
    let history = run_sim(&plan, None).await;
    assert!(any(&history, |e| matches!(
        e,
        Event::ReadBack {
            rows: Rows::NoTable,
            ..
        }
    )));
}
