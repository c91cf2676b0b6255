//! The lock that a database has on its files on the share, and who keeps it from the next one.

use std::time::Duration;

use tokio::time::Instant;

use super::Sabotage;
use super::world::World;
use crate::plan::NfsVersionKey;

/// How long a server of NFS v4 keeps the locks of a client that it does not hear of (Linux
/// `fs/nfsd/nfs4state.c`, `nfsd4_lease`).
const LEASE: Duration = Duration::from_secs(90);

/// A lock whose holder lost its power. A clean shutdown gives it back.
pub(super) struct Lock {
    holder: usize,
    since: Instant,
}

impl World {
    /// A machine loses its power; what its database had locked stays locked.
    pub(super) fn leave_lock(&mut self, machine: usize) {
        let shared = self.plan.topology.storage.is_some();
        let mut here = self.tasks.iter();
        let writes = here.any(|task| {
            task.node == Some(machine) && task.process && self.is_database(&task.service)
        });
        if shared && writes && !self.is(&Sabotage::NoFileLocks) {
            let since = self.now;
            self.lock = Some(Lock {
                holder: machine,
                since,
            });
        }
    }

    /// True while a dead machine keeps every database from its files.
    pub(super) fn locked(&self) -> bool {
        let Some((lock, storage)) = self.lock.as_ref().zip(self.plan.topology.storage.as_ref())
        else {
            return false;
        };
        let leased = storage.nfs == NfsVersionKey::V42 && !self.is(&Sabotage::LeaseNeverEnds);
        let over = leased && lock.since + LEASE <= self.now;
        // A machine that boots says so, and the server forgets what it had locked before.
        !over && !self.live(lock.holder)
    }
}
