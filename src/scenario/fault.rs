//! What is broken, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Drop, Flow, Isolate, Skew, Slow, Target};
use crate::units::Span;

/// One thing that is broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When, counted from the moment that the steady state held.
    pub at: Span,
    /// What to break, and where.
    #[serde(rename = "do")]
    pub action: FaultAction,
    /// How long; left out, until recovery has been seen or its deadline has passed.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
}

/// A fault and its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultAction {
    /// Shut the node down cleanly; healed by starting it.
    Stop(Target),
    /// Cut the node's power; healed by giving it power.
    Kill(Target),
    /// Freeze the whole machine, its power on; healed by letting it go on.
    Pause(Target),
    /// Drop every frame to and from the node, or some of them; healed by letting them pass.
    Isolate(Isolate),
    /// Drop the frames of one port; healed by letting them pass.
    Drop(Drop),
    /// Delay frames, or lose some; healed by letting them pass at once.
    Slow(Slow),
    /// Kill the process of the node's engine; it is started again by itself.
    Crash(Target),
    /// End and start the node's engine in order.
    Restart(Target),
    /// Kill the first process of one task, on the node that `host_of` chooses; Swarm mends that.
    KillTask(Target),
    /// Set the node's clock ahead; healed by setting it right.
    Skew(Skew),
    /// Fill the disk of the node's engine; healed by removing what fills it.
    Fill(Target),
}

impl FaultAction {
    /// The verb as a scenario spells it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Stop(_) => "stop",
            Self::Kill(_) => "kill",
            Self::Pause(_) => "pause",
            Self::Isolate(_) => "isolate",
            Self::Drop(_) => "drop",
            Self::Slow(_) => "slow",
            Self::Crash(_) => "crash",
            Self::Restart(_) => "restart",
            Self::KillTask(_) => "kill_task",
            Self::Skew(_) => "skew",
            Self::Fill(_) => "fill",
        }
    }

    /// What it is aimed at.
    pub fn target(&self) -> &Target {
        match self {
            Self::Stop(target)
            | Self::Kill(target)
            | Self::Pause(target)
            | Self::Crash(target)
            | Self::Restart(target)
            | Self::KillTask(target)
            | Self::Fill(target) => target,
            Self::Skew(skew) => &skew.node,
            Self::Isolate(isolate) => isolate.node(),
            Self::Drop(drop) => &drop.node,
            Self::Slow(slow) => &slow.node,
        }
    }

    /// The flow that it is about, if not a whole machine.
    pub fn flow(&self) -> Option<Flow<'_>> {
        match self {
            Self::Isolate(isolate) => isolate.flow(),
            Self::Drop(drop) => Some(drop.flow()),
            Self::Slow(slow) => Some(slow.flow()),
            _ => None,
        }
    }

    /// What it is about, in words: `leader`, or `leader from worker, out`.
    pub fn about(&self) -> String {
        match (self.flow(), self) {
            (Some(flow), _) => flow.to_string(),
            (None, Self::Skew(skew)) => skew.to_string(),
            (None, _) => self.target().to_string(),
        }
    }

    /// True for one that is over as soon as it is done, and leaves the rest to others.
    pub fn is_blow(&self) -> bool {
        matches!(self, Self::Crash(_) | Self::Restart(_) | Self::KillTask(_))
    }

    /// True for one that may take its node from the swarm.
    pub fn takes_node(&self) -> bool {
        !matches!(self, Self::KillTask(_) | Self::Skew(_))
    }
}
