//! Every way to misbehave leaves its mark in the journal and is noticed by the finding that is
//! named beside it; an honest run of the same plan leaves no mark and passes.

use rstest::rstest;
use seatrial::check::check;
use seatrial::journal::{
    ActionStep, Answer, ApiError, ContainerSeen, Event, History, Outcome, Rows,
};
use seatrial::plan::{Plan, Probe};
use seatrial::scenario::{FaultAction, MountKind, Target};
use seatrial::substrate::sim::Sabotage;
use seatrial::units::Span;
use seatrial::verdict::Finding;
use seatrial::verdict::Verdict::{self, Fail, Pass, Unknown};

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

/// The same, with one more probe.
fn asking(probe: Probe) -> Plan {
    let mut plan = web();
    plan.steady.push(probe);
    plan
}

/// A database that is to have a setting.
fn asking_the_database() -> Plan {
    let mut plan = stopped();
    plan.steady.push(Probe::Variables {
        service: "mariadb".to_owned(),
        port: 3306,
        set: [("max_connections".to_owned(), "100".to_owned())].into(),
        within: Span::secs(2),
    });
    plan
}

fn closed() -> Probe {
    let via = Target::EveryNode;
    Probe::PortClosed { via, port: 2375 }
}

fn mounted() -> Probe {
    Probe::Mount {
        service: "nginx".to_owned(),
        at: "/usr/share/nginx/html".to_owned(),
        read_only: Some(true),
        kind: Some(MountKind::Nfs),
    }
}

fn open_port() -> Sabotage {
    Sabotage::OpenPort("server-1".to_owned())
}

fn silent_ports() -> Sabotage {
    Sabotage::SilentPorts("server-1".to_owned())
}

/// A database whose leader has no power.
fn headless() -> Plan {
    with_fault(plans::database(), 10, FaultAction::Kill(Target::Leader))
}

fn stale_body() -> Sabotage {
    Sabotage::StaleBody("server-1".to_owned())
}

fn wrong_body() -> Sabotage {
    Sabotage::WrongBody("server-1".to_owned())
}

fn no_read_back() -> Sabotage {
    Sabotage::ReadBackUnavailable("server-2".to_owned())
}

