//! Probes of nodes, ports, mounts, settings, clients and leftovers: each holds, does not, and
//! cannot tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use seatrial::journal::Membership;
use seatrial::plan::{Change, Plan, Probe, Role};
use seatrial::probe::observe;
use seatrial::scenario::{MountKind, NodeCounts, NodeIs, Target};
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::{Lab, Order, PowerOff};
use seatrial::units::Span;
use seatrial::wait::{self, Look};

use super::plans;

/// A lab with one probe and time to settle.
struct Asked {
    lab: Arc<dyn Lab>,
    plan: Plan,
    members: Membership,
}

impl Asked {
    async fn of(mut plan: Plan, probe: Probe, sabotage: Option<Sabotage>) -> Self {
        plan.steady = vec![probe];
        let lab = sabotage.map_or_else(Sim::new, Sim::with).lab(&plan);
        lab.deploy().await.expect("deployed");
        wait::pause(Duration::from_secs(5)).await;
        let members = Membership::of(&plan);
        Self { lab, plan, members }
    }

    /// Asks in the word of the last manager that the plan has.
    async fn look(&self, broken: &[&str]) -> Look<String> {
        let sight = match self.lab.view("server-3").await {
            Ok(view) => Look::Holds(view),
            Err(error) => Look::CannotTell(error.to_string()),
        };
        self.look_with(&sight, broken).await
    }

    async fn look_with(
        &self,
        sight: &Look<seatrial::swarm::View>,
        broken: &[&str],
    ) -> Look<String> {
        let broken: BTreeSet<String> = broken.iter().map(|name| (*name).to_owned()).collect();
        let (plan, members) = (&self.plan, &self.members);
        observe(&*self.lab, plan, members, &plan.steady[0], sight, &broken).await
    }

    async fn cut(&self, nodes: &[&str]) {
        for node in nodes {
            self.lab.power_off(node, PowerOff::Cut).await.expect("off");
        }
    }
}

fn holds(seen: &str) -> Look<String> {
    Look::Holds(seen.to_owned())
}

fn not_yet(seen: &str) -> Look<String> {
    Look::NotYet(seen.to_owned())
}

fn cannot_tell(why: &str) -> Look<String> {
    Look::CannotTell(why.to_owned())
}

fn silence() -> Look<seatrial::swarm::View> {
    Look::CannotTell("silence".to_owned())
}

fn closed(port: u16) -> Probe {
    let via = Target::EveryNode;
    Probe::PortClosed { via, port }
}

const ALL: [&str; 5] = ["server-1", "server-2", "server-3", "server-4", "server-5"];

