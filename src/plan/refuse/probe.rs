//! Refusals about probes that could never hold, or always would.

use super::Docket;
use crate::scenario::{
    Api, DockerCommand, Expectation, Mount, NodeCounts, NodeIs, Part, PortClosed, Probe, Target,
    Variables,
};

impl Docket<'_> {
    pub(super) fn probes(&mut self) {
        let scenario = self.scenario();
        for (index, probe) in scenario.steady.iter().enumerate() {
            let path = format!("steady[{index}]");
            self.probe(&path, probe);
            self.never_before(&path, probe);
        }
        for (index, probe) in scenario.steady_after.iter().enumerate() {
            self.probe(&format!("steady_after[{index}]"), probe);
        }
    }

    /// Examines one probe at a path such as `steady[0]`.
    pub(super) fn probe(&mut self, path: &str, probe: &Probe) {
        match probe {
            // How many there must be in the end is for `Docket::actions` to weigh.
            Probe::Running(running) if path.starts_with("steady_after") => {
                self.service(&format!("{path}.running.service"), &running.service);
            }
            Probe::Running(running) => {
                self.running(
                    &format!("{path}.running"),
                    &running.service,
                    running.replicas,
                );
            }
            Probe::Sql(sql) => self.one_port(&format!("{path}.sql.service"), &sql.service),
            Probe::Http(http) => {
                self.page(&format!("{path}.http"), http.via.as_ref(), http.port);
                self.page_path(&format!("{path}.http.path"), http.path.as_deref());
            }
            Probe::PortClosed(closed) => self.closed(&format!("{path}.port_closed"), closed),
            Probe::Gone(gone) => {
                self.service(&format!("{path}.gone.service"), &gone.service);
            }
            Probe::Mount(mount) => self.mount(&format!("{path}.mount"), mount),
            Probe::Variables(variables) => {
                self.variables(&format!("{path}.variables"), variables);
            }
            Probe::Node(node) => self.node(&format!("{path}.node"), node),
            Probe::Nodes(counts) => self.nodes(&format!("{path}.nodes"), counts),
            Probe::Docker(docker) => self.docker(&format!("{path}.docker"), docker),
        }
    }

    /// What is deployed before the first look is neither gone nor closed.
    fn never_before(&mut self, path: &str, probe: &Probe) {
        let help = "write it under `steady_after`, with an action that removes the service";
        let Some(stack) = self.stack else { return };
        match probe {
            Probe::Gone(gone) if stack.services.iter().any(|one| one.name == gone.service) => {
                let title = format!("`{}` is deployed, so it is not gone", gone.service);
                self.refuse(&format!("{path}.gone.service"), title, help);
            }
            Probe::PortClosed(closed) => {
                let publishes = |one: &&crate::plan::Service| one.published.contains(&closed.port);
                let Some(service) = stack.services.iter().find(publishes) else {
                    return;
                };
                let title = format!(
                    "`{}` publishes port {} on every node",
                    service.name, closed.port
                );
                self.refuse(&format!("{path}.port_closed.port"), title, help);
            }
            _ => {}
        }
    }

    /// A machine that is no node has no place in the swarm, and no port that a service publishes.
    pub(super) fn nodes_only(&mut self, path: &str, target: &Target) {
        if let Target::Part(part) = target {
            let title = format!("the {} is no node of the swarm", part.name());
            self.refuse(path, title, "write a node, or a role such as `worker`");
        } else {
            self.target(path, target);
        }
    }

    fn closed(&mut self, path: &str, closed: &PortClosed) {
        if let Some(via) = &closed.via {
            self.nodes_only(&format!("{path}.via"), via);
        }
        if closed.port == 0 {
            let help = "write a port from 1 to 65535";
            self.refuse(&format!("{path}.port"), "nobody can listen on port 0", help);
        }
    }

    fn mount(&mut self, path: &str, mount: &Mount) {
        self.service(&format!("{path}.service"), &mount.service);
        let clean = mount.at.starts_with('/')
            && mount.at.bytes().all(|byte| byte.is_ascii_graphic())
            && (mount.at == "/" || !mount.at.ends_with('/'));
        if !clean {
            let title = format!("`{}` is no mount point", mount.at);
            let help = "write a path such as `/var/lib/mysql`, without a `/` at its end";
            self.refuse(&format!("{path}.at"), title, help);
        }
    }

    fn variables(&mut self, path: &str, variables: &Variables) {
        self.one_port(&format!("{path}.service"), &variables.service);
        let path = format!("{path}.set");
        if variables.set.is_empty() {
            let help = "write `set: { max_connections: \"100\" }`";
            self.refuse(&path, "no variable at all would hold anywhere", help);
        }
        for name in variables.set.keys() {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(fits) {
                let title = format!("`{name}` is no name of a variable");
                let help = "write letters, digits and `_`, as `SHOW GLOBAL VARIABLES` does";
                self.refuse(&path, title, help);
            }
        }
    }

    fn node(&mut self, path: &str, node: &NodeIs) {
        self.nodes_only(&format!("{path}.name"), &node.name);
        let words = [
            &node.role,
            &node.state,
            &node.availability,
            &node.reachability,
        ];
        if words.into_iter().all(Option::is_none) && node.leader.is_none() {
            let help = "write one of `role`, `state`, `availability`, `reachability`, `leader`";
            self.refuse(path, "nothing is said of this node", help);
        }
        if node.leader == Some(true) && node.name == Target::EveryNode {
            let help = "write `nodes: { leaders: 1 }`";
            self.refuse(&format!("{path}.leader"), "only one node leads", help);
        }
        let down = node.name == Target::EveryNode && node.state.as_deref() == Some("ready");
        if down {
            self.never_ready(&format!("{path}.state"));
        }
    }

    fn nodes(&mut self, path: &str, counts: &NodeCounts) {
        let numbers = [
            counts.managers,
            counts.workers,
            counts.ready,
            counts.leaders,
        ];
        if numbers.into_iter().all(|number| number.is_none()) {
            let help = "write one of `managers`, `workers`, `ready`, `leaders`";
            self.refuse(path, "nothing is counted", help);
        }
        if counts.leaders.is_some_and(|leaders| leaders > 1) {
            let help = "write `leaders: 1`, or 0 where nobody is to lead";
            self.refuse(&format!("{path}.leaders"), "only one node leads", help);
        }
        let all = self.topology.nodes.len();
        if counts.ready.is_some_and(|ready| usize::from(ready) >= all) {
            self.never_ready(&format!("{path}.ready"));
        }
    }

    /// A node that a fault has in its grip is not ready, so this would never be seen again.
    fn never_ready(&mut self, path: &str) {
        let scenario = self.scenario();
        let recovers = |one: &Expectation| matches!(one, Expectation::Recovers(_));
        if !scenario.faults.is_empty() && scenario.expect.iter().any(recovers) {
            let title = "not every node is ready while a fault lasts, so nothing would recover";
            let help = "leave it out here, or count only the nodes that are not broken";
            self.refuse(path, title, help);
        }
    }

    fn docker(&mut self, path: &str, docker: &DockerCommand) {
        if docker.node == Target::Part(Part::Balancer) {
            self.target(&format!("{path}.node"), &docker.node);
        } else {
            self.nodes_only(&format!("{path}.node"), &docker.node);
        }
        let args = docker.args.trim();
        let fits = |c: char| !c.is_control() && !matches!(c, '"' | '\'' | '`' | '\\');
        if args.is_empty() || !args.chars().all(fits) {
            let title = format!("`{args}` is no command of `docker`");
            let help = "write plain words such as `service ls`; no shell reads them";
            self.refuse(&format!("{path}.args"), title, help);
        }
        let prints = docker.prints.as_deref();
        if prints.is_some_and(|text| text.trim().is_empty() || text.contains('\n')) {
            let help = "write words that stand on one line of the output";
            let path = format!("{path}.prints");
            self.refuse(&path, "every output, or none, would do", help);
        }
        if docker.without_certificate == Some(true) && self.scenario().cluster.api != Api::Tls {
            let title = "nobody is asked for a certificate here";
            let help = "write `api: tls` under `cluster`, or leave this out";
            let path = format!("{path}.without_certificate");
            self.refuse(&path, title, help);
        }
        if docker.refused == Some(true) && prints.is_none() {
            let title = "a command may fail for any reason: a refusal is known by its words";
            let help = "write some of its error under `prints`, such as `bad certificate`";
            self.refuse(&format!("{path}.refused"), title, help);
        }
    }
}
