//! `seatrial compare`: what got better or worse between two handfuls of runs, and what is noise.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use seatrial::report::{
    Comparison, Figures, compare, comparison, comparisons_json, comparisons_markdown,
};
use seatrial::verdict::Verdict;

use super::record::Record;
use super::{Exit, Refused, folder, output};

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Terminal,
    /// For the summary of a CI job
    Markdown,
    /// For programs
    Json,
}

/// The exit codes, which are not those of a run.
const CODES: &str = "BASE and NEW are each a run's folder, a folder of runs such as `run --repeat` \
                     makes, or several of either with commas between. Folders of several scenarios \
                     are compared scenario by scenario.\n\n\
                     Exit codes: 0 no worse, 1 worse, 2 unknown: a new run has no verdict, \
                     or one of several scenarios differs, 64 bad usage, or nothing to compare. \
                     A scenario that only one side has is named, and does not count.";

/// What `compare` is asked.
#[derive(clap::Args)]
#[command(after_help = CODES)]
pub(super) struct Args {
    /// What to compare with
    #[arg(value_name = "BASE", value_parser = side)]
    base: Side,

    /// What may be better or worse
    #[arg(value_name = "NEW", value_parser = side)]
    new: Side,

    /// How to tell it
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

/// The runs of one side.
#[derive(Clone, Debug)]
struct Side(Vec<PathBuf>);

/// Reads what stands between commas.
fn side(text: &str) -> Result<Side, String> {
    let named: Vec<PathBuf> = text.split(',').map(PathBuf::from).collect();
    if named.iter().any(|path| path.as_os_str().is_empty()) {
        return Err("write one or more runs with commas between".to_owned());
    }
    Ok(Side(named))
}

/// Compares, tells, and ends with the worst.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (base, new) = (named(&args.base)?, named(&args.new)?);
    let (mut base, new) = match (&base - &new, &new - &base) {
        // A run on both sides would be compared with itself, and hide what it came to.
        (old, _) if !old.is_empty() => (runs(&old)?, runs(&new)?),
        (_, only) if !only.is_empty() => (runs(&base)?, runs(&only)?),
        _ => (runs(&base)?, runs(&new)?),
    };
    let one_each = base.len() == 1 && new.len() == 1;
    if one_each && !new.keys().any(|name| base.contains_key(name)) {
        // Their names differ, which is what is to be told.
        base = base
            .into_values()
            .zip(new.keys())
            .map(|(runs, name)| (name.clone(), runs))
            .collect();
    }
    let (mut all, mut verdict) = (Vec::new(), Verdict::Pass);
    for (name, new) in &new {
        let Some(base) = base.get(name) else {
            output::tell(format_args!(
                "note: `{name}` is not compared: it is only among the new"
            ));
            continue;
        };
        match compare(base, new) {
            Ok(comparison) => {
                verdict = verdict.and(comparison.outcome().verdict());
                all.push(comparison);
            }
            Err(unlike) if one_each => return Err(Refused::new(unlike).into()),
            Err(unlike) => {
                verdict = verdict.and(Verdict::Unknown);
                output::tell(format_args!("error: {unlike}"));
            }
        }
    }
    for name in base.keys().filter(|name| !new.contains_key(*name)) {
        output::tell(format_args!(
            "note: `{name}` is not compared: it did not run again"
        ));
    }
    if all.is_empty() && verdict == Verdict::Pass {
        let said = "no scenario is on both sides: compare runs of one";
        return Err(Refused::new(said).into());
    }
    tell(&all, args.format)?;
    Ok(verdict.into())
}

fn tell(all: &[Comparison], format: Format) -> anyhow::Result<()> {
    match format {
        Format::Terminal => {
            let style = output::style();
            let told = all.iter().map(|one| comparison(one, &style));
            output::print(&told.collect::<Vec<_>>().join("\n"))
        }
        Format::Markdown => output::print_verbatim(&comparisons_markdown(all)),
        Format::Json => output::print_verbatim(&comparisons_json(all)),
    }
}

/// The journals of all runs of one side, each once.
fn named(side: &Side) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut all = BTreeSet::new();
    for path in &side.0 {
        for journal in journals(path)? {
            all.insert(journal.canonicalize().unwrap_or(journal));
        }
    }
    Ok(all)
}

/// Their figures, by scenario.
fn runs(journals: &BTreeSet<PathBuf>) -> anyhow::Result<BTreeMap<String, Vec<Figures>>> {
    let mut all: BTreeMap<String, Vec<Figures>> = BTreeMap::new();
    for journal in journals {
        let record = Record::read(journal)?;
        let figures = Figures::of(&record.history, &record.judgement);
        all.entry(figures.scenario.clone())
            .or_default()
            .push(figures);
    }
    Ok(all)
}

/// The journals of a run, or of all in a folder.
fn journals(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let journal = folder::journal(path);
    if journal.exists() {
        return Ok(vec![journal]);
    }
    let journals = folder::journals(path)?;
    if journals.is_empty() {
        let path = path.display();
        let said = format_args!("there is no run in `{path}`: name a run's folder, or one of runs");
        return Err(Refused::new(said).into());
    }
    Ok(journals)
}
