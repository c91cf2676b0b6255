//! The scenarios that come with Seatrial, as they are.

use std::collections::BTreeMap;

use seatrial::check::check;
use seatrial::journal::timeline::Timeline;
use seatrial::journal::{Event, Outcome};
use seatrial::verdict::Verdict;

use super::bundle;
use super::ground::ground;
use super::trial::{Told, run};

#[tokio::test(flavor = "multi_thread")]
async fn nginx_answers_on_every_node() {
    let Some(ground) = ground("nginx_answers_on_every_node").await else {
        return;
    };
    let told = run(&ground, &ground.plan("nginx-nfs-answers-on-every-node")).await;
    assert_eq!(told.judgement.verdict, Verdict::Pass);
    assert_eq!(told.finding("answers").verdict, Verdict::Pass);
    assert_eq!(told.finding("undisturbed").verdict, Verdict::Pass);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_survives_the_stop_of_its_node() {
    let Some(ground) = ground("mariadb_survives_the_stop_of_its_node").await else {
        return;
    };
    let told = run(&ground, &ground.plan("mariadb-nfs-survives-node-stop")).await;
    assert_eq!(told.judgement.verdict, Verdict::Pass);
    assert_eq!(told.judged_again(), told.judgement);
    let timeline = Timeline::of(&told.history);
    let target = &timeline.faults[0].targets[0];
    let names = |part: &str| assert!(told.report.contains(part), "no `{part}` in the report");
    names(&format!("managers see {target} down"));
    names("task mariadb.1 reassigned to ");
    names("container of mariadb.1 running on ");
    let again = answered_again(&told, &timeline);
    assert!(
        !again.is_empty(),
        "nobody missed an answer and got one later"
    );
    for node in again {
        names(&format!("first answer for ledger through {node}, after "));
    }
    let line = |start: &str| {
        let found = told.report.lines().find(|line| line.contains(start));
        found.unwrap_or_else(|| panic!("no `{start}` in the report"))
    };
    let rows = line(" acknowledged, ");
    assert!(
        rows.contains("ledger: ") && rows.contains(" unknown, "),
        "{rows}"
    );
    let read_back = line("ledger: read back ");
    for node in told.history.plan.node_names() {
        assert!(read_back.contains(node), "{read_back}");
    }
    bundle::is_whole(&told, target);
}

/// The nodes through which a row was not acknowledged while the fault lasted, and one was later.
fn answered_again<'a>(told: &'a Told, timeline: &Timeline) -> Vec<&'a str> {
    let window = &timeline.faults[0];
    let struck = window.struck().expect("a fault that struck").seq;
    let healing = window.healing.expect("a fault that was healed").seq;
    let (mut via, mut missed) = (BTreeMap::new(), Vec::new());
    let mut again = Vec::new();
    for entry in &told.history.entries {
        match &entry.event {
            Event::Insert { row, via: node, .. } => {
                via.insert(*row, node.as_str());
            }
            Event::Inserted { row, outcome, .. } => {
                let node = via[row];
                if *outcome != Outcome::Acknowledged {
                    if entry.seq > struck && entry.seq < healing {
                        missed.push(node);
                    }
                } else if missed.contains(&node) && !again.contains(&node) {
                    again.push(node);
                }
            }
            _ => {}
        }
    }
    again
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_loses_its_data() {
    let Some(ground) = ground("the_control_loses_its_data").await else {
        return;
    };
    let plan = ground.plan("mariadb-without-shared-storage-loses-data");
    let told = run(&ground, &plan).await;
    assert_eq!(told.judgement.verdict, Verdict::Pass);
    let control = told.judgement.control.as_ref().expect("a control");
    assert_eq!(control.failed, ["nothing_lost"]);
    assert!(control.as_expected);
    assert_eq!(told.finding("nothing_lost").verdict, Verdict::Fail);
    let read_back = |event: &&Event| matches!(event, Event::ReadBack { .. });
    assert!(told.evidence("nothing_lost").iter().any(read_back));
    // The same record, had nobody said that it must fail.
    let mut history = told.history.clone();
    history.plan.must_fail.clear();
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(judgement.control, None);
}
