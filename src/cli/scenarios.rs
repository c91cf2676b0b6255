//! The scenarios that were asked for: found, read and planned, or refused all at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use seatrial::plan::{self, Options, Outcome};
use seatrial::scenario;

use super::ground::{Engines, Ground, On};
use super::place::Choice;
use super::{Refused, output};

/// Which scenarios, and how they are to be planned.
#[derive(clap::Args)]
pub(super) struct Asked {
    /// Scenario files, or folders: all `*.yaml` in them but `*.stack.yaml`
    #[arg(required = true, value_name = "SCENARIO")]
    pub(super) scenarios: Vec<PathBuf>,

    /// Where to run: `auto` (the cheapest place that can do all that the scenarios need), `vm`
    /// (virtual machines on this computer), `dind` (containers of a Docker engine), or
    /// `hosts=FILE` (the swarm of an inventory, which is there already)
    #[arg(long, value_name = "PLACE", default_value = "auto")]
    on: Choice,

    #[command(flatten)]
    pub(super) engines: Engines,

    /// Decides every random choice: decimal, or hexadecimal after `0x`; random if left out
    #[arg(long, value_name = "N", value_parser = seed)]
    seed: Option<u64>,

    /// Leave the faults out, and what is only true of faults
    #[arg(long)]
    pub(super) no_faults: bool,
}

impl Asked {
    /// The place that was asked for, or the cheapest that can do everything, and then why.
    pub(super) fn on(&self, cache: &Path) -> Result<(On, Option<String>), Refused> {
        let (on, why) = match &self.on.0 {
            Some(named) => (named.kind(), None),
            None => {
                let (on, why) = self.cheapest(cache)?;
                (on, Some(format!("on {}: {why}", on.name())))
            }
        };
        self.engines.fit(on)?;
        Ok((on, why))
    }

    /// What there is of that place; changes nothing.
    pub(super) fn ground(&self, on: On, cache: &Path, fresh: bool) -> anyhow::Result<Ground> {
        match &self.on.0 {
            Some(named) => named.ground(self.engines, cache, fresh),
            None => Ok(Ground::with(on, self.engines, cache, fresh)),
        }
    }

    /// Containers are a second's work and machines some, so containers do wherever they can.
    fn cheapest(&self, cache: &Path) -> Result<(On, String), Refused> {
        if self.engines != Engines::default() {
            return Ok((On::Vm, "only machines have a choice of engines".to_owned()));
        }
        let ground = Ground::find(On::Dind, cache, false);
        if ground.lacks() {
            let why = "no engine was tried for containers; see `seatrial prepare --on dind`";
            return Ok((On::Vm, why.to_owned()));
        }
        let outcomes = self.plan(&ground.options(0, self.no_faults))?;
        let lacks = outcomes.into_iter().find_map(|outcome| match outcome {
            Outcome::Skipped { name, reason } => Some(format!("for `{name}`, {reason}")),
            Outcome::Ready(_) => None,
        });
        Ok(match lacks {
            Some(why) => (On::Vm, why),
            None => (
                On::Dind,
                "containers are the cheapest place that can do all of it".to_owned(),
            ),
        })
    }

    /// How to do one run of these alone.
    pub(super) fn again(&self, on: On) -> Again {
        let place = match &self.on.0 {
            Some(named) => named.to_string(),
            None => on.name().to_owned(),
        };
        let mut again = Again::new(place, self.engines, &self.scenarios);
        let words = self.no_faults.then(|| "--no-faults".to_owned());
        again.words.extend(words);
        again
    }

    /// The seed that was asked for, or a random one.
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(rand::random)
    }

    /// Plans every scenario, or says every mistake in all of them.
    pub(super) fn plan(&self, options: &Options) -> Result<Vec<Outcome>, Refused> {
        all(&self.scenarios, options)
    }
}

