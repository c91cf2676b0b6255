//! Notices a machine of the place that ends although nobody turned it off.
//!
//! An emulator that this computer ran out of memory for looks like a node that is down; and what
//! becomes of the promises then is nothing that the scenario asked for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::observe::until_torn_down;
use super::trial::Trial;
use crate::journal::JournalError;
use crate::wait;

/// The pace of looking.
const PACE: Duration = Duration::from_secs(1);

/// Starts to watch.
pub(super) fn start(trial: &Arc<Trial>) {
    let work = until_torn_down(trial, watch(Arc::clone(trial)));
    trial.spawn(&trial.observers, "the watcher of machines".to_owned(), work);
}

/// Tells of each machine once.
async fn watch(trial: Arc<Trial>) -> Result<(), JournalError> {
    let mut told = BTreeSet::new();
    loop {
        for machine in trial.plan.topology.machines() {
            if told.contains(machine) {
                continue;
            }
            if let Some(how) = trial.lab.ended(machine).await {
                told.insert(machine);
                trial.gave_way(format!(
                    "the machine `{machine}` ended, and nobody turned it off: {how}; run again"
                ));
            }
        }
        wait::pause(PACE).await;
    }
}
