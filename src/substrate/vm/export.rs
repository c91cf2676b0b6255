//! How the storage machine answers writes: once they are on its disk, or at once.

use super::lab::{COMMAND, VmLab};
use crate::journal::Event;
use crate::plan::Storage;
use crate::substrate::Trouble;

/// Has the kernel's server answer before it has written (`exports(5)`, `async`), and prints its own
/// word of it. The file is flushed, so that a power cut does not undo the option.
const ASYNC: &str = "set -e; sed -i 's/(rw,sync,/(rw,async,/' /etc/exports; \
                     sync /etc/exports; exportfs -ra; exportfs -s; exportfs -s | grep -qw async";

impl VmLab {
    /// Exports the share as the plan says, and journals what the server says of it.
    pub(super) async fn export(&self, storage: &Storage) -> Result<(), Trouble> {
        if !self.plan.topology.async_share {
            return Ok(());
        }
        let agent = &self.machine(&storage.name)?.agent;
        let ran = agent.run(ASYNC, b"", COMMAND).await?;
        let said = ran.out.trim();
        if ran.code != 0 {
            let (name, why) = (&storage.name, ran.err.trim());
            return Err(Trouble(format!(
                "`{name}` does not export async: {said} {why}"
            )));
        }
        if let Some(journal) = &self.journal {
            let source = "exports".to_owned();
            let lines = said.lines().map(str::to_owned).collect();
            journal.record(Event::Excerpt { source, lines })?;
        }
        Ok(())
    }
}
