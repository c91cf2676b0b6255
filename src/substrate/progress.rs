//! Shows what takes long: a bar on a terminal, a line at the start and at the end elsewhere.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// Who shows the steps.
#[derive(Clone, Default)]
pub struct Progress {
    bars: Option<MultiProgress>,
    lines: bool,
}

impl Progress {
    /// Shows nothing, for tests.
    pub fn silent() -> Self {
        Self::default()
    }

    /// Shows bars where standard error is a terminal, lines elsewhere.
    pub fn terminal() -> Self {
        use std::io::IsTerminal;
        if std::io::stderr().is_terminal() {
            Self {
                bars: Some(MultiProgress::new()),
                lines: false,
            }
        } else {
            Self {
                bars: None,
                lines: true,
            }
        }
    }

    /// Begins a step; dropping it ends it.
    pub fn step(&self, what: impl Into<String>) -> Step {
        let what = what.into();
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed:>6}] {msg}") {
                bar.set_style(style);
            }
            bar.set_message(what.clone());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if self.lines {
            say("", &format!("[         ] {what} …"));
        }
        Step {
            what,
            bar,
            lines: self.lines,
            started: Instant::now(),
            done: false,
        }
    }
}

/// A step under way.
#[must_use]
pub struct Step {
    what: String,
    bar: Option<ProgressBar>,
    lines: bool,
    started: Instant,
    done: bool,
}

impl Step {
    /// Ends the step with success.
    pub fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        let status = if self.done { "DONE" } else { "ENDED" };
        let line = format!("[{seconds:>8.1}s] {}", self.what);
        if let Some(bar) = &self.bar {
            bar.println(format!("{status:>12} {line}"));
            bar.finish_and_clear();
        }
        if self.lines {
            say(status, &line);
        }
    }
}

/// Writes a line of progress; one that cannot be written is not worth an error.
fn say(status: &str, line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{status:>12} {line}");
}
