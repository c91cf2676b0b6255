//! The plan: a scenario with every default, deadline and address made explicit.
//!
//! A plan is plain data. It is the second line of every journal, so that a run can be judged
//! years later by [`crate::check`] without the scenario file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capability::Capabilities;
pub use crate::scenario::Direction;

use crate::scenario::{Control, FaultAction, Target};
use crate::units::{Rate, Share, Span};

mod action;
mod balancer;
mod need;
mod probe;
mod ready;
mod refuse;
mod stack;
mod text;
mod topology;
mod variable;

pub use action::{Action, Change};
pub use balancer::Balancer;
pub use probe::Probe;
pub use ready::{Options, Outcome, plan};
pub(crate) use stack::passwords_left_out;
pub use text::text;
pub(crate) use topology::{LAN, MOUNT, SHARE, STORAGE};
pub use topology::{NfsVersionKey, Node, Registry, Role, Storage, Topology};
pub use variable::interpolated;

/// A scenario, ready to be run on one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The scenario file's name without its ending: `mariadb-nfs-survives-node-stop`.
    pub name: String,
    /// The claim.
    pub title: String,
    /// Why anybody should care.
    pub because: String,
    /// Decides every random choice of the run.
    pub seed: u64,
    /// Where it runs: `vm`, `dind` or `sim`.
    pub place: String,
    /// What the liveness budgets below were multiplied by: 1 on a quick machine.
    pub patience: f64,
    /// What the scenario needs of the place.
    pub needs: Capabilities,
    /// The machines.
    pub topology: Topology,
    /// Path on the share to content; a path that ends in `/` is a folder.
    pub share: BTreeMap<String, String>,
    /// What is deployed.
    pub stack: Option<Stack>,
    /// What holds before the first fault and again after the last.
    pub steady: Vec<Probe>,
    /// What holds once an action has begun, and at the end; empty where that is `steady` too.
    /// Without actions it counts from [`crate::journal::Phase::SteadyAfter`] on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steady_after: Vec<Probe>,
    /// What keeps using the services meanwhile.
    pub workloads: Vec<Workload>,
    /// What is changed on purpose, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// What is broken, in order of time. Empty with `--no-faults`.
    pub faults: Vec<Fault>,
    /// What must be true of the run, `exercised` last.
    pub checks: Vec<Check>,
    /// A control passes when exactly these checks fail; `steady` may be one of them.
    pub must_fail: Vec<String>,
    /// How long each phase may take, patience included.
    pub deadlines: Deadlines,
}

impl Plan {
    /// The service of this name in the stack, or in one that is deployed later.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services().find(|service| service.name == name)
    }

    /// Every service of the stack, and of the stacks that actions deploy.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.stacks().flat_map(|stack| &stack.services)
    }

    /// The stack that has this service.
    pub fn stack_of(&self, service: &str) -> Option<&Stack> {
        self.stacks()
            .find(|stack| stack.services.iter().any(|one| one.name == service))
    }

    /// True if its nodes get another engine.
    pub fn upgrades(&self) -> bool {
        let mut changes = self.actions.iter().map(|action| &action.change);
        changes.any(|change| matches!(change, Change::Upgrade(_)))
    }

    /// The stack, and those that actions deploy.
    pub fn stacks(&self) -> impl Iterator<Item = &Stack> {
        let later = self
            .actions
            .iter()
            .filter_map(|action| match &action.change {
                Change::Deploy(stack) => Some(stack),
                _ => None,
            });
        self.stack.iter().chain(later)
    }

    /// The probes of the steady state, before or after the first action began, or the load ended.
    pub fn steady_once(&self, changed: bool) -> &[Probe] {
        if changed && !self.steady_after.is_empty() {
            &self.steady_after
        } else {
            &self.steady
        }
    }

    /// The name of every node, managers first.
    pub fn node_names(&self) -> impl Iterator<Item = &str> {
        self.topology.nodes.iter().map(|node| node.name.as_str())
    }
}

/// A stack file, read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// The name it is deployed under: the stack file's name without `.stack.yaml`.
    pub name: String,
    /// The file's text, deployed unchanged. In a journal it is without passwords.
    #[serde(serialize_with = "stack::without_passwords")]
    pub text: String,
    /// What the text says of its services, as far as the harness needs it.
    pub services: Vec<Service>,
}

