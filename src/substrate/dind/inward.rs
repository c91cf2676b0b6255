//! What is done to a node from inside of its container.

use std::time::Duration;

use jiff::Timestamp;

use super::lab::DindLab;
use crate::substrate::nodes::COMMAND;
use crate::substrate::nodes::inward::{kill, vitals};
use crate::substrate::{Inward, Trouble, Vitals};

/// How long a node may take to say how it is; it is asked again and again.
const VITALS: Duration = Duration::from_secs(20);

/// Sends SIGKILL to the engine, which the node's first process starts again.
const CRASH: &str = "p=$(cat /var/run/docker.pid) && test \"$p\" -gt 1 && kill -9 \"$p\"";

/// Ends the engine in order, and returns when it has: then it is started again.
pub(super) const RESTART: &str = "p=$(cat /var/run/docker.pid) && test \"$p\" -gt 1 && \
    kill -TERM \"$p\" && tail --pid=\"$p\" -f /dev/null";

/// Prints what [`vitals`] reads. The number of an engine that is gone may be in the file still.
const ASK: &str = "p=$(cat /var/run/docker.pid 2> /dev/null); \
    echo \"$p $(cut -d ' ' -f 22 \"/proc/$p/stat\" 2> /dev/null)\"; date +%s%N; \
    df -B1 --output=avail /var/lib/docker | tail -n 1; \
    f=/var/lib/docker/seatrial-try; \
    if head -c 65536 /dev/zero 2> /dev/null > $f; then echo yes; else echo no; fi; rm -f $f";

impl DindLab {
    /// Does one act inside of a node.
    pub(super) async fn act_inside(&self, node: &str, act: &Inward) -> Result<(), Trouble> {
        let nodes = self.nodes();
        match act {
            Inward::CrashEngine => nodes.sh(node, CRASH, COMMAND).await.map(drop),
            Inward::RestartEngine => {
                nodes.sh(node, RESTART, COMMAND).await?;
                nodes.engine_answers(node).await
            }
            Inward::StartEngine => nodes.engine_answers(node).await,
            Inward::KillContainer(container) => {
                nodes.sh(node, &kill(container)?, COMMAND).await.map(drop)
            }
            Inward::SetClock(_) | Inward::FillDisk | Inward::EmptyDisk => {
                let what =
                    "containers have the clock and the disk of the computer that they are on";
                Err(Trouble(format!("`{node}`: {what}")))
            }
        }
    }

    /// Asks a node how it is.
    pub(super) async fn ask_vitals(&self, node: &str) -> Result<Vitals, String> {
        let said = self.nodes().sh(node, ASK, VITALS).await;
        let said = said.map_err(|trouble| trouble.0)?;
        vitals(&said, Timestamp::now()).ok_or_else(|| format!("`{node}` said `{said}`"))
    }
}
