//! One machine by the user's own `ssh`, with their configuration, keys, agent and jump hosts if it
//! is theirs.
//!
//! A master connection is kept, and everything else goes through it. It is a child of ours that
//! ends when we do, however we end; no library gives that, and one of ours would read no
//! `ssh_config`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{Ran, quoted};
use crate::substrate::Trouble;
use crate::wait::{Look, until};

/// Seconds that a host may take to answer a connection.
const CONNECT_S: u64 = 10;

/// How long a master may take from its start to its socket.
const MASTER: Duration = Duration::from_secs(30);

/// How often a machine is asked for a sign of life before its silence ends a connection.
const ASKS: u32 = 3;

/// How long a failure to connect counts as the answer to whoever asks next.
const FRESH: Duration = Duration::from_secs(2);

/// The engine's socket on a host.
const ENGINE: &str = "/var/run/docker.sock";

/// What `ssh` itself ends with when it fails (`ssh(1)`, "EXIT STATUS").
const FAILED: i64 = 255;

/// Who is reached, and how.
#[derive(Clone, Debug)]
pub(in crate::substrate) struct Login {
    /// The machine's name, as messages have it.
    pub(in crate::substrate) name: String,
    /// As `ssh` takes it.
    pub(in crate::substrate) destination: String,
    /// True where root's rights are had by `sudo -n` only.
    pub(in crate::substrate) sudo: bool,
    /// How many seconds of silence end the connection, if any do.
    pub(in crate::substrate) silence_s: Option<u32>,
    /// The file that `ssh` is to read instead of the user's own.
    pub(in crate::substrate) config: Option<PathBuf>,
}

/// One machine, and the connections to it.
pub(in crate::substrate) struct Ssh {
    login: Login,
    /// Holds the master's socket, and that of the engine.
    folder: PathBuf,
    master: Mutex<Master>,
}

/// The connection that all others go through.
#[derive(Default)]
struct Master {
    process: Option<Child>,
    /// Address as the host sees it, to the port of ours that leads there.
    forwards: BTreeMap<SocketAddr, u16>,
    failed: Option<(Instant, String)>,
}

impl Ssh {
    /// A machine that is not connected yet. The folder is ours alone, and its path short.
    pub(in crate::substrate) fn new(login: Login, folder: &Path) -> Self {
        Self {
            login,
            folder: folder.to_owned(),
            master: Mutex::default(),
        }
    }

    /// Where the engine's socket is forwarded to.
    pub(in crate::substrate) fn engine_socket(&self) -> PathBuf {
        self.folder.join(format!("{}.engine", self.login.name))
    }

    fn control(&self) -> PathBuf {
        self.folder.join(format!("{}.ssh", self.login.name))
    }

    /// What every `ssh` of ours begins with. It ends with this process, and asks nobody.
    fn ssh(&self, options: &[&str]) -> Command {
        let mut ssh = Command::new("setpriv");
        ssh.args(["--pdeathsig", "KILL", "ssh", "-o", "BatchMode=yes", "-o"])
            .arg(format!("ControlPath={}", self.control().display()))
            .arg("-o")
            .arg(format!("ConnectTimeout={CONNECT_S}"))
            .args([
                "-o",
                "ControlPersist=no",
                "-o",
                "ForwardX11=no",
                "-o",
                "ForwardAgent=no",
            ]);
        if let Some(config) = &self.login.config {
            ssh.arg("-F").arg(config);
        }
        ssh.args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        ssh
    }

    /// Makes the master connection, if there is none.
    ///
    /// # Errors
    /// In the words of `ssh`.
    pub(in crate::substrate) async fn connect(&self) -> Result<(), Trouble> {
        let mut master = self.master.lock().await;
        self.connected(&mut master).await
    }

    async fn connected(&self, master: &mut Master) -> Result<(), Trouble> {
        if let Some(process) = &mut master.process {
            if matches!(process.try_wait(), Ok(None)) {
                return Ok(());
            }
            master.process = None;
        }
        if let Some((when, why)) = &master.failed
            && when.elapsed() < FRESH
        {
            return Err(Trouble(why.clone()));
        }
        let mut started = self.start(&master.forwards).await;
        if started.is_err() && !master.forwards.is_empty() {
            // One of its ports may be taken by now; whoever needs one asks again.
            master.forwards.clear();
            started = self.start(&master.forwards).await;
        }
        match started {
            Ok(process) => {
                master.process = Some(process);
                master.failed = None;
                Ok(())
            }
            Err(trouble) => {
                master.failed = Some((Instant::now(), trouble.0.clone()));
                Err(trouble)
            }
        }
    }

