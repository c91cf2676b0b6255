//! Lets the kept swarm be used as somebody else's, reached by SSH and TLS alone: keys, made for
//! this swarm, handed to its nodes, and removed with it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use seatrial::plan::{Node, Plan, Role};
use seatrial::scenario::Api;
use seatrial::substrate::hosts::key_pair;
use seatrial::substrate::vm::{Vm, VmLab};
use seatrial::wait::{Look, until};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::exec;
use super::inventory::{self, CLIENT, CONFIG, INVENTORY, KNOWN, Reached, Switch, TLS};

/// How long all of it may take: a few commands in each node, which have two minutes each and take
/// seconds on a machine that is emulated beside others, and then its server.
pub(super) const OPENING: Duration = Duration::from_secs(420);

/// How long an SSH server may take that was started.
const SERVER: Duration = Duration::from_secs(120);

/// How long one look at an SSH server may take.
const GREETING: Duration = Duration::from_secs(10);

/// The pace of these looks.
const PACE: Duration = Duration::from_millis(250);

/// The port of an SSH server.
const PORT: u16 = 22;

/// Takes a node's own key.
const TAKE_KEY: &str = "umask 077 && cat > /etc/ssh/ssh_host_ed25519_key";

/// Takes the client's public key, and starts the server, now and at every boot. The link is what
/// `systemctl enable` makes, which reloads all units: minutes, on four emulated nodes at once.
/// What else starts at boot would have it tell everybody that it is still booting.
const OPEN: &str = "umask 077 && mkdir -p /root/.ssh && cat > /root/.ssh/authorized_keys && \
    ln -sf /lib/systemd/system/ssh.service /etc/systemd/system/multi-user.target.wants/ && \
    ln -sf /dev/null /etc/tmpfiles.d/systemd-nologin.conf && rm -f /run/nologin && \
    systemctl start ssh.service && sync";

/// A key pair for the client, and one for each node.
pub(super) struct Keys {
    folder: PathBuf,
    switch: Switch,
    /// The public half of the client's.
    client: String,
    /// Node to the public half of its own.
    nodes: BTreeMap<String, String>,
}

impl Keys {
    /// Makes them in a folder, in the place of whatever is there.
    pub(super) async fn make(folder: &Path, cache: &Path, plan: &Plan) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program again")?;
        let switch = Switch::new(&program, cache)?;
        // A folder that no client can be told of is refused now, not once machines are there.
        inventory::config(folder, &[])?;
        fresh(folder)?;
        let client = key_pair(&folder.join(CLIENT)).await?;
        let mut nodes = BTreeMap::new();
        for node in plan.node_names() {
            let key = key_pair(&own_key(folder, node)).await?;
            nodes.insert(node.to_owned(), key);
        }
        Ok(Self {
            folder: folder.into(),
            switch,
            client,
            nodes,
        })
    }

    /// Hands them to the nodes, waits until each answers, and writes down how they are reached.
    pub(super) async fn open(&self, vm: &Vm, plan: &Plan, lab: &VmLab) -> anyhow::Result<()> {
        let opening = try_join_all(plan.topology.nodes.iter().map(|node| async move {
            let port = self.open_one(lab, &node.name).await?.port();
            Ok::<_, anyhow::Error>(Reached {
                name: node.name.clone(),
                port,
                key: self.nodes.get(&node.name).cloned().unwrap_or_default(),
                engine: engine(plan.topology.api, node),
            })
        }));
        let nodes = opening.await?;
        if nodes.iter().any(|node| node.engine.is_some()) {
            self.keep_certificates(lab, &nodes[0].name).await?;
        }
        let (patience, images) = (vm.patience(), vm.variables());
        let listed = inventory::inventory(&nodes, patience, &images, &self.switch)?;
        for (name, text) in [
            (KNOWN, inventory::known_hosts(&nodes)),
            (CONFIG, inventory::config(&self.folder, &nodes)?),
            (INVENTORY, listed),
        ] {
            private(&self.folder.join(name), &text)?;
        }
        Ok(())
    }

    /// Has one node let the client in; where its server answers.
    async fn open_one(&self, lab: &VmLab, node: &str) -> anyhow::Result<SocketAddr> {
        let own = own_key(&self.folder, node);
        let own =
            std::fs::read(&own).with_context(|| format!("cannot read `{}`", own.display()))?;
        give(lab, node, TAKE_KEY, &own).await?;
        give(lab, node, OPEN, format!("{}\n", self.client).as_bytes()).await?;
        let address = lab.address(node, PORT).await?;
        greeted(node, address, SERVER).await?;
        Ok(address)
    }

    /// Copies the client's certificates, which every machine of the lab has.
    async fn keep_certificates(&self, lab: &VmLab, node: &str) -> anyhow::Result<()> {
        let folder = self.folder.join(TLS);
        fresh(&folder)?;
        for name in ["ca.pem", "cert.pem", "key.pem"] {
            let text = give(lab, node, &format!("cat /root/.docker/{name}"), b"").await?;
            private(&folder.join(name), &text)?;
        }
        Ok(())
    }
}

