//! The inventory of a swarm that is there already: which hosts it has, and how each is reached.
//!
//! It belongs to whoever owns the swarm, and is trusted as a shell script of theirs would be: the
//! commands in it run on this computer. No scenario can name one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::substrate::Trouble;

/// A swarm that is there already.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// The file that it was read from; absolute.
    pub path: PathBuf,
    /// How ports of the nodes are reached from here.
    pub reach: Reach,
    /// What liveness budgets are multiplied by.
    pub patience: f64,
    /// The file that `ssh` is to read instead of the user's own.
    pub ssh_config: Option<PathBuf>,
    /// Variables of stack files.
    pub images: BTreeMap<String, String>,
    /// Every node of the swarm.
    pub hosts: Vec<Host>,
}

/// How ports of the nodes are reached: published ones, and those of their engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// By the node's address in the swarm, as clients do.
    #[default]
    Direct,
    /// By SSH: each connection is one that the node itself opens.
    Ssh,
}

/// One node of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name, as `docker node ls` lists it.
    pub name: String,
    /// Its SSH destination, as `ssh` takes it: an alias of the configuration, `user@host`, or
    /// `ssh://user@host:port`.
    pub ssh: String,
    /// Where its engine listens: `tcp://10.0.0.3:2376`. Without it, its socket is forwarded by SSH.
    pub engine: Option<String>,
    /// A folder with `ca.pem`, `cert.pem` and `key.pem` for that engine.
    pub tls: Option<PathBuf>,
    /// True where root's rights are had by `sudo -n` only.
    #[serde(default)]
    pub sudo: bool,
    /// How its power is switched. Without it, it cannot be turned off.
    pub power: Option<Power>,
}

/// Commands of this computer about the power of one machine, each a program and its arguments; no
/// shell reads them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// Ends with 0 while the machine has power, and with 1 while it has none.
    pub status: Vec<String>,
    /// Gives it power.
    pub on: Vec<String>,
    /// Has it shut down. Without it, the machine is told to by `systemctl poweroff`.
    pub off: Option<Vec<String>>,
    /// Takes its power at once.
    pub cut: Option<Vec<String>>,
    /// Freezes it with its power on.
    pub pause: Option<Vec<String>>,
    /// Lets it go on.
    pub resume: Option<Vec<String>>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    reach: Reach,
    patience: Option<f64>,
    #[serde(default)]
    ssh: Ssh,
    #[serde(default)]
    images: BTreeMap<String, String>,
    #[serde(rename = "node")]
    nodes: Vec<Host>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ssh {
    config: Option<PathBuf>,
}

impl Inventory {
    /// Reads an inventory. Paths in it count from its own folder.
    ///
    /// # Errors
    /// Everything that is wrong with it; what the file does not spell right with line and caret.
    pub fn read(path: &Path) -> Result<Self, Trouble> {
        let about = |why: &dyn std::fmt::Display| {
            Trouble(format!(
                "cannot use the inventory `{}`: {why}",
                path.display()
            ))
        };
        let text = std::fs::read_to_string(path).map_err(|error| about(&error))?;
        let path = std::path::absolute(path).map_err(|error| about(&error))?;
        Self::parse(&text, &path).map_err(|why| about(&why))
    }

    fn parse(text: &str, path: &Path) -> Result<Self, String> {
        let written: Written = toml::from_str(text).map_err(|error| error.to_string())?;
        let wrong = mistakes(&written);
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut hosts = written.nodes;
        for host in &mut hosts {
            host.tls = host.tls.take().map(|tls| folder.join(tls));
        }
        Ok(Self {
            path: path.to_owned(),
            reach: written.reach,
            patience: written.patience.unwrap_or(1.0),
            ssh_config: written.ssh.config.map(|config| folder.join(config)),
            images: written.images,
            hosts,
        })
    }
}

/// What is wrong beyond the spelling, all of it.
fn mistakes(written: &Written) -> Vec<String> {
    let mut wrong = Vec::new();
    if written.nodes.is_empty() {
        wrong.push("it has no `[[node]]`".to_owned());
    }
    let patience = written.patience.unwrap_or(1.0);
    if !(0.5..=10.0).contains(&patience) {
        wrong.push(format!("a patience of {patience} is not from 0.5 to 10"));
    }
    let mut names = BTreeSet::new();
    for host in &written.nodes {
        let name = &host.name;
        if !names.insert(name) {
            wrong.push(format!("`{name}` is in it twice"));
        }
        wrong.extend(host.mistakes().map(|what| format!("`{name}`: {what}")));
    }
    wrong
}

