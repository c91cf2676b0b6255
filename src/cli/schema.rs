//! `seatrial schema`: what editors need to complete and check scenario files.

use super::{Exit, output};

/// Prints the schema.
pub(super) fn run() -> anyhow::Result<Exit> {
    let schema = seatrial::scenario::schema();
    output::print_verbatim(&format!("{schema:#}\n"))?;
    Ok(Exit::PASS)
}
