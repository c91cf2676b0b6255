//! A fault, ready to be injected, with all that its undo needs.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::Direction;
use crate::units::{Port, Share, Span};

/// A fault, ready to be injected, with all that its undo needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Index in the plan.
    pub fault: usize,
    /// The verb, as a scenario spells it.
    pub verb: String,
    /// The nodes, by name; never empty.
    pub targets: Vec<String>,
    /// Why these: `host_of: mariadb (task mariadb-nfs_mariadb.1)`.
    pub chosen: String,
    /// What becomes of which frames, where not a whole machine is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Where a whole machine is cut off: another, that it tries to reach, so that it sends frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// What happens inside of its machine, and how it was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
}

/// What happens inside of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inside {
    /// The service whose task is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// By how much the clock jumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Span>,
    /// By node, how it was before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub before: BTreeMap<String, NodeBefore>,
}

/// How a node was before a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeBefore {
    /// What ran as its engine; none where nobody could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The containers that are meant, of those that ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
}

/// What becomes of the frames of one flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The machine.
    pub node: String,
    /// Between it and whom; empty for everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Which of its frames.
    pub direction: Direction,
    /// Only frames from and to this port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// How slow they are; dropped where this is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slowness>,
    /// The machine that tries whether they pass.
    pub witness: String,
}

/// How slow frames are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slowness {
    /// How long each is held.
    pub delay: Span,
    /// By how much that is more or less.
    pub jitter: Span,
    /// The share that is lost.
    pub loss: Share,
    /// How long a round trip took before, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_us: Option<u64>,
}

impl fmt::Display for Rule {
    /// What is said after the machine: ` from server-12, out`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.from.is_empty() {
            write!(f, " from {}", self.from.join(", "))?;
        }
        if let Some(port) = self.port {
            write!(f, ", {port}")?;
        }
        match self.direction {
            Direction::In => f.write_str(", in")?,
            Direction::Out => f.write_str(", out")?,
            Direction::Both => {}
        }
        let Some(slow) = &self.slow else {
            return Ok(());
        };
        if slow.delay > Span::default() {
            write!(f, ", by {}", slow.delay)?;
        }
        if slow.jitter > Span::default() {
            write!(f, " ± {}", slow.jitter)?;
        }
        if slow.loss.0 > 0.0 {
            write!(f, ", {} lost", slow.loss)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn slow(delay: u64, jitter: u64, loss: f64) -> Option<Slowness> {
        Some(Slowness {
            delay: Span::millis(delay),
            jitter: Span::millis(jitter),
            loss: Share(loss),
            before_us: None,
        })
    }

    #[rstest]
    #[case::dropped(Direction::Both, None, "")]
    #[case::to_it(Direction::In, None, ", in")]
    #[case::late(Direction::Both, slow(100, 0, 0.0), ", by 100ms")]
    #[case::now_and_then(Direction::Both, slow(100, 20, 0.0), ", by 100ms ± 20ms")]
    #[case::lossy(Direction::Both, slow(0, 0, 0.1), ", 10% lost")]
    #[case::all(Direction::Out, slow(100, 20, 0.1), ", out, by 100ms ± 20ms, 10% lost")]
    fn a_rule_says_which_frames_it_is_about(
        #[case] direction: Direction,
        #[case] slow: Option<Slowness>,
        #[case] text: &str,
    ) {
        let mut rule = Rule {
            node: "server-2".to_owned(),
            from: Vec::new(),
            direction,
            port: None,
            slow,
            witness: "server-3".to_owned(),
        };
        assert_eq!(rule.to_string(), text);
        rule.from = vec!["server-4".to_owned(), "server-5".to_owned()];
        rule.port = Some(Port::tcp(2377));
        let flow = " from server-4, server-5, 2377/tcp";
        assert_eq!(rule.to_string(), format!("{flow}{text}"));
    }
}
