//! Who a fault, a probe or a workload is aimed at, in words.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

/// A choice of machines: `leader`, `manager`, `worker`, `every_node`, `{ host_of: mariadb }`, a
/// node's name, or `balancer`, `registry` or `storage`. Resolved when it is needed; the choice is
/// journaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The manager that leads now.
    Leader,
    /// One manager, chosen by the seed.
    Manager,
    /// One worker, chosen by the seed.
    Worker,
    /// Every node.
    EveryNode,
    /// The node that runs a live task of this service; the lowest slot if there are several.
    HostOf(String),
    /// A machine of the lab that is no node.
    Part(Part),
    /// The node of this name.
    Node(String),
}

/// A machine of the lab that is no node of the swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The load balancer: `balancer`.
    Balancer,
    /// The image registry: `registry`.
    Registry,
    /// The storage machine: `storage`.
    Storage,
}

impl Part {
    /// The word of a scenario, which is the machine's host name too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Balancer => "balancer",
            Self::Registry => "registry",
            Self::Storage => "storage",
        }
    }
}

impl Target {
    /// Reads a bare word; every word that is not one of ours is a node's name.
    pub fn from_word(word: &str) -> Self {
        match word {
            "leader" => Self::Leader,
            "manager" => Self::Manager,
            "worker" => Self::Worker,
            "every_node" => Self::EveryNode,
            "balancer" => Self::Part(Part::Balancer),
            "registry" => Self::Part(Part::Registry),
            "storage" => Self::Part(Part::Storage),
            name => Self::Node(name.to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader => f.write_str("leader"),
            Self::Manager => f.write_str("manager"),
            Self::Worker => f.write_str("worker"),
            Self::EveryNode => f.write_str("every_node"),
            Self::HostOf(service) => write!(f, "host_of: {service}"),
            Self::Part(part) => f.write_str(part.name()),
            Self::Node(name) => f.write_str(name),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::HostOf(service) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("host_of", service)?;
                map.end()
            }
            word => serializer.collect_str(word),
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TargetVisitor)
    }
}

/// Accepts a bare word or a `host_of` map.
struct TargetVisitor;

impl<'de> Visitor<'de> for TargetVisitor {
    type Value = Target;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "`leader`, `manager`, `worker`, `every_node`, `{ host_of: SERVICE }` or a node's name",
        )
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Target, E> {
        Ok(Target::from_word(word))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Target, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(de::Error::custom(
                "an empty target; write `{ host_of: SERVICE }`",
            ));
        };
        if key != "host_of" {
            return Err(de::Error::unknown_field(&key, &["host_of"]));
        }
        let target = Target::HostOf(map.next_value()?);
        match map.next_key::<String>()? {
            Some(extra) => Err(de::Error::unknown_field(&extra, &["host_of"])),
            None => Ok(target),
        }
    }
}

impl JsonSchema for Target {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "leader, manager, worker, every_node, { host_of: SERVICE }, a node, \
                            balancer, registry or storage",
            "oneOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": { "host_of": { "type": "string" } },
                    "required": ["host_of"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
