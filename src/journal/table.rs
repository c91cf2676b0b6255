//! What a database says of a table: when it is told to check it, and when there is none.

use serde::{Deserialize, Serialize};

use super::Outcome;

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

impl Outcome {
    /// True for a server's own word that there is no such table (1146) or database (1049): no
    /// insert can succeed then, and yet its client is answered.
    #[must_use]
    pub fn tells_that_the_table_is_gone(&self) -> bool {
        matches!(self, Self::Refused(why)
            if why.starts_with("ERROR 1146 ") || why.starts_with("ERROR 1049 "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_servers_own_word_tells_that_the_table_is_gone() {
        let told = |why: &str| Outcome::Refused(why.to_owned()).tells_that_the_table_is_gone();
        assert!(told("ERROR 1146 (42S02): Table `ledger` doesn't exist"));
        assert!(told("ERROR 1049 (42000): Unknown database"));
        assert!(!told("ERROR 1045 (28000): Access denied"));
        assert!(!told("connection refused"));
        assert!(!Outcome::Unknown("ERROR 1146 ".to_owned()).tells_that_the_table_is_gone());
        assert!(!Outcome::Acknowledged.tells_that_the_table_is_gone());
    }
}