/// The table: how the place misbehaves, its mark in the journal, the verdict that it must come to,
/// and the finding that must have noticed.
#[rstest]
#[case::a_lost_write(
    stopped(),
    Sabotage::LoseRow,
    acknowledged_is_missing,
    Fail,
    "nothing_lost"
)]
#[case::an_acknowledgement_without_a_commit(
    stopped(),
    Sabotage::AckWithoutCommit,
    acknowledged_is_missing,
    Fail,
    "nothing_lost"
)]
#[case::a_row_stored_twice(stopped(), Sabotage::DuplicateRow, duplicate, Fail, "nothing_lost")]
#[case::a_row_nobody_wrote(stopped(), Sabotage::StrangeRow, strange, Fail, "nothing_lost")]
#[case::a_page_of_yesterday(web(), stale_body(), never_load, Unknown, "steady")]
#[case::a_wrong_page(web(), wrong_body(), never_load, Unknown, "steady")]
#[case::a_port_that_is_open(asking(closed()), open_port(), never_load, Unknown, "steady")]
#[case::a_port_that_says_nothing(asking(closed()), silent_ports(), never_load, Unknown, "steady")]
#[case::a_mount_of_another_kind(
    asking(mounted()),
    Sabotage::LocalMounts,
    never_load,
    Unknown,
    "steady"
)]
#[case::a_configuration_that_nobody_reads(
    asking_the_database(),
    Sabotage::DefaultSettings,
    never_load,
    Unknown,
    "steady"
)]
#[case::a_second_live_task(stopped(), Sabotage::SecondLiveTask, two_of_a_slot, Fail, "never_two")]
#[case::an_old_task_that_runs_again(
    stopped(),
    Sabotage::ResurrectedTask,
    two_of_a_slot,
    Fail,
    "never_two"
)]
#[case::a_fault_that_does_not_bite(
    stopped(),
    Sabotage::FaultDoesNotBite,
    not_confirmed,
    Unknown,
    "exercised"
)]
#[case::a_power_cut_that_does_not_bite(
    web(),
    Sabotage::FaultDoesNotBite,
    not_confirmed,
    Unknown,
    "exercised"
)]
#[case::an_isolation_that_does_not_bite(
    isolated(),
    Sabotage::IsolateNoOp,
    not_confirmed,
    Unknown,
    "exercised"
)]
#[case::a_workload_that_never_ran(
    stopped(),
    Sabotage::WorkloadNeverConnects,
    nothing_acknowledged,
    Unknown,
    "exercised"
)]
#[case::a_ledger_that_cannot_be_read(
    stopped(),
    no_read_back(),
    unreadable,
    Unknown,
    "nothing_lost"
)]
#[case::a_table_that_is_corrupt(
    plans::checked(stopped()),
    Sabotage::CorruptTable,
    complaint,
    Fail,
    "intact"
)]
#[case::a_table_that_cannot_be_checked(
    plans::checked(stopped()),
    no_read_back(),
    unchecked,
    Unknown,
    "intact"
)]
#[case::a_second_server_that_ends(
    plans::two_servers(),
    Sabotage::SecondServerEnds,
    task_failed,
    Unknown,
    "undisturbed"
)]
#[case::managers_that_hang(stopped(), Sabotage::ApiHangs, silent_managers, Unknown, "recovers")]
#[case::managers_that_babble(
    stopped(),
    Sabotage::ApiNotUnderstood,
    babbling_managers,
    Unknown,
    "recovers"
)]
#[case::a_node_that_stays_off(stopped(), Sabotage::HealFails, heal_failed, Unknown, "run")]
#[case::a_node_that_stays_cut_off(isolated(), Sabotage::HealFails, heal_failed, Unknown, "run")]
#[case::a_database_that_never_comes_back(
    stopped(),
    Sabotage::DatabaseNeverComesBack,
    not_recovered,
    Fail,
    "recovers"
)]
#[case::a_steady_state_that_never_holds(
    stopped(),
    Sabotage::SteadyNeverHolds,
    never_load,
    Unknown,
    "steady"
)]
#[case::a_leader_that_never_returns(
    headless(),
    Sabotage::LeaderNeverReturns,
    not_recovered,
    Fail,
    "recovers"
)]
#[case::a_balancer_that_never_checks(
    with_fault(plans::balanced(), 10, FaultAction::Kill(Target::Worker)),
    Sabotage::BalancerNeverChecks,
    lost_at_the_balancer,
    Fail,
    "answers"
)]
#[case::machines_that_cannot_be_made(stopped(), Sabotage::BringUpFails, trouble, Unknown, "run")]
#[case::machines_that_cannot_be_removed(
    stopped(),
    Sabotage::TearDownFails,
    trouble,
    Unknown,
    "run"
)]
#[case::an_order_that_does_nothing(
    plans::scaled(4),
    Sabotage::OrderDoesNothing,
    action_not_seen,
    Unknown,
    "exercised"
)]
#[case::a_scale_up_that_loses_requests(
    plans::scaled(4),
    Sabotage::ScaleLosesRequests,
    request_lost,
    Fail,
    "answers"
)]
#[case::a_container_that_outlives_its_service(
    plans::removed(),
    Sabotage::RemovedContainerStays,
    action_not_seen,
    Unknown,
    "exercised"
)]
#[case::a_wrong_token_that_is_taken(
    plans::intruder(),
    Sabotage::AnyTokenJoins,
    action_not_seen,
    Fail,
    "refused"
)]
#[case::a_token_that_nobody_looked_at(
    plans::intruder(),
    Sabotage::TokensUnheard,
    action_not_seen,
    Unknown,
    "refused"
)]
#[case::a_token_that_a_second_manager_would_refuse(
    plans::intruder(),
    Sabotage::SilentToJoins("server-1".to_owned()),
    action_not_seen,
    Unknown,
    "refused"
)]
#[tokio::test(start_paused = true)]
async fn sabotage_is_noticed(
    #[case] plan: Plan,
    #[case] sabotage: Sabotage,
    #[case] mark: Mark,
    #[case] verdict: Verdict,
    #[case] noticed_by: &str,
) {
    let history = run_sim(&plan, Some(sabotage)).await;
    assert!(history.ended(), "{}", outline(&history));
    assert!(mark(&history), "{}", outline(&history));
    is_judged(&history, verdict, noticed_by);
    let honest = run_sim(&plan, None).await;
    assert!(!mark(&honest), "an honest run:\n{}", outline(&honest));
    is_judged(&honest, Pass, "exercised");
}

