//! A session with a database of a lab, and why there is none.

use std::time::Duration;

use async_trait::async_trait;

use crate::journal::{Outcome, Rows, TableWord};

/// Why there is no session with a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSession {
    /// The harness had no way to ask: nothing about the node or its service.
    #[error("{0}")]
    Unasked(String),
    /// The node was asked, and this is what came of it.
    #[error("{0}")]
    Failed(String),
}

impl From<NoSession> for String {
    fn from(none: NoSession) -> Self {
        none.to_string()
    }
}

/// A session with a database, on one connection.
#[async_trait]
pub trait Database: Send {
    /// Runs a statement.
    ///
    /// # Errors
    /// What the server, or the connection, said.
    async fn query(&mut self, statement: &str, deadline: Duration) -> Result<(), String>;

    /// Runs a statement, and returns the first two columns of its rows as text.
    ///
    /// # Errors
    /// What the server, or the connection, said; or that there are no two columns of text.
    async fn pairs(
        &mut self,
        statement: &str,
        deadline: Duration,
    ) -> Result<Vec<(String, String)>, String>;

    /// Creates the ledger's table if it is not there.
    ///
    /// # Errors
    /// What the server, or the connection, said.
    async fn create_ledger(&mut self, deadline: Duration) -> Result<(), String>;

    /// Inserts one row. After `Unknown` the session must not be used again.
    async fn insert(&mut self, row: u64, deadline: Duration) -> Outcome;

    /// Reads the whole ledger.
    async fn read_ledger(&mut self, deadline: Duration) -> Rows;

    /// Has the database check the ledger's table, as thoroughly as it can. Of many words, the first
    /// and the last.
    ///
    /// # Errors
    /// What the server, or the connection, said instead.
    async fn check_ledger(&mut self, deadline: Duration) -> Result<Vec<TableWord>, String>;
}
