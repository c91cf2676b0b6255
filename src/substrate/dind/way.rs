//! The way into a machine: SSH, whose server is a command in the container. So the engine may be on
//! another computer, nothing listens there, and one command leads every connection there is; a
//! command for each would be a load of its own.

use std::path::Path;

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::substrate::Trouble;
use crate::substrate::nodes::ssh::{Login, Ssh};
use crate::swarm::engine::Engine;

/// The client's private key, in the folder of a lab's sockets.
pub(super) const KEY: &str = "id_ed25519";

/// Starts the server on its standard input and output, for the key that is its first argument.
const SERVER: &str = "umask 077 && mkdir -p /run/sshd && echo \"$0\" > /run/seatrial.key && \
    exec /usr/sbin/sshd -i -o AuthorizedKeysFile=/run/seatrial.key -o UsePAM=no -o UseDNS=no \
    -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no";

/// A way into one machine.
pub(super) struct Way {
    ssh: Ssh,
    listening: JoinHandle<()>,
}

impl Way {
    /// A way that nobody has gone yet, by the key in this folder and its public half.
    ///
    /// # Errors
    /// When nothing can be listened on, or written.
    pub(super) async fn make(
        engine: &Engine,
        (machine, container): (&str, &str),
        folder: &Path,
        public: &str,
    ) -> Result<Self, Trouble> {
        let cannot =
            |error: std::io::Error| Trouble(format!("cannot make a way into `{machine}`: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(cannot)?;
        let port = listener.local_addr().map_err(cannot)?.port();
        let config = folder.join(format!("{machine}.config"));
        std::fs::write(&config, client(port, &folder.join(KEY))).map_err(cannot)?;
        let login = Login {
            name: machine.to_owned(),
            destination: "root@127.0.0.1".to_owned(),
            sudo: false,
            // A machine that is paused is silent, and its connections go on after.
            silence_s: None,
            config: Some(config),
        };
        let server = ["/bin/sh", "-c", SERVER, public].map(str::to_owned);
        let listening = listen(listener, engine.clone(), container.to_owned(), server);
        Ok(Self {
            ssh: Ssh::new(login, folder),
            listening: tokio::spawn(listening),
        })
    }

    /// What goes this way.
    pub(super) fn ssh(&self) -> &Ssh {
        &self.ssh
    }

    /// Ends every connection; nobody listens any more.
    pub(super) async fn close(&self) {
        self.ssh.close().await;
        self.listening.abort();
    }
}

impl Drop for Way {
    /// A lab that was given up has nobody else to close it.
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// What the client reads. The server is one that we start ourselves, so its key tells nothing.
fn client(port: u16, key: &Path) -> String {
    format!(
        "Host *\n  Port {port}\n  IdentityFile \"{}\"\n  IdentitiesOnly yes\n  \
         StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n",
        key.display()
    )
}

/// Starts a server for every connection, for as long as it lasts; all end with the listener.
async fn listen(listener: TcpListener, engine: Engine, container: String, server: [String; 4]) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let (engine, container, server) = (engine.clone(), container.clone(), server.clone());
        connections.spawn(async move { lead(connection, &engine, &container, &server).await });
        while connections.try_join_next().is_some() {}
    }
}

/// Leads one connection on. A machine that cannot be reached shows as a close.
async fn lead(mut connection: TcpStream, engine: &Engine, container: &str, server: &[String; 4]) {
    let server = server.each_ref().map(String::as_str);
    let Ok((mut input, mut output)) = engine.talk(container, &server).await else {
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
    // The server's end is the end: a client that has said all may still be answered.
    tokio::pin!(there);
    tokio::select! {
        () = back => {}
        () = async { (&mut there).await; std::future::pending().await } => {}
    }
}
