//! Actions of a plan: every default filled in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{Options, Role, Stack, Topology, stack};
use crate::scenario::{
    ActionVerb, Join, JoinAs, Loaded, Mistake, Scenario, Target, Token, UpgradeOrder,
};
use crate::units::Span;

/// How long an action may take until it is seen, before patience: a container of an emulated
/// machine takes up to a minute to start, and an update starts them one by one.
const WITHIN: Span = Span::secs(120);

/// How long a node's turn in an upgrade may take, before patience: its tasks start elsewhere, it
/// shuts down and boots, and a database that follows each node starts once more.
const TURN: Span = Span::secs(300);

/// One action of the plan; its index in [`super::Plan::actions`] is its identity in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// When at the earliest, counted from the moment that the load began.
    pub at: Span,
    /// What to change.
    pub change: Change,
    /// How long it may take until it is seen, patience included; of an upgrade each half of a
    /// node's turn.
    pub within: Span,
}

/// A change of the swarm, as an operator makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Another number of tasks.
    Scale {
        /// The service's name in the stack file.
        service: String,
        /// How many.
        replicas: u32,
    },
    /// A worker becomes a manager.
    Promote(Target),
    /// A manager becomes a worker.
    Demote(Target),
    /// Every task moves off a node.
    Drain(Target),
    /// A node takes tasks again.
    Activate(Target),
    /// A service's tasks are replaced by others.
    Update {
        /// The service's name in the stack file.
        service: String,
        /// The new image, if it changes.
        image: Option<String>,
        /// Environment variables that are added or changed. In a journal without passwords.
        #[serde(serialize_with = "without_passwords")]
        env: BTreeMap<String, String>,
        /// The new arguments, if they change.
        args: Option<Vec<String>>,
    },
    /// A service is removed.
    Remove {
        /// The service's name in the stack file.
        service: String,
    },
    /// A further stack is deployed.
    Deploy(Stack),
    /// A node leaves the swarm.
    Leave(Target),
    /// A node that left joins again.
    Join {
        /// The node's name.
        node: String,
        /// As what.
        role: Role,
        /// The token that it shows; with any but the right one it must be refused.
        token: Token,
    },
    /// Nodes' own engines pull an image.
    Pull {
        /// The image, as the stack file names it, variables and all.
        image: String,
        /// The nodes.
        on: Target,
    },
    /// A file of the share holds something else.
    Write {
        /// The path on the share.
        path: String,
        /// The whole content.
        content: String,
    },
    /// Every node gets the engine that the place was told to upgrade to, one after the other.
    Upgrade(UpgradeOrder),
}

impl Change {
    /// The verb as a scenario spells it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Scale { .. } => "scale",
            Self::Promote(_) => "promote",
            Self::Demote(_) => "demote",
            Self::Drain(_) => "drain",
            Self::Activate(_) => "activate",
            Self::Update { .. } => "update",
            Self::Remove { .. } => "remove",
            Self::Deploy(_) => "deploy",
            Self::Leave(_) => "leave",
            Self::Join { .. } => "join",
            Self::Pull { .. } => "pull",
            Self::Write { .. } => "write",
            Self::Upgrade(_) => "upgrade",
        }
    }

    /// The nodes that it is aimed at; none for a change of services or of the share.
    pub fn target(&self) -> Option<Target> {
        match self {
            Self::Promote(target)
            | Self::Demote(target)
            | Self::Drain(target)
            | Self::Activate(target)
            | Self::Leave(target) => Some(target.clone()),
            Self::Join { node, .. } => Some(Target::Node(node.clone())),
            Self::Pull { on, .. } => Some(on.clone()),
            _ => None,
        }
    }

    /// The service that it changes, if it is one.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Scale { service, .. }
            | Self::Update { service, .. }
            | Self::Remove { service } => Some(service),
            _ => None,
        }
    }

    /// What it is about, after the verb: `nginx to 4`.
    pub fn about(&self) -> String {
        match self {
            Self::Scale { service, replicas } => format!("{service} to {replicas}"),
            Self::Update {
                service,
                image,
                env,
                args,
            } => {
                let image = image.iter().map(|image| format!("image {image}"));
                let names: Vec<&str> = env.keys().map(String::as_str).collect();
                let env = (!names.is_empty()).then(|| format!("env {}", names.join(", ")));
                let args = args.iter().map(|args| format!("args {}", args.join(" ")));
                let all: Vec<String> = image.chain(env).chain(args).collect();
                format!("{service} to {}", all.join(", "))
            }
            Self::Remove { service } => service.clone(),
            Self::Deploy(stack) => stack.name.clone(),
            Self::Join { node, role, token } => {
                let role = match role {
                    Role::Manager => "manager",
                    Role::Worker => "worker",
                };
                let token = match token {
                    Token::Right => "",
                    Token::Wrong => " with a wrong token",
                    Token::Rotated => " with a rotated token",
                };
                format!("{node} as {role}{token}")
            }
            Self::Pull { image, on } => format!("{image} on {on}"),
            Self::Write { path, content } => match content.len() {
                1 => format!("{path} (1 byte)"),
                bytes => format!("{path} ({bytes} bytes)"),
            },
            Self::Upgrade(UpgradeOrder::ManagersFirst) => "every node, managers first".to_owned(),
            Self::Upgrade(UpgradeOrder::WorkersFirst) => "every node, workers first".to_owned(),
            _ => self.target().map(|t| t.to_string()).unwrap_or_default(),
        }
    }

    /// True for a change after which its targets manage nothing: they are no witnesses of it.
    pub fn unseats(&self) -> bool {
        matches!(self, Self::Demote(_) | Self::Leave(_))
    }

    /// True for a change that must be refused by the swarm.
    pub fn must_be_refused(&self) -> bool {
        matches!(self, Self::Join { token, .. } if *token != Token::Right)
    }
}

