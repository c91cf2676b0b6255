//! A scenario as a test of your own: read, planned, run and judged by one call.
//!
//! ```no_run
//! use seatrial::trial::On;
//!
//! let judged = seatrial::trial("tests/swarm/database.yaml")
//!     .on(On::Vm("/var/cache/seatrial".into()))
//!     .run()
//!     .expect("it can run here");
//! assert!(judged.passed(), "{judged}");
//! ```
//!
//! It starts a runtime of its own, so it is called from an ordinary test, not from an `async` one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use crate::check;
use crate::journal;
use crate::plan::{self, Outcome, Plan};
use crate::report::{self, Style};
use crate::run;
use crate::scenario;
use crate::substrate::sim::Sim;
use crate::substrate::vm::{Images, Progress, Vm};
use crate::substrate::{Place, Trouble};
use crate::verdict::{Judgement, Verdict};

/// Where a trial takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// Virtual machines on this computer, with the images and saved swarms in this folder.
    /// `seatrial prepare` builds them there, told by `SEATRIAL_CACHE`.
    Vm(PathBuf),
    /// A few lines of memory: shows that a scenario is sound, and never says anything of Swarm.
    Sim,
}

/// A scenario that is about to be run.
#[derive(Clone, Debug)]
#[must_use]
pub struct Trial {
    scenario: PathBuf,
    on: On,
    seed: u64,
    runs: PathBuf,
}

/// A trial of this scenario file: on `sim`, with seed 0, its run landing in `runs`.
pub fn trial(scenario: impl Into<PathBuf>) -> Trial {
    Trial {
        scenario: scenario.into(),
        on: On::Sim,
        seed: 0,
        runs: PathBuf::from("runs"),
    }
}

impl Trial {
    /// Runs it there.
    pub fn on(mut self, on: On) -> Self {
        self.on = on;
        self
    }

    /// Decides every random choice.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Where the run's folder is made.
    pub fn runs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.runs = folder.into();
        self
    }

    /// Runs it, judges it by its journal, and writes the reports beside that.
    ///
    /// # Errors
    /// When the scenario is refused, or cannot be run there. A run that shows too little is no
    /// error but [`Verdict::Unknown`].
    pub fn run(self) -> Result<Judged, Trouble> {
        let (place, options) = self.place()?;
        let plan = self.plan(&options)?;
        let folder = run::new_folder(&self.runs, &plan.name, jiff::Timestamp::now())?;
        let options = run::Options {
            folder: folder.clone(),
            command_line: self.command(),
            listener: None,
            stop: CancellationToken::new(),
        };
        let mut builder = match self.on {
            On::Vm(_) => Builder::new_multi_thread(),
            On::Sim => Builder::new_current_thread(),
        };
        // Time for machines is real; that of `sim` jumps from one event to the next.
        if self.on == On::Sim {
            builder.start_paused(true);
        }
        let runtime = builder.enable_all().build();
        let runtime = runtime.map_err(|error| Trouble(format!("cannot start: {error}")))?;
        let ended = runtime.block_on(run::run(&*place, &plan, options))?;
        let history = journal::read(&ended.journal)?;
        let judgement = check::check(&history);
        for (name, text) in report::files(&history, &judgement) {
            save(&folder.join(name), &text)?;
        }
        Ok(Judged {
            report: report::told(&history, &judgement, &Style::default()),
            judgement,
            folder,
        })
    }

    /// What does the same, but for its seed.
    fn command(&self) -> Vec<String> {
        let on = match self.on {
            On::Vm(_) => "vm",
            On::Sim => "sim",
        };
        let scenario = self.scenario.display().to_string();
        ["seatrial", "run", &scenario, "--on", on]
            .map(str::to_owned)
            .into()
    }

    /// The place, and what it decides of the plan.
    fn place(&self) -> Result<(Box<dyn Place>, plan::Options), Trouble> {
        match &self.on {
            On::Sim => {
                let sim = Sim::new();
                let options = self.options("sim", &sim, 1.0, BTreeMap::new());
                Ok((Box::new(sim), options))
            }
            On::Vm(cache) => {
                let images = Images::find(cache).ok_or_else(|| {
                    let cache = cache.display();
                    Trouble(format!(
                        "there are no images in `{cache}`; run \
                         `SEATRIAL_CACHE={cache} seatrial prepare`"
                    ))
                })?;
                let vm = Vm::new(images, cache, Progress::silent(), false);
                let options = self.options("vm", &vm, vm.patience(), vm.variables());
                Ok((Box::new(vm), options))
            }
        }
    }

    fn options(
        &self,
        name: &str,
        place: &dyn Place,
        patience: f64,
        environment: BTreeMap<String, String>,
    ) -> plan::Options {
        plan::Options {
            place: name.to_owned(),
            capabilities: place.capabilities(),
            patience,
            seed: self.seed,
            no_faults: false,
            environment,
            nodes: None,
        }
    }

    fn plan(&self, options: &plan::Options) -> Result<Plan, Trouble> {
        let planned = scenario::load(&self.scenario).and_then(|read| plan::plan(&read, options));
        match planned.map_err(|mistakes| Trouble(mistakes.to_string()))? {
            Outcome::Ready(plan) => Ok(*plan),
            Outcome::Skipped { name, reason } => {
                Err(Trouble(format!("`{name}` cannot run here: {reason}")))
            }
        }
    }
}

fn save(path: &Path, text: &str) -> Result<(), Trouble> {
    // A run without machines made no folder for its evidence.
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let saved = made.and_then(|()| std::fs::write(path, text));
    saved.map_err(|error| Trouble(format!("cannot write `{}`: {error}", path.display())))
}

/// A run and what it comes to. Shown, it is the whole report.
#[derive(Debug)]
pub struct Judged {
    /// The verdict, and what it rests on.
    pub judgement: Judgement,
    /// The run's folder: journal and reports.
    pub folder: PathBuf,
    report: String,
}

impl Judged {
    /// True if every promise was put to the test and kept. Neither a broken promise nor too little
    /// evidence is.
    pub fn passed(&self) -> bool {
        self.judgement.verdict == Verdict::Pass
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}see {}", self.report, self.folder.display())
    }
}
