//! Shows a run to people and to programs: pure functions of a journal and its judgement.
//!
//! Words carry the verdict; colour only repeats them.

mod aftermath;
mod board;
mod breakdown;
mod clients;
mod compare;
mod engines;
mod figures;
mod html;
mod json;
mod junit;
mod lanes;
mod ledgers;
mod legible;
mod live;
mod markdown;
mod openmetrics;
mod pages;
mod picture;
mod quantity;
mod repeat;
mod spread;
mod style;
mod summary;
mod tasks;
mod terminal;
mod trend;

pub use board::Board;
pub use compare::{
    Comparison, Outcome, Unlike, compare, comparison, comparisons_json, comparisons_markdown,
};
pub use figures::{FIGURES, Figures};
pub use html::html;
pub use json::{json, schema};
pub use junit::{Junit, junit};
pub use live::line;
pub use markdown::markdown;
pub(crate) use markdown::plain;
pub use openmetrics::openmetrics;
pub use style::Style;
pub use summary::{SummaryRow, summary};
pub use terminal::terminal;
pub use trend::{trend, trend_json};

/// What is said first of whatever ran on `sim`.
const SIMULATED: &str = "This ran on `sim`, a few lines of memory: a test of the harness, never a \
                         verdict about Swarm.";

/// What must be said first of a run that was not about Swarm.
pub fn caveat(history: &crate::journal::History) -> Option<&'static str> {
    (history.header.place == "sim").then_some(SIMULATED)
}
