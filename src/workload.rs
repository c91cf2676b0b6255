//! Keeps using the services while they are being broken, and journals what clients were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::journal::Journal;
use crate::substrate::Lab;

pub mod get;
pub mod ledger;

/// What every workload needs.
#[derive(Clone)]
pub struct Context {
    /// The door to the services.
    pub lab: Arc<dyn Lab>,
    /// Where clients write what they do, and what they were told.
    pub journal: Journal,
    /// Every node, by name.
    pub nodes: Arc<[String]>,
    /// The nodes that are broken now.
    pub broken: watch::Receiver<BTreeSet<String>>,
    /// When each workload was last served, by name: an answer that is right, a row that is
    /// acknowledged, or a server's own word that the table is gone, after which no row can be.
    pub served: watch::Sender<BTreeMap<String, Instant>>,
    /// Cancelled when the workload must end; what is under way is finished.
    pub stop: CancellationToken,
}

impl Context {
    /// Takes down that a workload was served just now.
    fn serve(&self, workload: &str) {
        self.served.send_modify(|last| {
            last.insert(workload.to_owned(), Instant::now());
        });
    }
}