/// The run comes to this verdict, by this finding, and whatever fails says where it is seen.
fn is_judged(history: &History, verdict: Verdict, noticed_by: &str) {
    let judgement = check(history);
    let told: String = judgement
        .findings
        .iter()
        .map(|one| format!("{} {}: {}\n", one.verdict, one.check, one.summary))
        .collect();
    assert_eq!(judgement.verdict, verdict, "{told}");
    let noticed = |one: &&Finding| one.check == noticed_by && one.verdict == verdict;
    assert!(judgement.findings.iter().any(|one| noticed(&one)), "{told}");
    for finding in &judgement.findings {
        let blind = finding.verdict == Fail && finding.evidence.is_empty();
        assert!(!blind, "without evidence: {told}");
    }
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

fn complaint(history: &History) -> bool {
    any(history, |e| match e {
        Event::TableCheck(one) => matches!(&one.said, Ok(words)
            if words.iter().any(|word| word.text != "OK")),
        _ => false,
    })
}

fn unchecked(history: &History) -> bool {
    any(
        history,
        |e| matches!(e, Event::TableCheck(one) if one.said.is_err()),
    )
}

fn task_failed(history: &History) -> bool {
    any(
        history,
        |e| matches!(e, Event::Task(task) if task.state == "failed"),
    )
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

fn lost_at_the_balancer(history: &History) -> bool {
    // Until it is noticed, a dead node costs requests; nobody loses any ten seconds later.
    let lost = history.entries.iter().filter(|entry| match &entry.event {
        Event::Got { answer, .. } => matches!(answer, Answer::Failed(_)),
        _ => false,
    });
    let times: Vec<_> = lost.map(seatrial::journal::Entry::at).collect();
    let (first, last) = (times.first(), times.last());
    first
        .zip(last)
        .is_some_and(|(first, last)| last.as_secs() > first.as_secs() + 10)
}

fn action_not_seen(history: &History) -> bool {
    any(
        history,
        |e| matches!(e, Event::Action(one) if matches!(one.step, ActionStep::NotConfirmed(_))),
    )
}

fn request_lost(history: &History) -> bool {
    any(history, |e| {
        matches!(
            e,
            Event::Got {
                answer: Answer::Failed(_),
                ..
            }
        )
    })
}

fn trouble(history: &History) -> bool {
    any(history, |e| matches!(e, Event::Trouble { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_stale_under_load_is_told() {
    let mut plan = web();
    plan.steady.pop();
    let history = run_sim(&plan, Some(stale_body())).await;
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
    is_judged(&history, Fail, "answers");
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
    is_judged(&history, Fail, "nothing_lost");
}

#[rstest]
#[case(stopped())]
#[case(isolated())]
#[case(headless())]
#[tokio::test(start_paused = true)]
async fn slow_engines_are_no_second_task(#[case] plan: Plan) {
    let history = run_sim(&plan, Some(Sabotage::SlowEngines)).await;
    let slow = |e: &Event| {
        matches!(e, Event::Containers(look)
            if look.ended_us.zip(look.began_us).is_some_and(|(e, b)| e - b > 2_000_000))
    };
    assert!(count(&history, slow) > 10, "{}", outline(&history));
    is_judged(&history, Pass, "exercised");
}
