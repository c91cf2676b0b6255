//! Shows a run to people and to programs: pure functions of a journal and its judgement.
//!
//! Words carry the verdict; colour only repeats them.

mod aftermath;
mod breakdown;
mod json;
mod ledgers;
mod live;
mod pages;
mod picture;
mod style;
mod summary;
mod tasks;
mod terminal;

pub use json::json;
pub use live::line;
pub use style::Style;
pub use summary::{SummaryRow, summary};
pub use terminal::terminal;
