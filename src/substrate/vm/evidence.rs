//! What a machine has to show when a run is over: its logs, its tables, its console.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::join;
use tokio::time::timeout;

use super::lab::VmLab;
use super::machine::Machine;
use crate::substrate::Evidence;
use crate::substrate::nodes::Nodes;

/// The most that is taken of one piece, its end, in bytes: a little more than is kept, so that
/// what is kept begins with a whole line.
const BYTES_MAX: u64 = 260 * 1024;

/// Seconds that a guest gives one command, in an emulated machine that is busy: three of them end
/// before the whole collection must.
const COMMAND_S: u32 = 8;

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
        let (told, networks) = join(said(machine, &pieces), self.networks(name)).await;
        let told = pieces.iter().zip(told);
        shown.extend(told.map(|((name, _), text)| evidence(name, text)));
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

/// What each command said at the end, and what it complained of.
///
/// A guest runs them in one go: to start a process takes an emulated machine longer than most of
/// them take.
async fn said(machine: &Machine, pieces: &[Piece]) -> Vec<Result<String, String>> {
    let commands: Vec<&str> = pieces.iter().map(|(_, command)| command.as_str()).collect();
    let all = COMMAND * commands.len() as u32;
    let ran = match timeout(all, machine.agent.run(&script(&commands), b"", all)).await {
        Ok(ran) => ran.map_err(|trouble| trouble.0),
        // An agent that hangs would keep each in turn waiting.
        Err(_) => Err(format!("no answer within {all:?}")),
    };
    let lines: Vec<String> = match &ran {
        Ok(ran) => ran.out.lines().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    };
    let of = |index: usize| match (&ran, lines.get(index)) {
        (Err(why), _) => Err(why.clone()),
        (Ok(_), Some(line)) => read(line),
        (Ok(ran), None) => Err(format!("no answer, and exit code {}", ran.code)),
    };
    (0..commands.len()).map(of).collect()
}

/// All commands in turn: each ends in time, and comes to a line of its own, the end of its output
/// in base 64 and its exit code.
fn script(commands: &[&str]) -> String {
    let line = |command: &&str| {
        let quoted = command.replace('\'', r"'\''");
        format!(
            "timeout -k 1 {COMMAND_S} bash -c '{quoted}' 2>&1 | tail -c {BYTES_MAX} | base64 -w 0; \
             echo \" ${{PIPESTATUS[0]}}\""
        )
    };
    let lines: Vec<String> = commands.iter().map(line).collect();
    format!("exec bash -c '{}'", lines.join("; ").replace('\'', r"'\''"))
}

/// What one line of them says.
fn read(line: &str) -> Result<String, String> {
    let (text, code) = line.split_once(' ').unwrap_or((line, ""));
    let bytes = BASE64.decode(text);
    let bytes = bytes.map_err(|error| format!("half an answer: {error}"))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match (code, text.is_empty()) {
        // What `timeout` itself says: see its manual, "EXIT STATUS".
        ("124" | "137", true) => Err(format!("no end within {COMMAND_S}s")),
        ("", _) => Err("half an answer".to_owned()),
        (_, false) => Ok(text),
        (code, true) => Err(format!("it said nothing, and ended with {code}")),
    }
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
    fn ran(commands: &[&str]) -> Vec<Result<String, String>> {
        let run = std::process::Command::new("sh")
            .args(["-c", &script(commands)])
            .output();
        let out = run.expect("a shell").stdout;
        let out = String::from_utf8(out).expect("base 64");
        out.lines().map(read).collect()
    }

    #[test]
    fn each_command_has_its_line_and_its_complaint_is_taken_too() {
        let told = ran(&[
            "echo 'it is'; ls /nowhere",
            "printf '%01000000d' 0",
            "exit 3",
            "false",
        ]);
        let complaint = "it is\nls: cannot access '/nowhere': No such file or directory\n";
        assert_eq!(told[0], Ok(complaint.to_owned()));
        assert_eq!(told[1].as_ref().map(String::len), Ok(BYTES_MAX as usize));
        assert_eq!(told[2], Err("it said nothing, and ended with 3".to_owned()));
        assert_eq!(told[3], Err("it said nothing, and ended with 1".to_owned()));
        assert_eq!(told.len(), 4);
    }

    #[test]
    fn half_an_answer_is_none() {
        assert_eq!(read("aGVsbG8K 0"), Ok("hello\n".to_owned()));
        assert_eq!(read("aGVsbG8K"), Err("half an answer".to_owned()));
        assert!(
            read("aGVs= 0")
                .expect_err("broken")
                .starts_with("half an answer: ")
        );
        assert_eq!(read(" 124"), Err("no end within 8s".to_owned()));
        assert_eq!(read("aGVsbG8K 124"), Ok("hello\n".to_owned()));
    }
}
