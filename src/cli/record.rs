//! A stored run: its journal, and what that comes to.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use seatrial::journal::{self, History};
use seatrial::report::{Style, caveat, html, junit, terminal};
use seatrial::verdict::Judgement;

use super::{Refused, output};

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
        let path = if asked.is_dir() {
            asked.join("journal.jsonl")
        } else {
            asked
        };
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
        let runs = self.runs.display();
        let entries = match std::fs::read_dir(&self.runs) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.with_context(|| format!("cannot read `{runs}`"))?,
        };
        // `latest` is a link to one of them.
        let folders = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let journals = folders.map(|entry| entry.path().join("journal.jsonl"));
        let mut journals: Vec<PathBuf> = journals.filter(|path| path.exists()).collect();
        journals.sort();
        Ok(journals)
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
        let text = terminal(&self.history, &self.judgement, style);
        match self.warning() {
            Some(warning) => format!("{warning}{text}"),
            None => text,
        }
    }

    /// Writes what people and programs read of it into the run's folder.
    pub(super) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let (history, judgement) = (&self.history, &self.judgement);
        output::save(&folder.join("report.txt"), &self.told(&Style::default()))?;
        output::save(&folder.join("report.html"), &html(history, judgement))?;
        output::save(&folder.join("junit.xml"), &junit(history, judgement))
    }

    /// What must be said first of a run that was not about Swarm, and an empty line.
    pub(super) fn warning(&self) -> Option<String> {
        caveat(&self.history).map(|caveat| format!("{caveat}\n\n"))
    }
}
