//! Conditions of the steady state.

use super::{Decoder, Form};
use crate::scenario::yaml::Node;
use crate::scenario::{
    DockerCommand, Gone, Http, Mount, MountKind, NodeCounts, NodeIs, PortClosed, Probe, Running,
    Sql, Variables,
};

pub(super) const PROBE: Form = Form {
    name: "probe",
    keys: &[
        "running",
        "sql",
        "http",
        "port_closed",
        "gone",
        "mount",
        "variables",
        "node",
        "nodes",
        "docker",
    ],
    example: "running: { service: mariadb, replicas: 1 }",
};

pub(super) const RUNNING: Form = Form {
    name: "`running`",
    keys: &["service", "replicas"],
    example: "running: { service: mariadb, replicas: 1 }",
};

pub(super) const SQL: Form = Form {
    name: "`sql`",
    keys: &["service", "query", "within"],
    example: "sql: { service: mariadb, query: SELECT 1, within: 2s }",
};

pub(super) const HTTP: Form = Form {
    name: "`http`",
    keys: &["via", "port", "path", "body", "within"],
    example: "http: { port: 80, path: /, body: \"hello\\n\", within: 2s }",
};

pub(super) const PORT_CLOSED: Form = Form {
    name: "`port_closed`",
    keys: &["port", "via"],
    example: "port_closed: { port: 2375, via: every_node }",
};

pub(super) const GONE: Form = Form {
    name: "`gone`",
    keys: &["service"],
    example: "gone: { service: nginx }",
};

pub(super) const MOUNT: Form = Form {
    name: "`mount`",
    keys: &["service", "at", "read_only", "type"],
    example: "mount: { service: nginx, at: /usr/share/nginx/html, read_only: true, type: nfs }",
};

pub(super) const VARIABLES: Form = Form {
    name: "`variables`",
    keys: &["service", "set", "within"],
    example: "variables: { service: mariadb, set: { max_connections: \"100\" } }",
};

pub(super) const NODE: Form = Form {
    name: "`node`",
    keys: &[
        "name",
        "role",
        "state",
        "availability",
        "reachability",
        "leader",
    ],
    example: "node: { name: server-22, role: manager, state: ready }",
};

pub(super) const NODES: Form = Form {
    name: "`nodes`",
    keys: &["managers", "workers", "ready", "leaders"],
    example: "nodes: { managers: 3, workers: 1, leaders: 1 }",
};

pub(super) const DOCKER: Form = Form {
    name: "`docker`",
    keys: &["node", "args", "prints", "refused", "without_certificate"],
    example: "docker: { node: server-3, args: service ls, prints: \"1/1\" }",
};

const YES_OR_NO: &[(&str, bool)] = &[("true", true), ("false", false)];
const MOUNTS: &[(&str, MountKind)] = &[("nfs", MountKind::Nfs), ("local", MountKind::Local)];
const ROLES: &[&str] = &["manager", "worker"];
/// moby `api/types/swarm/node.go`: `NodeState`, `NodeAvailability`, `Reachability`.
const STATES: &[&str] = &["ready", "down", "unknown", "disconnected"];
const AVAILABILITIES: &[&str] = &["active", "pause", "drain"];
const REACHABILITIES: &[&str] = &["reachable", "unreachable", "unknown"];

