//! One engine's API: the only module that talks to Docker, and the only one that knows `bollard`.
//!
//! Every call has a deadline around the whole of it. The client's own timeout ends with the head
//! of the answer, and a frozen engine can send a head and then nothing.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{SwarmInitRequest, SwarmJoinRequest};
use bollard::query_parameters::{
    ListContainersOptions, ListNetworksOptions, ListNodesOptions, ListServicesOptions,
    ListTasksOptions, LogsOptions,
};
use bollard::{BollardRequest, Docker};
use futures_util::StreamExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Remains, View};
use crate::journal::{ApiError, ContainerSeen};

mod change;
mod classify;
mod container;
mod exec;
mod image;
mod labelled;
mod place;
mod raw;
mod seen;
mod settings;
mod way;

#[cfg(test)]
mod tests;

pub use change::NewTasks;
pub use container::{ContainerState, NewContainer, Rights};
pub use exec::{Executed, Talk};
pub use labelled::{Kind, Labelled};
pub use settings::OwnPlace;
pub use way::{Tls, Way};

/// The label that tells a task's container from any other.
const TASK_LABEL: &str = "com.docker.swarm.task.id";

/// Where a node listens for other managers, on every address. Swarm's own default.
const LISTEN: &str = "0.0.0.0:2377";

/// Whole seconds for the client's own timeout: far above any deadline of ours, which decides.
const CLIENT_TIMEOUT_S: u64 = 24 * 60 * 60;

/// More than this of a container's log is not fetched.
const LOG_BYTES_MAX: usize = 64 * 1024;

/// How long a connection is kept for the next question. Opening one costs an emulated machine more
/// than most questions do; an observer asks every second.
const IDLE: Duration = Duration::from_secs(10);

/// A way to one engine. Clones share its connections; those of [`Engine::connect_unix`] open one
/// for most calls.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    /// For requests that `docker` has no types for.
    raw: raw::Raw,
    base: String,
    place: String,
    deadline: Duration,
}

/// What an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineVersion {
    /// The engine's version: `20.10.24+dfsg1`.
    pub engine: String,
    /// The highest API version that it speaks: `1.41`.
    pub api: String,
    /// Its kernel's release.
    pub kernel: String,
}

/// What an engine itself believes of its place in the swarm. Local: without a majority of
/// managers it still reads `active`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// `inactive`, `pending`, `active`, `error` or `locked`.
    pub state: String,
    /// True on a manager.
    pub manager: bool,
    /// The engine's own words, when something is wrong; often empty.
    pub error: String,
}

/// The client that `docker` and [`raw`] are given.
fn client() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::<(), ()>::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE);
    builder
}

/// The secrets that let a node join. Not printed by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinTokens {
    /// For a manager.
    pub manager: String,
    /// For a worker.
    pub worker: String,
}

impl std::fmt::Debug for JoinTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinTokens(hidden)")
    }
}

