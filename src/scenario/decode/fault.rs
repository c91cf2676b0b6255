//! Faults and their targets.

use super::{Decoder, Form};
use crate::scenario::yaml::{Node, Value};
use crate::scenario::{Fault, FaultAction, Target};

pub(super) const FAULT: Form = Form {
    name: "a fault",
    keys: &["at", "do", "for"],
    example: "{ at: 15s, do: { stop: { host_of: mariadb } } }",
};

pub(super) const ACTION: Form = Form {
    name: "fault",
    keys: &["stop", "kill", "pause", "isolate"],
    example: "{ stop: { host_of: mariadb } }",
};

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
        let target = self.target(verb, node)?;
        Some(match verb {
            "stop" => FaultAction::Stop(target),
            "kill" => FaultAction::Kill(target),
            "pause" => FaultAction::Pause(target),
            _ => FaultAction::Isolate(target),
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