    /// Starts a master, and waits for its socket.
    async fn start(&self, forwards: &BTreeMap<SocketAddr, u16>) -> Result<Child, Trouble> {
        let name = &self.login.name;
        for old in [self.control(), self.engine_socket()] {
            let _ = std::fs::remove_file(old);
        }
        let mut ssh = self.ssh(&["-N", "-M", "-o", "ExitOnForwardFailure=yes"]);
        if let Some(silence) = self.login.silence_s {
            ssh.arg("-o")
                .arg(format!("ServerAliveInterval={}", silence.div_ceil(ASKS)))
                .arg("-o")
                .arg(format!("ServerAliveCountMax={ASKS}"));
        }
        ssh.args(["-o", "StreamLocalBindUnlink=yes"])
            .args(["-o", "StreamLocalBindMask=0177", "-L"])
            .arg(format!("{}:{ENGINE}", self.engine_socket().display()));
        for (to, port) in forwards {
            ssh.arg("-L").arg(forward(*port, *to));
        }
        ssh.arg("--").arg(&self.login.destination);
        let failed = |why: String| {
            Trouble(format!(
                "`{name}` by SSH (`{}`): {why}",
                self.login.destination
            ))
        };
        let process = ssh.spawn().map_err(|error| failed(error.to_string()))?;
        let process = Mutex::new(process);
        let look = || async {
            let ended = process.lock().await.try_wait();
            match ended {
                Ok(None) if self.control().exists() => Look::Holds(true),
                Ok(None) => Look::NotYet("no answer yet".to_owned()),
                Ok(Some(_)) => Look::Holds(false),
                Err(error) => Look::CannotTell(error.to_string()),
            }
        };
        let what = format!("SSH to `{name}`");
        let pace = Duration::from_millis(20);
        let up = until(what, MASTER, pace, look).await;
        let mut process = process.into_inner();
        match up {
            Ok(true) => {
                ignore_complaints(&mut process);
                Ok(process)
            }
            Ok(false) => Err(failed(last_words(&mut process).await)),
            Err(late) => Err(failed(late.to_string())),
        }
    }