/// Where a node's engine listens with TLS, if it does.
fn engine(api: Api, node: &Node) -> Option<String> {
    let port = (api == Api::Tls).then(|| api.port()).flatten()?;
    (node.role == Role::Manager).then(|| format!("tcp://{}:{port}", node.address))
}

/// A node's private key.
fn own_key(folder: &Path, node: &str) -> PathBuf {
    folder.join(format!("{node}.key"))
}

/// Makes a folder that is ours alone, without what was in it.
fn fresh(folder: &Path) -> anyhow::Result<()> {
    let removed = match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    removed
        .and_then(|()| std::fs::DirBuilder::new().mode(0o700).create(folder))
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))
}

/// Writes a new file that is ours alone.
fn private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Runs a command in a node, which must succeed. What is secret comes by its standard input.
async fn give(lab: &VmLab, node: &str, command: &str, input: &[u8]) -> anyhow::Result<String> {
    let ran = lab.exec_with(node, command, input).await?;
    if ran.code != 0 {
        let said = ran.err.trim().replace('\n', "; ");
        bail!("`{command}` on `{node}` failed with {}: {said}", ran.code);
    }
    Ok(ran.out)
}

/// Waits until an SSH server greets.
async fn greeted(node: &str, address: SocketAddr, deadline: Duration) -> anyhow::Result<()> {
    let look = || async {
        match timeout(GREETING, greeting(address)).await {
            Ok(Ok(first)) if &first == b"SSH-" => Look::Holds(()),
            Ok(Ok(_)) => Look::NotYet("something else answers".to_owned()),
            Ok(Err(error)) => Look::NotYet(error.to_string()),
            Err(_) => Look::NotYet("it takes the connection and says nothing".to_owned()),
        }
    };
    Ok(until(format!("SSH to `{node}`"), deadline, PACE, look).await?)
}

/// The first words of whatever listens.
async fn greeting(address: SocketAddr) -> io::Result<[u8; 4]> {
    let mut first = [0; 4];
    let mut stream = TcpStream::connect(address).await?;
    stream.read_exact(&mut first).await?;
    Ok(first)
}

/// How the swarm is used as a foreign one.
pub(super) fn told(folder: &Path, node: &str) -> String {
    let path = |name: &str| exec::quoted(&folder.join(name).display().to_string());
    let (config, inventory) = (path(CONFIG), path(INVENTORY));
    format!(
        "\nas a foreign swarm:\n\
         ssh -F {config} {node}\n\
         docker node update --label-add seatrial.breakable=true NODE  for every node\n\
         seatrial run SCENARIO --on hosts={inventory}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use seatrial::substrate::sim::Sim;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::super::ground::Ground;
    use super::super::up;
    use super::*;

    #[tokio::test]
    async fn keys_are_made_anew_for_this_user_alone() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = cache.path().join("ssh");
        let plan = up::plain(&Ground::Sim(Sim::new())).expect("a plan");
        let keys = async || Keys::make(&folder, cache.path(), &plan).await;
        let first = keys().await.expect("keys");
        assert_eq!(first.nodes.len(), 4);
        let mut all: Vec<&String> = first.nodes.values().chain([&first.client]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5, "each has its own");
        assert!(all.iter().all(|key| key.starts_with("ssh-ed25519 AAAA")));
        let mode =
            |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for key in [folder.join(CLIENT), own_key(&folder, "server-3")] {
            assert_eq!(mode(&key), 0o600, "{}", key.display());
        }
        let second = keys().await.expect("keys");
        assert_ne!(first.client, second.client);
        private(&folder.join(CONFIG), "x").expect("written");
        assert_eq!(mode(&folder.join(CONFIG)), 0o600);
    }

    #[test]
    fn only_managers_that_listen_with_tls_are_asked_so() {
        let plan = up::plain(&Ground::Sim(Sim::new())).expect("a plan");
        let engines = |api| {
            let nodes = plan.topology.nodes.iter();
            nodes
                .filter_map(|node| engine(api, node))
                .collect::<Vec<_>>()
        };
        let of_managers = engines(Api::Tls);
        assert_eq!(of_managers.len(), 3);
        assert_eq!(of_managers[0], "tcp://192.168.150.3:2376");
        assert!(engines(Api::Plain).is_empty() && engines(Api::Closed).is_empty());
    }

    /// A listener that answers each connection with the next of these words, and closes it.
    async fn listener(says: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            for words in says {
                let (mut stream, _) = listener.accept().await.expect("a caller");
                let _ = stream.write_all(words.as_bytes()).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn a_node_is_open_once_an_ssh_server_greets() {
        let slow = listener(&["", "SS", "HTTP/1.1 400", "SSH-2.0-OpenSSH_9.2p1\r\n"]).await;
        let minute = Duration::from_secs(60);
        greeted("server-3", slow, minute).await.expect("it greets");
        let other = listener(&["220 mail ready\r\n"; 100]).await;
        let error = greeted("server-3", other, PACE * 3).await.expect_err("no");
        let said = error.to_string();
        assert!(said.contains("SSH to `server-3`"), "{said}");
        assert!(said.ends_with("something else answers"), "{said}");
    }

    #[test]
    fn people_are_told_how_it_is_used() {
        let told = told(Path::new("/home/ann b/up/ssh"), "server-3");
        insta::assert_snapshot!("told", told);
    }
}
