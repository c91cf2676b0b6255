//! An upgrade in the journal: node by node, what was done, and what was there afterwards.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Entry;
use super::timeline::Mark;

/// Under this name the header tells the version of the engine that an upgrade leads to.
pub const UPGRADED: &str = "docker after the upgrade";

/// What a node runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The engine's version: `20.10.24+dfsg1`.
    pub engine: String,
    /// Its kernel's release.
    pub kernel: String,
}

/// What every node runs, by its name; a node whose engine does not answer is left out.
pub type Engines = BTreeMap<String, Engine>;

/// A step of one node's turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnStep {
    /// The node.
    pub node: String,
    /// What happened.
    pub stage: Stage,
}

/// How far a node's turn has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Stage {
    /// It is about to be drained.
    Draining,
    /// Its tasks run elsewhere; it is about to be turned off, to get another system disk and to be
    /// turned on.
    Exchanging,
    /// Its engine answers, and the managers call it ready; what every node runs now.
    Back(Engines),
    /// It takes tasks again, and nodes, ports and services are as before: what was seen.
    AsBefore(String),
    /// It takes tasks again, and at its deadline something is not as before: the last thing seen.
    Differs(String),
}

/// What became of one node's turn; a mark is missing when its entry is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// The node.
    pub node: String,
    /// It was about to be drained.
    pub draining: Option<Mark>,
    /// It was about to be turned off.
    pub exchanging: Option<Mark>,
    /// It was back.
    pub back: Option<Mark>,
    /// What every node ran then.
    pub engines: Engines,
    /// All was as before.
    pub as_before: Option<Mark>,
    /// Something was not.
    pub differs: Option<Mark>,
    /// The words of the last of these entries.
    pub words: String,
}

impl Turn {
    /// Takes in one entry about a turn; a turn is made for its first.
    pub(super) fn note(turns: &mut Vec<Self>, entry: &Entry, step: &TurnStep) {
        let index = turns.iter().position(|turn| turn.node == step.node);
        let index = index.unwrap_or_else(|| {
            let node = step.node.clone();
            turns.push(Self {
                node,
                ..Self::default()
            });
            turns.len() - 1
        });
        let Some(turn) = turns.get_mut(index) else {
            return;
        };
        let mark = Some(Mark::from(entry));
        match &step.stage {
            Stage::Draining => turn.draining = turn.draining.or(mark),
            Stage::Exchanging => turn.exchanging = turn.exchanging.or(mark),
            Stage::Back(engines) => {
                turn.back = turn.back.or(mark);
                engines.clone_into(&mut turn.engines);
            }
            Stage::AsBefore(words) => {
                turn.as_before = turn.as_before.or(mark);
                words.clone_into(&mut turn.words);
            }
            Stage::Differs(words) => {
                turn.differs = turn.differs.or(mark);
                words.clone_into(&mut turn.words);
            }
        }
    }

    /// Numbers of the entries that tell its story, in order.
    pub fn evidence(&self) -> impl Iterator<Item = u64> {
        let marks = [
            self.draining,
            self.exchanging,
            self.back,
            self.as_before,
            self.differs,
        ];
        marks.into_iter().flatten().map(|mark| mark.seq)
    }
}
