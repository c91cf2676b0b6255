//! What becomes of a run whose harness is killed, panics or runs out of disk, and of a journal that
//! was cut or edited: nobody can judge it, and nothing of it passes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use seatrial::journal::{Event, History};
use seatrial::run::{self, Options};
use seatrial::substrate::sim::Sim;
use seatrial::verdict::Verdict::{self, Unknown};
use tokio_util::sync::CancellationToken;

use super::misdeeds::stopped;
use super::sabotage::{Line, is_judged};

/// A scenario that a few lines of memory can run.
const SCENARIO: &str = "scenarios/mariadb-nfs-survives-node-stop.yaml";

/// Every line.
pub(crate) fn all() -> Vec<Line> {
    vec![
        line("a journal cut within a line", "run", || judged(&cut(true))),
        line("a journal cut between two lines", "run", || {
            judged(&cut(false))
        }),
        line("an end that was added by hand", "run", forged_end),
        line("a journal with other words and no seal", "run", || {
            judged(&without_its_seal(
                "connection refused",
                "nothing to see here",
            ))
        }),
        line("a journal without one line", "reader", || {
            refused(&without_one())
        }),
        line("a journal with one line twice", "reader", || {
            refused(&with_one_twice())
        }),
        line("a journal with another time", "reader", || {
            refused(&replaced(r#""at_us":5"#, r#""at_us":9000000005"#))
        }),
        line("a journal of a fault nobody planned", "reader", || {
            refused(&replaced(
                r#""injected":{"fault":0}"#,
                r#""injected":{"fault":1}"#,
            ))
        }),
        line("a journal with an unknown entry", "reader", || {
            refused(&replaced(r#"{"injected":"#, r#"{"inserted_by_hand":"#))
        }),
        line("a journal of another format", "reader", || {
            refused(&replaced(r#""format":1"#, r#""format":2"#))
        }),
        line("a journal with other words", "reader", || {
            refused(&replaced(r#""acknowledged""#, r#"{"refused":"by hand"}"#))
        }),
        line("a panic in the harness", "run", panics),
        line("a full disk under the journal", "run", full_disk),
    ]
}

/// A line that must come to `Unknown`.
fn line(
    name: &'static str,
    noticed_by: &'static str,
    act: impl Fn() -> Verdict + Send + Sync + 'static,
) -> Line {
    Line {
        name,
        verdict: Unknown,
        noticed_by,
        act: Box::new(act),
    }
}

/// Runs a plan on an honest place; what its listener does is its own affair.
fn text(listener: Option<Arc<seatrial::journal::Listener>>) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options {
            folder: folder.path().join("run"),
            command_line: Vec::new(),
            listener,
            stop: CancellationToken::new(),
        };
        let ran = run::run(&Sim::new(), &stopped(), options).await;
        std::fs::read_to_string(ran.expect("a journal").journal).expect("text")
    })
}

fn read(text: &str) -> Result<History, String> {
    let read = History::from_text(Path::new("journal.jsonl"), text);
    read.map_err(|error| error.to_string())
}

/// A journal that can be read is judged by what it lacks.
fn judged(text: &str) -> Verdict {
    let history = read(text).expect("a journal that can be read");
    is_judged(&history, Unknown, "run")
}

/// A journal that cannot be read is no verdict: `seatrial check` ends with 2.
fn refused(text: &str) -> Verdict {
    let error = read(text).expect_err("it was edited");
    assert!(error.contains("is damaged at line "), "{error}");
    Unknown
}

/// The first two thirds of a journal.
fn cut(within: bool) -> String {
    let whole = text(None);
    let end = whole[..whole.len() * 2 / 3].rfind('\n').expect("a line") + 1;
    whole[..end + if within { 20 } else { 0 }].to_owned()
}

/// The same, with an end that nobody reached.
fn forged_end() -> Verdict {
    let cut = cut(false);
    let last = cut.lines().last().expect("a line");
    let entry: seatrial::journal::Entry = serde_json::from_str(last).expect("an entry");
    let end = seatrial::journal::Entry {
        seq: entry.seq + 1,
        event: Event::End,
        ..entry
    };
    let text = format!("{cut}{}\n", serde_json::to_string(&end).expect("JSON"));
    judged(&text)
}

fn without_one() -> String {
    let whole = text(None);
    let kept = whole.lines().enumerate().filter(|(at, _)| *at != 100);
    kept.map(|(_, line)| format!("{line}\n")).collect()
}

fn with_one_twice() -> String {
    let whole = text(None);
    let lines = whole.lines().enumerate();
    let twice = lines.map(|(at, line)| format!("{line}\n").repeat(1 + usize::from(at == 100)));
    twice.collect()
}

/// A journal in which the first of these words is another.
fn replaced(from: &str, to: &str) -> String {
    let whole = text(None);
    let edited = whole.replacen(from, to, 1);
    assert_ne!(whole, edited, "nothing to replace");
    edited
}

/// A journal in which the first of these words is another, and nothing vouches for it.
fn without_its_seal(from: &str, to: &str) -> String {
    let edited = replaced(from, to);
    let seal = |line: &&str| line.contains(r#""event":{"seal":"#);
    let kept: Vec<&str> = edited.lines().filter(|line| !seal(line)).collect();
    let (end, above) = kept.split_last().expect("a line");
    let number = |at: usize| format!("\"seq\":{at},");
    let end = end.replace(&number(kept.len()), &number(kept.len() - 1));
    format!("{}\n{end}\n", above.join("\n"))
}

/// Whoever is told of the entries panics once the fault bites.
fn panics() -> Verdict {
    let armed = AtomicBool::new(true);
    let text = text(Some(Arc::new(move |entry| {
        let bites = matches!(entry.event, Event::Confirmed { .. });
        if bites && armed.swap(false, Ordering::Relaxed) {
            panic!("the listener fails, as it must");
        }
    })));
    judged(&text)
}

/// The disk is full once the journal has 100 KiB. The run says so, and its half journal is unknown.
fn full_disk() -> Verdict {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let command = |script: &str| {
        let mut shell = Command::new("bash");
        shell
            .args(["-c", script, env!("CARGO_BIN_EXE_seatrial")])
            .args(["--runs".as_ref(), path("runs").as_os_str()])
            .env("SEATRIAL_CACHE", path("cache"))
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        let out = shell.output().expect("it starts");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        (out.status.code(), said)
    };
    // Without the trap the kernel's signal would end the process.
    let script = format!("trap '' XFSZ; ulimit -f 100; exec \"$0\" run --on sim \"$@\" {SCENARIO}");
    let (code, said) = command(&script);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cannot write the journal"), "{said}");
    let (code, said) = command("exec \"$0\" check \"$@\"");
    assert_eq!(code, Some(2), "{said}");
    let whole = std::fs::read_to_string(path("runs/latest/journal.jsonl")).expect("a journal");
    judged(&whole)
}
