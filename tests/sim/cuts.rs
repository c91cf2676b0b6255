//! The rows of the table of misdeeds about what is cut on the LAN.

use seatrial::substrate::sim::Sabotage::*;

use super::marks::*;
use super::misdeeds::{Misdeed, isolated, unknown};
use super::plans::{cut, ports, slow};

/// The finding that tells whether a fault was seen to bite, and to last.
const BITES: &str = "exercised";

pub(crate) fn misdeeds() -> Vec<Misdeed> {
    let rows = [
        (
            "an isolation of what a node sends alone",
            isolated(),
            IsolateOneWay,
        ),
        ("a one-way cut that is a no-op", cut(), RuleNoOp),
        ("a one-way cut that cuts both ways", cut(), RuleCutsBothWays),
        ("a dropped port that is not", ports(), RuleNoOp),
        ("a dropped port with all others", ports(), RuleCutsAll),
        ("a slow link that is not", slow(), RuleNoOp),
    ];
    let fading = [
        ("an isolation that ends by itself", isolated(), CutFades),
        ("a one-way cut that ends by itself", cut(), CutFades),
        ("a slow link that ends by itself", slow(), CutFades),
    ];
    let rows =
        rows.map(|(name, plan, sabotage)| unknown(name, plan, sabotage, not_confirmed, BITES));
    let fading =
        fading.map(|(name, plan, sabotage)| unknown(name, plan, sabotage, gone_early, BITES));
    rows.into_iter().chain(fading).collect()
}
