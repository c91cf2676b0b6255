//! A harness that kills itself: this program, started once more.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use seatrial::journal::{Event, Listener, Phase};
use seatrial::run::{self, Options};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::killer::{POINT, killer, point};
use super::kinds::Point;
use super::litter::{Litter, Littering};
use super::runs::Run;

/// What the harness is told: the folder that it has for itself, and the run.
const DESK: &str = "SEATRIAL_CRASH_DESK";
const RUN: &str = "SEATRIAL_CRASH_RUN";
/// Set for a harness that leaves behind what its journal does not know of.
const SECRETLY: &str = "SEATRIAL_CRASH_SECRETLY";

/// A folder for one harness.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("tmp")).expect("a folder");
        std::fs::create_dir_all(folder.path().join("cache/work")).expect("a folder");
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the folders of swarms are.
    pub(crate) fn places(&self) -> [PathBuf; 2] {
        places(self.folder.path())
    }

    /// The journal of the only run.
    pub(crate) fn journal(&self) -> PathBuf {
        self.path("runs/run/journal.jsonl")
    }

    /// Has a harness run until it is over, or dead.
    pub(crate) fn start(&self, run: &str, point: Option<Point>, secretly: bool) -> ExitStatus {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command
            .args(["--ignored", "--exact", "harness::harness", "--nocapture"])
            .env(DESK, self.folder.path())
            .env(RUN, run)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(point) = point {
            command.env(POINT, point.to_string()).stderr(Stdio::null());
        }
        if secretly {
            command.env(SECRETLY, "1");
        }
        command.status().expect("it starts")
    }
}

fn places(desk: &Path) -> [PathBuf; 2] {
    [desk.join("cache/work"), desk.join("tmp")]
}

#[test]
#[ignore = "the harness that the tests beside it start and kill"]
fn harness() {
    let desk = PathBuf::from(env::var_os(DESK).expect("started by the tests beside it"));
    let run = Run::named(&env::var(RUN).expect("a run"));
    let place = Littering {
        sim: run.sim(),
        places: places(&desk),
        made: Arc::default(),
    };
    let (killer, left) = (killer(point()), place.clone());
    let secretly = env::var_os(SECRETLY).is_some();
    let listener: Arc<Listener> = Arc::new(move |entry| {
        killer(entry);
        if !matches!(entry.event, Event::Phase(Phase::TearDown)) {
            return;
        }
        left.tear_down();
        if secretly {
            let secret = Litter::make(&left.places, None);
            left.made.lock().expect("no panic").extend(secret);
        }
    });
    let options = Options {
        folder: desk.join("runs/run"),
        command_line: vec!["seatrial".to_owned(), "run".to_owned()],
        listener: Some(listener),
        stop: CancellationToken::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let ran = runtime
        .expect("a runtime")
        .block_on(run::run(&place, &run.plan(), options));
    ran.expect("a journal");
}
