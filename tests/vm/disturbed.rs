//! What breaks behind the harness's back never passes, and is never blamed on Swarm unseen.

use seatrial::journal::{Answer, Event, TaskSeen};
use seatrial::plan::Plan;
use seatrial::units::Span;
use seatrial::verdict::Verdict;

use super::ground::{Ground, ground, leave_out};
use super::trial::{Scene, run_disturbed};

/// A scenario without faults, with so many seconds to be disturbed in, that does not wait long for
/// what will never hold again.
fn quiet(ground: &Ground, scenario: &str, seconds: u64) -> Plan {
    let mut plan = ground.plan_without_faults(scenario);
    let span = |seconds| Span::secs(seconds).stretched(ground.vm.patience());
    plan.deadlines.after = span(seconds);
    plan.deadlines.steady_again = span(seconds.min(30));
    plan.deadlines.read_back = span(20);
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_killed_behind_our_back_is_not_a_pass() {
    let Some(ground) = ground("a_database_killed_behind_our_back_is_not_a_pass").await else {
        return;
    };
    let plan = quiet(&ground, "mariadb-nfs-survives-node-stop", 20);
    let told = run_disturbed(&ground, &plan, async |scene: Scene| {
        let node = scene.host_of("mariadb").await?;
        scene.kill("mariadb", &node).await
    })
    .await;
    assert_ne!(told.judgement.verdict, Verdict::Pass);
    let finding = told.finding("undisturbed");
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(
        finding.summary.contains("task mariadb.1 "),
        "{}",
        finding.summary
    );
    let failed = |event: &&Event| {
        matches!(event, Event::Task(TaskSeen { service, state, .. })
            if service == "mariadb" && state == "failed")
    };
    assert!(told.evidence("undisturbed").iter().any(failed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_is_not_mounted_is_not_a_pass() {
    let Some(ground) = ground("a_share_that_is_not_mounted_is_not_a_pass").await else {
        return;
    };
    // Swarm tries the hosts in turn, and has to come to one that lacks the share.
    let plan = quiet(&ground, "mariadb-nfs-survives-node-stop", 45);
    let mount = plan
        .topology
        .storage
        .as_ref()
        .expect("a share")
        .mount
        .clone();
    let told = run_disturbed(&ground, &plan, async |scene: Scene| {
        let host = scene.host_of("mariadb").await?;
        for node in scene.plan.node_names() {
            scene.exec(node, &format!("umount -l {mount}")).await?;
        }
        scene.kill("mariadb", &host).await
    })
    .await;
    assert_ne!(told.judgement.verdict, Verdict::Pass);
    assert_eq!(told.finding("undisturbed").verdict, Verdict::Unknown);
    // The managers' own words say what was missing, and the finding points at them.
    let missing = |event: &&Event| {
        matches!(event, Event::Task(TaskSeen { state, message, .. })
            if state == "rejected" && message.contains(&mount))
    };
    let mut entries = told.history.entries.iter().map(|entry| &entry.event);
    if !entries.any(|event| matches!(event, Event::Task(task) if task.state == "rejected")) {
        // A slow swarm may not have come so far before the run's end.
        leave_out(
            "what the managers say of the share",
            "they had rejected no task yet",
        );
        return;
    }
    let evidence = told.evidence("undisturbed");
    assert!(evidence.iter().any(missing), "{evidence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_is_a_fail() {
    let Some(ground) = ground("another_body_is_a_fail").await else {
        return;
    };
    let plan = quiet(&ground, "nginx-nfs-answers-on-every-node", 10);
    let told = run_disturbed(&ground, &plan, async |scene: Scene| {
        let storage = scene.plan.topology.storage.as_ref().ok_or("no share")?;
        // The first word alone: a file that is begun anew is empty for a moment, and seen so.
        let page = format!("{}/nginx-01/index.html", storage.export);
        let command = format!("printf WRONG | dd of={page} conv=notrunc");
        scene.exec(&storage.name, &command).await.map(drop)
    })
    .await;
    assert_eq!(told.judgement.verdict, Verdict::Fail);
    let finding = told.finding("answers");
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.summary.contains("WRONG"), "{}", finding.summary);
    let wrong = |event: &&Event| match event {
        Event::Got { answer, .. } => {
            matches!(answer, Answer::Wrong(body) if body.contains("WRONG"))
        }
        _ => false,
    };
    assert!(told.evidence("answers").iter().any(wrong));
    let said = |line: &&str| line.contains("FAIL") && line.contains("answers");
    let line = told
        .report
        .lines()
        .find(said)
        .expect("a line of the report");
    let pointed_at = line.contains("[entry ") || line.contains("[entries ");
    assert!(pointed_at, "{line}");
    // The swarm itself did nothing wrong.
    assert_eq!(told.finding("undisturbed").verdict, Verdict::Pass);
}
