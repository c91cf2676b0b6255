//! What a database says of a table, when it is told to check it.

use serde::{Deserialize, Serialize};

/// The ledger's table, checked by the database itself (`CHECK TABLE … EXTENDED`), asked through one
/// node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableCheck {
    /// The service's name in the plan.
    pub service: String,
    /// The node asked.
    pub via: String,
    /// What it said, or why it gave no answer.
    pub said: Result<Vec<TableWord>, String>,
}

/// One row of its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableWord {
    /// `Msg_type`: `status`, `error`, `info`, `note` or `warning`.
    pub kind: String,
    /// `Msg_text`: `OK` of a sound table, or what is wrong with it.
    pub text: String,
}
