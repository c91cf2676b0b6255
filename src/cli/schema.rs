//! `seatrial schema`: what editors need to complete and check scenario files, and programs to read
//! reports, comparisons and the decisions of gates.

use clap::ValueEnum;

use super::{Exit, output};

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// A scenario file
    Scenario,
    /// What `seatrial report --format json` prints
    Report,
    /// What `seatrial compare --format json` prints
    Comparison,
    /// What `seatrial gate` keeps as `gate.json`
    Gate,
}

/// What `schema` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// What to describe
    #[arg(long, value_enum, default_value_t = Of::Scenario)]
    of: Of,
}

/// Prints the schema.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let schema = match args.of {
        Of::Scenario => seatrial::scenario::schema(),
        Of::Report => seatrial::report::schema(),
        Of::Comparison => seatrial::report::comparisons_schema(),
        Of::Gate => seatrial::gate::gate_schema(),
    };
    output::print_verbatim(&format!("{schema:#}\n"))?;
    Ok(Exit::PASS)
}
