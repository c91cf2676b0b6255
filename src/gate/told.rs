//! A decision for people, for the summary of a CI job, and for programs.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Decision, Reason, Ruling, Seen, Weight};
use crate::report::{Style, comparison, comparisons_markdown, plain, schema_of};
use crate::verdict::wording::counted;

/// The decision for people. Ends with a line end.
pub fn gate(decision: &Decision, from: &str, to: &str, style: &Style) -> String {
    let mut text = String::new();
    for one in &decision.comparisons {
        text += &comparison(one, style);
        text.push('\n');
    }
    for seen in &decision.upgrades {
        text += &style.remark("UPGRADED", &came_to(seen));
        if let Some(steps) = &seen.steps {
            text += &format!("\n{}\n", steps.text());
        }
    }
    for reason in &decision.reasons {
        text += &style.remark(word(reason.weight), &said(reason));
    }
    text + &style.remark(ruling(decision.ruling), &closing(decision, from, to))
}

/// The decision as Markdown. Ends with a line end.
pub fn gate_markdown(decision: &Decision, from: &str, to: &str) -> String {
    let title = closing(decision, from, to);
    let mut text = format!("# {}: {}\n\n", ruling(decision.ruling), plain(&title));
    for reason in &decision.reasons {
        let word = word(reason.weight).to_lowercase();
        let _ = writeln!(text, "- {word}: {}", plain(&said(reason)));
    }
    for seen in &decision.upgrades {
        let _ = writeln!(text, "- upgraded: {}", plain(&came_to(seen)));
    }
    text.push('\n');
    for seen in &decision.upgrades {
        if let Some(steps) = &seen.steps {
            let _ = writeln!(text, "What every node ran in `{}`:\n", seen.folder);
            text += &steps.markdown();
        }
    }
    text + &comparisons_markdown(&decision.comparisons) + &runs(decision)
}

/// Every run, where it is kept, and with what seed.
fn runs(decision: &Decision) -> String {
    let mut text = "## Runs\n\n| run | verdict | seed |\n|---|---|---|\n".to_owned();
    for seen in decision.upgrades.iter().chain(&decision.sides) {
        let (folder, verdict, seed) = (plain(&seen.folder), seen.verdict, seen.seed);
        let report = format!("{}/report.html", seen.folder);
        let _ = writeln!(text, "| [{folder}]({report}) | {verdict} | {seed} |");
    }
    text
}

fn came_to(seen: &Seen) -> String {
    format!("{}: {}", seen.scenario, seen.verdict)
}

/// What a gate keeps for programs.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Gate", deny_unknown_fields)]
struct Told<'a> {
    /// The engine that there was.
    from: &'a str,
    /// The engine that there may be.
    to: &'a str,
    /// What it came to, and why.
    decision: &'a Decision,
}

/// The schema of [`gate_json`] (JSON Schema, draft 2020-12).
pub fn gate_schema() -> serde_json::Value {
    schema_of::<Told>()
}

/// The decision as one JSON object, as [`gate_schema`] says. Ends with a line end.
pub fn gate_json(decision: &Decision, from: &str, to: &str) -> String {
    let told = Told { from, to, decision };
    format!("{:#}\n", serde_json::json!(told))
}

/// The word that a reason's line starts with.
fn word(weight: Weight) -> &'static str {
    match weight {
        Weight::Regression => "REGRESSION",
        Weight::Unknown => "UNKNOWN",
        Weight::Note => "NOTE",
    }
}

fn ruling(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Accept => "ACCEPT",
        Ruling::Undecided => "UNDECIDED",
        Ruling::Reject => "REJECT",
    }
}

fn said(reason: &Reason) -> String {
    match reason.scenario.as_str() {
        "" => reason.said.clone(),
        scenario => format!("{scenario}: {}", reason.said),
    }
}

/// `from bookworm to trixie: 1 regression, 2 unknown`.
fn closing(decision: &Decision, from: &str, to: &str) -> String {
    let of = |weight: Weight| {
        let all = decision.reasons.iter().filter(|one| one.weight == weight);
        all.count() as u64
    };
    let unknown = match of(Weight::Unknown) {
        0 => "nothing unknown".to_owned(),
        some => format!("{some} unknown"),
    };
    let regressions = counted(of(Weight::Regression), "regression");
    format!("from {from} to {to}: {regressions}, {unknown}")
}
