//! A killed run after `seatrial heal`: what is asked of it, wherever it ran.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use seatrial::check::check;
use seatrial::journal::{self, Event};
use seatrial::verdict::Verdict;

use super::left::there;

/// What one kill came to.
#[derive(Debug, Default)]
pub(crate) struct Healed {
    /// What the killed harness had left on this computer.
    pub(crate) left: usize,
    /// What is still there after the heal.
    pub(crate) leaks: Vec<String>,
    /// What the run comes to; none if its journal says too little to be judged.
    pub(crate) verdict: Option<Verdict>,
    /// What else is not as it must be.
    pub(crate) wrong: Vec<String>,
}

/// The program that users have.
pub(crate) fn seatrial(cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
    command.env("SEATRIAL_CACHE", cache).stdin(Stdio::null());
    command
}

/// The exit code, and all that was said.
pub(crate) fn said(command: &mut Command) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("it starts");
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Heals a killed run in another process, twice. `before` was there before it began, and is no
/// business of anybody's here.
pub(crate) fn heal(
    journal: &Path,
    cache: &Path,
    places: &[PathBuf],
    before: &std::collections::BTreeSet<String>,
) -> Healed {
    let mut healed = Healed {
        left: there(places).difference(before).count(),
        ..Healed::default()
    };
    let heal = || said(seatrial(cache).arg("heal").arg(journal));
    let mut demand = |holds: bool, what: String| {
        if !holds {
            healed.wrong.push(what);
        }
    };
    let (code, text) = heal();
    demand(code == Some(0), format!("heal ended with {code:?}: {text}"));
    healed.leaks = there(places).difference(before).cloned().collect();
    let once = fs::read(journal).unwrap_or_default();
    let (code, text) = heal();
    let idle = code == Some(0) && text.trim_end().ends_with("nothing is left");
    demand(idle, format!("the second heal ended with {code:?}: {text}"));
    let twice = fs::read(journal).unwrap_or_default();
    demand(
        once == twice,
        "the second heal changed the journal".to_owned(),
    );
    // A harness that was killed before it had written its plan made nothing, and is no run.
    if once.iter().filter(|byte| **byte == b'\n').count() >= 2 {
        match journal::read(journal) {
            Ok(history) => {
                let verdict = check(&history).verdict;
                let over = history
                    .own()
                    .last()
                    .is_some_and(|last| last.event == Event::End);
                let passes = verdict == Verdict::Pass && !over;
                demand(!passes, "a killed run passes".to_owned());
                healed.verdict = Some(verdict);
            }
            Err(error) => demand(false, error.to_string()),
        }
    }
    healed
}
