//! Starts the plan's workloads.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::trial::Trial;
use crate::plan::{Plan, Workload};
use crate::probe;
use crate::substrate::PageRequest;
use crate::workload::Context;
use crate::workload::get::{self, Asker};
use crate::workload::ledger::{self, Ledger};

/// The ledgers of a plan.
pub(super) fn ledgers(plan: &Plan) -> Vec<Ledger> {
    let one = |workload: &Workload| match workload {
        Workload::Ledger {
            name,
            service,
            rate,
            writers,
            reconnect,
            within,
            ..
        } => Some(Ledger {
            workload: name.clone(),
            service: service.clone(),
            rate: *rate,
            writers: *writers,
            reconnect: *reconnect,
            within: within.0,
            last_row: Arc::default(),
        }),
        Workload::Get { .. } => None,
    };
    plan.workloads.iter().filter_map(one).collect()
}

/// Starts every workload; they end with [`Trial::working`].
pub(super) fn start(trial: &Arc<Trial>, ledgers: &[Ledger]) {
    let context = Context {
        lab: Arc::clone(&trial.lab),
        journal: trial.journal.clone(),
        nodes: trial.plan.node_names().map(str::to_owned).collect(),
        broken: trial.broken.subscribe(),
        served: trial.served.clone(),
        stop: trial.working.clone(),
    };
    for ledger in ledgers {
        for writer in 0..ledger.writers.max(1) {
            let name = format!("writer {writer} of `{}`", ledger.workload);
            let work = ledger::write(context.clone(), ledger.clone(), writer);
            trial.spawn(&trial.workloads, name, work);
        }
    }
    for workload in &trial.plan.workloads {
        for asker in askers(trial, workload) {
            let name = format!("`{}` on `{}`", asker.workload, asker.via);
            trial.spawn(&trial.workloads, name, get::drive(context.clone(), asker));
        }
    }
}

/// Waits until every workload was served after `since`; not beyond `end`. A database whose share
/// was away writes again only when its node's NFS client has asked again, half a minute after the
/// steady state held in one run (`scenarios/acceptance/nfs-server-away.yaml`).
pub(super) async fn all_served(trial: &Trial, since: Instant, end: Instant) {
    let mut served = trial.served.subscribe();
    let is_served = |last: &BTreeMap<String, Instant>| {
        let mut names = trial.plan.workloads.iter().map(Workload::name);
        names.all(|name| last.get(name).is_some_and(|at| *at > since))
    };
    let all = async { served.wait_for(is_served).await.is_ok() };
    // What was not served by then is said by the checker `exercised`.
    let _served = timeout_at(end, all).await.unwrap_or(false);
}

/// One asker for each node that a `get` workload asks.
fn askers(trial: &Trial, workload: &Workload) -> Vec<Asker> {
    let Workload::Get {
        name,
        via,
        port,
        path,
        body,
        rate,
        within,
    } = workload
    else {
        return Vec::new();
    };
    let view = trial.newest_view();
    let (members, broken) = (trial.members(), trial.broken_now());
    let nodes = probe::nodes(via, &trial.plan, &members, view.as_ref(), &broken);
    let nodes = nodes.unwrap_or_else(|why| {
        trial.trouble(format!("`{name}` asks nobody: {why}"));
        Vec::new()
    });
    let one = |via| Asker {
        workload: name.clone(),
        via,
        port: *port,
        page: PageRequest {
            path: path.clone(),
            body: body.clone(),
            within: within.0,
        },
        rate: *rate,
    };
    nodes.into_iter().map(one).collect()
}
