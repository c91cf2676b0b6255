//! What a machine has to show when a run is over: its logs, its tables, its console.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::timeout;

use super::lab::VmLab;
use super::machine::Machine;
use crate::substrate::Evidence;

/// The most that is taken of one piece, its end, in bytes: a little more than is kept, so that
/// what is kept begins with a whole line.
const BYTES_MAX: u64 = 260 * 1024;

/// Seconds that a guest gives one command. All run at once, in emulated machines that are busy.
const COMMAND_S: u32 = 20;

/// How long to wait for one command: a little longer than it may take.
const COMMAND: Duration = Duration::from_secs(COMMAND_S as u64 + 5);

/// A name and the command whose output it is.
type Piece = (&'static str, String);

impl VmLab {
    /// All that a machine has to show of so long a time; of one without power, its console.
    pub(super) async fn shown(&self, name: &str, since: Duration) -> Vec<Evidence> {
        let machine = match self.machine(name) {
            Ok(machine) => machine,
            Err(trouble) => return vec![evidence("console.log", Err(trouble.0))],
        };
        let mut shown = vec![evidence("console.log", tail(&machine.spec.console))];
        let pieces = pieces(self.part(name).is_none(), since);
        if !machine.powered().await {
            let off = || Err("it has no power".to_owned());
            shown.extend(pieces.into_iter().map(|(name, _)| evidence(name, off())));
            return shown;
        }
        let asked = pieces
            .into_iter()
            .map(|(name, command)| async move { evidence(name, said(machine, &command).await) });
        let (told, networks) = join(join_all(asked), self.networks(name)).await;
        shown.extend(told);
        shown.extend(networks);
        shown
    }

    /// What a node's engine knows of the swarm's networks. It is asked itself: an emulated guest
    /// takes seconds to start a client.
    async fn networks(&self, name: &str) -> Option<Evidence> {
        let node = self.part(name).is_none();
        let networks = async {
            let engine = self.engine(name).await.map_err(|error| error.to_string())?;
            let networks = engine.overlay_networks().await;
            networks.map_err(|error| error.to_string())
        };
        match node {
            true => Some(evidence("networks.json", networks.await)),
            false => None,
        }
    }
}

fn evidence(name: &'static str, text: Result<String, String>) -> Evidence {
    Evidence { name, text }
}

/// What is asked of a machine. A log that a power cut took with it is gone: the console has what it
/// said until then.
fn pieces(node: bool, since: Duration) -> Vec<Piece> {
    let seconds = since.as_secs() + 1;
    let log = |unit: &str| format!("journalctl --no-pager -o short-iso {unit} --since=-{seconds}s");
    let kernel = ("kernel.log", "dmesg".to_owned());
    if !node {
        return vec![("system.log", log("")), kernel];
    }
    let tables = "for at in /run/docker/netns/*; do echo \"== ${at##*/}\"; \
                  nsenter --net=\"$at\" cat /proc/net/ip_vs; done";
    vec![
        ("engine.log", log("-u docker")),
        kernel,
        ("ipvs.txt", tables.to_owned()),
    ]
}

/// What a command said at the end, and what it complained of.
async fn said(machine: &Machine, command: &str) -> Result<String, String> {
    let command = bounded(command);
    // An agent that hangs would keep each in turn waiting.
    let ran = timeout(COMMAND, machine.agent.run(&command, b"", COMMAND)).await;
    let ran = ran.map_err(|_| format!("no answer within {COMMAND:?}"))?;
    let ran = ran.map_err(|trouble| trouble.0)?;
    match (ran.code, ran.out.is_empty()) {
        // What `timeout` itself says: see its manual, "EXIT STATUS".
        (124 | 137, true) => Err(format!("no end within {COMMAND_S}s")),
        (_, false) => Ok(ran.out),
        (code, true) => Err(format!("it said nothing, and ended with {code}")),
    }
}

/// A command that ends, and whose output is no longer than is taken of it.
fn bounded(command: &str) -> String {
    let quoted = command.replace('\'', r"'\''");
    format!(
        "timeout -k 1 {COMMAND_S} bash -c \
         'set -o pipefail; {{ {quoted}; }} 2>&1 | tail -c {BYTES_MAX}'"
    )
}

/// The end of a file.
fn tail(path: &Path) -> Result<String, String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| format!("cannot read it: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_file_the_end_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("console.log");
        assert!(
            tail(&path)
                .expect_err("not there")
                .starts_with("cannot read it: ")
        );
        std::fs::write(&path, "x".repeat(300 * 1024) + "end\n").expect("written");
        let text = tail(&path).expect("text");
        assert!(text.ends_with("xend\n"));
        assert_eq!(text.len() as u64, BYTES_MAX);
    }

    #[test]
    fn a_node_is_asked_for_more_than_another_machine() {
        let names = |node| -> Vec<&str> {
            let pieces = pieces(node, Duration::from_secs(90));
            pieces.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(true), ["engine.log", "kernel.log", "ipvs.txt"]);
        assert_eq!(names(false), ["system.log", "kernel.log"]);
        let (_, log) = &pieces(true, Duration::from_secs(90))[0];
        assert_eq!(
            log,
            "journalctl --no-pager -o short-iso -u docker --since=-91s"
        );
    }

    /// The commands of guests are those of any Linux.
    fn ran(command: &str) -> (Option<i32>, String) {
        let run = std::process::Command::new("sh")
            .args(["-c", &bounded(command)])
            .output();
        let run = run.expect("a shell");
        (
            run.status.code(),
            String::from_utf8_lossy(&run.stdout).into_owned(),
        )
    }

    #[test]
    fn a_command_is_quoted_and_its_complaint_is_taken_too() {
        assert_eq!(
            ran("echo 'it is'; ls /nowhere"),
            (Some(2), {
                "it is\nls: cannot access '/nowhere': No such file or directory\n".to_owned()
            })
        );
        let (code, text) = ran("printf '%01000000d' 0");
        assert_eq!((code, text.len() as u64), (Some(0), BYTES_MAX));
    }
}
