//! How a stranger reaches the nodes of the kept swarm: the texts of `ssh_config`, `known_hosts` and
//! of the inventory for `--on hosts=`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;

use super::cache;
use super::power::Act;

/// The client's private key, in the folder of the keys.
pub(super) const CLIENT: &str = "id_ed25519";

/// The file that an `ssh` client is given.
pub(super) const CONFIG: &str = "ssh_config";

/// The nodes' own keys, as clients check them.
pub(super) const KNOWN: &str = "known_hosts";

/// The inventory.
pub(super) const INVENTORY: &str = "swarm.toml";

/// The folder of a client's certificates, if the managers listen with TLS.
pub(super) const TLS: &str = "tls";

/// A node as it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// The host name.
    pub(super) name: String,
    /// The port of this computer's loopback address that leads to its SSH server.
    pub(super) port: u16,
    /// The public half of its own key.
    pub(super) key: String,
    /// Where its engine listens with TLS, if it does.
    pub(super) engine: Option<String>,
}

/// The program that turns nodes off and on.
pub(super) struct Switch {
    program: String,
    /// The variable with its cache folder.
    cache: String,
}

impl Switch {
    /// This program, wherever it is, with this cache folder, whatever the environment.
    pub(super) fn new(program: &Path, cache: &Path) -> anyhow::Result<Self> {
        let program = written(program)?.to_owned();
        if program.contains('=') {
            bail!("`env` takes `{program}` for a variable: move this program elsewhere");
        }
        let cache = format!("{}={}", cache::VARIABLE, written(cache)?);
        Ok(Self { program, cache })
    }

    fn of(&self, node: &str) -> Power {
        let words = |act: Act| {
            let words = ["env", &self.cache, &self.program, "power", node, act.word()];
            words.map(str::to_owned)
        };
        Power {
            status: words(Act::Status),
            on: words(Act::On),
            off: words(Act::Off),
            cut: words(Act::Cut),
            pause: words(Act::Pause),
            resume: words(Act::Resume),
        }
    }
}

#[derive(Serialize)]
struct Inventory<'a> {
    reach: &'static str,
    patience: f64,
    ssh: Client,
    images: &'a BTreeMap<String, String>,
    node: Vec<Node<'a>>,
}

#[derive(Serialize)]
struct Client {
    config: &'static str,
}

#[derive(Serialize)]
struct Node<'a> {
    name: &'a str,
    ssh: &'a str,
    engine: Option<&'a str>,
    tls: Option<&'static str>,
    power: Power,
}

/// A command for each act: its words, which no shell reads.
#[derive(Serialize)]
struct Power {
    status: [String; 6],
    on: [String; 6],
    off: [String; 6],
    cut: [String; 6],
    pause: [String; 6],
    resume: [String; 6],
}

/// The inventory of these nodes, which are as slow as this and have these images.
pub(super) fn inventory(
    nodes: &[Reached],
    patience: f64,
    images: &BTreeMap<String, String>,
    switch: &Switch,
) -> anyhow::Result<String> {
    let nodes = nodes.iter().map(|node| Node {
        name: &node.name,
        ssh: &node.name,
        engine: node.engine.as_deref(),
        tls: node.engine.is_some().then_some(TLS),
        power: switch.of(&node.name),
    });
    let inventory = Inventory {
        reach: "ssh",
        patience,
        ssh: Client { config: CONFIG },
        images,
        node: nodes.collect(),
    };
    let text = toml::to_string(&inventory).context("cannot write the inventory")?;
    Ok(format!(
        "# The swarm of `seatrial up --ssh`; as long as it is up.\n{text}"
    ))
}

/// What `ssh -F` is given.
pub(super) fn config(folder: &Path, nodes: &[Reached]) -> anyhow::Result<String> {
    let (key, known) = (quoted(&folder.join(CLIENT))?, quoted(&folder.join(KNOWN))?);
    let mut text = String::from("# The nodes of the swarm of `seatrial up --ssh`.\n");
    for Reached { name, port, .. } in nodes {
        let _ = write!(
            text,
            "\nHost {name}\n    HostName 127.0.0.1\n    Port {port}\n    User root\n    \
             IdentityFile {key}\n    IdentitiesOnly yes\n    UserKnownHostsFile {known}\n    \
             GlobalKnownHostsFile /dev/null\n    StrictHostKeyChecking yes\n    \
             ConnectTimeout 10\n"
        );
    }
    Ok(text)
}

/// The nodes' keys by their addresses.
pub(super) fn known_hosts(nodes: &[Reached]) -> String {
    let line = |node: &Reached| format!("[127.0.0.1]:{} {}\n", node.port, node.key);
    nodes.iter().map(line).collect()
}

