//! What a run kept beside its journal for people: logs and tables of the machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A piece of evidence in the run's folder, or why there is none. Nothing is judged by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exhibit {
    /// Where it is, from the run's folder: `evidence/server-3/engine.log`.
    pub path: String,
    /// What was kept, or why nothing was.
    pub kept: Result<Kept, String>,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its content, so that another file in its place is found out.
    pub sha256: String,
    /// True where only the end was kept, for want of room.
    pub cut: bool,
}
