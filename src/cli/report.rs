//! `seatrial report`: tells a stored run again.

use clap::ValueEnum;
use seatrial::report::{html, json, junit, markdown, openmetrics};

use super::record::Which;
use super::{Exit, output};

/// How a run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Terminal,
    /// One page for a browser, which needs nothing else
    Html,
    /// For the summary of a CI job
    Markdown,
    /// For whatever shows test results, a case a check
    Junit,
    /// For the textfile folder of a node exporter
    Openmetrics,
    /// For programs; `seatrial schema --of report` says what is in it
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
    let (history, judgement) = (&record.history, &record.judgement);
    let text = match args.format {
        Format::Terminal => {
            output::print(&record.told(&output::style()))?;
            return Ok(Exit::PASS);
        }
        Format::Html => html(history, judgement),
        Format::Markdown => markdown(history, judgement),
        Format::Junit => junit(history, judgement),
        Format::Openmetrics => openmetrics(history, judgement),
        Format::Json => json(history, judgement),
    };
    output::print_verbatim(&text)?;
    Ok(Exit::PASS)
}
