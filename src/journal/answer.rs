//! What came back of a request.

use serde::{Deserialize, Serialize};

/// What came back of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Status 200 and the right body.
    Right,
    /// An answer with another body or status; its beginning.
    Wrong(String),
    /// No whole answer.
    Failed(String),
    /// The harness had no way to the node: it was not asked.
    Unasked(String),
    /// It was due, and the harness sent none, for too many were under way: nobody knows what the
    /// node would have said.
    Unsent(String),
}