/// Writes variables as a journal may hold them.
fn without_passwords<S: Serializer>(
    env: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(env.iter().map(|(name, value)| {
        let secret = name.to_ascii_uppercase().contains("PASSWORD");
        (name, if secret { "left out" } else { value })
    }))
}

/// The stacks that actions deploy, each with its action's index.
pub(super) fn stacks(
    loaded: &Loaded,
    options: &Options,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(usize, Stack)> {
    let mut stacks = Vec::new();
    for (index, action) in loaded.scenario.actions.iter().enumerate() {
        if let ActionVerb::Deploy(file) = &action.verb {
            let key = format!("actions[{index}].do.deploy");
            let stack = stack::beside(loaded, (&key, file), options, mistakes);
            stacks.extend(stack.map(|stack| (index, stack)));
        }
    }
    stacks
}

/// What a node joins as; none for a node that is not there.
pub(super) fn role_of(join: &Join, topology: &Topology) -> Option<Role> {
    if let Join::How(how) = join
        && let Some(role) = how.role
    {
        return Some(match role {
            JoinAs::Manager => Role::Manager,
            JoinAs::Worker => Role::Worker,
        });
    }
    let mut nodes = topology.nodes.iter();
    let node = nodes.find(|node| node.name == join.node());
    node.map(|node| node.role)
}

/// The actions of a scenario that nothing was refused of.
pub(super) fn ready(
    scenario: &Scenario,
    topology: &Topology,
    later: &[(usize, Stack)],
    patience: f64,
) -> Vec<Action> {
    let change = |index: usize, verb: &ActionVerb| match verb.clone() {
        ActionVerb::Scale(scale) => Some(Change::Scale {
            service: scale.service,
            replicas: scale.replicas,
        }),
        ActionVerb::Promote(target) => Some(Change::Promote(target)),
        ActionVerb::Demote(target) => Some(Change::Demote(target)),
        ActionVerb::Drain(target) => Some(Change::Drain(target)),
        ActionVerb::Activate(target) => Some(Change::Activate(target)),
        ActionVerb::Update(update) => Some(Change::Update {
            service: update.service,
            image: update.image,
            env: update.env,
            args: update.args,
        }),
        ActionVerb::Remove(service) => Some(Change::Remove { service }),
        ActionVerb::Deploy(_) => {
            let stack = later.iter().find(|(of, _)| *of == index);
            stack.map(|(_, stack)| Change::Deploy(stack.clone()))
        }
        ActionVerb::Leave(target) => Some(Change::Leave(target)),
        ActionVerb::Join(join) => Some(Change::Join {
            role: role_of(&join, topology)?,
            token: join.token(),
            node: join.node().to_owned(),
        }),
        ActionVerb::Pull(pull) => Some(Change::Pull {
            on: pull.on(),
            image: pull.image,
        }),
        ActionVerb::Write(write) => Some(Change::Write {
            path: write.path,
            content: write.content,
        }),
        ActionVerb::Upgrade(order) => Some(Change::Upgrade(order)),
    };
    let usual = |verb: &ActionVerb| match verb {
        ActionVerb::Upgrade(_) => TURN,
        _ => WITHIN,
    };
    let actions = scenario.actions.iter().enumerate();
    let ready = actions.filter_map(|(index, action)| {
        Some(Action {
            at: action.at,
            change: change(index, &action.verb)?,
            within: action
                .within
                .unwrap_or_else(|| usual(&action.verb))
                .stretched(patience),
        })
    });
    ready.collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::who_is_demoted(Change::Demote, true)]
    #[case::who_leaves(Change::Leave, true)]
    #[case::who_is_drained(Change::Drain, false)]
    #[case::who_is_promoted(Change::Promote, false)]
    fn who_manages_nothing_afterwards_is_no_witness(
        #[case] change: fn(Target) -> Change,
        #[case] unseats: bool,
    ) {
        assert_eq!(change(Target::Leader).unseats(), unseats);
    }

    #[test]
    fn a_further_stack_is_called_by_its_name() {
        let stack = Stack {
            name: "later".to_owned(),
            text: String::new(),
            services: Vec::new(),
        };
        assert_eq!(Change::Deploy(stack).about(), "later");
    }
}