impl Decoder<'_> {
    pub(super) fn probe(&mut self, node: &Node) -> Option<Probe> {
        let (verb, node) = self.verb(&PROBE, node)?;
        match verb {
            "running" => self.running(node).map(Probe::Running),
            "sql" => self.sql(node).map(Probe::Sql),
            "http" => self.http(node).map(Probe::Http),
            "port_closed" => self.port_closed(node).map(Probe::PortClosed),
            "gone" => self.gone(node).map(Probe::Gone),
            "mount" => self.mount(node).map(Probe::Mount),
            "variables" => self.variables(node).map(Probe::Variables),
            "node" => self.node_is(node).map(Probe::Node),
            "nodes" => self.node_counts(node).map(Probe::Nodes),
            _ => self.docker(node).map(Probe::Docker),
        }
    }

    fn running(&mut self, node: &Node) -> Option<Running> {
        let fields = self.fields(&RUNNING, node)?;
        let service = self.need(&fields, "service", Self::text);
        let replicas = self.need(&fields, "replicas", Self::number);
        Some(Running {
            service: service?,
            replicas: replicas?,
        })
    }

    fn sql(&mut self, node: &Node) -> Option<Sql> {
        let fields = self.fields(&SQL, node)?;
        let service = self.need(&fields, "service", Self::text);
        let query = self.need(&fields, "query", Self::text);
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Sql {
            service: service?,
            query: query?,
            within: within?,
        })
    }

    fn http(&mut self, node: &Node) -> Option<Http> {
        let fields = self.fields(&HTTP, node)?;
        let via = self.maybe(&fields, "via", Self::target);
        let port = self.need(&fields, "port", Self::number);
        let path = self.maybe(&fields, "path", Self::text);
        let body = self.need(&fields, "body", Self::text);
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Http {
            via: via?,
            port: port?,
            path: path?,
            body: body?,
            within: within?,
        })
    }

    fn port_closed(&mut self, node: &Node) -> Option<PortClosed> {
        let fields = self.fields(&PORT_CLOSED, node)?;
        let port = self.need(&fields, "port", Self::number);
        let via = self.maybe(&fields, "via", Self::target);
        Some(PortClosed {
            port: port?,
            via: via?,
        })
    }

    fn gone(&mut self, node: &Node) -> Option<Gone> {
        let fields = self.fields(&GONE, node)?;
        let service = self.need(&fields, "service", Self::text);
        service.map(|service| Gone { service })
    }

    fn mount(&mut self, node: &Node) -> Option<Mount> {
        let fields = self.fields(&MOUNT, node)?;
        let service = self.need(&fields, "service", Self::text);
        let at = self.need(&fields, "at", Self::text);
        let read_only = self.maybe(&fields, "read_only", Self::yes_or_no);
        let kind = self.maybe(&fields, "type", |decoder, name, node| {
            decoder.word(name, node, MOUNTS)
        });
        Some(Mount {
            service: service?,
            at: at?,
            read_only: read_only?,
            kind: kind?,
        })
    }

    fn variables(&mut self, node: &Node) -> Option<Variables> {
        let fields = self.fields(&VARIABLES, node)?;
        let service = self.need(&fields, "service", Self::text);
        let set = self.need(&fields, "set", |decoder, name, node| {
            decoder.texts(name, node, "write `{ max_connections: \"100\" }`")
        });
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Variables {
            service: service?,
            set: set?,
            within: within?,
        })
    }

    fn node_is(&mut self, node: &Node) -> Option<NodeIs> {
        let fields = self.fields(&NODE, node)?;
        let one_of = |known: &'static [&'static str]| {
            move |decoder: &mut Self, name: &'static str, node: &Node| {
                decoder.known_word(name, node, known)
            }
        };
        let name = self.need(&fields, "name", Self::target);
        let role = self.maybe(&fields, "role", one_of(ROLES));
        let state = self.maybe(&fields, "state", one_of(STATES));
        let availability = self.maybe(&fields, "availability", one_of(AVAILABILITIES));
        let reachability = self.maybe(&fields, "reachability", one_of(REACHABILITIES));
        let leader = self.maybe(&fields, "leader", Self::yes_or_no);
        Some(NodeIs {
            name: name?,
            role: role?,
            state: state?,
            availability: availability?,
            reachability: reachability?,
            leader: leader?,
        })
    }

    fn node_counts(&mut self, node: &Node) -> Option<NodeCounts> {
        let fields = self.fields(&NODES, node)?;
        let managers = self.maybe(&fields, "managers", Self::number);
        let workers = self.maybe(&fields, "workers", Self::number);
        let ready = self.maybe(&fields, "ready", Self::number);
        let leaders = self.maybe(&fields, "leaders", Self::number);
        Some(NodeCounts {
            managers: managers?,
            workers: workers?,
            ready: ready?,
            leaders: leaders?,
        })
    }

    fn docker(&mut self, node: &Node) -> Option<DockerCommand> {
        let fields = self.fields(&DOCKER, node)?;
        let node = self.need(&fields, "node", Self::target);
        let args = self.need(&fields, "args", Self::text);
        let prints = self.maybe(&fields, "prints", Self::text);
        let refused = self.maybe(&fields, "refused", Self::yes_or_no);
        let stranger = self.maybe(&fields, "without_certificate", Self::yes_or_no);
        Some(DockerCommand {
            node: node?,
            args: args?,
            prints: prints?,
            refused: refused?,
            without_certificate: stranger?,
        })
    }

    pub(super) fn yes_or_no(&mut self, name: &str, node: &Node) -> Option<bool> {
        self.word(name, node, YES_OR_NO)
    }

    /// One of a few words, as text.
    fn known_word(&mut self, name: &str, node: &Node, known: &[&'static str]) -> Option<String> {
        let words: Vec<(&str, &str)> = known.iter().map(|word| (*word, *word)).collect();
        self.word(name, node, &words).map(str::to_owned)
    }
}
