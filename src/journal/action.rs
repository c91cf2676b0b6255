//! Actions in the journal: what was about to be changed, what was done, and what was seen of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::timeline::Mark;
use super::{Engines, Entry, Event, NodeSeen, Stage, Turn, TurnStep};
use crate::plan::{Change, Plan, Role};

/// What the managers say to a token that is not valid, and to nothing else (swarmkit:
/// `ca/server.go`, "A valid join token is necessary to join this cluster").
const BAD_TOKEN: &str = "valid join token";

/// True for the words of a refusal because of the token. A join may be refused for any other
/// reason, by an engine or by a manager, and that says nothing about tokens.
pub fn refuses_token(words: &str) -> bool {
    words.contains(BAD_TOKEN)
}

/// A step of one action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionEntry {
    /// Index in the plan.
    pub action: usize,
    /// What happened.
    pub step: ActionStep,
}

/// What happened to an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ActionStep {
    /// Its targets are chosen, and what is there was written down; nothing has been touched yet.
    Intent(Box<ActionIntent>),
    /// The first order is about to be given.
    Acting,
    /// A step of a node's turn in an upgrade.
    Turn(TurnStep),
    /// The swarm took every order.
    Acted,
    /// The swarm, or a node's engine, answered with an error: its words.
    Refused(String),
    /// It was seen to be so: what was seen.
    Confirmed(String),
    /// It could not be begun, or was not seen to be so: the last thing seen, or the error.
    NotConfirmed(String),
}

/// An action, ready to be acted, with what an undo by hand would need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionIntent {
    /// `scale`, `drain` …
    pub verb: String,
    /// The nodes, by name; empty for a change of services or of the share.
    pub targets: Vec<String>,
    /// Why these, or what it is about.
    pub chosen: String,
    /// What was there before.
    pub before: Before,
}

/// What was there before an action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Every node, as the managers saw it: its role and availability. Empty for a change of the
    /// share, about which nobody asks them.
    pub nodes: Vec<NodeSeen>,
    /// The service that is changed. Values of its environment are left out: they may be secret, and
    /// Swarm itself keeps the previous specification for a rollback.
    pub service: Option<ServiceBefore>,
    /// The live tasks of that service.
    pub tasks: Vec<String>,
    /// The targets whose own engine listed the image that is pulled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<String>,
    /// What a node read in the file that is written; none if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What every node ran, of an upgrade.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub engines: Engines,
    /// The ports that each node accepted on the LAN, of an upgrade.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, Vec<u16>>,
    /// How many tasks of each service ran, of an upgrade.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub running: BTreeMap<String, usize>,
}

/// A service before it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceBefore {
    /// Replicas; none for a global service.
    pub replicas: Option<u32>,
    /// The image.
    pub image: String,
    /// The arguments.
    pub args: Vec<String>,
    /// Names of environment variables.
    pub env: Vec<String>,
}

/// What became of one action of the plan; a mark is missing when its entry is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deed {
    /// `scale`, `drain` …, as the plan says.
    pub verb: String,
    /// What it is about, as the plan says: `nginx to 4`.
    pub about: String,
    /// The nodes that were chosen.
    pub targets: Vec<String>,
    /// The service that it changes, if it is one.
    pub service: Option<String>,
    /// True if the swarm must refuse it.
    pub must_be_refused: bool,
    /// True if tasks that ran before may end by it: those of the service that it changes, or those
    /// on the nodes that were chosen.
    pub ends_tasks: bool,
    /// The targets were chosen.
    pub intent: Option<Mark>,
    /// The first order was about to be given.
    pub acting: Option<Mark>,
    /// The swarm took every order.
    pub acted: Option<Mark>,
    /// It was refused.
    pub refused: Option<Mark>,
    /// It was seen to be so.
    pub confirmed: Option<Mark>,
    /// It was not seen to be so.
    pub not_confirmed: Option<Mark>,
    /// What every node ran before an upgrade.
    pub engines: Engines,
    /// The nodes' turns in an upgrade, in order.
    pub turns: Vec<Turn>,
    /// The words that it was refused with; empty if it was not.
    pub refusal: String,
    /// The words of the last of these entries.
    pub words: String,
}

impl Deed {
    /// One action before anything was done.
    pub(super) fn of(change: &Change) -> Self {
        Self {
            verb: change.verb().to_owned(),
            about: change.about(),
            service: change.service().map(str::to_owned),
            must_be_refused: change.must_be_refused(),
            ends_tasks: !matches!(
                change,
                Change::Activate(_)
                    | Change::Join { .. }
                    | Change::Deploy(_)
                    | Change::Pull { .. }
                    | Change::Write { .. }
            ),
            ..Self::default()
        }
    }

