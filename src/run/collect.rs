//! The evidence bundle: what the machines have to show, kept beside the journal before they go.
//!
//! It is collected after every run, not only after those that look bad: a run never judges, and a
//! row that was lost shows in no log of the run itself. What it may cost is bounded instead.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::redact::Redact;
use super::trial::Trial;
use crate::journal::{Event, Exhibit, Kept};
use crate::substrate::Evidence;
use crate::units::Span;

/// The folder of a run that it is kept in.
const FOLDER: &str = "evidence";

/// How long all of it may take, from all machines at once: two commands in a guest that answers
/// slowly, and no more, so that a machine that is broken does not hold up the tear-down.
const ALL: Duration = Duration::from_secs(30);

/// The most that is kept of one piece, its end: 1,000 lines of an engine's log take a tenth.
const BYTES_MAX: usize = 256 * 1024;

/// Keeps what every machine has to show of the run. Trouble on the way is noted, and no more.
pub(super) async fn evidence(trial: &Trial) {
    let since = Duration::from_micros(trial.journal.clock().now_us());
    let deadline = Instant::now() + ALL;
    let redact = Redact::of(&trial.plan);
    let asked = trial.plan.topology.machines().map(|machine| {
        let redact = &redact;
        async move {
            let shown = AssertUnwindSafe(trial.lab.evidence(machine, since)).catch_unwind();
            let nothing = |why: String| {
                vec![Evidence {
                    name: "nothing",
                    text: Err(why),
                }]
            };
            let shown = match timeout_at(deadline, shown).await {
                Ok(Ok(shown)) => shown,
                Ok(Err(_)) => nothing("collecting it panicked".to_owned()),
                Err(_) => nothing(format!("no answer within {}", Span(ALL))),
            };
            for one in shown {
                let path = format!("{FOLDER}/{machine}/{}", one.name);
                let kept = one.text.and_then(|text| {
                    let (text, cut) = end_of(&text);
                    keep(&trial.journal.folder().join(&path), &redact.text(text), cut)
                });
                let kept = kept.map_err(|why| redact.text(&why));
                trial.tell(Event::Exhibit(Exhibit { path, kept }));
            }
        }
    });
    join_all(asked).await;
}

/// The last lines of a text that may be kept, and whether that is not all.
fn end_of(text: &str) -> (&str, bool) {
    let Some(beyond) = text
        .len()
        .checked_sub(BYTES_MAX)
        .filter(|beyond| *beyond > 0)
    else {
        return (text, false);
    };
    // Half a line may hold half a secret, which nobody would know for one.
    let cut = text.as_bytes()[beyond..]
        .iter()
        .position(|byte| *byte == b'\n');
    (cut.map_or("", |cut| &text[beyond + cut + 1..]), true)
}

/// Writes one piece.
fn keep(path: &Path, text: &str, cut: bool) -> Result<Kept, String> {
    let folder = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, text));
    written.map_err(|error| format!("cannot write it: {error}"))?;
    Ok(Kept {
        bytes: text.len() as u64,
        sha256: format!("{:x}", Sha256::digest(text)),
        cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_last_whole_lines_are_kept() {
        assert_eq!(end_of("one\ntwo\n"), ("one\ntwo\n", false));
        let long = "é".repeat(BYTES_MAX) + "\nlast\n";
        assert_eq!(end_of(&long), ("last\n", true));
        assert_eq!(end_of(&"x".repeat(BYTES_MAX + 1)), ("", true));
        let lines = "0123456789\n".repeat(BYTES_MAX);
        let (kept, cut) = end_of(&lines);
        assert!(cut && kept.len() > BYTES_MAX - 11 && kept.len() <= BYTES_MAX);
        assert!(kept.starts_with("0123456789\n"));
    }
}
