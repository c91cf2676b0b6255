//! All hosts of an inventory, connected: how their engines, shells and ports are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex as Plain, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Mutex;

use super::inventory::{Host, Inventory, Reach};
use crate::journal::{ApiError, Settings};
use crate::substrate::Trouble;
use crate::substrate::nodes::Ran;
use crate::substrate::nodes::ssh::{Login, Ssh};
use crate::swarm::engine::{Engine, Tls, Way};

/// How long one question to an engine may take, as for machines of ours.
const QUESTION: Duration = Duration::from_secs(6);

/// Seconds of silence that end a connection, so that nobody waits for a host that is off.
const SILENCE_S: u32 = 6;

/// The hosts of a swarm that is there already.
pub(super) struct Fleet {
    pub(super) inventory: Inventory,
    hosts: BTreeMap<String, Ssh>,
    engines: Mutex<BTreeMap<(String, Option<SocketAddr>), Engine>>,
    /// Those of which nothing is wanted any more.
    left_out: Plain<BTreeSet<String>>,
}

impl Fleet {
    /// Hosts that nobody is connected to yet; their sockets will be in this folder.
    pub(super) fn new(inventory: &Inventory, sockets: &Path) -> Self {
        let hosts = inventory.hosts.iter().map(|host| {
            let login = Login {
                name: host.name.clone(),
                destination: host.ssh.clone(),
                sudo: host.sudo,
                silence_s: Some(SILENCE_S),
                config: inventory.ssh_config.clone(),
            };
            (host.name.clone(), Ssh::new(login, sockets))
        });
        Self {
            inventory: inventory.clone(),
            hosts: hosts.collect(),
            engines: Mutex::default(),
            left_out: Plain::default(),
        }
    }

    /// Connects to every host.
    ///
    /// # Errors
    /// In the words of `ssh`, for all that could not be reached.
    pub(super) async fn connect(&self) -> Result<(), Trouble> {
        let ends = join_all(self.hosts.values().map(Ssh::connect)).await;
        let wrong: Vec<String> = ends
            .into_iter()
            .filter_map(Result::err)
            .map(|one| one.0)
            .collect();
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Trouble(wrong.join("; "))),
        }
    }

    /// The names of all hosts, as the inventory has them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.inventory.hosts.iter().map(|host| host.name.as_str())
    }

    /// Leaves a host alone from now on: it is not asked about the swarm either, which may be
    /// another by now.
    pub(super) fn leave_out(&self, name: &str) {
        let all = self.left_out.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned());
    }

    /// The names of all hosts that are not left out.
    pub(super) fn within(&self) -> Vec<&str> {
        let all = self.left_out.lock();
        let all = all.unwrap_or_else(PoisonError::into_inner);
        self.names().filter(|name| !all.contains(*name)).collect()
    }

    /// A host of the inventory.
    pub(super) fn host(&self, name: &str) -> Result<&Host, Trouble> {
        let host = self.inventory.hosts.iter().find(|host| host.name == name);
        host.ok_or_else(|| Trouble(format!("there is no host `{name}`")))
    }

    /// The connection to a host.
    pub(super) fn ssh(&self, name: &str) -> Result<&Ssh, Trouble> {
        let ssh = self.hosts.get(name);
        ssh.ok_or_else(|| Trouble(format!("there is no host `{name}`")))
    }

    /// Runs a shell command on a host, as root.
    pub(super) async fn run(
        &self,
        name: &str,
        command: &str,
        input: &[u8],
        within: Duration,
    ) -> Result<Ran, Trouble> {
        self.ssh(name)?.run(command, input, within).await
    }

    /// Where a port of a host's address is reached from here.
    pub(super) async fn reach(&self, name: &str, at: SocketAddr) -> Result<SocketAddr, Trouble> {
        match self.inventory.reach {
            Reach::Direct => Ok(at),
            Reach::Ssh => self.ssh(name)?.forward(at).await,
        }
    }

    /// A host's engine. Its way is looked for again each time: a forward may have a new port.
    pub(super) async fn engine(&self, name: &str) -> Result<Engine, ApiError> {
        let unreachable = |trouble: Trouble| ApiError::Unreachable(trouble.0);
        let host = self.host(name).map_err(unreachable)?;
        let ssh = self.ssh(name).map_err(unreachable)?;
        let (at, tls) = match &host.engine {
            None => {
                ssh.connect().await.map_err(unreachable)?;
                (None, None)
            }
            Some(address) => {
                let (at, tls) = self.port(host, address).await.map_err(unreachable)?;
                (Some(at), tls)
            }
        };
        let mut engines = self.engines.lock().await;
        let key = (name.to_owned(), at);
        if let Some(engine) = engines.get(&key) {
            return Ok(engine.clone());
        }
        let way = match (at, tls) {
            (None, _) => Way::Unix(ssh.engine_socket()),
            (Some(at), None) => Way::Tcp(at),
            (Some(at), Some((folder, name))) => {
                let tls = Tls::read(&folder, &name).map_err(ApiError::Unreachable)?;
                Way::Tls(at, tls)
            }
        };
        let engine = Engine::by(way, QUESTION)?;
        engines.insert(key, engine.clone());
        Ok(engine)
    }

    /// Where the port of an engine is reached, and the certificates for it.
    async fn port(
        &self,
        host: &Host,
        address: &str,
    ) -> Result<(SocketAddr, Option<(PathBuf, String)>), Trouble> {
        let about = |why: &dyn std::fmt::Display| Trouble(format!("`{address}`: {why}"));
        let at = address.trim_start_matches("tcp://");
        let resolved = tokio::net::lookup_host(at).await;
        let resolved = resolved.map_err(|error| about(&error))?.next();
        let resolved = resolved.ok_or_else(|| about(&"it has no address"))?;
        let way = self.reach(&host.name, resolved).await?;
        let (name, _) = at.rsplit_once(':').unwrap_or((at, ""));
        Ok((way, host.tls.clone().map(|tls| (tls, name.to_owned()))))
    }

    /// Asks each host's engine in turn until one answers as a manager does.
    ///
    /// # Errors
    /// What the last one said.
    pub(super) async fn ask<T, F>(&self, ask: impl Fn(Engine) -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        let mut last = ApiError::Unreachable("there is no host".to_owned());
        for name in self.within() {
            let answer = match self.engine(name).await {
                Ok(engine) => ask(engine).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// What is set in the swarm, by whichever manager answers.
    pub(super) async fn settings(&self) -> Result<Settings, ApiError> {
        self.ask(|engine| async move { engine.settings().await })
            .await
    }

    /// Ends every connection, and returns once all have ended.
    pub(super) async fn close(&self) {
        self.engines.lock().await.clear();
        join_all(self.hosts.values().map(Ssh::close)).await;
    }
}