    /// Runs a shell command on the host with root's rights, and this standard input.
    ///
    /// # Errors
    /// When `ssh` fails, or the command does not end in time.
    pub(in crate::substrate) async fn run(
        &self,
        command: &str,
        input: &[u8],
        within: Duration,
    ) -> Result<Ran, Trouble> {
        let name = &self.login.name;
        self.connect().await?;
        let about = |why: String| Trouble(format!("`{command}` on `{name}`: {why}"));
        let mut child = self
            .command(command)
            .map_err(|error| about(error.to_string()))?;
        let mut stdin = child.stdin.take();
        let input = async move {
            if let Some(stdin) = &mut stdin {
                // A command that does not read all of it says why on its own.
                let _ = stdin.write_all(input).await;
            }
        };
        let ended = async { tokio::join!(input, child.wait_with_output()).1 };
        let output = timeout(within, ended)
            .await
            .map_err(|_| about(format!("no end within {within:?}")))?
            .map_err(|error| about(error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().map_or(FAILED, i64::from);
        let err = text(&output.stderr);
        if code == FAILED && err.lines().last().is_none_or(is_of_ssh) {
            return Err(about(err.trim().replace('\n', "; ")));
        }
        Ok(Ran {
            code,
            out: text(&output.stdout),
            err,
        })
    }

    /// Starts a shell command on the host with root's rights; its input and output are open.
    pub(in crate::substrate) fn command(&self, command: &str) -> std::io::Result<Child> {
        let shell = match self.login.sudo {
            true => format!("sudo -n sh -c {}", quoted(command)),
            false => format!("exec sh -c {}", quoted(command)),
        };
        let mut ssh = self.ssh(&["-T", "-o", "ControlMaster=no", "--"]);
        ssh.arg(&self.login.destination)
            .arg(shell)
            .stdin(Stdio::piped());
        ssh.spawn()
    }

    /// A port of ours whose connections the host itself leads on to this address.
    ///
    /// # Errors
    /// When there is no connection, or no free port.
    pub(in crate::substrate) async fn forward(
        &self,
        to: SocketAddr,
    ) -> Result<SocketAddr, Trouble> {
        let mut master = self.master.lock().await;
        self.connected(&mut master).await?;
        if let Some(port) = master.forwards.get(&to) {
            return Ok(ours(*port));
        }
        let about = |why: String| Trouble(format!("a way to {to} by `{}`: {why}", self.login.name));
        let port = free_port().map_err(|error| about(error.to_string()))?;
        let mut ssh = self.ssh(&["-O", "forward", "-L"]);
        ssh.arg(forward(port, to))
            .arg("--")
            .arg(&self.login.destination);
        let ended = timeout(MASTER, ssh.output()).await;
        let ended = ended.map_err(|_| about("no answer".to_owned()))?;
        let ended = ended.map_err(|error| about(error.to_string()))?;
        if !ended.status.success() {
            return Err(about(
                String::from_utf8_lossy(&ended.stderr).trim().to_owned(),
            ));
        }
        master.forwards.insert(to, port);
        Ok(ours(port))
    }

    /// Ends the connection, and returns once it has ended.
    pub(in crate::substrate) async fn close(&self) {
        if let Some(mut process) = self.master.lock().await.process.take() {
            let _ = process.kill().await;
        }
        for socket in [self.control(), self.engine_socket()] {
            let _ = std::fs::remove_file(socket);
        }
    }
}

/// True of a line that `ssh` itself says when it fails, and not a command on the host.
fn is_of_ssh(line: &str) -> bool {
    const WORDS: [&str; 6] = [
        "ssh:",
        "mux_client",
        "Connection",
        "client_loop",
        "kex_",
        "Permission",
    ];
    WORDS.iter().any(|word| line.starts_with(word))
}

/// Reads on, and forgets it: `ssh` tells of every connection that the machine could not lead on,
/// and would stop once nobody had read some hundreds of them.
fn ignore_complaints(process: &mut Child) {
    if let Some(mut stderr) = process.stderr.take() {
        tokio::spawn(async move { tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await });
    }
}

/// What a process complained of before it ended.
async fn last_words(process: &mut Child) -> String {
    let mut said = Vec::new();
    if let Some(stderr) = &mut process.stderr {
        let read = timeout(Duration::from_secs(1), stderr.read_to_end(&mut said));
        // Whatever came is all that there is to say.
        let _ = read.await;
    }
    let said = String::from_utf8_lossy(&said)
        .trim()
        .replace(['\r', '\n'], " ");
    match said.is_empty() {
        true => "`ssh` ended without a word".to_owned(),
        false => said,
    }
}

fn forward(port: u16, to: SocketAddr) -> String {
    format!("127.0.0.1:{port}:{to}")
}

fn ours(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// A port that was free a moment ago; `ssh` refuses one that is taken meanwhile.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere(folder: &Path) -> Ssh {
        let config = folder.join("config");
        // Nobody listens there.
        std::fs::write(&config, "Host *\n  Port 1\n").expect("written");
        let login = Login {
            name: "server-3".to_owned(),
            destination: "root@127.0.0.1".to_owned(),
            sudo: false,
            silence_s: None,
            config: Some(config),
        };
        Ssh::new(login, folder)
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_told_in_the_words_of_ssh() {
        let folder = tempfile::tempdir().expect("a folder");
        let ssh = nowhere(folder.path());
        let began = Instant::now();
        let trouble = ssh.connect().await.expect_err("nobody there").0;
        assert!(
            trouble.starts_with("`server-3` by SSH (`root@127.0.0.1`): "),
            "{trouble}"
        );
        // The next one who asks need not wait for the same answer.
        let again = ssh
            .run("true", b"", MASTER)
            .await
            .expect_err("nobody there");
        assert_eq!(again.0, trouble);
        assert!(began.elapsed() < MASTER);
        ssh.close().await;
    }

    #[test]
    fn what_ssh_says_is_told_from_what_a_command_says() {
        for of_ssh in [
            "ssh: connect to host 10.0.0.3 port 22: Connection refused",
            "Connection closed by 10.0.0.3 port 22",
            "mux_client_request_session: read from master failed: Broken pipe",
            "client_loop: send disconnect: Broken pipe",
        ] {
            assert!(is_of_ssh(of_ssh), "{of_ssh}");
        }
        assert!(!is_of_ssh("docker: command failed"));
    }
}
