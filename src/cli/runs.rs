//! `seatrial runs`: lists the runs that are kept, and removes old ones.

use std::path::PathBuf;

use seatrial::report::SummaryRow;

use super::index::{self, State};
use super::{Exit, output, prune};

/// What `runs` is asked.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,

    /// Where runs are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
}

#[derive(clap::Subcommand)]
enum What {
    /// Remove old runs, but none that is alive or that still needs `heal`
    Prune(prune::Args),
}

/// Lists or prunes.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.what {
        Some(What::Prune(args)) => prune::run(args),
        None => list(args),
    }
}

/// A line a run, the newest last.
fn list(args: &Args) -> anyhow::Result<Exit> {
    let all = index::read(&args.runs)?;
    if all.is_empty() {
        output::print(&format!("no runs are kept in `{}`\n", args.runs.display()))?;
        return Ok(Exit::PASS);
    }
    let rows = all.iter().map(|kept| {
        let place = kept.folder.display().to_string();
        let Some(figures) = kept.figures() else {
            let said = match &kept.state {
                State::Alive => "alive".to_owned(),
                _ => "cannot be read".to_owned(),
            };
            return [
                "-".to_owned(),
                "-".to_owned(),
                said,
                "-".into(),
                "-".into(),
                place,
            ];
        };
        let row = SummaryRow::repeated(std::slice::from_ref(figures), &place);
        let needs = match kept.state {
            State::Unhealed(_) => ", needs heal",
            _ => "",
        };
        let none = || "-".to_owned();
        [
            figures.began.strftime("%Y-%m-%d %H:%M").to_string(),
            row.scenario,
            row.verdict + needs,
            row.recovery.unwrap_or_else(none),
            row.lost.unwrap_or_else(none),
            place,
        ]
    });
    let header = [
        "began (UTC)",
        "scenario",
        "verdict",
        "recovered in",
        "lost",
        "where",
    ];
    output::print(&output::table(header, rows))?;
    Ok(Exit::PASS)
}
