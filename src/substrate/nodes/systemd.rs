//! What is done inside of a machine whose engine is a unit of systemd.

use std::time::Duration;

use jiff::Timestamp;

use super::inward::{kill, vitals};
use super::{COMMAND, Nodes, SHUTDOWN};
use crate::substrate::{Inward, Trouble, Vitals};

/// How long a machine may take to say how it is; it is asked again and again.
const VITALS: Duration = Duration::from_secs(20);

/// Sends SIGKILL to the engine, which systemd starts again (`Restart=always` of Docker's unit).
const CRASH: &str = "p=$(systemctl show -p MainPID --value docker.service) && test \"$p\" -gt 1 && \
    kill -9 \"$p\"";

/// Starts the engine, also where systemd gave up after too many starts.
pub(in crate::substrate) const START: &str = "systemctl is-active --quiet docker.service || \
    { systemctl reset-failed docker.service; systemctl start docker.service; }";

/// Takes every block that there is, in files of a folder of ours; space that is only promised is
/// taken too, so that nothing has to be written. What is left of a file that did not fit counts.
const FILL: &str = "mkdir -p /var/lib/docker/seatrial-full && cd /var/lib/docker/seatrial-full && \
    n=0 && for size in 1G 64M 4M 256K 4K; do \
    while fallocate -l $size $n 2> /dev/null; do n=$((n + 1)); done; n=$((n + 1)); done; true";

/// What [`FILL`] makes.
pub(in crate::substrate) const FULL: &str = "/var/lib/docker/seatrial-full";

/// Removes what [`FILL`] made.
pub(in crate::substrate) const EMPTY: &str = "rm -rf /var/lib/docker/seatrial-full";

/// Prints four lines: when the engine's process began (`proc_pid_stat(5)`, `starttime`), the time
/// in nanoseconds, the free bytes of the engine's disk, and whether a file could be written there.
const ASK: &str = "p=$(systemctl show -p MainPID --value docker.service); \
    echo \"$p $(cut -d ' ' -f 22 /proc/$p/stat 2> /dev/null)\"; date +%s%N; \
    df -B1 --output=avail /var/lib/docker | tail -n 1; \
    f=/var/lib/docker/seatrial-try; \
    if head -c 65536 /dev/zero 2> /dev/null > $f; then echo yes; else echo no; fi; rm -f $f";

impl dyn Nodes + '_ {
    /// Does one act inside of a machine; its clock is not for a shell to set.
    pub(in crate::substrate) async fn act_by_systemd(
        &self,
        machine: &str,
        act: &Inward,
    ) -> Result<(), Trouble> {
        let done = match act {
            Inward::CrashEngine => self.sh(machine, CRASH, COMMAND).await,
            Inward::RestartEngine => {
                let restart = "systemctl restart docker.service";
                self.sh(machine, restart, SHUTDOWN).await
            }
            Inward::StartEngine => {
                self.sh(machine, START, SHUTDOWN).await?;
                return self.engine_answers(machine).await;
            }
            Inward::KillContainer(container) => self.sh(machine, &kill(container)?, COMMAND).await,
            Inward::FillDisk => self.sh(machine, FILL, COMMAND).await,
            Inward::EmptyDisk => self.sh(machine, EMPTY, COMMAND).await,
            Inward::SetClock(_) => {
                let what = format!("the clock of `{machine}` cannot be set here");
                return Err(Trouble(what));
            }
        };
        done.map(drop)
    }

    /// Asks a machine how it is.
    pub(in crate::substrate) async fn vitals_by_systemd(
        &self,
        machine: &str,
    ) -> Result<Vitals, String> {
        let said = self.sh(machine, ASK, VITALS).await;
        let said = said.map_err(|trouble| trouble.0)?;
        vitals(&said, Timestamp::now()).ok_or_else(|| format!("`{machine}` said `{said}`"))
    }
}
