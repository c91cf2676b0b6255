//! A machine of a lab: its container, its packet filter, and the way into it.

use tokio::sync::OnceCell;

use super::way::Way;
use crate::substrate::nodes::guard::Guard;

/// A machine of the lab.
pub(super) struct Machine {
    pub(super) container: String,
    pub(super) guard: Guard,
    /// Made when it is first gone.
    pub(super) way: OnceCell<Way>,
}
