//! `seatrial runs prune`: removes runs that nobody needs any more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use seatrial::journal::Stored;
use seatrial::verdict::wording::counted;

use super::index::{self, Kept, State};
use super::{Exit, Refused, folder, output};

/// What `prune` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Keep the newest runs of each scenario with the same faults, so many
    #[arg(long, value_name = "N")]
    keep: Option<usize>,

    /// Keep what is younger: `30d`, `12h`
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<jiff::SignedDuration>,

    /// Say what would be removed; remove nothing
    #[arg(long)]
    dry_run: bool,

    /// Where runs are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
}

/// Reads an age as people write it. A day has 24 hours.
fn age(text: &str) -> Result<jiff::SignedDuration, String> {
    let wrong = || format!("`{text}` is not an age; write one such as `30d` or `12h`");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let age = span.to_duration(days).map_err(|_| wrong())?;
    if age.is_negative() {
        Err(wrong())
    } else {
        Ok(age)
    }
}

/// Removes what is old by every bound that was given, and says what that freed.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.keep.is_none() && args.older_than.is_none() {
        let said = "say what to keep: `--keep N`, `--older-than AGE` or both";
        return Err(Refused::new(said).into());
    }
    let all = index::read(&args.runs)?;
    let (mut removed, mut freed, mut whole) = (0, 0, true);
    for kept in old(&all, args, jiff::Timestamp::now()) {
        let path = kept.folder.display();
        if let Some(why) = needed(kept) {
            output::tell(format_args!("kept: {path}: {why}"));
            continue;
        }
        let bytes = size(&kept.folder);
        if args.dry_run {
            output::print(&format!("would remove {path}, {}\n", written(bytes)))?;
        } else if let Err(error) = remove(&args.runs, &kept.folder) {
            whole = false;
            output::tell(format_args!("error: {error:#}"));
            continue;
        } else {
            output::print(&format!("removed {path}, {}\n", written(bytes)))?;
        }
        (removed, freed) = (removed + 1, freed + bytes);
    }
    if !args.dry_run {
        let left = folder::journals(&args.runs)?;
        let newest = left.last().and_then(|journal| journal.parent());
        folder::mend(&args.runs, newest)?;
        // Those that are gone are no longer in it.
        index::read(&args.runs)?;
    }
    let would = if args.dry_run { "would free" } else { "freed" };
    let (runs, freed) = (counted(removed, "run"), written(freed));
    output::print(&format!("{would} {freed} of {runs}\n"))?;
    Ok(if whole { Exit::PASS } else { Exit::UNKNOWN })
}

/// The runs that are old by every bound that was given. What began at a time that nobody can tell
/// is not old by any.
fn old<'a>(all: &'a [Kept], args: &Args, now: jiff::Timestamp) -> Vec<&'a Kept> {
    let mut newer: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut told: Vec<_> = all
        .iter()
        .filter_map(|kept| Some((kept, kept.figures()?)))
        .collect();
    told.sort_by_key(|(_, figures)| figures.began);
    let mut old = Vec::new();
    for (kept, figures) in told.into_iter().rev() {
        let same = (figures.scenario.as_str(), figures.faults());
        let newer = newer.entry(same).or_default();
        let beyond = args.keep.is_none_or(|keep| *newer >= keep);
        let age = now.duration_since(figures.began);
        if beyond && args.older_than.is_none_or(|oldest| age > oldest) {
            old.push(kept);
        }
        *newer += 1;
    }
    old.reverse();
    old
}

/// Why a run cannot be removed, if it cannot.
fn needed(kept: &Kept) -> Option<String> {
    let path = kept.folder.display();
    match &kept.state {
        State::Over(_) => None,
        State::Alive => Some("its harness is alive".to_owned()),
        State::Unhealed(_) => Some(format!("something may be left: `seatrial heal {path}`")),
        State::Unreadable(why) => Some(why.clone()),
    }
}

/// Removes a run while nobody else has its journal, and the folders around it that are then empty.
fn remove(runs: &Path, run: &Path) -> anyhow::Result<()> {
    let path = run.display();
    let journal = folder::journal(run);
    let held = Stored::take(&journal).with_context(|| format!("cannot remove `{path}`"))?;
    let Some(_held) = held else {
        anyhow::bail!("cannot remove `{path}`: somebody has its journal; try again");
    };
    std::fs::remove_dir_all(run).with_context(|| format!("cannot remove `{path}`"))?;
    let around = run.ancestors().skip(1).take_while(|folder| *folder != runs);
    for folder in around {
        // One that is not empty stays.
        if std::fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// The bytes of all files in a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.fold(0, u64::saturating_add)
}

/// Bytes for people: `20.0 MiB`.
fn written(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown to one decimal")]
    let mebibytes = bytes as f64 / 1024.0 / 1024.0;
    format!("{mebibytes:.1} MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_read_as_people_write_it() {
        assert_eq!(age("30d"), Ok(jiff::SignedDuration::from_hours(720)));
        assert_eq!(age("12h"), Ok(jiff::SignedDuration::from_hours(12)));
        for wrong in ["", "30", "-1d", "soon", "1y", "99999999999999999999d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