    /// What is done, and to whom: `drain server-3`, `scale nginx to 4`.
    pub fn named(&self) -> String {
        let about = match self.targets.as_slice() {
            targets @ [_, ..] if !self.about.contains(' ') => targets.join(", "),
            _ => self.about.clone(),
        };
        format!("{} {about}", self.verb)
    }

    /// Numbers of the entries that tell its story, in order.
    pub fn evidence(&self) -> Vec<u64> {
        let marks = [
            self.acting,
            self.acted,
            self.refused,
            self.confirmed,
            self.not_confirmed,
        ];
        let mut seqs: Vec<u64> = marks.into_iter().flatten().map(|mark| mark.seq).collect();
        seqs.extend(self.turns.iter().flat_map(Turn::evidence));
        seqs.sort_unstable();
        seqs
    }

    /// Takes in one entry about this action; the first of a kind counts.
    pub(super) fn note(&mut self, entry: &Entry, change: &Change, step: &ActionStep) {
        let mark = Some(Mark::from(entry));
        let (place, words) = match step {
            ActionStep::Turn(step) => return Turn::note(&mut self.turns, entry, step),
            ActionStep::Intent(intent) => {
                intent.targets.clone_into(&mut self.targets);
                intent.before.engines.clone_into(&mut self.engines);
                let before = intent.before.service.as_ref().and_then(|one| one.replicas);
                if let (Change::Scale { replicas, .. }, Some(before)) = (change, before) {
                    self.ends_tasks = *replicas < before;
                }
                (&mut self.intent, "")
            }
            ActionStep::Acting => (&mut self.acting, ""),
            ActionStep::Acted => (&mut self.acted, ""),
            ActionStep::Refused(words) => (&mut self.refused, words.as_str()),
            ActionStep::Confirmed(words) => (&mut self.confirmed, words.as_str()),
            ActionStep::NotConfirmed(words) => (&mut self.not_confirmed, words.as_str()),
        };
        if matches!(step, ActionStep::Refused(_)) && place.is_none() {
            words.clone_into(&mut self.refusal);
        }
        *place = place.or(mark);
        if !words.is_empty() {
            words.clone_into(&mut self.words);
        }
    }
}

/// Who is a member of the swarm, and who manages it, as far as the plan and its actions decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The managers. One that is being demoted is none, nor is one whose promotion was not seen.
    pub managers: BTreeSet<String>,
    /// The nodes that left, from before they were told to, until they were seen to be back; and
    /// one that an upgrade turned off.
    pub absent: BTreeSet<String>,
    targets: BTreeMap<usize, Vec<String>>,
}

impl Membership {
    /// As the plan begins.
    pub fn of(plan: &Plan) -> Self {
        let managers = plan.topology.nodes.iter();
        let managers = managers.filter(|node| node.role == Role::Manager);
        Self {
            managers: managers.map(|node| node.name.clone()).collect(),
            ..Self::default()
        }
    }

    /// Takes in one entry.
    pub fn note(&mut self, plan: &Plan, event: &Event) {
        let Event::Action(ActionEntry { action, step }) = event else {
            return;
        };
        if let ActionStep::Turn(TurnStep { node, stage }) = step {
            match stage {
                Stage::Exchanging => drop(self.absent.insert(node.clone())),
                Stage::Back(_) => drop(self.absent.remove(node)),
                Stage::Draining | Stage::AsBefore(_) | Stage::Differs(_) => {}
            }
            return;
        }
        if let ActionStep::Intent(intent) = step {
            self.targets.insert(*action, intent.targets.clone());
        }
        let (Some(planned), Some(targets)) = (plan.actions.get(*action), self.targets.get(action))
        else {
            return;
        };
        let targets = targets.iter().cloned();
        match (&planned.change, step) {
            (Change::Promote(_), ActionStep::Confirmed(_)) => self.managers.extend(targets),
            (Change::Demote(_), ActionStep::Acting) => {
                for node in targets {
                    self.managers.remove(&node);
                }
            }
            (Change::Leave(_), ActionStep::Acting) => targets.for_each(|node| {
                self.managers.remove(&node);
                self.absent.insert(node);
            }),
            (Change::Join { role, .. }, ActionStep::Confirmed(_))
                if !planned.change.must_be_refused() =>
            {
                targets.for_each(|node| {
                    self.absent.remove(&node);
                    if *role == Role::Manager {
                        self.managers.insert(node);
                    }
                });
            }
            _ => {}
        }
    }
}
