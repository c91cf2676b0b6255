//! The load balancer: HAProxy before all nodes' published ports, and before the managers' API.

use std::fmt::Write as _;
use std::time::Duration;

use super::{COMMAND, Nodes};
use crate::journal::ApiError;
use crate::plan::{Balancer, Plan, Role};
use crate::scenario::Part;
use crate::substrate::Trouble;

/// Where HAProxy says that it works, to the harness alone.
const ALIVE: u16 = 8404;

/// The page that it answers there.
const PAGE: &str = "alive";

/// How long it may take to listen: it reads a file of a few lines.
const LISTENS: Duration = Duration::from_secs(60);

/// The parts of Debian's own `haproxy.cfg` that a machine of ours needs.
const GLOBAL: &str = "\
global
    log /dev/log local0 notice
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    maxconn 2000
";

/// What a session may be silent for: longer than any request of a workload, and than a client of
/// the managers' API that waits for an emulated manager.
const SILENCE: &str = "1m";

/// Checks the text and takes it. The file that was there stays if it is wrong.
const TAKE: &str = "cat > /etc/haproxy/new.cfg && haproxy -c -q -f /etc/haproxy/new.cfg && \
    mv /etc/haproxy/new.cfg /etc/haproxy/haproxy.cfg";

impl dyn Nodes + '_ {
    /// Writes the balancer's configuration, starts it, and sees it listen.
    pub(super) async fn start_balancer(&self, balancer: &Balancer) -> Result<(), Trouble> {
        let step = self.progress().step("start the balancer");
        let text = configuration(self.plan(), balancer);
        let take = format!("{TAKE} && {} && sync", self.kept()?.balancer);
        self.sh_with(&balancer.name, &take, text.as_bytes(), COMMAND)
            .await?;
        self.until_it_answers(&balancer.name, Part::Balancer, LISTENS)
            .await?;
        step.done();
        Ok(())
    }

    /// Whether HAProxy answers for itself.
    pub(super) async fn balancer_serves(&self, machine: &str) -> Result<(), ApiError> {
        self.page_is(machine, ALIVE, "/", PAGE).await
    }
}

/// HAProxy's configuration for a plan. It listens on every address of its machine: on the LAN that
/// is the virtual address alone, and the harness comes by the management network.
fn configuration(plan: &Plan, balancer: &Balancer) -> String {
    let Balancer {
        inter,
        fall,
        rise,
        connect,
        retries,
        ..
    } = balancer;
    let (inter, connect) = (inter.0.as_millis(), connect.0.as_millis());
    let mut text = format!(
        "{GLOBAL}
defaults
    mode tcp
    log global
    balance roundrobin
    retries {retries}
    option redispatch
    timeout connect {connect}ms
    timeout client {SILENCE}
    timeout server {SILENCE}
    default-server inter {inter}ms fall {fall} rise {rise}

frontend alive
    mode http
    bind :{ALIVE}
    http-request return status 200 content-type text/plain string {PAGE}
"
    );
    for port in plan.services().flat_map(|service| &service.published) {
        listen(&mut text, plan, *port, |_| true);
    }
    if let Some(port) = plan.topology.api.port() {
        listen(&mut text, plan, port, |role| role == Role::Manager);
    }
    text
}

/// One port, before the nodes of some roles.
fn listen(text: &mut String, plan: &Plan, port: u16, role: impl Fn(Role) -> bool) {
    let _ = write!(text, "\nlisten port-{port}\n    bind :{port}\n");
    for node in plan.topology.nodes.iter().filter(|node| role(node.role)) {
        let (name, address) = (&node.name, &node.address);
        let _ = writeln!(text, "    server {name} {address}:{port} check");
    }
}

#[cfg(test)]
pub(in crate::substrate) mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::capability::Capability;
    use crate::plan::{Options, Outcome, plan};
    use crate::scenario::load;

    /// The plan of a scenario of the article, as it would run here.
    pub(in crate::substrate) fn article(name: &str) -> Plan {
        let path = format!("scenarios/article/{name}.yaml");
        let loaded = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("sound");
        use Capability::{
            Balancer, CleanStop, Flows, Isolation, NfsV3, NfsV42, Pause, PlainApi, PowerCut,
            Registry, RoutingMesh, Storage, SuddenEnd, Tls,
        };
        let options = Options {
            place: "vm".into(),
            capabilities: [
                Balancer,
                CleanStop,
                Flows,
                Isolation,
                NfsV3,
                NfsV42,
                Pause,
                PlainApi,
                PowerCut,
                Registry,
                RoutingMesh,
                Storage,
                SuddenEnd,
                Tls,
            ]
            .into(),
            patience: 1.0,
            seed: 7,
            no_faults: false,
            environment: BTreeMap::new(),
            nodes: None,
        };
        match plan(&loaded, &options).expect("accepted") {
            Outcome::Ready(plan) => *plan,
            Outcome::Skipped { reason, .. } => panic!("skipped: {reason}"),
        }
    }

    #[test]
    fn what_haproxy_is_told() {
        let plan = article("14-balancer");
        let balancer = plan.topology.balancer.clone().expect("a balancer");
        insta::assert_snapshot!("haproxy", configuration(&plan, &balancer));
    }

    #[test]
    fn the_managers_api_is_balanced_over_managers_alone() {
        let plan = article("15-managers-api-tls");
        let balancer = plan.topology.balancer.clone().expect("a balancer");
        let text = configuration(&plan, &balancer);
        let (_, api) = text.split_once("listen port-2376\n").expect("the port");
        let managers = plan.topology.nodes.iter();
        let managers = managers.filter(|node| node.role == Role::Manager).count();
        assert_eq!(api.matches("server ").count(), managers);
        assert!(managers < plan.topology.nodes.len());
    }
}
