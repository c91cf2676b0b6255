//! A run as Markdown, for the summary of a CI job.

use std::fmt::Write as _;

use super::clients::{Client, Word};
use super::engines::Steps;
use super::legible::line;
use super::style::{entries, verdict_word};
use super::terminal::closing;
use super::{aftermath, bundle, caveat, clients, ledgers, pages};
use crate::journal::History;
use crate::journal::timeline::Timeline;
use crate::verdict::wording::seconds;
use crate::verdict::{Judgement, Verdict};

/// How many troubles are told.
const TROUBLE_MAX: usize = 10;

/// How many pieces of evidence are named.
const EXHIBITS_MAX: usize = 100;

/// The verdict, the findings, what was measured and what it ran with. Ends with a line end.
pub fn markdown(history: &History, judgement: &Judgement) -> String {
    let verdict = verdict_word(judgement.verdict);
    let mut text = format!("## {verdict}: {}\n\n", plain(&history.plan.name));
    if let Some(caveat) = caveat(history) {
        let _ = writeln!(text, "> {}\n", plain(caveat));
    }
    let _ = writeln!(text, "{}\n", plain(&history.plan.title));
    if judgement.control.is_some() {
        let _ = writeln!(text, "{}\n", plain(&closing(history, judgement)));
    }
    text += &findings(judgement);
    text += &measured(history);
    text += &Steps::of(history).map_or(String::new(), |steps| steps.markdown());
    let trouble = judgement.trouble.iter().take(TROUBLE_MAX);
    for what in trouble {
        let _ = writeln!(text, "- trouble: {}", plain(what));
    }
    if !judgement.trouble.is_empty() {
        text.push('\n');
    }
    text + &ran_with(history) + &evidence(history)
}

/// What means something to Markdown in the middle of a line.
const SPECIAL: &str = "\\`*_[]<>|&#~!$";

/// Text that is shown as it is, in one line.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for letter in line(text).chars() {
        if SPECIAL.contains(letter) {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

fn findings(judgement: &Judgement) -> String {
    let mut text = "| check | verdict | what was found |\n|---|---|---|\n".to_owned();
    for finding in &judgement.findings {
        let note = if judgement.failed_as_it_must(finding) {
            ", as it must"
        } else {
            ""
        };
        let seen = match finding.evidence.as_slice() {
            [] => String::new(),
            _ if finding.verdict == Verdict::Pass => String::new(),
            evidence => format!(" ({})", entries(evidence)),
        };
        let (check, what) = (plain(&finding.check), plain(&finding.summary));
        let _ = writeln!(
            text,
            "| {check} | {}{note} | {what}{seen} |",
            finding.verdict
        );
    }
    text + "\n"
}

/// Recoveries, rows and requests, where there were any.
fn measured(history: &History) -> String {
    let timeline = Timeline::of(history);
    let mut rows: Vec<(String, String)> = Vec::new();
    for window in &timeline.faults {
        let recovered = aftermath::recovered(history, window);
        let took = recovered.map_or("not seen".to_owned(), |(_, took)| seconds(took));
        rows.push((format!("recovery from {}", window.named()), took));
    }
    let said = |line: &str| {
        let (name, said) = line.split_once(": ").unwrap_or(("", line));
        (name.to_owned(), said.to_owned())
    };
    for ledger in ledgers::of(history) {
        rows.extend(ledger.lines().iter().map(|line| said(line)));
    }
    rows.extend(pages::of(history).iter().map(|pages| said(&pages.line())));
    let clients = clients::of(history, Default::default(), 0);
    rows.extend(clients.iter().filter_map(silence));
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "| measured | value |\n|---|---|\n".to_owned();
    for (what, value) in rows {
        let _ = writeln!(text, "| {} | {} |", plain(&what), plain(&value));
    }
    text + "\n"
}

/// How long a client had no good answer, if it ever had none.
fn silence(client: &Client) -> Option<(String, String)> {
    let bad = Word::ALL.into_iter().filter(|word| *word != Word::Good);
    let missed = bad.map(|word| client.tally(word).count).sum::<u64>() > 0;
    let (longest, _) = client.silence.filter(|_| missed)?;
    let what = format!(
        "{} through {}, longest without",
        client.workload, client.via
    );
    Some((what, seconds(longest)))
}

/// What was kept in the run's folder.
fn evidence(history: &History) -> String {
    let mut kept: Vec<String> = Vec::new();
    for (_, exhibit) in bundle::exhibits(history).take(EXHIBITS_MAX) {
        kept.extend(exhibit.kept.is_ok().then(|| plain(&exhibit.path)));
    }
    if kept.is_empty() {
        return String::new();
    }
    let ours = bundle::bundle(history).map(|(path, _)| plain(path));
    let all: Vec<String> = ours.into_iter().chain(kept).collect();
    format!("\nEvidence in the run's folder: {}\n", all.join(", "))
}

fn ran_with(history: &History) -> String {
    let header = &history.header;
    let versions = header.versions.iter();
    let mut with: Vec<String> = versions
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    with.push(format!("accelerator {}", header.accelerator));
    with.push(format!("patience {}", header.patience));
    with.push(format!("seed {:#x}", header.seed));
    with.push(format!("started from {}", header.started_from));
    let mut text = format!(
        "Ran on {} with {}.\n\n",
        plain(&header.place),
        plain(&with.join(", "))
    );
    for (name, identity) in &header.images {
        let _ = writeln!(text, "- image {}: {}", plain(name), plain(identity));
    }
    text
}
