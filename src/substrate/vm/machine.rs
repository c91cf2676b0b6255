//! One virtual machine: a QEMU process, its disks, its monitor and its guest agent.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Child;
use tokio::sync::Mutex;

use super::accelerator::Accelerator;
use super::agent::Agent;
use super::qmp::Qmp;
use crate::substrate::Trouble;
use crate::substrate::nodes::residents::Residents;
use crate::wait::{Look, until};

mod boot;
mod command;
mod start;

pub(super) use start::Start;

/// How long QEMU may take to open its monitor, or to end.
const PROCESS: Duration = Duration::from_secs(20);

/// How long a machine's memory may take to be written or read.
const MEMORY: Duration = Duration::from_secs(120);

/// What a machine is made of.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// The host name.
    pub(super) name: String,
    /// `node`, `storage`, `balancer` or `registry`: which units start in it.
    pub(super) role: &'static str,
    /// The address on the LAN with its prefix; empty for a machine without a LAN.
    pub(super) lan: String,
    /// The last byte of both hardware addresses.
    pub(super) number: u8,
    /// Names and addresses of all machines: `192.168.150.3=server-3,…`.
    pub(super) hosts: String,
    /// Memory in MiB.
    pub(super) memory: u32,
    /// What executes the guest's code.
    pub(super) accelerator: Accelerator,
    /// The kernel and its initial RAM disk.
    pub(super) kernel: PathBuf,
    /// See `kernel`.
    pub(super) initrd: PathBuf,
    /// The system disk and the state disk, both written to; further ones are raw and only read.
    pub(super) disks: Vec<PathBuf>,
    /// Where its sockets are; short, since a socket's path has at most 107 bytes.
    pub(super) sockets: PathBuf,
    /// Where its console is logged.
    pub(super) console: PathBuf,
}

/// A machine that can be turned on and off.
pub(super) struct Machine {
    /// What it is made of.
    pub(super) spec: Spec,
    /// The way in that no network fault cuts.
    pub(super) agent: Agent,
    /// What is known of its containers.
    pub(super) residents: Residents,
    /// What it boots instead of what it was made of, once its system disk was exchanged.
    start: Mutex<Option<Start>>,
    power: Mutex<Option<Powered>>,
    /// True from when its guest was asked to shut down until it has power again.
    leaving: AtomicBool,
    forwards: Mutex<BTreeMap<u16, u16>>,
}

/// What a machine has while it has power.
struct Powered {
    process: Child,
    monitor: Qmp,
}

impl Machine {
    /// A machine without power.
    pub(super) fn new(spec: Spec) -> Self {
        let agent = Agent::new(
            &spec.name,
            &spec.sockets.join(format!("{}.agent", spec.name)),
        );
        Self {
            spec,
            agent,
            residents: Residents::default(),
            start: Mutex::default(),
            power: Mutex::new(None),
            leaving: AtomicBool::default(),
            forwards: Mutex::default(),
        }
    }

