//! What a machine has to show for itself when a run is over, for people.

/// One piece of it: a log, a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The name of its file: `engine.log`.
    pub name: &'static str,
    /// Its text, or why it could not be had. Secrets may still be in it.
    pub text: Result<String, String>,
}
