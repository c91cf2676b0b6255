//! Ways to the nodes' ports: each is a port of this computer's loopback address, whose connections
//! lead through a command in the node. So the engine may be on another computer, and nothing
//! listens there.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

use crate::substrate::Trouble;
use crate::swarm::engine::Engine;

/// Where a way leads, from inside of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// A port of an address that the container can reach.
    Port(SocketAddr),
    /// The socket of its engine, which is on no network.
    Engine,
}

impl End {
    /// As `socat` has it.
    fn address(&self) -> String {
        match self {
            Self::Port(address) => format!("TCP:{address}"),
            Self::Engine => "UNIX-CONNECT:/var/run/docker.sock".to_owned(),
        }
    }
}

/// The ways that were asked for, by container and by where they lead.
#[derive(Default)]
pub(super) struct Tunnels {
    open: Mutex<BTreeMap<(String, End), Way>>,
}

/// One port of the loopback address, and who listens on it.
struct Way {
    at: SocketAddr,
    listening: JoinHandle<()>,
}

impl Tunnels {
    /// The loopback address that leads there.
    pub(super) async fn to(
        &self,
        engine: &Engine,
        container: &str,
        end: End,
    ) -> Result<SocketAddr, Trouble> {
        let mut open = self.open.lock().await;
        let key = (container.to_owned(), end);
        if let Some(way) = open.get(&key) {
            return Ok(way.at);
        }
        let cannot = |error: std::io::Error| {
            Trouble(format!(
                "cannot listen for `{container}` on 127.0.0.1: {error}"
            ))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(cannot)?;
        let at = listener.local_addr().map_err(cannot)?;
        let (engine, container) = (engine.clone(), container.to_owned());
        let listening = tokio::spawn(listen(listener, engine, container, key.1.address()));
        open.insert(key, Way { at, listening });
        Ok(at)
    }

    /// Closes all of them, and returns once nobody listens any more.
    pub(super) async fn close(&self) {
        for (_, way) in std::mem::take(&mut *self.open.lock().await) {
            way.listening.abort();
            // It was aborted: that is its only end.
            let _ = way.listening.await;
        }
    }
}

impl Drop for Tunnels {
    /// A lab that was given up has nobody else to close them.
    fn drop(&mut self) {
        for way in self.open.get_mut().values() {
            way.listening.abort();
        }
    }
}

/// Leads every connection on, for as long as it lasts; all end with the listener.
async fn listen(listener: TcpListener, engine: Engine, container: String, to: String) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let (engine, container, to) = (engine.clone(), container.clone(), to.clone());
        connections.spawn(async move { lead(connection, &engine, &container, &to).await });
        while connections.try_join_next().is_some() {}
    }
}

/// Leads one connection on. A node that cannot be reached shows as a close.
async fn lead(mut connection: TcpStream, engine: &Engine, container: &str, to: &str) {
    let Ok((mut input, mut output)) = engine.talk(container, &["socat", "-", to]).await else {
        return;
    };
    let (mut read, mut write) = connection.split();
    let there = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = read.read(&mut buffer).await {
            if input.write_all(&buffer[..length]).await.is_err() || input.flush().await.is_err() {
                break;
            }
        }
        let _ = input.shutdown().await;
    };
    let back = async {
        while let Some(Ok(bytes)) = output.next().await {
            if write.write_all(&bytes).await.is_err() {
                break;
            }
        }
        let _ = write.shutdown().await;
    };
    // The node's end is the end: a client that has said all may still be answered.
    tokio::pin!(there);
    tokio::select! {
        () = back => {}
        () = async { (&mut there).await; std::future::pending().await } => {}
    }
}