impl Host {
    fn mistakes(&self) -> impl Iterator<Item = String> {
        let host = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = self.name.is_empty() || !self.name.chars().all(host);
        let name = name.then(|| "this is no name of a host".to_owned());
        // What begins with a dash would be an option of `ssh`.
        let ssh = self.ssh.is_empty() || self.ssh.starts_with('-');
        let ssh = ssh.then(|| format!("`{}` is no SSH destination", self.ssh));
        let engine = self.engine.as_ref().and_then(|engine| {
            let tcp = engine
                .strip_prefix("tcp://")
                .and_then(|at| at.rsplit_once(':'));
            let port = tcp.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
            let fine = port.is_some_and(|(host, _)| !host.is_empty());
            (!fine).then(|| format!("`{engine}` is not like `tcp://10.0.0.3:2376`"))
        });
        let tls = self.tls.is_some() && self.engine.is_none();
        let tls = tls.then(|| "`tls` is of no use without `engine`".to_owned());
        let power = self.power.iter().flat_map(Power::mistakes);
        name.into_iter()
            .chain(ssh)
            .chain(engine)
            .chain(tls)
            .chain(power)
    }
}

impl Power {
    fn mistakes(&self) -> impl Iterator<Item = String> {
        let all = [
            ("status", Some(&self.status)),
            ("on", Some(&self.on)),
            ("off", self.off.as_ref()),
            ("cut", self.cut.as_ref()),
            ("pause", self.pause.as_ref()),
            ("resume", self.resume.as_ref()),
        ];
        let empty = |command: Option<&Vec<String>>| {
            command.is_some_and(|words| words.first().is_none_or(String::is_empty))
        };
        let none = all.into_iter().filter(move |(_, command)| empty(*command));
        let none = none.map(|(name, _)| format!("`power.{name}` names no program"));
        let half = self.pause.is_some() != self.resume.is_some();
        none.chain(half.then(|| "`power.pause` and `power.resume` go together".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
reach = "ssh"
patience = 1.5

[ssh]
config = "ssh_config"

[images]
MARIADB_IMAGE = "mariadb:10.11"

[[node]]
name = "server-3"
ssh = "root@10.0.0.3"
engine = "tcp://10.0.0.3:2376"
tls = "tls"

[node.power]
status = ["sh", "-c", "virsh domstate server-3 | grep -q running"]
on = ["virsh", "start", "server-3"]
cut = ["virsh", "destroy", "server-3"]
"#;

    #[test]
    fn an_inventory_is_read_and_its_paths_are_its_own() {
        let read = Inventory::parse(WHOLE, Path::new("/etc/swarm/swarm.toml")).expect("read");
        assert_eq!(read.reach, Reach::Ssh);
        assert_eq!(read.ssh_config, Some("/etc/swarm/ssh_config".into()));
        let host = &read.hosts[0];
        assert_eq!(host.tls, Some("/etc/swarm/tls".into()));
        assert!(!host.sudo && host.power.as_ref().is_some_and(|power| power.off.is_none()));
        let least = "[[node]]\nname = \"a\"\nssh = \"a\"\n";
        let read = Inventory::parse(least, Path::new("/swarm.toml")).expect("read");
        assert_eq!((read.reach, read.patience), (Reach::Direct, 1.0));
    }

    #[test]
    fn everything_wrong_with_it_is_said() {
        let wrong = WHOLE
            .replace("root@10.0.0.3", "-oProxyCommand=reboot")
            .replace("tcp://10.0.0.3:2376", "10.0.0.3")
            .replace("patience = 1.5", "patience = 0.0")
            .replace("[\"virsh\", \"start\", \"server-3\"]", "[]")
            + "pause = [\"virsh\", \"suspend\", \"server-3\"]\n";
        let said = Inventory::parse(&wrong, Path::new("/swarm.toml")).expect_err("wrong");
        insta::assert_snapshot!(said.replace("; ", "\n"), @r"
        a patience of 0 is not from 0.5 to 10
        `server-3`: `-oProxyCommand=reboot` is no SSH destination
        `server-3`: `10.0.0.3` is not like `tcp://10.0.0.3:2376`
        `server-3`: `power.on` names no program
        `server-3`: `power.pause` and `power.resume` go together
        ");
    }

    #[test]
    fn a_word_that_nobody_knows_is_shown_where_it_is() {
        let wrong = WHOLE.replace("reach = ", "raech = ");
        let said = Inventory::parse(&wrong, Path::new("/swarm.toml")).expect_err("wrong");
        assert!(
            said.contains("line 2, column 1") && said.contains("raech"),
            "{said}"
        );
        let twice = format!("{WHOLE}\n[[node]]\nname = \"server-3\"\nssh = \"x\"\n");
        let said = Inventory::parse(&twice, Path::new("/swarm.toml")).expect_err("wrong");
        assert!(said.contains("twice"), "{said}");
    }
}
