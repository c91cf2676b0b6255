//! What there is before anything is touched: who is in the swarm, who may be broken, and what can
//! be done to the hosts.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::fleet::Fleet;
use super::inventory::Power;
use super::mark;
use crate::capability::{Capabilities, Capability};
use crate::journal::{ApiError, Settings};
use crate::plan::{MOUNT, Node, Role};
use crate::substrate::Trouble;
use crate::substrate::nodes::{COMMAND, quoted};

/// The label of a node that says that its owner lets it be broken.
pub const OPT_IN: &str = "seatrial.breakable";

/// What a host was seen to be able to do, a word each; for none, what it lacks. The packet filter
/// is tried, and the share's mount read from the kernel.
const ABILITIES: &str = "echo \"from ${SSH_CONNECTION%% *}\"; test \"$(id -u)\" = 0 && echo root; \
    command -v systemd-run > /dev/null && test -d /run/systemd/system && \
    command -v bash > /dev/null && echo systemd; \
    systemctl is-active --quiet docker.service && echo engine; \
    command -v fallocate > /dev/null && echo fallocate; \
    { test -e /proc/net/ip_vs || modprobe -n -q ip_vs; } && echo ipvs; \
    if printf 'add table inet seatrial-try\\ndelete table inet seatrial-try\\n' | \
    nft -f - 2> /dev/null; then echo nft; fi; \
    options=$(awk -v share=\"$share\" '$2 == share { print $3 \",\" $4 }' /proc/mounts); \
    case $options in nfs,*vers=3*) echo nfs3;; nfs4,*vers=4.2*) echo nfs42;; esac; true";

/// The question after them, of the mount that plans put a share on.
fn abilities() -> String {
    format!("share={MOUNT}; {ABILITIES}")
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    /// The nodes, managers first.
    pub(super) nodes: Vec<Node>,
    pub(super) settings: Settings,
    pub(super) capabilities: Capabilities,
    pub(super) versions: BTreeMap<String, String>,
}

/// Looks at every host; changes nothing.
///
/// # Errors
/// Whatever forbids to touch this swarm, all of it: hosts that are not reached, are not its nodes,
/// or whose owner has not opted in; nodes that the inventory does not know.
pub(super) async fn survey(fleet: &Fleet) -> Result<Survey, Trouble> {
    fleet.connect().await?;
    // Nobody who has not allowed it is asked for more.
    willing(fleet).await?;
    unlocked(fleet).await?;
    nobodys(fleet).await?;
    // What is set counts only from here on: a run that had a host until now has restored it.
    let settings = willing(fleet).await?;
    let found = join_all(fleet.names().map(|name| look(fleet, name))).await;
    let (found, wrong): (Vec<_>, Vec<_>) = found.into_iter().partition(Result::is_ok);
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    let found: Vec<Found> = found.into_iter().filter_map(Result::ok).collect();
    if !wrong.is_empty() {
        return Err(Trouble(wrong.join("; ")));
    }
    let managers = |name: &str| settings.nodes.get(name).is_some_and(|node| node.manager);
    let role = |name: &str| match managers(name) {
        true => Role::Manager,
        false => Role::Worker,
    };
    let mut nodes: Vec<Node> = found.iter().map(|one| one.node(role(&one.name))).collect();
    nodes.sort_by_key(|node| node.role == Role::Worker);
    Ok(Survey {
        nodes,
        capabilities: capabilities(fleet, &found),
        versions: versions(&found),
        settings,
    })
}

/// What is set in the swarm, where all of its nodes are known and may be broken.
async fn willing(fleet: &Fleet) -> Result<Settings, Trouble> {
    let settings = fleet.settings().await;
    let settings = settings.map_err(|error| Trouble(format!("the swarm: {error}")))?;
    let strangers = strangers(fleet, &settings);
    match strangers.is_empty() {
        true => Ok(settings),
        false => Err(Trouble(strangers.join("; "))),
    }
}

/// Whether managers come back by themselves when they start again.
async fn unlocked(fleet: &Fleet) -> Result<(), Trouble> {
    let locks = fleet.ask(|engine| async move { engine.locks_managers().await });
    match locks.await {
        Ok(false) => Ok(()),
        Ok(true) => Err(Trouble(
            "the swarm locks its managers, so one that starts again stays locked until somebody \
             has the key: `docker swarm update --autolock=false` first"
                .to_owned(),
        )),
        Err(error) => Err(Trouble(format!("the swarm: {error}"))),
    }
}

/// Looks for another run's mark: until that is gone, its swarm is not what it was.
async fn nobodys(fleet: &Fleet) -> Result<(), Trouble> {
    let asked = fleet.names().map(|name| async move {
        let owner = mark::owner_of(fleet.ssh(name)?, name).await?;
        Ok::<_, Trouble>(owner.map(|owner| mark::in_use(name, &owner)))
    });
    let mut wrong = Vec::new();
    for owner in join_all(asked).await {
        wrong.extend(owner?);
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Trouble(wrong.join("; "))),
    }
}

