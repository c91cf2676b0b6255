//! Faults of single flows on the LAN: between whom, which way, on which port.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::Target;
use crate::units::{Port, Share, Span};

/// Which frames of a machine are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Those to it.
    In,
    /// Those from it.
    Out,
    /// All of them.
    #[default]
    Both,
}

/// What is cut off: a whole machine, or one direction or one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolate {
    /// No frame in or out.
    Whole(Target),
    /// Some of them.
    Partly(Cut),
}

/// A cut between a machine and others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// The machine.
    pub node: Target,
    /// Whom it is cut off from. Default: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Target>,
    /// Which of its frames are dropped: `in`, `out` or `both`. Default `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
}

/// A port that is cut, as a firewall does it: frames from it and to it, on either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// The machine.
    pub node: Target,
    /// Between it and whom. Default: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Target>,
    /// Which of its frames are dropped: `in`, `out` or `both`. Default `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The port, with its protocol.
    pub port: Port,
}

/// A link that is slow, or loses frames. At least one of `delay` and `loss`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// The machine.
    pub node: Target,
    /// Between it and whom. Default: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Target>,
    /// Which of its frames are slow: `in`, `out` or `both`. Default `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Only frames from and to this port. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// How long each frame is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// By how much that is more or less; at most `delay`. Frames keep their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// The share of frames that are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Share>,
}

/// What the faults of this file have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow<'a> {
    /// The machine.
    pub node: &'a Target,
    /// Between it and whom, if not everybody.
    pub from: Option<&'a Target>,
    /// Which of its frames.
    pub direction: Direction,
    /// On which port, if not all.
    pub port: Option<Port>,
    /// How slow; none where frames are dropped.
    pub slow: Option<&'a Slow>,
}

impl<'a> Flow<'a> {
    /// Every frame between a machine and others, one way or both.
    fn of(node: &'a Target, from: Option<&'a Target>, direction: Option<Direction>) -> Self {
        Self {
            node,
            from,
            direction: direction.unwrap_or_default(),
            port: None,
            slow: None,
        }
    }
}

impl Isolate {
    /// The machine.
    pub fn node(&self) -> &Target {
        match self {
            Self::Whole(node) => node,
            Self::Partly(cut) => &cut.node,
        }
    }

    /// The flow that is cut, if it is not everything.
    pub fn flow(&self) -> Option<Flow<'_>> {
        match self {
            Self::Whole(_) => None,
            Self::Partly(cut) => Some(Flow::of(&cut.node, cut.from.as_ref(), cut.direction)),
        }
    }
}

impl Drop {
    /// The flow that is cut.
    pub fn flow(&self) -> Flow<'_> {
        Flow {
            port: Some(self.port),
            ..Flow::of(&self.node, self.from.as_ref(), self.direction)
        }
    }
}

impl Slow {
    /// The flow that is slow.
    pub fn flow(&self) -> Flow<'_> {
        Flow {
            port: self.port,
            slow: Some(self),
            ..Flow::of(&self.node, self.from.as_ref(), self.direction)
        }
    }
}

impl fmt::Display for Flow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.node)?;
        if let Some(from) = self.from {
            write!(f, " from {from}")?;
        }
        if let Some(port) = self.port {
            write!(f, ", {port}")?;
        }
        match self.direction {
            Direction::In => f.write_str(", in")?,
            Direction::Out => f.write_str(", out")?,
            Direction::Both => {}
        }
        let Some(slow) = self.slow else { return Ok(()) };
        if let Some(delay) = slow.delay {
            write!(f, ", by {delay}")?;
        }
        if let Some(jitter) = slow.jitter {
            write!(f, " ± {jitter}")?;
        }
        match slow.loss {
            Some(loss) => write!(f, ", {loss} lost"),
            None => Ok(()),
        }
    }
}

impl From<Target> for Isolate {
    fn from(node: Target) -> Self {
        Self::Whole(node)
    }
}

impl Serialize for Isolate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(node) => node.serialize(serializer),
            Self::Partly(cut) => cut.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Isolate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IsolateVisitor)
    }
}

/// Accepts a target, or a map with more than that.
struct IsolateVisitor;

/// The keys of either map.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    host_of: Option<String>,
    node: Option<Target>,
    from: Option<Target>,
    direction: Option<Direction>,
}

impl<'de> Visitor<'de> for IsolateVisitor {
    type Value = Isolate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a target, or `{ node: leader, direction: out }`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Isolate, E> {
        Ok(Isolate::Whole(Target::from_word(word)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Isolate, A::Error> {
        let keys = Keys::deserialize(MapAccessDeserializer::new(map))?;
        match (keys.host_of, keys.node, keys.from, keys.direction) {
            (Some(service), None, None, None) => Ok(Isolate::Whole(Target::HostOf(service))),
            (None, Some(node), from, direction) => Ok(Isolate::Partly(Cut {
                node,
                from,
                direction,
            })),
            _ => Err(de::Error::custom(
                "write `{ host_of: SERVICE }`, or `{ node: leader, direction: out }`",
            )),
        }
    }
}

impl JsonSchema for Isolate {
    fn schema_name() -> Cow<'static, str> {
        "Isolate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let whole = generator.subschema_for::<Target>();
        let partly = generator.subschema_for::<Cut>();
        json_schema!({
            "description": "a machine, or one direction or one pair of it",
            "oneOf": [whole, partly]
        })
    }
}