/// A path as text.
fn written(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("`{}` is not UTF-8", path.display()))
}

/// A path as one word of an `ssh_config`, where `%` begins what the client fills in.
fn quoted(path: &Path) -> anyhow::Result<String> {
    let path = written(path)?;
    // The client would fill in a variable, or take the rest for another line; nothing escapes that.
    if path.contains("${") || path.contains(char::is_control) {
        bail!("`{path}` cannot be said to an `ssh` client: choose another cache folder");
    }
    let path = path.replace('%', "%%");
    let path = path.replace('\\', r"\\").replace('"', "\\\"");
    Ok(format!("\"{path}\""))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn nodes() -> Vec<Reached> {
        let node = |name: &str, port, engine: Option<&str>| Reached {
            name: name.to_owned(),
            port,
            key: format!("ssh-ed25519 AAAA{port}"),
            engine: engine.map(str::to_owned),
        };
        let engine = Some("tcp://192.168.150.3:2376");
        vec![
            node("server-3", 40022, engine),
            node("server-16", 40122, None),
        ]
    }

    fn images() -> BTreeMap<String, String> {
        let image = ("MARIADB_IMAGE", "seatrial/mariadb:10.11.19");
        [image]
            .map(|(name, image)| (name.to_owned(), image.to_owned()))
            .into()
    }

    #[test]
    fn what_an_ssh_client_is_given() {
        let folder = Path::new("/home/ann/.cache/seatrial/up/ssh");
        let config = config(folder, &nodes()).expect("a configuration");
        insta::assert_snapshot!("ssh_config", config);
        insta::assert_snapshot!("known_hosts", known_hosts(&nodes()));
    }

    #[test]
    fn what_is_said_to_a_harness_that_finds_the_swarm() {
        let cache = Path::new("/home/ann/.cache/seatrial");
        let switch = Switch::new(Path::new("/usr/local/bin/seatrial"), cache).expect("a switch");
        let text = inventory(&nodes(), 1.5, &images(), &switch).expect("an inventory");
        insta::assert_snapshot!("swarm.toml", text);
    }

    /// Paths that somebody might have, and what they mean to whoever reads them unquoted.
    const ODD: [&str; 6] = [
        "/tmp/two words",
        "/tmp/it's \"said\"",
        "/tmp/100%h %%",
        "/tmp/back\\slash\\",
        "/tmp/#no = comment",
        "/tmp/$HOME ~ *",
    ];

    #[test]
    fn an_inventory_says_odd_paths_to_the_letter() {
        for odd in ODD {
            let program = "/usr/bin/seatrial";
            let switch = Switch::new(Path::new(program), Path::new(odd)).expect("a switch");
            let text = inventory(&nodes(), 1.5, &images(), &switch).expect("an inventory");
            let read: toml::Table = toml::from_str(&text).expect("TOML");
            let off = read["node"][1]["power"]["off"].as_array().expect("words");
            let words: Vec<&str> = off.iter().filter_map(toml::Value::as_str).collect();
            let cache = format!("SEATRIAL_CACHE={odd}");
            assert_eq!(words, ["env", &cache, program, "power", "server-16", "off"]);
        }
    }

    #[test]
    fn an_ssh_client_reads_back_odd_paths() {
        for odd in ODD {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join(CONFIG);
            let text = config(Path::new(odd), &nodes()).expect("a configuration");
            std::fs::write(&file, text).expect("written");
            let mut ssh = Command::new("ssh");
            let asked = ssh.arg("-G").arg("-F").arg(&file).arg("server-16").output();
            let said = asked.expect("an `ssh` client: see `ci/setup`");
            let said = String::from_utf8_lossy(&said.stdout).into_owned();
            let known = format!("userknownhostsfile {odd}/known_hosts");
            assert!(said.lines().any(|line| line == known), "{known}\n{said}");
            // It fills in keys' names only when it reads them.
            let key = format!("identityfile {odd}/id_ed25519").replace('%', "%%");
            assert!(said.lines().any(|line| line == key), "{key}\n{said}");
        }
    }

    #[test]
    fn what_cannot_be_quoted_is_refused() {
        for odd in ["/tmp/${HOME}", "/tmp/two\nlines"] {
            let error = config(Path::new(odd), &nodes()).expect_err("refused");
            assert!(
                error.to_string().contains("another cache folder"),
                "{error}"
            );
        }
        let program = Path::new("/tmp/a=b/seatrial");
        let error = Switch::new(program, Path::new("/tmp"))
            .err()
            .expect("refused");
        assert!(error.to_string().contains("for a variable"), "{error}");
    }
}
