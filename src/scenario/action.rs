//! Actions of a scenario file: what an operator changes on purpose while the scenario runs.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::Target;
use crate::units::Span;

/// One change that an operator makes on purpose. It is no fault, and nobody undoes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// When at the earliest, counted from the moment that the load began. It also waits until every
    /// earlier action was confirmed and every earlier fault is healed.
    pub at: Span,
    /// What to change.
    #[serde(rename = "do")]
    pub verb: ActionVerb,
    /// How long it may take until it is seen; multiplied by the place's patience. Default 2m. Of an
    /// `upgrade` each node may take so long until it is back, and again so long until all is as
    /// before; default 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// An action and what it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ActionVerb {
    /// Gives a replicated service another number of tasks.
    Scale(Scale),
    /// Makes a worker a manager.
    Promote(Target),
    /// Makes a manager a worker.
    Demote(Target),
    /// Moves every task off a node.
    Drain(Target),
    /// Lets a node take tasks again.
    Activate(Target),
    /// Changes a service's image, environment or arguments, task by task.
    Update(Update),
    /// Removes a service, by its name in the stack file. Removing a stack's last service is what
    /// `docker stack rm` does: the stack's networks are removed too.
    Remove(String),
    /// Deploys a further stack file, beside the scenario file.
    Deploy(String),
    /// A node leaves the swarm: a manager is demoted first, and the managers forget the node.
    Leave(Target),
    /// A node that left joins again.
    Join(Join),
    /// Nodes' own engines pull an image, before any task needs it.
    Pull(Pull),
    /// Overwrites a file of the share on the storage machine, or makes it. Needs `cluster.nfs`.
    Write(Write),
    /// Every node gets the engine that the place was told to upgrade to, one after the other:
    /// drained, off, its system disk exchanged, on, activated. After each, all must be as before.
    Upgrade(UpgradeOrder),
}

impl ActionVerb {
    /// The verb as a scenario spells it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Scale(_) => "scale",
            Self::Promote(_) => "promote",
            Self::Demote(_) => "demote",
            Self::Drain(_) => "drain",
            Self::Activate(_) => "activate",
            Self::Update(_) => "update",
            Self::Remove(_) => "remove",
            Self::Deploy(_) => "deploy",
            Self::Leave(_) => "leave",
            Self::Join(_) => "join",
            Self::Pull(_) => "pull",
            Self::Write(_) => "write",
            Self::Upgrade(_) => "upgrade",
        }
    }
}

/// Another number of tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The service's name in the stack file.
    pub service: String,
    /// How many tasks.
    pub replicas: u32,
}

/// A service as it shall be; what is left out stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// The service's name in the stack file.
    pub service: String,
    /// The new image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Environment variables that are added or changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The new arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
}

/// An image that nodes shall have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// The image, exactly as a stack file of the scenario writes it, variables and all.
    pub image: String,
    /// The nodes. Default `every_node`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Target>,
}

impl Pull {
    /// The nodes.
    pub fn on(&self) -> Target {
        self.on.clone().unwrap_or(Target::EveryNode)
    }
}

/// A file of the share, as it shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The path on the share, such as `nginx-01/index.html`; the folder must be there.
    pub path: String,
    /// The whole content, byte for byte.
    pub content: String,
}

/// Who comes first in an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpgradeOrder {
    /// The managers.
    ManagersFirst,
    /// The workers.
    WorkersFirst,
}

/// The node that joins: its name, or its name and how it joins.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum Join {
    /// As what it was in the beginning.
    Node(String),
    /// As this.
    How(JoinHow),
}

impl Join {
    /// The node's name.
    pub fn node(&self) -> &str {
        match self {
            Self::Node(node) => node,
            Self::How(how) => &how.node,
        }
    }

    /// True if it says that it joins as a manager.
    pub fn is_manager(&self) -> bool {
        matches!(self, Self::How(how) if how.role == Some(JoinAs::Manager))
    }

    /// The token that it joins with.
    pub fn token(&self) -> Token {
        match self {
            Self::Node(_) => Token::Right,
            Self::How(how) => how.token.unwrap_or_default(),
        }
    }
}

impl Serialize for Join {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Node(node) => serializer.serialize_str(node),
            Self::How(how) => how.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Join {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JoinVisitor)
    }
}

/// Accepts a node's name, or a map.
struct JoinVisitor;

impl<'de> Visitor<'de> for JoinVisitor {
    type Value = Join;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node's name, or `{ node: server-22, as: manager }`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Join, E> {
        Ok(Join::Node(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Join, A::Error> {
        JoinHow::deserialize(MapAccessDeserializer::new(map)).map(Join::How)
    }
}

/// How a node joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinHow {
    /// The node's name.
    pub node: String,
    /// As what. Default: as what it was in the beginning.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub role: Option<JoinAs>,
    /// The token that it shows. Default `right`; with any other it must be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
}

/// What a node joins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinAs {
    /// It votes.
    Manager,
    /// It only runs tasks.
    Worker,
}

/// The token that a node shows when it joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// The one that is valid.
    #[default]
    Right,
    /// One that never was.
    Wrong,
    /// One that was valid until the harness had it replaced, just before.
    Rotated,
}