/// How to do one run of many alone, whatever command began it.
#[derive(Clone, Debug, Default)]
pub(super) struct Again {
    /// Where its scenario is: files, or folders.
    scenarios: Vec<PathBuf>,
    /// The place and its engines, as `run` takes them.
    words: Vec<String>,
}

impl Again {
    /// One of these scenarios, on a place with these engines.
    pub(super) fn new(place: String, engines: Engines, scenarios: &[PathBuf]) -> Self {
        let mut words = vec!["--on".to_owned(), place];
        words.extend(engines.words());
        Self {
            scenarios: scenarios.to_vec(),
            words,
        }
    }

    /// The command that does this run; none if nobody can tell which file it is from.
    pub(super) fn command(&self, name: &str, seed: u64) -> Option<Vec<String>> {
        let found = self.scenarios.iter().filter_map(|asked| find(asked).ok());
        let mut found: Vec<PathBuf> = found.flatten().collect();
        found.retain(|path| path.file_stem().is_some_and(|stem| stem == name));
        let same = |path: &mut PathBuf| std::fs::canonicalize(path).ok();
        found.sort_by_cached_key(|path| std::fs::canonicalize(path).ok());
        found.dedup_by_key(same);
        let [file] = &found[..] else {
            return None;
        };
        let mut words = ["seatrial", "run"].map(str::to_owned).to_vec();
        words.push(file.display().to_string());
        words.extend(self.words.iter().cloned());
        words.extend(["--seed".to_owned(), format!("{seed:#x}")]);
        Some(words)
    }
}

/// Tells why a scenario does not run.
pub(super) fn tell_skipped(name: &str, reason: &str) {
    output::tell(format_args!("{:>12} {name}: {reason}", "SKIPPED"));
}

/// Plans every scenario of these paths, or says every mistake in all of them.
pub(super) fn all(asked: &[PathBuf], options: &Options) -> Result<Vec<Outcome>, Refused> {
    let (mut outcomes, mut mistakes) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for asked in asked {
        let paths = find(asked).unwrap_or_else(|refused| {
            mistakes.push(refused.0);
            Vec::new()
        });
        for path in paths {
            // A folder, and one in it: `--repeat` is there for whoever wants a run twice.
            let same = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            if !seen.insert(same) {
                continue;
            }
            let planned = scenario::load(&path).and_then(|loaded| plan::plan(&loaded, options));
            match planned {
                Ok(outcome) => outcomes.push(outcome),
                Err(wrong) => mistakes.push(wrong.render(true)),
            }
        }
    }
    if mistakes.is_empty() {
        Ok(outcomes)
    } else {
        Err(Refused(mistakes.join("\n\n")))
    }
}

/// Reads a seed as it is written by us, and by people.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "write a number such as `42` or `0x2a`, of 64 bits at the most".to_owned())
}

/// The scenario files of a path: itself, or all in a folder, sorted.
fn find(path: &Path) -> Result<Vec<PathBuf>, Refused> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    collect(path, &mut found)?;
    if found.is_empty() {
        return Err(Refused::new(format_args!(
            "there is no scenario in `{}`: no file that ends in `.yaml`, other than `.stack.yaml`",
            path.display()
        )));
    }
    Ok(found)
}

/// Adds a folder's scenario files. Links to folders are not followed: they can go in circles.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Refused> {
    let failed = |error: std::io::Error| {
        let folder = folder.display();
        Refused::new(format_args!("failed to read `{folder}`: {error}"))
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&entry.path(), found)?;
        } else if name.ends_with(".yaml") && !name.ends_with(".stack.yaml") {
            found.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_read_as_it_is_written() {
        assert_eq!(seed("42"), Ok(42));
        assert_eq!(seed("0x2a"), Ok(42));
        assert_eq!(seed(&format!("{:#x}", u64::MAX)), Ok(u64::MAX));
        for wrong in ["", "2a", "-1", "0x", "0x1ffffffffffffffff"] {
            assert!(seed(wrong).is_err(), "{wrong}");
        }
    }
}
