//! `seatrial trend`: recovery times and losses over all runs that are kept.

use std::path::PathBuf;

use clap::ValueEnum;
use seatrial::report::{Figures, trend, trend_json};

use super::{Exit, Refused, index, output};

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Terminal,
    /// For programs
    Json,
}

/// What `trend` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Only scenarios of these names [default: all]
    #[arg(value_name = "NAME")]
    scenarios: Vec<String>,

    /// Where runs are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,

    /// How to tell it
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

/// Prints a picture a scenario. Succeeds whatever the verdicts were.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut runs: Vec<(String, Figures)> = Vec::new();
    for kept in index::read(&args.runs)? {
        let folder = kept.folder.display().to_string();
        runs.extend(kept.figures().map(|figures| (folder, figures.clone())));
    }
    let wanted = &args.scenarios;
    let unknown = wanted
        .iter()
        .find(|name| !runs.iter().any(|(_, run)| run.scenario == **name));
    if let Some(name) = unknown {
        let runs = args.runs.display();
        let said =
            format_args!("no run of `{name}` is kept in `{runs}`; `seatrial runs` lists them");
        return Err(Refused::new(said).into());
    }
    runs.retain(|(_, run)| wanted.is_empty() || wanted.contains(&run.scenario));
    match args.format {
        Format::Terminal => {
            let figures: Vec<Figures> = runs.into_iter().map(|(_, figures)| figures).collect();
            output::print(&trend(&figures))?;
        }
        Format::Json => output::print_verbatim(&trend_json(&runs))?,
    }
    Ok(Exit::PASS)
}