/// One service of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The name in the stack file: `mariadb`.
    pub name: String,
    /// The name in the swarm: `mariadb-nfs_mariadb`.
    pub full_name: String,
    /// The image, as the stack file names it, variables and all.
    pub image: String,
    /// Replicas; `None` for a global service.
    pub replicas: Option<u32>,
    /// The published ports.
    pub published: Vec<u16>,
    /// The value of `MYSQL_ROOT_PASSWORD`, where the stack file sets one.
    /// Never serialised: a run's credentials stay out of its journal.
    #[serde(skip)]
    pub root_password: Option<String>,
    /// True if a placement constraint keeps it off managers.
    pub only_workers: bool,
}

/// What keeps using a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Workload {
    /// Numbered rows.
    Ledger {
        /// The workload's name: `ledger`.
        name: String,
        /// The service's name in the stack file.
        service: String,
        /// Its published port.
        port: u16,
        /// Rows a second, over all writers.
        rate: Rate,
        /// How many writers.
        writers: u8,
        /// True for a new connection for each row.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reconnect: bool,
        /// How long one row may take before its fate is unknown.
        within: Span,
    },
    /// A page asked for at a rate.
    Get {
        /// The workload's name: `get`.
        name: String,
        /// The nodes to ask.
        via: Target,
        /// The published port.
        port: u16,
        /// The path.
        path: String,
        /// The whole body.
        body: String,
        /// Requests a second on each of them.
        rate: Rate,
        /// How long one request may take.
        within: Span,
    },
}

impl Workload {
    /// The name that checks and the journal use.
    pub fn name(&self) -> &str {
        match self {
            Self::Ledger { name, .. } | Self::Get { name, .. } => name,
        }
    }
}

/// One fault of the plan; its index in [`Plan::faults`] is its identity in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When, counted from the moment that the steady state held.
    pub at: Span,
    /// What to break, and where.
    pub action: FaultAction,
    /// What ends it.
    pub end: FaultEnd,
}

/// What ends a fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultEnd {
    /// This much time after the injection, whatever happens.
    After(Span),
    /// Recovery, or this much time after the injection.
    Recovery {
        /// The deadline, patience included.
        deadline: Span,
    },
}

impl FaultEnd {
    /// The longest that the fault can last.
    pub fn longest(self) -> Span {
        match self {
            Self::After(span) | Self::Recovery { deadline: span } => span,
        }
    }
}

/// One check of the plan, patience included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// The steady state holds again within this time of each fault, without our cure.
    Recovers {
        /// Patience included.
        within: Span,
    },
    /// Every acknowledged row of this ledger is read back at the end.
    NothingLost {
        /// The ledger's name.
        workload: String,
    },
    /// No moment with two live tasks of one slot of this service.
    NeverTwo {
        /// The service's name in the stack file.
        service: String,
    },
    /// A `get` workload was answered, on nodes that we did not break.
    Answers {
        /// The workload's name.
        workload: String,
        /// The least share.
        share: Share,
        /// The longest gap, patience included.
        gap: Span,
    },
    /// Whether the managers kept a leader while the faults lasted.
    Control {
        /// What is expected.
        expected: Control,
    },
    /// A database finds nothing wrong with the ledger's table at the end.
    Intact {
        /// The service's name in the stack file.
        service: String,
    },
    /// Every fault was confirmed, every workload was busy before, during and after.
    Exercised,
}

impl Check {
    /// The check's name as a scenario spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Recovers { .. } => "recovers",
            Self::NothingLost { .. } => "nothing_lost",
            Self::NeverTwo { .. } => "never_two",
            Self::Answers { .. } => "answers",
            Self::Control { .. } => "control",
            Self::Intact { .. } => "intact",
            Self::Exercised => "exercised",
        }
    }
}

/// How long each phase may take, patience included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// From nothing to a formed swarm.
    pub bring_up: Span,
    /// From `docker stack deploy` to the steady state.
    pub steady: Span,
    /// From injection to the observation that the fault bites.
    pub confirm: Span,
    /// From heal to the observation that the fault is gone.
    pub heal: Span,
    /// From the last heal to the steady state, and to the first time that each workload is served.
    pub steady_again: Span,
    /// One read-back through one node.
    pub read_back: Span,
    /// How long the workloads go on after the last recovery.
    pub after: Span,
}
