//! A machine of a lab: its container, and its packet filter.

use crate::substrate::nodes::guard::Guard;

/// A machine of the lab.
pub(super) struct Machine {
    pub(super) container: String,
    pub(super) guard: Guard,
}
