//! Faults and their targets.

use super::{Decoder, Fields, Form};
use crate::scenario::yaml::{Node, Value};
use crate::scenario::{Cut, Direction, Drop, Fault, FaultAction, Isolate, Skew, Slow, Target};

pub(super) const FAULT: Form = Form {
    name: "a fault",
    keys: &["at", "do", "for"],
    example: "{ at: 15s, do: { stop: { host_of: mariadb } } }",
};

pub(super) const ACTION: Form = Form {
    name: "fault",
    keys: &[
        "stop",
        "kill",
        "pause",
        "isolate",
        "drop",
        "slow",
        "crash",
        "restart",
        "kill_task",
        "skew",
        "fill",
    ],
    example: "{ stop: { host_of: mariadb } }",
};

pub(super) const SKEW: Form = Form {
    name: "`skew`",
    keys: &["node", "by"],
    example: "skew: { node: worker, by: 1h }",
};

pub(super) const CUT: Form = Form {
    name: "`isolate`",
    keys: &["node", "from", "direction"],
    example: "isolate: { node: leader, from: worker, direction: out }",
};

pub(super) const DROP: Form = Form {
    name: "`drop`",
    keys: &["node", "from", "direction", "port"],
    example: "drop: { node: worker, port: 7946/udp }",
};

pub(super) const SLOW: Form = Form {
    name: "`slow`",
    keys: &[
        "node",
        "from",
        "direction",
        "port",
        "delay",
        "jitter",
        "loss",
    ],
    example: "slow: { node: storage, delay: 100ms, jitter: 20ms, loss: 1% }",
};

const DIRECTIONS: &[(&str, Direction)] = &[
    ("in", Direction::In),
    ("out", Direction::Out),
    ("both", Direction::Both),
];

pub(super) const TARGET: Form = Form {
    name: "a target",
    keys: &["host_of"],
    example: "{ host_of: mariadb }",
};

impl Decoder<'_> {
    pub(super) fn fault(&mut self, node: &Node) -> Option<Fault> {
        let fields = self.fields(&FAULT, node)?;
        let at = self.need(&fields, "at", Self::unit);
        let action = self.need(&fields, "do", |decoder, _, node| decoder.fault_action(node));
        let duration = self.maybe(&fields, "for", Self::unit);
        Some(Fault {
            at: at?,
            action: action?,
            duration: duration?,
        })
    }

    fn fault_action(&mut self, node: &Node) -> Option<FaultAction> {
        let (verb, node) = self.verb(&ACTION, node)?;
        Some(match verb {
            "stop" => FaultAction::Stop(self.target(verb, node)?),
            "kill" => FaultAction::Kill(self.target(verb, node)?),
            "pause" => FaultAction::Pause(self.target(verb, node)?),
            "isolate" => FaultAction::Isolate(self.isolate(verb, node)?),
            "drop" => FaultAction::Drop(self.drop(node)?),
            "slow" => FaultAction::Slow(self.slow(node)?),
            "crash" => FaultAction::Crash(self.target(verb, node)?),
            "restart" => FaultAction::Restart(self.target(verb, node)?),
            "kill_task" => FaultAction::KillTask(self.target(verb, node)?),
            "skew" => FaultAction::Skew(self.skew(node)?),
            _ => FaultAction::Fill(self.target(verb, node)?),
        })
    }

    fn direction(&mut self, name: &'static str, node: &Node) -> Option<Direction> {
        self.word(name, node, DIRECTIONS)
    }

    /// A target, or a map that says more. A map without `host_of` is meant to be the latter.
    fn isolate(&mut self, verb: &'static str, node: &Node) -> Option<Isolate> {
        let partly = CUT.keys.iter().any(|key| node.get(key).is_some());
        if !partly {
            return self.target(verb, node).map(Isolate::Whole);
        }
        let fields = self.fields(&CUT, node)?;
        self.cut(&fields).map(Isolate::Partly)
    }

    /// What every fault of a flow says: whose frames, and which of them.
    fn cut(&mut self, fields: &Fields<'_>) -> Option<Cut> {
        let node = self.need(fields, "node", Self::target);
        let from = self.maybe(fields, "from", Self::target);
        let direction = self.maybe(fields, "direction", Self::direction);
        Some(Cut {
            node: node?,
            from: from?,
            direction: direction?,
        })
    }

    fn skew(&mut self, node: &Node) -> Option<Skew> {
        let fields = self.fields(&SKEW, node)?;
        let node = self.need(&fields, "node", Self::target);
        let by = self.need(&fields, "by", Self::unit);
        Some(Skew {
            node: node?,
            by: by?,
        })
    }

    fn drop(&mut self, node: &Node) -> Option<Drop> {
        let fields = self.fields(&DROP, node)?;
        let cut = self.cut(&fields);
        let port = self.need(&fields, "port", Self::unit);
        let cut = cut?;
        Some(Drop {
            node: cut.node,
            from: cut.from,
            direction: cut.direction,
            port: port?,
        })
    }

    fn slow(&mut self, node: &Node) -> Option<Slow> {
        let fields = self.fields(&SLOW, node)?;
        let cut = self.cut(&fields);
        let port = self.maybe(&fields, "port", Self::unit);
        let delay = self.maybe(&fields, "delay", Self::unit);
        let jitter = self.maybe(&fields, "jitter", Self::unit);
        let loss = self.maybe(&fields, "loss", Self::unit);
        let cut = cut?;
        Some(Slow {
            node: cut.node,
            from: cut.from,
            direction: cut.direction,
            port: port?,
            delay: delay?,
            jitter: jitter?,
            loss: loss?,
        })
    }

    /// A choice of nodes.
    pub(super) fn target(&mut self, name: &str, node: &Node) -> Option<Target> {
        if matches!(node.value, Value::Map(_)) {
            let fields = self.fields(&TARGET, node)?;
            return self
                .need(&fields, "host_of", Self::text)
                .map(Target::HostOf);
        }
        // A word that YAML could read as anything but a word is no host name.
        let word = node.text().filter(|word| {
            let host = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let truth = ["true", "false", "yes", "no", "on", "off", "y", "n"];
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.bytes().all(|byte| host(byte) || byte == b'_')
                && word.parse::<f64>().is_err()
                && !truth.contains(&word.to_ascii_lowercase().as_str())
        });
        if word.is_none() {
            let help = "write `leader`, `manager`, `worker`, `every_node`, \
                        `{ host_of: SERVICE }` or a node's name";
            self.wrong(&node.span, format!("`{name}` has no target"), help);
        }
        word.map(Target::from_word)
    }
}
