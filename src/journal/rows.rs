//! The rows that a ledger was found to hold.

use serde::{Deserialize, Serialize};

/// What a ledger's table holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rows {
    /// The rows.
    Found {
        /// Closed ranges of row numbers, ascending, without overlap.
        ranges: Vec<(u64, u64)>,
        /// Row numbers that are there more than once, ascending.
        duplicates: Vec<u64>,
        /// Rows whose number or content is not one that we wrote; their description.
        strange: Vec<String>,
    },
    /// The table is not there: everything is lost.
    NoTable,
    /// It could not be read.
    Unreadable(String),
}
