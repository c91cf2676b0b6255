//! Orders to a swarm: the single acts that an operator's change is made of.

use std::collections::BTreeMap;

use crate::plan::{Role, Stack};
use crate::scenario::Token;

/// One act. Services have the plan's names, nodes their host names.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// A replicated service shall have this many tasks.
    Scale {
        /// The service.
        service: String,
        /// How many.
        replicas: u32,
    },
    /// A service's tasks shall be like this; what is left out stays.
    Update {
        /// The service.
        service: String,
        /// The image.
        image: Option<String>,
        /// Variables that are added or changed.
        env: BTreeMap<String, String>,
        /// The arguments.
        args: Option<Vec<String>>,
    },
    /// A service shall be no more.
    Remove {
        /// The service.
        service: String,
    },
    /// A stack shall run.
    Deploy(Stack),
    /// A node shall have this role.
    Role {
        /// The node.
        node: String,
        /// The role.
        role: Role,
    },
    /// A node shall take no tasks, or take them again.
    Availability {
        /// The node.
        node: String,
        /// True for none.
        drain: bool,
    },
    /// A node's own engine shall leave the swarm. Managers are refused.
    Leave {
        /// The node.
        node: String,
    },
    /// The managers shall forget a node that left.
    Forget {
        /// The node.
        node: String,
    },
    /// A node's own engine shall join the swarm of the manager that is asked.
    Join {
        /// The node.
        node: String,
        /// As what.
        role: Role,
        /// The token that it shows.
        token: Token,
    },
    /// A node's own engine shall pull an image.
    Pull {
        /// The node.
        node: String,
        /// The image, as the plan names it, variables and all.
        image: String,
    },
    /// A node shall be turned off, get the system disk of the engine that the place was told to
    /// upgrade to, and be turned on. It is for the machine, and for no manager; it was carried out
    /// when the node's engine answers.
    Exchange {
        /// The node.
        node: String,
    },
    /// A file of the share shall hold this. It is for the storage machine, and for no manager.
    Write {
        /// The path on the share.
        path: String,
        /// The whole content.
        content: String,
    },
}
