//! A stored run: its journal, and what that comes to.

use std::path::{Path, PathBuf};

use anyhow::Context;
use seatrial::journal::{self, History};
use seatrial::report::{Style, caveat, files, told};
use seatrial::verdict::Judgement;

use super::{Refused, folder, output};

/// Which stored run.
#[derive(clap::Args)]
pub(super) struct Which {
    /// A run's folder, or its journal [default: the latest run]
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,

    /// Where runs are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
}

impl Which {
    /// Reads and judges it.
    pub(super) fn read(&self) -> anyhow::Result<Record> {
        Record::read(&self.journal()?)
    }

    /// Its journal, which is there.
    pub(super) fn journal(&self) -> anyhow::Result<PathBuf> {
        let latest = || self.runs.join("latest");
        let asked = self.run.clone().unwrap_or_else(latest);
        let path = folder::journal(&asked);
        if !path.exists() {
            let hint = match self.run {
                Some(_) => "name a run's folder or its journal",
                None => "nothing ran yet, or it ran elsewhere: name a run",
            };
            let path = path.display();
            return Err(Refused::new(format_args!("there is no `{path}`: {hint}")).into());
        }
        Ok(path)
    }

    /// The journals of all runs there are, the oldest first.
    pub(super) fn all(&self) -> anyhow::Result<Vec<PathBuf>> {
        folder::journals(&self.runs)
    }
}

/// A journal and what it comes to.
pub(super) struct Record {
    pub(super) history: History,
    pub(super) judgement: Judgement,
}

impl Record {
    /// Reads and judges a journal.
    pub(super) fn read(journal: &Path) -> anyhow::Result<Self> {
        let read = journal::read(journal);
        let history = read.context("this run cannot be judged")?;
        let judgement = seatrial::check::check(&history);
        Ok(Self { history, judgement })
    }

    /// The whole run, for people.
    pub(super) fn told(&self, style: &Style) -> String {
        told(&self.history, &self.judgement, style)
    }

    /// Writes what people and programs read of it into the run's folder.
    pub(super) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        files(&self.history, &self.judgement)
            .iter()
            .try_for_each(|(name, text)| save_with_folder(&folder.join(name), text))
    }

    /// What must be said first of a run that was not about Swarm, and an empty line.
    pub(super) fn warning(&self) -> Option<String> {
        caveat(&self.history).map(|caveat| format!("{caveat}\n\n"))
    }
}

/// Writes a file, and makes its folder: a run without machines made none for its evidence.
fn save_with_folder(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        let made = std::fs::create_dir_all(folder);
        made.with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    output::save(path, text)
}
