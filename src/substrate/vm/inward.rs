//! What is done to a guest from inside of it, by its agent.

use std::time::Duration;

use jiff::Timestamp;

use super::lab::{COMMAND, SHUTDOWN, VmLab};
use crate::substrate::nodes::inward::{kill, vitals};
use crate::substrate::{Inward, Trouble, Vitals};

/// How long a guest may take to say how it is; it is asked again and again.
const VITALS: Duration = Duration::from_secs(20);

/// Sends SIGKILL to the engine, which systemd starts again (`Restart=always` of Docker's unit).
const CRASH: &str = "p=$(systemctl show -p MainPID --value docker.service) && test \"$p\" -gt 1 && \
    kill -9 \"$p\"";

/// Starts the engine, also where systemd gave up after too many starts.
const START: &str = "systemctl is-active --quiet docker.service || { systemctl reset-failed \
    docker.service; systemctl start docker.service; }";

/// Takes every block that there is, in files of a folder of ours; space that is only promised is
/// taken too, so that nothing has to be written. What is left of a file that did not fit counts.
const FILL: &str = "mkdir -p /var/lib/docker/seatrial-full && cd /var/lib/docker/seatrial-full && \
    n=0 && for size in 1G 64M 4M 256K 4K; do \
    while fallocate -l $size $n 2> /dev/null; do n=$((n + 1)); done; n=$((n + 1)); done; true";

/// Removes what [`FILL`] made.
const EMPTY: &str = "rm -rf /var/lib/docker/seatrial-full";

/// Prints four lines: when the engine's process began (`proc_pid_stat(5)`, `starttime`), the time
/// in nanoseconds, the free bytes of the engine's disk, and whether a file could be written there.
const ASK: &str = "p=$(systemctl show -p MainPID --value docker.service); \
    echo \"$p $(cut -d ' ' -f 22 /proc/$p/stat 2> /dev/null)\"; date +%s%N; \
    df -B1 --output=avail /var/lib/docker | tail -n 1; \
    f=/var/lib/docker/seatrial-try; \
    if head -c 65536 /dev/zero 2> /dev/null > $f; then echo yes; else echo no; fi; rm -f $f";

impl VmLab {
    /// Does one act inside of a machine.
    pub(super) async fn act_inside(&self, machine: &str, act: &Inward) -> Result<(), Trouble> {
        let agent = &self.machine(machine)?.agent;
        match act {
            Inward::CrashEngine => agent.sh(CRASH, COMMAND).await.map(drop),
            Inward::RestartEngine => {
                let restart = "systemctl restart docker.service";
                agent.sh(restart, SHUTDOWN).await.map(drop)
            }
            Inward::StartEngine => {
                agent.sh(START, SHUTDOWN).await?;
                self.nodes().engine_answers(machine).await
            }
            Inward::KillContainer(container) => {
                agent.sh(&kill(container)?, COMMAND).await.map(drop)
            }
            Inward::SetClock(ahead) => agent.set_time(*ahead).await,
            Inward::FillDisk => agent.sh(FILL, COMMAND).await.map(drop),
            Inward::EmptyDisk => agent.sh(EMPTY, COMMAND).await.map(drop),
        }
    }

    /// Asks a machine how it is.
    pub(super) async fn ask_vitals(&self, machine: &str) -> Result<Vitals, String> {
        let agent = &self.machine(machine).map_err(|trouble| trouble.0)?.agent;
        let said = agent.sh(ASK, VITALS).await.map_err(|trouble| trouble.0)?;
        vitals(&said, Timestamp::now()).ok_or_else(|| format!("`{machine}` said `{said}`"))
    }
}