    /// Gives it power; from a saved memory it goes on only after [`Machine::resume`].
    /// Does nothing if it has power already.
    pub(super) async fn power_on(&self, memory: Option<&Path>) -> Result<(), Trouble> {
        let mut power = self.power.lock().await;
        if power
            .as_mut()
            .is_some_and(|powered| matches!(powered.process.try_wait(), Ok(None)))
        {
            return Ok(());
        }
        self.residents.stopping(false);
        self.agent.forget().await;
        let monitor = self.socket("monitor");
        for stale in [&monitor, &self.socket("agent")] {
            let _ = std::fs::remove_file(stale);
        }
        let forwards = self.forwards.lock().await.clone();
        let mut command = self.command(&forwards, memory.is_some());
        if let Some(start) = &*self.start.lock().await {
            start.apply(&mut command);
        }
        let mut process = command.spawn().map_err(|error| {
            let name = &self.spec.name;
            Trouble(format!(
                "cannot start QEMU for `{name}`: {error}; run `seatrial doctor`"
            ))
        })?;
        let mut monitor = match Qmp::connect(&self.spec.name, &monitor, PROCESS).await {
            Ok(monitor) => monitor,
            Err(error) => return Err(self.why_not(&mut process, error).await),
        };
        if let Some(memory) = memory {
            let uri = format!("exec:zstd -qdc {}", quoted(memory));
            monitor
                .execute("migrate-incoming", json!({ "uri": uri }))
                .await?;
            self.migrated(&mut monitor).await?;
        }
        *power = Some(Powered { process, monitor });
        self.leaving.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Has it boot something else from the next time on that it gets power.
    pub(super) async fn start_from(&self, start: Start) {
        *self.start.lock().await = Some(start);
    }

    /// Lets a machine that was restored or paused go on.
    pub(super) async fn resume(&self) -> Result<(), Trouble> {
        self.monitor("cont").await
    }

    /// Pauses the machine, so that its memory and its disks stand still.
    pub(super) async fn pause(&self) -> Result<(), Trouble> {
        self.monitor("stop").await
    }

    /// Whether it stands still, by QEMU's own word (`RunState` in QEMU's `qapi/run-state.json`).
    pub(super) async fn paused(&self) -> Result<bool, Trouble> {
        let mut power = self.power.lock().await;
        let Some(Powered { monitor, .. }) = power.as_mut() else {
            return Err(self.off());
        };
        let state = monitor.execute("query-status", Value::Null).await?;
        match state["status"].as_str() {
            Some("paused") => Ok(true),
            Some("running") => Ok(false),
            _ => Err(Trouble(format!("`{}` is neither: {state}", self.spec.name))),
        }
    }

    /// Writes a paused machine's memory to a file, compressed: that takes a third of the room and
    /// no longer. Until it goes on, its disks hold all that it
    /// wrote and nobody has them open for writing.
    pub(super) async fn save(&self, memory: &Path) -> Result<(), Trouble> {
        let mut power = self.power.lock().await;
        let Some(Powered { monitor, .. }) = power.as_mut() else {
            return Err(self.off());
        };
        let unlimited = json!({ "max-bandwidth": 1_u64 << 40 });
        monitor.execute("migrate-set-parameters", unlimited).await?;
        let uri = format!("exec:zstd -q1 > {}", quoted(memory));
        monitor.execute("migrate", json!({ "uri": uri })).await?;
        self.migrated(monitor).await
    }

    /// Cuts the power: the process is killed, with all that the guest had not flushed.
    pub(super) async fn cut(&self) -> Result<(), Trouble> {
        let mut power = self.power.lock().await;
        if let Some(mut powered) = power.take() {
            powered.process.kill().await.map_err(|error| {
                Trouble(format!("cannot kill QEMU of `{}`: {error}", self.spec.name))
            })?;
        }
        Ok(())
    }

    /// Asks the guest to shut down and waits until the process has ended.
    pub(super) async fn shut_down(&self, deadline: Duration) -> Result<(), Trouble> {
        if !self.powered().await {
            return Ok(());
        }
        self.leaving.store(true, Ordering::Relaxed);
        self.agent.shut_down().await?;
        let look = || async {
            if self.powered().await {
                Look::NotYet("still on".into())
            } else {
                Look::Holds(())
            }
        };
        let what = format!("the shutdown of `{}`", self.spec.name);
        until(what, deadline, Duration::from_millis(50), look)
            .await
            .map_err(|late| Trouble(late.to_string()))?;
        *self.power.lock().await = None;
        Ok(())
    }

    /// True while the machine's process lives.
    pub(super) async fn powered(&self) -> bool {
        let mut power = self.power.lock().await;
        power
            .as_mut()
            .is_some_and(|powered| matches!(powered.process.try_wait(), Ok(None)))
    }

    /// How its process ended, if it did without being told to.
    pub(super) async fn ended(&self) -> Option<String> {
        let mut power = self.power.lock().await;
        let status = power.as_mut()?.process.try_wait().ok()??;
        let asked = self.leaving.load(Ordering::Relaxed);
        (!asked).then(|| format!("its QEMU ended with {status}"))
    }

    /// The loopback address that leads to a TCP port of the guest, by the management network.
    pub(super) async fn forward(&self, port: u16) -> Result<SocketAddr, Trouble> {
        let mut forwards = self.forwards.lock().await;
        if let Some(host) = forwards.get(&port) {
            return Ok(loopback(*host));
        }
        let host = free_port().map_err(|error| Trouble(format!("no free port: {error}")))?;
        let mut power = self.power.lock().await;
        if let Some(powered) = power.as_mut() {
            let rule = format!("hostfwd_add m0 tcp:127.0.0.1:{host}-:{port}");
            let said = powered.monitor.human(&rule).await?;
            if !said.is_empty() {
                return Err(Trouble(format!(
                    "port {port} of `{}`: {said}",
                    self.spec.name
                )));
            }
        }
        forwards.insert(port, host);
        Ok(loopback(host))
    }

    /// Runs a monitor command without arguments.
    async fn monitor(&self, command: &str) -> Result<(), Trouble> {
        match self.power.lock().await.as_mut() {
            Some(powered) => powered
                .monitor
                .execute(command, Value::Null)
                .await
                .map(|_| ()),
            None => Err(self.off()),
        }
    }

    /// Waits for the end of a migration, in either direction.
    async fn migrated(&self, monitor: &mut Qmp) -> Result<(), Trouble> {
        let start = tokio::time::Instant::now();
        loop {
            let state = monitor.execute("query-migrate", Value::Null).await?;
            match state["status"].as_str() {
                Some("completed") => return Ok(()),
                Some("failed" | "cancelled") => {
                    let name = &self.spec.name;
                    return Err(Trouble(format!(
                        "the memory of `{name}` was not moved: {state}"
                    )));
                }
                _ if start.elapsed() > MEMORY => {
                    let name = &self.spec.name;
                    return Err(Trouble(format!(
                        "the memory of `{name}` takes too long: {state}"
                    )));
                }
                _ => crate::wait::pause(Duration::from_millis(20)).await,
            }
        }
    }

    /// Why QEMU did not come up: its own last words, if it has ended.
    async fn why_not(&self, process: &mut Child, error: Trouble) -> Trouble {
        let _ = process.kill().await;
        let log = std::fs::read_to_string(self.socket("log")).unwrap_or_default();
        let last = log
            .lines()
            .last()
            .map(|line| format!("; QEMU said: {line}"));
        Trouble(format!("{error}{}", last.unwrap_or_default()))
    }

    /// The trouble of talking to a machine that is off.
    fn off(&self) -> Trouble {
        Trouble(format!("`{}` has no power", self.spec.name))
    }

    /// A socket or log of this machine.
    pub(super) fn socket(&self, what: &str) -> PathBuf {
        self.spec.sockets.join(format!("{}.{what}", self.spec.name))
    }
}

/// The machine's port on the switch.
pub(super) fn lan_socket(sockets: &Path, name: &str) -> PathBuf {
    sockets.join(format!("{name}.lan"))
}

/// A path as one word of the shell that QEMU runs `exec:` in.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// An address on this host's loopback.
fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A TCP port of the loopback that nobody listens on.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
