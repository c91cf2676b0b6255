//! What is done to a guest from inside of it, by its agent.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::lab::{COMMAND, SHUTDOWN, VmLab};
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
                self.engine_answers(machine).await
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

/// Sends SIGKILL to the first process of a container, behind its engine's back.
fn kill(container: &str) -> Result<String, Trouble> {
    if container.is_empty() || !container.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let what = format!("`{container}` is no identity of a container");
        return Err(Trouble(what));
    }
    Ok(format!(
        "p=$(docker inspect -f '{{{{.State.Pid}}}}' {container}) && test \"$p\" -gt 1 && \
         kill -9 \"$p\""
    ))
}

/// Reads what [`ASK`] prints, at this time of ours.
fn vitals(said: &str, ours: Timestamp) -> Option<Vitals> {
    let mut lines = said.lines().map(str::trim);
    let engine = lines.next()?;
    let theirs = Timestamp::from_nanosecond(lines.next()?.parse().ok()?).ok()?;
    let free = lines.next()?.parse().ok()?;
    let writes = match lines.next()? {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    let runs = engine.split_once(' ').is_some();
    Some(Vitals {
        engine: runs.then(|| engine.to_owned()),
        ahead: SignedDuration::from_nanos(0).saturating_add(theirs.duration_since(ours)),
        free,
        writes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-02T03:04:05Z";

    fn read(said: &str) -> Option<Vitals> {
        vitals(said, NOW.parse().expect("a time"))
    }

    #[test]
    fn a_machine_says_how_it_is() {
        let theirs: Timestamp = "2026-01-02T04:04:05Z".parse().expect("a time");
        let said = format!("412 9001\n{}\n 1024\nyes\n", theirs.as_nanosecond());
        let expected = Vitals {
            engine: Some("412 9001".to_owned()),
            ahead: SignedDuration::from_hours(1),
            free: 1024,
            writes: true,
        };
        assert_eq!(read(&said), Some(expected));
        let without = read(&said.replace("412 9001", "0 ")).expect("understood");
        assert_eq!(without.engine, None);
        let full = read(&said.replace("yes", "no")).expect("understood");
        assert!(!full.writes);
    }

    #[test]
    fn half_an_answer_is_not_understood() {
        for said in [
            "",
            "412 9001\n",
            "412 9001\nsoon\n5\nyes\n",
            "1 2\n5\n5\n",
            "1 2\n5\n-1\nyes",
        ] {
            assert_eq!(read(said), None, "{said}");
        }
    }

    #[test]
    fn no_shell_reads_what_is_no_container() {
        assert!(kill("").is_err());
        assert!(kill("ab; reboot").is_err());
        assert!(kill("0123abcd").is_ok_and(|said| said.contains(" 0123abcd)")));
    }
}