/// One host.
struct Found {
    name: String,
    address: String,
    engine: String,
    kernel: String,
    able: BTreeSet<String>,
}

impl Found {
    fn node(&self, role: Role) -> Node {
        Node {
            name: self.name.clone(),
            address: self.address.clone(),
            role,
        }
    }
}

/// Asks one host who it is and what it can do.
async fn look(fleet: &Fleet, name: &str) -> Result<Found, String> {
    let about = |why: &dyn std::fmt::Display| format!("`{name}`: {why}");
    let asked = async {
        // To say what it is takes an engine longer than any other answer.
        let engine = fleet.engine(name).await?.with_deadline(COMMAND);
        Ok::<_, ApiError>((engine.own_place().await?, engine.version().await?))
    };
    let (own, version) = asked.await.map_err(|error| about(&error))?;
    if own.name != name {
        return Err(about(&format_args!(
            "its engine calls itself `{}`; name it so",
            own.name
        )));
    }
    let address = own.address;
    let address = address.ok_or_else(|| about(&"its engine is in no swarm"))?;
    let able = fleet.run(name, &abilities(), b"", COMMAND).await;
    let able = able.map_err(|trouble| trouble.0)?.out;
    let mut able: BTreeSet<String> = able.lines().map(str::to_owned).collect();
    if own.root == "/var/lib/docker" {
        able.insert("usual-folder".to_owned());
    }
    if !able.contains("root") {
        return Err(about(
            &"commands do not run as root there; set `sudo = true`",
        ));
    }
    if !able.contains("systemd") {
        return Err(about(
            &"it has no systemd with `systemd-run` and `bash`, so it could not mend itself",
        ));
    }
    Ok(Found {
        name: name.to_owned(),
        address,
        engine: version.engine,
        kernel: version.kernel,
        able,
    })
}

/// What is wrong about who is in the swarm, and who may be broken.
fn strangers(fleet: &Fleet, settings: &Settings) -> Vec<String> {
    let known: BTreeSet<&str> = fleet.names().collect();
    let unlisted = settings
        .nodes
        .keys()
        .filter(|name| !known.contains(name.as_str()));
    let unlisted = unlisted.map(|name| {
        format!("`{name}` is a node of the swarm and not in the inventory: nobody could see it")
    });
    let others = known
        .iter()
        .filter(|name| !settings.nodes.contains_key(**name));
    let others = others.map(|name| format!("`{name}` is no node of the swarm that is up"));
    let unwilling = settings
        .nodes
        .iter()
        .filter(|(_, node)| node.labels.get(OPT_IN).map(String::as_str) != Some("true"));
    let unwilling = unwilling.map(|(name, _)| {
        format!(
            "`{name}` may not be broken; its owner allows it by \
             `docker node update --label-add {OPT_IN}=true {name}`"
        )
    });
    unlisted.chain(others).chain(unwilling).collect()
}

/// Looks for what a run would take for its own: what a stack of the same name left, which Docker
/// knows by its label; removing a stack leaves its volumes.
///
/// # Errors
/// All that is there.
pub(super) async fn taken(
    fleet: &Fleet,
    survey: &Survey,
    stacks: &BTreeSet<String>,
) -> Result<(), Trouble> {
    let all = survey
        .settings
        .services
        .keys()
        .chain(&survey.settings.networks);
    let stack_of = |name: &str| {
        let of = |stack: &&String| name.starts_with(&format!("{stack}_"));
        stacks.iter().find(of)
    };
    let clashes = all.filter_map(|name| Some((name, stack_of(name)?)));
    let mut wrong: Vec<String> = clashes
        .map(|(name, stack)| format!("`{name}` is there already, and would be of stack `{stack}`"))
        .collect();
    let asked = fleet.names().map(|name| left(fleet, name, stacks));
    for left in join_all(asked).await {
        wrong.extend(left?);
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Trouble(format!(
            "{}: remove them, or rename the stack's file",
            wrong.join("; ")
        ))),
    }
}

/// What of these stacks one host has.
async fn left(
    fleet: &Fleet,
    name: &str,
    stacks: &BTreeSet<String>,
) -> Result<Vec<String>, Trouble> {
    let mut left = Vec::new();
    for stack in stacks {
        let label = quoted(&format!("label=com.docker.stack.namespace={stack}"));
        let list = format!(
            "docker volume ls -q --filter {label} || exit 1; \
             docker config ls -q --filter {label} 2> /dev/null; \
             docker secret ls -q --filter {label} 2> /dev/null; true"
        );
        let ran = fleet.run(name, &list, b"", COMMAND).await?;
        if ran.code != 0 {
            let said = ran.err.trim().replace('\n', "; ");
            return Err(Trouble(format!("`{name}`: {said}")));
        }
        let lines = ran.out.lines();
        left.extend(lines.map(|one| format!("`{one}` on `{name}` is of a stack `{stack}`")));
    }
    Ok(left)
}

