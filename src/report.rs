//! Shows a run to people and to programs: pure functions of a journal and its judgement.
//!
//! Words carry the verdict; colour only repeats them.

mod aftermath;
mod board;
mod breakdown;
mod bundle;
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
pub use bundle::bundle;
pub use compare::{
    Comparison, Outcome, Unlike, compare, comparison, comparisons_json, comparisons_markdown,
    comparisons_schema,
};
pub use engines::Steps;
pub use figures::{FIGURES, Figures};
pub use html::html;
pub(crate) use json::schema_of;
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

use crate::journal::History;
use crate::verdict::Judgement;

/// What is said first of whatever ran on `sim`.
const SIMULATED: &str = "This ran on `sim`, a few lines of memory: a test of the harness, never a \
                         verdict about Swarm.";

/// The whole run for people, and before it what must be said first.
pub fn told(history: &History, judgement: &Judgement, style: &Style) -> String {
    let text = terminal(history, judgement, style);
    match caveat(history) {
        Some(caveat) => format!("{caveat}\n\n{text}"),
        None => text,
    }
}

/// What is kept beside a journal: the name of each file in the run's folder, and what is in it.
pub fn files(history: &History, judgement: &Judgement) -> Vec<(&'static str, String)> {
    let mut files = vec![
        ("report.txt", told(history, judgement, &Style::default())),
        ("report.html", html(history, judgement)),
        ("junit.xml", junit(history, judgement)),
    ];
    files.extend(bundle(history));
    files
}

/// What must be said first of a run that was not about Swarm.
pub fn caveat(history: &History) -> Option<&'static str> {
    (history.header.place == "sim").then_some(SIMULATED)
}
