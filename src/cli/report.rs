//! `seatrial report`: tells a stored run again.

use clap::ValueEnum;

use super::record::Which;
use super::{Exit, output};

/// How a run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Terminal,
    /// For programs
    Json,
}

/// What `report` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,

    /// How to tell it
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

/// Prints the report. Succeeds whatever the verdict: that is for `check` to say.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let record = args.which.read()?;
    match args.format {
        Format::Terminal => output::print(&record.told(&output::style()))?,
        Format::Json => {
            let text = seatrial::report::json(&record.history, &record.judgement);
            output::print_verbatim(&text)?;
        }
    }
    Ok(Exit::PASS)
}