impl Engine {
    /// An engine that listens without TLS. Connects nowhere yet.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn connect(addr: SocketAddr, deadline: Duration) -> Result<Self, ApiError> {
        Self::by(Way::Tcp(addr), deadline)
    }

    /// An engine that is reached this way. Connects nowhere yet.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn by(way: Way, deadline: Duration) -> Result<Self, ApiError> {
        let client = client().build(way.clone());
        let send = move |request: BollardRequest| {
            let sent = client.request(request);
            async move { sent.await.map_err(Error::from) }
        };
        let docker = Docker::connect_with_custom_transport(
            send,
            Some(way.base()),
            CLIENT_TIMEOUT_S,
            bollard::API_DEFAULT_VERSION,
        );
        Self::new(docker, way, deadline)
    }

    /// An engine that listens on a Unix socket of this computer.
    ///
    /// # Errors
    /// `Unreachable` when there is no such socket.
    pub fn connect_unix(socket: &Path, deadline: Duration) -> Result<Self, ApiError> {
        let place = socket.display().to_string();
        let docker =
            Docker::connect_with_unix(&place, CLIENT_TIMEOUT_S, bollard::API_DEFAULT_VERSION);
        Self::new(docker, Way::Unix(socket.to_owned()), deadline)
    }

    fn new(docker: Result<Docker, Error>, way: Way, deadline: Duration) -> Result<Self, ApiError> {
        let place = way.place();
        let docker = docker.map_err(|error| classify::api_error(&error, "connecting", &place))?;
        Ok(Self {
            docker,
            base: way.base(),
            raw: client().build(way),
            place,
            deadline,
        })
    }

    /// The same engine with another deadline for each call: joining a swarm, or loading an image,
    /// takes longer than asking for a list.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// Asks whether the engine serves its API at all.
    ///
    /// # Errors
    /// When it gives no usable answer.
    pub async fn ping(&self) -> Result<(), ApiError> {
        let answer = self.call("ping", self.docker.ping()).await?;
        match answer.trim() {
            "OK" => Ok(()),
            other => Err(self.odd("ping", &format!("the body is {other:?}, not \"OK\""))),
        }
    }

    /// Asks for the engine's version.
    ///
    /// # Errors
    /// When it gives no usable answer.
    pub async fn version(&self) -> Result<EngineVersion, ApiError> {
        let version = self.call("version", self.docker.version()).await?;
        Ok(EngineVersion {
            engine: version.version.unwrap_or_default(),
            api: version.api_version.unwrap_or_default(),
            kernel: version.kernel_version.unwrap_or_default(),
        })
    }

    /// Asks what the engine believes of its own membership.
    ///
    /// # Errors
    /// When it gives no usable answer.
    pub async fn membership(&self) -> Result<Membership, ApiError> {
        let info = self.call("info", self.docker.info()).await?;
        let swarm = info
            .swarm
            .ok_or_else(|| self.odd("info", "it has no `Swarm`"))?;
        Ok(Membership {
            state: swarm
                .local_node_state
                .map(|state| state.to_string())
                .unwrap_or_default(),
            manager: swarm.control_available.unwrap_or_default(),
            error: swarm.error.unwrap_or_default(),
        })
    }

    /// Makes a swarm with this node as its first manager; returns the node's identity.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer; it may have been done all the same.
    pub async fn swarm_init(&self, advertise_addr: &str) -> Result<String, ApiError> {
        let request = SwarmInitRequest {
            listen_addr: Some(LISTEN.to_owned()),
            advertise_addr: Some(advertise_addr.to_owned()),
            ..Default::default()
        };
        self.call("swarm init", self.docker.init_swarm(request))
            .await
    }

    /// Asks a manager for the secrets that let nodes join.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn join_tokens(&self) -> Result<JoinTokens, ApiError> {
        let swarm = self.call("swarm", self.docker.inspect_swarm()).await?;
        let tokens = swarm.join_tokens.unwrap_or_default();
        match (tokens.manager, tokens.worker) {
            (Some(manager), Some(worker)) => Ok(JoinTokens { manager, worker }),
            _ => Err(self.odd("swarm", "a join token is missing")),
        }
    }

    /// Joins a swarm, as whatever the token is for.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer. After 20 s the engine itself answers
    /// 503 and goes on trying: ask [`Self::membership`].
    pub async fn swarm_join(
        &self,
        remote_addrs: &[String],
        token: &str,
        advertise_addr: &str,
    ) -> Result<(), ApiError> {
        let request = SwarmJoinRequest {
            listen_addr: Some(LISTEN.to_owned()),
            advertise_addr: Some(advertise_addr.to_owned()),
            remote_addrs: Some(remote_addrs.to_vec()),
            join_token: Some(token.to_owned()),
            ..Default::default()
        };
        self.call("swarm join", self.docker.join_swarm(request))
            .await
    }

    /// Asks a manager for every node, and for the tasks of these services: full name in the swarm
    /// to name in the plan.
    ///
    /// # Errors
    /// When that manager refuses ("The swarm does not have a leader") or gives no usable answer.
    pub async fn view(&self, services: &BTreeMap<String, String>) -> Result<View, ApiError> {
        let what = "nodes and tasks";
        let nodes = self.docker.list_nodes(None::<ListNodesOptions>);
        let (nodes, listed, tasks) = if services.is_empty() {
            (self.call(what, nodes).await?, Vec::new(), Vec::new())
        } else {
            let listed = self.docker.list_services(None::<ListServicesOptions>);
            let tasks = self.docker.list_tasks(None::<ListTasksOptions>);
            let all = async { tokio::try_join!(nodes, listed, tasks) };
            self.call(what, all).await?
        };
        seen::view(nodes, listed, tasks, services).map_err(|why| self.odd(what, &why))
    }

    /// Asks this manager what is left of a service, by its name in the swarm, and of its stack.
    ///
    /// # Errors
    /// When the manager gives no usable answer.
    pub async fn remains(&self, full_name: &str, stack: &str) -> Result<Remains, ApiError> {
        let services = self.docker.list_services(None::<ListServicesOptions>);
        let tasks = self.docker.list_tasks(None::<ListTasksOptions>);
        let networks = self.docker.list_networks(None::<ListNetworksOptions>);
        let all = async { tokio::try_join!(services, tasks, networks) };
        let (services, tasks, networks) = self.call("what is left of a service", all).await?;
        seen::remains(&services, &tasks, &networks, full_name, stack)
            .map_err(|why| self.odd("what is left of a service", &why))
    }

    /// Asks this node's engine for the containers of tasks of these services, stopped ones too:
    /// full name in the swarm to name in the plan.
    ///
    /// # Errors
    /// When the engine gives no usable answer.
    pub async fn containers(
        &self,
        services: &BTreeMap<String, String>,
    ) -> Result<Vec<ContainerSeen>, ApiError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some([("label".to_owned(), vec![TASK_LABEL.to_owned()])].into()),
            ..Default::default()
        };
        let list = self.docker.list_containers(Some(options));
        let list = self.call("containers", list).await?;
        seen::containers(list, services).map_err(|why| self.odd("containers", &why))
    }

    /// The last lines that a container wrote, oldest first, for people.
    ///
    /// # Errors
    /// When the engine gives no usable answer.
    pub async fn last_words(&self, container: &str, lines: u16) -> Result<Vec<String>, ApiError> {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: lines.to_string(),
            ..Default::default()
        };
        let mut stream = std::pin::pin!(self.docker.logs(container, Some(options)));
        let read = async {
            let mut log = Vec::new();
            while let Some(chunk) = stream.next().await.transpose()? {
                log.extend_from_slice(chunk.as_ref());
                if log.len() > LOG_BYTES_MAX {
                    break;
                }
            }
            Ok(log)
        };
        let log = self.call("container logs", read).await?;
        Ok(seen::lines(&log))
    }

    /// One call, with the deadline around the whole of it.
    async fn call<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(self.deadline, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(classify::api_error(&error, what, &self.place)),
            Err(_) => Err(ApiError::TimedOut(format!(
                "{:?} (`{what}` at `{}`)",
                self.deadline, self.place
            ))),
        }
    }

    /// An answer that came whole and still makes no sense.
    fn odd(&self, what: &str, why: &str) -> ApiError {
        ApiError::NotUnderstood(format!("`{what}` at `{}`: {why}", self.place))
    }
}
