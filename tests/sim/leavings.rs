//! The rows of the table of misdeeds about what a run leaves behind, and about who looks for it.

use seatrial::substrate::sim::Sabotage::*;

use super::marks::*;
use super::misdeeds::{Misdeed, fail, stopped, unknown};

/// The finding that tells what is left on this computer.
const LEFT: &str = "residue";

pub(crate) fn misdeeds() -> Vec<Misdeed> {
    vec![
        fail(
            "machines that cannot be removed",
            stopped(),
            TearDownFails,
            left_behind,
            LEFT,
        ),
        fail(
            "a machine that is left behind",
            stopped(),
            LeavesMachine,
            left_behind,
            LEFT,
        ),
        unknown(
            "an audit that sees nothing",
            stopped(),
            AuditBlind,
            never_audited,
            LEFT,
        ),
        unknown(
            "an audit that saw nothing before",
            stopped(),
            AuditBlindBefore,
            trouble,
            "run",
        ),
    ]
}
