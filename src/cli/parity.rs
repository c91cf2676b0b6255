//! `seatrial parity`: what each scenario came to in each place, or what the place lacks for it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;
use seatrial::plan::Outcome;
use seatrial::report::Figures;

use super::ground::Engines;
use super::place::Where;
use super::{Exit, cache, index, output, scenarios};

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Terminal,
    /// For a page such as a README
    Markdown,
}

/// What `parity` is asked.
#[derive(clap::Args)]
#[command(override_usage = "seatrial parity <SCENARIO>... [--on <PLACE>...] [OPTIONS]")]
pub(super) struct Args {
    /// Scenario files, or folders: all `*.yaml` in them but `*.stack.yaml`
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,

    /// The places to compare: `vm`, `dind`, `hosts=FILE` (the swarm of an inventory)
    #[arg(long, value_name = "PLACE", num_args = 1.., default_values = ["vm", "dind"])]
    on: Vec<Where>,

    /// Where runs are; may be given several times
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: Vec<PathBuf>,

    /// How to tell it
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

/// Prints a row a scenario and a column a place. Runs nothing.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let cache = cache::folder()?;
    let mut runs: Vec<Figures> = Vec::new();
    for folder in &args.runs {
        let kept = index::read(folder)?;
        runs.extend(kept.iter().filter_map(|one| one.figures().cloned()));
    }
    runs.sort_by_key(|one| one.began);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut header = vec!["scenario".to_owned()];
    for on in &args.on {
        let ground = on.ground(Engines::default(), &cache, false)?;
        let options = ground.options(0, false);
        header.push(options.place.clone());
        let outcomes = scenarios::all(&args.scenarios, &options)?;
        rows.resize_with(outcomes.len(), Vec::new);
        for (row, outcome) in rows.iter_mut().zip(&outcomes) {
            let (name, came) = came_to(outcome, &options.place, &runs);
            if row.is_empty() {
                row.push(name);
            }
            row.push(came);
        }
    }
    match args.format {
        Format::Terminal => output::print(&output::table(header, rows))?,
        Format::Markdown => output::print(&markdown(&header, &rows))?,
    }
    Ok(Exit::PASS)
}

/// A scenario's name, and what its newest run in a place came to, or why there is none.
fn came_to(outcome: &Outcome, place: &str, runs: &[Figures]) -> (String, String) {
    let plan = match outcome {
        Outcome::Ready(plan) => plan,
        Outcome::Skipped { name, reason } => {
            let lacks = reason
                .strip_prefix(&format!("`{place}` has "))
                .unwrap_or(reason);
            return (name.clone(), lacks.to_owned());
        }
    };
    let name = plan.name.clone();
    let there =
        |run: &&Figures| run.scenario == name && run.place() == place && run.breaks_as(plan);
    let newest = runs.iter().rfind(there);
    let came = newest.map_or_else(|| "not run".to_owned(), |run| run.verdict.to_string());
    (name, came)
}

/// The same as a table of Markdown.
fn markdown(header: &[String], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    let mut write = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    write(header);
    write(&vec!["---".to_owned(); header.len()]);
    for row in rows {
        write(row);
    }
    text
}