/// What can be done to all of them.
fn capabilities(fleet: &Fleet, found: &[Found]) -> Capabilities {
    let all = |word: &str| found.iter().all(|one| one.able.contains(word));
    let hosts = &fleet.inventory.hosts;
    let power =
        |has: fn(&Power) -> bool| hosts.iter().all(|one| one.power.as_ref().is_some_and(has));
    // Not where our own way in leads through a node, nor where there is nobody to be cut off from.
    let from = |one: &Found| {
        found
            .iter()
            .any(|node| one.able.contains(&format!("from {}", node.address)))
    };
    let walls = all("nft") && found.len() > 1 && !found.iter().any(from);
    let able = [
        (Capability::CleanStop, power(|_| true)),
        (Capability::PowerCut, power(|power| power.cut.is_some())),
        (Capability::SuddenEnd, power(|power| power.cut.is_some())),
        (Capability::Pause, power(|power| power.pause.is_some())),
        (Capability::Isolation, walls),
        (Capability::Flows, walls),
        (Capability::EngineEnd, all("engine")),
        (
            Capability::FullDisk,
            all("fallocate") && all("usual-folder"),
        ),
        (Capability::RoutingMesh, all("ipvs")),
        (Capability::NfsV3, all("nfs3")),
        (Capability::NfsV42, all("nfs42")),
    ];
    able.into_iter()
        .filter(|(_, able)| *able)
        .map(|(one, _)| one)
        .collect()
}

/// The versions that take part, each once.
fn versions(found: &[Found]) -> BTreeMap<String, String> {
    let join = |version: fn(&Found) -> &String| {
        let all: BTreeSet<&str> = found.iter().map(|one| version(one).as_str()).collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
    };
    [
        ("docker".to_owned(), join(|one| &one.engine)),
        ("linux".to_owned(), join(|one| &one.kernel)),
    ]
    .into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::journal::NodeSettings;
    use crate::substrate::hosts::Inventory;

    fn fleet(power: &str) -> Fleet {
        let text: String = ["a", "b"]
            .map(|name| format!("[[node]]\nname = \"{name}\"\nssh = \"{name}\"\n{power}\n"))
            .concat();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("swarm.toml");
        std::fs::write(&path, text).expect("written");
        Fleet::new(
            &Inventory::read(&path).expect("read"),
            Path::new("/nowhere"),
        )
    }

    fn settings(nodes: &[(&str, Option<&str>)]) -> Settings {
        let node = |label: Option<&str>| NodeSettings {
            manager: true,
            availability: "active".to_owned(),
            labels: label
                .map(|value| (OPT_IN.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
        };
        Settings {
            nodes: nodes
                .iter()
                .map(|(name, label)| ((*name).to_owned(), node(*label)))
                .collect(),
            ..Settings::default()
        }
    }

    #[test]
    fn nobody_is_touched_who_is_unknown_or_unwilling() {
        let fleet = fleet("");
        let fine = settings(&[("a", Some("true")), ("b", Some("true"))]);
        assert_eq!(strangers(&fleet, &fine), Vec::<String>::new());
        let odd = settings(&[("a", Some("yes")), ("c", Some("true"))]);
        insta::assert_snapshot!(strangers(&fleet, &odd).join("\n").replace("; ", "\n"), @r"
        `c` is a node of the swarm and not in the inventory: nobody could see it
        `b` is no node of the swarm that is up
        `a` may not be broken
        its owner allows it by `docker node update --label-add seatrial.breakable=true a`
        ");
    }

    fn found(able: &[&str]) -> Found {
        Found {
            name: "a".to_owned(),
            address: "10.0.0.3".to_owned(),
            engine: "20.10.24".to_owned(),
            kernel: "6.1".to_owned(),
            able: able.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn what_one_host_cannot_do_the_place_cannot() {
        let both = [found(&["nft", "engine"]), found(&["nft"])];
        let able = capabilities(&fleet(""), &both);
        assert_eq!(able, [Capability::Isolation, Capability::Flows].into());
        let power = "[node.power]\nstatus = [\"s\"]\non = [\"o\"]";
        let able = capabilities(&fleet(power), &[found(&[])]);
        assert_eq!(able, [Capability::CleanStop].into());
    }

    /// The shell that hosts are asked by is that of this computer.
    #[test]
    fn a_host_says_what_it_can_do() {
        let ran = std::process::Command::new("sh")
            .args(["-c", &abilities()])
            .output();
        let ran = ran.expect("a shell");
        assert!(ran.status.success());
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(said.contains("fallocate"), "{said}");
        assert!(!said.contains("nfs3"), "{said}");
    }
}