#[tokio::test(start_paused = true)]
async fn a_port_is_closed_when_every_unbroken_node_refuses() {
    let asked = Asked::of(plans::web(), closed(2375), None).await;
    let refused = "port_closed :2375: refused by server-1, server-2, server-3, server-4, server-5";
    assert_eq!(asked.look(&[]).await, holds(refused));
    asked.cut(&["server-5"]).await;
    let silent = "port_closed :2375: no answer of `server-5`";
    assert_eq!(asked.look(&[]).await, cannot_tell(silent));
    assert!(matches!(asked.look(&["server-5"]).await, Look::Holds(_)));
    let nobody = "port_closed :2375: no node is left to try";
    assert_eq!(asked.look(&ALL).await, cannot_tell(nobody));
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_open_on_one_node_is_not_closed() {
    let open = Sabotage::OpenPort("server-2".to_owned());
    let asked = Asked::of(plans::web(), closed(2375), Some(open)).await;
    let seen = not_yet("port_closed :2375: open on `server-2`");
    assert_eq!(asked.look(&[]).await, seen);
    // What is known to be wrong outweighs what nobody can see.
    asked.cut(&["server-5"]).await;
    assert_eq!(asked.look(&[]).await, seen);
    let published = Asked::of(plans::web(), closed(8080), None).await;
    assert!(matches!(published.look(&[]).await, Look::NotYet(_)));
}

#[tokio::test(start_paused = true)]
async fn a_filtered_port_cannot_be_told_from_a_hung_node() {
    let silent = Sabotage::SilentPorts("server-4".to_owned());
    let asked = Asked::of(plans::web(), closed(2375), Some(silent)).await;
    let why = "port_closed :2375: no answer of `server-4`";
    assert_eq!(asked.look(&[]).await, cannot_tell(why));
}

fn node(name: &str) -> NodeIs {
    NodeIs {
        name: Target::from_word(name),
        role: None,
        state: None,
        availability: None,
        reachability: None,
        leader: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_is_what_the_managers_say() {
    let wanted = NodeIs {
        role: Some("manager".to_owned()),
        state: Some("ready".to_owned()),
        availability: Some("active".to_owned()),
        reachability: Some("reachable".to_owned()),
        leader: Some(true),
        ..node("server-1")
    };
    let asked = Asked::of(plans::web(), Probe::Node(wanted.clone()), None).await;
    let seen = "node server-1: `server-1` manager, ready, active, reachable, leads";
    assert_eq!(asked.look(&[]).await, holds(seen));
    let why = cannot_tell("node server-1: silence");
    assert_eq!(asked.look_with(&silence(), &[]).await, why);
    asked.cut(&["server-1"]).await;
    wait::pause(Duration::from_secs(30)).await;
    let seen = "node server-1: `server-1` manager, down, not ready, active, \
                unreachable, not reachable, does not lead, not leads";
    assert_eq!(asked.look(&["server-1"]).await, not_yet(seen));
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_no_manager_and_a_stranger_is_nothing() {
    let wanted = |name: &str| {
        Probe::Node(NodeIs {
            role: Some("manager".to_owned()),
            ..node(name)
        })
    };
    let asked = Asked::of(plans::web(), wanted("server-4"), None).await;
    let seen = "node server-4: `server-4` worker, not manager";
    assert_eq!(asked.look(&[]).await, not_yet(seen));
    // The role that is listed is only the desired one.
    let Ok(mut view) = asked.lab.view("server-1").await else {
        panic!("a view")
    };
    for node in &mut view.nodes {
        node.role = "manager".to_owned();
    }
    let seen = "node server-4: `server-4` being promoted, not manager";
    let promoted = asked.look_with(&Look::Holds(view.clone()), &[]).await;
    assert_eq!(promoted, not_yet(seen));
    view.nodes.retain(|node| node.name != "server-4");
    let unlisted = asked.look_with(&Look::Holds(view.clone()), &[]).await;
    assert_eq!(unlisted, not_yet("node server-4: `server-4` is not listed"));
    for index in 1..=2 {
        let mut twin = view.nodes[0].clone();
        (twin.id, twin.name) = (format!("twin{index}"), "server-4".to_owned());
        view.nodes.push(twin);
    }
    let twice = asked.look_with(&Look::Holds(view), &[]).await;
    let seen = "node server-4: `server-4` is listed 2 times";
    assert_eq!(twice, not_yet(seen));
    let every = Asked::of(plans::web(), wanted("every_node"), None).await;
    assert!(matches!(every.look(&[]).await, Look::NotYet(_)));
}

#[tokio::test(start_paused = true)]
async fn nodes_are_counted() {
    let counts = NodeCounts {
        managers: Some(3),
        workers: Some(2),
        ready: Some(5),
        leaders: Some(1),
    };
    let asked = Asked::of(plans::web(), Probe::Nodes(counts), None).await;
    let seen = "nodes: managers 3; workers 2; ready 5; leaders 1";
    assert_eq!(asked.look(&[]).await, holds(seen));
    let why = cannot_tell("nodes: silence");
    assert_eq!(asked.look_with(&silence(), &[]).await, why);
    let refused = Look::NotYet("no leader".to_owned());
    let look = asked.look_with(&refused, &[]).await;
    assert_eq!(look, not_yet("nodes: no leader"));
    asked.cut(&["server-5"]).await;
    wait::pause(Duration::from_secs(30)).await;
    let seen = "nodes: managers 3; workers 2; ready 4, not 5; leaders 1";
    assert_eq!(asked.look(&["server-5"]).await, not_yet(seen));
}

fn mount() -> Probe {
    Probe::Mount {
        service: "nginx".to_owned(),
        at: "/usr/share/nginx/html".to_owned(),
        read_only: Some(true),
        kind: Some(MountKind::Nfs),
    }
}

#[tokio::test(start_paused = true)]
async fn a_mount_is_what_the_kernel_says() {
    let asked = Asked::of(plans::web(), mount(), None).await;
    let Look::Holds(seen) = asked.look(&[]).await else {
        panic!("it holds")
    };
    assert!(
        seen.contains("nginx.1 on `server-1`: nfs4, read-only"),
        "{seen}"
    );
    let Look::CannotTell(_) = asked.look_with(&silence(), &[]).await else {
        panic!("nobody said where the tasks are")
    };
    let Ok(view) = asked.lab.view("server-3").await else {
        panic!("a view")
    };
    asked.cut(&["server-1"]).await;
    let Look::CannotTell(why) = asked.look_with(&Look::Holds(view), &[]).await else {
        panic!("its node has no power")
    };
    assert!(why.contains("nginx.1 on `server-1`: the machine"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_mount_of_another_kind_is_wrong() {
    let asked = Asked::of(plans::web(), mount(), Some(Sabotage::LocalMounts)).await;
    let Look::NotYet(seen) = asked.look(&[]).await else {
        panic!("it is a disk")
    };
    assert!(
        seen.contains("nginx.1 on `server-1`: ext4, writable"),
        "{seen}"
    );
    let mut elsewhere = Asked::of(plans::web(), mount(), None).await;
    if let Probe::Mount { at, .. } = &mut elsewhere.plan.steady[0] {
        *at = "/data".to_owned();
    }
    let Look::NotYet(seen) = elsewhere.look(&[]).await else {
        panic!("nothing is there")
    };
    assert!(seen.contains("nothing is mounted there"), "{seen}");
    let all = elsewhere.look(&ALL).await;
    assert_eq!(all, not_yet("mount nginx /data: no live task"));
}

fn variables() -> Probe {
    Probe::Variables {
        service: "mariadb".to_owned(),
        port: 3306,
        set: [("max_connections".to_owned(), "100".to_owned())].into(),
        within: Span::secs(2),
    }
}

#[tokio::test(start_paused = true)]
async fn settings_are_asked_for_through_every_unbroken_node() {
    let asked = Asked::of(plans::database(), variables(), None).await;
    assert!(matches!(asked.look(&[]).await, Look::Holds(_)));
    asked.cut(&["server-4"]).await;
    let seen = "variables mariadb: `server-4`: connection refused";
    assert_eq!(asked.look(&[]).await, not_yet(seen));
    assert!(matches!(asked.look(&ALL).await, Look::CannotTell(_)));
    let default = Some(Sabotage::DefaultSettings);
    let asked = Asked::of(plans::database(), variables(), default).await;
    let Look::NotYet(seen) = asked.look(&[]).await else {
        panic!("they are the defaults")
    };
    assert!(
        seen.contains("`server-3`, `server-4`: max_connections is `default`, not `100`"),
        "{seen}"
    );
}

fn gone() -> Probe {
    let service = "nginx".to_owned();
    Probe::Gone { service }
}

/// A lab in which nothing is deployed yet, so that everything is gone.
fn empty(sabotage: Option<Sabotage>) -> Asked {
    let mut plan = plans::web();
    plan.steady = vec![gone()];
    let lab = sabotage.map_or_else(Sim::new, Sim::with).lab(&plan);
    let members = Membership::of(&plan);
    Asked { lab, plan, members }
}

#[tokio::test(start_paused = true)]
async fn a_service_is_gone_when_nobody_has_anything_of_it() {
    let asked = empty(None);
    let seen = "gone nginx: nothing left on server-1, server-2, server-3, server-4, server-5";
    assert_eq!(asked.look(&[]).await, holds(seen));
    asked.cut(&["server-5"]).await;
    let why = "gone nginx: `server-5` unreachable: connection refused";
    assert_eq!(asked.look(&[]).await, cannot_tell(why));
    assert!(matches!(asked.look(&["server-5"]).await, Look::Holds(_)));
    asked.cut(&["server-1", "server-2"]).await;
    // The third manager has no majority: a refusal, which is a fact.
    let Look::NotYet(seen) = asked.look(&["server-1", "server-2"]).await else {
        panic!("no list")
    };
    assert!(seen.contains("does not have a leader"), "{seen}");
    let three = ["server-1", "server-2", "server-3"];
    let why = "gone nginx: every manager is broken";
    assert_eq!(asked.look(&three).await, cannot_tell(why));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_left_something_is_not_gone() {
    let asked = Asked::of(plans::web(), gone(), None).await;
    let seen = "gone nginx: left are the service, tasks: 3, containers on `server-1`: 1, \
                containers on `server-2`: 1, containers on `server-3`: 1";
    assert_eq!(asked.look(&[]).await, not_yet(seen));
    let asked = empty(Some(Sabotage::NetworkLeft));
    let seen = "gone nginx: left are network `stack_default`";
    assert_eq!(asked.look(&[]).await, not_yet(seen));
}

impl Asked {
    /// Has a node be a manager, or none, and knows it.
    async fn role(&mut self, node: &str, role: Role) {
        let order = Order::Role {
            node: node.to_owned(),
            role,
        };
        self.lab.order("server-2", &order).await.expect("taken");
        match role {
            Role::Manager => self.members.managers.insert(node.to_owned()),
            Role::Worker => self.members.managers.remove(node),
        };
        wait::pause(Duration::from_secs(10)).await;
    }
}

/// Who was demoted refuses every question, and whoever was promoted answers them.
#[tokio::test(start_paused = true)]
async fn the_managers_of_now_are_asked_what_is_left() {
    let mut asked = empty(None);
    asked.role("server-4", Role::Manager).await;
    asked.role("server-1", Role::Worker).await;
    assert!(matches!(asked.look(&[]).await, Look::Holds(_)));
    asked.role("server-3", Role::Worker).await;
    // The only two managers of now; the plan knows of one of them.
    let look = asked.look(&["server-2"]).await;
    assert!(matches!(look, Look::Holds(_)), "{look:?}");
}

/// The stack that has the service is asked about, not the first one.
#[tokio::test(start_paused = true)]
async fn the_network_of_the_services_own_stack_must_be_gone() {
    let mut plan = plans::web();
    let mut later = plan.stack.clone().expect("a stack");
    "later".clone_into(&mut later.name);
    "shop".clone_into(&mut later.services[0].name);
    let deployed = Change::Deploy(later.clone());
    plan = plans::with_action(plan, 10, deployed);
    let service = "shop".to_owned();
    let left = Some(Sabotage::NetworkLeft);
    let asked = Asked::of(plan, Probe::Gone { service }, left).await;
    let seen = not_yet("gone shop: left are network `later_default`");
    assert_eq!(asked.look(&[]).await, seen);
}

/// A network outlives its stack's services until somebody removes it.
#[tokio::test(start_paused = true)]
async fn the_removal_of_the_last_service_removes_the_network() {
    let asked = Asked::of(plans::web(), gone(), None).await;
    let service = "nginx".to_owned();
    let order = Order::Remove { service };
    asked.lab.order("server-1", &order).await.expect("taken");
    wait::pause(Duration::from_secs(10)).await;
    assert!(matches!(asked.look(&[]).await, Look::Holds(_)));
}

#[tokio::test(start_paused = true)]
async fn a_role_is_that_of_now_and_of_a_node_that_we_did_not_break() {
    let manages = docker("manager", "nginx", false);
    let mut asked = Asked::of(plans::web(), manages, None).await;
    let right = |on: &str| holds(&format!("docker service ls: right on {on}"));
    assert_eq!(asked.look(&[]).await, right("server-1"));
    assert_eq!(asked.look(&["server-1"]).await, right("server-2"));
    asked.role("server-1", Role::Worker).await;
    assert_eq!(asked.look(&[]).await, right("server-2"));
    let refused = docker("worker", "not a swarm manager", true);
    asked.plan.steady = vec![refused];
    let refused = |on: &str| holds(&format!("docker service ls: refused on {on}"));
    assert_eq!(asked.look(&[]).await, refused("server-1"));
    assert_eq!(asked.look(&["server-1"]).await, refused("server-4"));
    let nobody = "docker service ls: no node is `worker` now";
    let workers = ["server-1", "server-4", "server-5"];
    assert_eq!(asked.look(&workers).await, cannot_tell(nobody));
}

fn docker(node: &str, prints: &str, refused: bool) -> Probe {
    Probe::Docker {
        node: Target::from_word(node),
        args: vec!["service".to_owned(), "ls".to_owned()],
        without_certificate: false,
        prints: Some(prints.to_owned()),
        refused,
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_prints_what_it_must() {
    let asked = Asked::of(plans::web(), docker("server-1", "3/3", false), None).await;
    assert_eq!(
        asked.look(&[]).await,
        holds("docker service ls: right on server-1")
    );
    asked.cut(&["server-1"]).await;
    let why = "docker service ls: `server-1`: the machine has no power";
    assert_eq!(asked.look(&[]).await, cannot_tell(why));
    let nobody = "docker service ls: no node is left to ask";
    assert_eq!(asked.look(&["server-1"]).await, cannot_tell(nobody));
    let asked = Asked::of(plans::web(), docker("server-1", "4/4", false), None).await;
    let seen = "docker service ls: `server-1`: no line has `4/4`";
    assert_eq!(asked.look(&[]).await, not_yet(seen));
    let asked = Asked::of(plans::web(), docker("worker", "3/3", false), None).await;
    let seen = "docker service ls: `server-4`: failed with 1: Error response from daemon: \
                This node is not a swarm manager.";
    assert_eq!(asked.look(&[]).await, not_yet(seen));
}

#[tokio::test(start_paused = true)]
async fn a_client_is_refused_for_the_right_reason() {
    let right = docker("worker", "not a swarm manager", true);
    let asked = Asked::of(plans::web(), right, None).await;
    assert_eq!(
        asked.look(&[]).await,
        holds("docker service ls: refused on server-4")
    );
    let asked = Asked::of(
        plans::web(),
        docker("worker", "bad certificate", true),
        None,
    )
    .await;
    let Look::NotYet(seen) = asked.look(&[]).await else {
        panic!("another reason")
    };
    assert!(seen.contains("it failed for another reason"), "{seen}");
    let asked = Asked::of(plans::web(), docker("server-1", "nginx", true), None).await;
    let seen = "docker service ls: `server-1`: it was let in";
    assert_eq!(asked.look(&[]).await, not_yet(seen));
}

#[tokio::test(start_paused = true)]
async fn a_client_may_be_on_a_machine_that_is_no_node() {
    let right = docker("balancer", "Cannot connect", true);
    let asked = Asked::of(plans::balanced(), right, None).await;
    let seen = holds("docker service ls: refused on balancer");
    assert_eq!(asked.look(&[]).await, seen);
    asked.cut(&["balancer"]).await;
    let why = "docker service ls: `balancer`: the machine has no power";
    assert_eq!(asked.look(&[]).await, cannot_tell(why));
    let wrong = docker("balancer", "3/3", false);
    let asked = Asked::of(plans::balanced(), wrong, None).await;
    assert!(matches!(asked.look(&[]).await, Look::NotYet(_)));
}

#[tokio::test(start_paused = true)]
async fn every_probe_of_a_file_is_asked_in_a_run() {
    let path = std::path::Path::new("tests/probes/every-probe.yaml");
    let loaded = seatrial::scenario::load(path).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let place = Sim::new();
    let options = seatrial::plan::Options {
        place: "sim".into(),
        capabilities: seatrial::substrate::Place::capabilities(&place),
        patience: 1.0,
        seed: 7,
        no_faults: false,
        environment: Default::default(),
        nodes: None,
    };
    let plan = match seatrial::plan::plan(&loaded, &options) {
        Ok(seatrial::plan::Outcome::Ready(plan)) => *plan,
        other => panic!("{other:?}"),
    };
    insta::assert_snapshot!("plan-every-probe", seatrial::plan::text(&plan));
    let history = super::run_sim(&plan, None).await;
    let judgement = seatrial::check::check(&history);
    assert_eq!(
        judgement.verdict,
        seatrial::verdict::Verdict::Pass,
        "{judgement:#?}"
    );
    let mut steady = history.entries.iter().rev();
    let last = steady.find_map(|entry| match &entry.event {
        seatrial::journal::Event::Steady(steady) => Some(steady.probes.join("\n")),
        _ => None,
    });
    insta::assert_snapshot!("looks-every-probe", last.expect("a look"));
}
