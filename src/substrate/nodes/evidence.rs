//! What a machine with an engine has to show when a run is over: its logs, its tables.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::join;
use tokio::time::timeout;

use super::Nodes;
use crate::substrate::Evidence;

/// The most that is taken of one piece, its end, in bytes: a little more than is kept, so that
/// what is kept begins with a whole line.
pub(in crate::substrate) const BYTES_MAX: u64 = 260 * 1024;

/// Seconds that a machine gives one command, also an emulated one that is busy: three of them end
/// before the whole collection must.
const COMMAND_S: u32 = 8;

/// How long to wait for one command: a little longer than it may take.
const COMMAND: Duration = Duration::from_secs(COMMAND_S as u64 + 5);

/// A name and the command whose output it is.
type Piece = (&'static str, String);

/// A name, and the text or why there is none.
pub(in crate::substrate) fn evidence(name: &'static str, text: Result<String, String>) -> Evidence {
    Evidence { name, text }
}

impl dyn Nodes + '_ {
    /// All that a machine has to show of so long a time, if it is on.
    pub(in crate::substrate) async fn shown(
        &self,
        name: &str,
        node: bool,
        since: Duration,
    ) -> Vec<Evidence> {
        let pieces = pieces(node, since);
        if !self.is_on(name).await {
            let off = || Err("it has no power".to_owned());
            let none = pieces.into_iter().map(|(name, _)| evidence(name, off()));
            return none.collect();
        }
        let (told, networks) = join(self.said(name, &pieces), self.networks(name, node)).await;
        let told = pieces.iter().zip(told);
        let told = told.map(|((name, _), text)| evidence(name, text));
        told.chain(networks).collect()
    }

    /// What a node's engine knows of the swarm's networks. It is asked itself: an emulated guest
    /// takes seconds to start a client.
    async fn networks(&self, name: &str, node: bool) -> Option<Evidence> {
        if !node {
            return None;
        }
        let networks = async {
            let engine = self.engine(name).await.map_err(|error| error.to_string())?;
            let networks = engine.overlay_networks().await;
            networks.map_err(|error| error.to_string())
        };
        Some(evidence("networks.json", networks.await))
    }

    /// What each command said at the end, and what it complained of.
    ///
    /// A machine runs them in one go: to start a process takes an emulated one longer than most of
    /// them take.
    async fn said(&self, machine: &str, pieces: &[Piece]) -> Vec<Result<String, String>> {
        let commands: Vec<&str> = pieces.iter().map(|(_, command)| command.as_str()).collect();
        let all = COMMAND * commands.len() as u32;
        let script = script(&commands);
        let ran = match timeout(all, self.run(machine, &script, b"", all)).await {
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

#[cfg(test)]
mod tests {
    use super::*;

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
