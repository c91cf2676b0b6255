//! Every scenario that comes with Seatrial, on a place that misbehaves in the one way that the
//! scenario is there to notice. On a place that behaves all of them pass (`files`).

use std::path::PathBuf;

use rstest::rstest;
use seatrial::check::check;
use seatrial::substrate::sim::Sabotage::{self, *};
use seatrial::verdict::Verdict::{self, Fail, Unknown};

use super::{outline, planned, run_sim};

/// How the place misbehaves, the verdict, and the checks that come to it: these and no others.
type Line = (Sabotage, Verdict, &'static [&'static str]);

/// A node that is not as it was is missed by whoever asks it, too.
const UPGRADED: &[&str] = &["answers", "steady", "upgraded"];

/// The table: a line for each scenario file. The sabotage of a control makes it come out otherwise.
fn line(scenario: &str) -> Option<Line> {
    let name = str::to_owned;
    Some(match scenario {
        "mariadb-nfs-survives-node-stop" => (LoseRow, Fail, &["nothing_lost"]),
        "mariadb-nfs-v3-power-cut" => (NoFileLocks, Fail, &["must_fail"]),
        "mariadb-nfs-v4-power-cut" => (LeaseNeverEnds, Fail, &["recovers"]),
        "mariadb-without-shared-storage-loses-data" => (RowsOutliveTheirTask, Fail, &["must_fail"]),
        "mariadb-nfs-async-power-cut" => (AsyncIsSync, Fail, &["must_fail"]),
        "mariadb-nfs-sync-power-cut" => (SyncIsAsync, Fail, &["nothing_lost"]),
        "nginx-nfs-answers-on-every-node" => (DeafNode(name("server-3")), Fail, &["answers"]),
        "one-of-two-managers-stops" => (MinorityLeads, Fail, &["control", "must_fail"]),

        "01-swarm-initialisation" => (AnyTokenJoins, Fail, &["refused"]),
        "02-replicated-service" => (SecondLiveTask, Fail, &["never_two"]),
        "03-node-down" => (ResurrectedTask, Fail, &["never_two"]),
        "05-three-replicas" => (DeafNode(name("server-22")), Fail, &["answers"]),
        "06-image-from-the-registry" => (RegistryGivesNothing, Fail, &["recovers"]),
        "06-pre-provisioned-images" => (ImagesLost(name("server-16")), Fail, &["recovers"]),
        "06-pulled-beforehand" => (OrderDoesNothing, Unknown, &["exercised"]),
        "06-registry-is-down" => (ImagesEverywhere, Fail, &["must_fail"]),
        "07-removing-services" => (NetworkLeft, Fail, &["steady"]),
        "08-nginx-on-nfs" => (StaleFile(name("server-16")), Unknown, &["exercised"]),
        "09-mariadb-on-nfs" => (LoseRow, Fail, &["nothing_lost"]),
        "10-promote-and-demote" => (ImagesLost(name("server-22")), Fail, &["recovers"]),
        "11-global-service" => (NewcomersGetNoTask, Fail, &["steady"]),
        "12-scaling" => (ScaleLosesRequests, Fail, &["answers"]),
        "13-two-databases-with-locks" => (CorruptTable, Fail, &["intact", "must_fail"]),
        "13-two-databases-without-locks" => (CorruptTable, Fail, &["intact", "must_fail"]),
        "14-balancer" => (BalancerNeverChecks, Fail, &["answers"]),
        "15-managers-api-tls" => (ApiOfTheDead, Fail, &["recovers"]),
        "16-plain-api-port" => (PortsLookClosed, Fail, &["must_fail"]),

        "paused-leader" => (DeafNode(name("server-12")), Fail, &["answers"]),
        "paused-database-host" => (LoseRow, Fail, &["nothing_lost"]),
        "leader-heard-by-nobody" => (RuleNoOp, Unknown, &["control", "exercised", "recovers"]),
        "leader-cut-off-from-one-manager" => (RuleNoOp, Unknown, &["control", "exercised"]),
        "gossip-port-dropped" => (RuleCutsAll, Unknown, &["control", "exercised"]),
        "upgrade-managers-first" => (NewEngineWithoutMesh, Fail, UPGRADED),
        "upgrade-workers-first" => (NewEngineWithoutOverlay, Fail, UPGRADED),
        "slow-nfs-link" => (LoseRow, Fail, &["nothing_lost"]),

        "worker-power-cut" => (DeafNode(name("server-12")), Fail, &["answers"]),
        "leader-power-cut" => (
            FaultDoesNotBite,
            Unknown,
            &["control", "exercised", "recovers"],
        ),
        "engine-crash" => (InwardNoOp, Unknown, &["exercised", "recovers"]),
        "engine-restart" => (InwardNoOp, Unknown, &["control", "exercised", "recovers"]),
        "killed-task" => (InwardNoOp, Unknown, &["exercised", "recovers"]),
        "short-cut-of-a-worker" => (IsolateNoOp, Unknown, &["control", "exercised"]),
        "rolling-update" => (OrderDoesNothing, Unknown, &["exercised"]),
        "drained-worker" => (OrderDoesNothing, Unknown, &["exercised"]),
        "disk-full-on-the-leader" => (InwardNoOp, Unknown, &["control", "exercised"]),
        "clock-jump-on-a-worker" => (ClockSetRight, Unknown, &["exercised"]),
        "quorum-lost" => (MinorityLeads, Fail, &["control"]),
        "nfs-server-away" => (LoseRow, Fail, &["nothing_lost"]),
        _ => return None,
    })
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_scenario_notices_what_it_is_there_for(
    #[files("scenarios/**/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: PathBuf,
) {
    let plan = planned(&path, false);
    let name = &plan.name;
    let line = line(name).unwrap_or_else(|| panic!("`{name}` has no line in the table above"));
    let (sabotage, verdict, noticed_by) = line;
    let history = run_sim(&plan, Some(sabotage)).await;
    let judgement = check(&history);
    let findings = &judgement.findings;
    let told = findings
        .iter()
        .map(|one| format!("{} {}: {}\n", one.verdict, one.check, one.summary));
    let told: String = told.collect();
    let told = format!("{told}{}", outline(&history));
    assert_eq!(judgement.verdict, verdict, "{told}");
    // A check that must fail, and does, has noticed nothing new.
    let noticed = findings
        .iter()
        .filter(|one| one.verdict == verdict && !plan.must_fail.contains(&one.check));
    let mut noticed: Vec<&str> = noticed.map(|one| one.check.as_str()).collect();
    noticed.sort_unstable();
    assert_eq!(noticed, noticed_by, "{told}");
}
