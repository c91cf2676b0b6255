//! Comparisons for people, for the summary of a CI job, and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::change::{Called, Change};
use super::{CheckChange, Comparison, Outcome};
use crate::report::legible::line;
use crate::report::markdown::plain;
use crate::report::quantity::Kind;
use crate::report::style::Style;
use crate::report::{SIMULATED, schema_of};
use crate::verdict::Verdict;
use crate::verdict::wording::counted;

/// One comparison, for people. Ends with a line end.
pub fn comparison(comparison: &Comparison, style: &Style) -> String {
    let mut text = style.remark("COMPARED", &title(comparison));
    if comparison.simulated {
        text += &style.remark("NOTE", SIMULATED);
    }
    for differs in &comparison.differs {
        text += &style.remark("DIFFERS", &line(differs));
    }
    for check in checks(comparison) {
        text += &style.remark("CHECK", &check);
    }
    let quantities = comparison.quantities.iter().map(row);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(HEADER);
    table.add_rows(quantities);
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    if !comparison.quantities.is_empty() && !one_sided(comparison) {
        text.push('\n');
        for row in table.to_string().lines() {
            let _ = writeln!(text, "{:12}{}", "", row.trim_end());
        }
        text.push('\n');
    }
    text + &style.remark(word(comparison.outcome), said(comparison))
}

const HEADER: [&str; 5] = ["quantity", "before", "after", "change", "which is"];

/// The sentence behind the word that says the same as its beginning.
fn said(comparison: &Comparison) -> &str {
    let sentence = comparison.sentence.as_str();
    let without = ["worse: ", "better: "].map(|word| sentence.strip_prefix(word));
    without.into_iter().flatten().next().unwrap_or(sentence)
}

/// The word that tells what it came to.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Better => "BETTER",
        Outcome::NoDifference => "SAME",
        Outcome::Unknown => "UNKNOWN",
        Outcome::Worse => "WORSE",
    }
}

/// `mariadb-nfs-survives-node-stop: 5 runs, and 5 before`.
fn title(comparison: &Comparison) -> String {
    let (was, is) = (comparison.base.len() as u64, comparison.new.len() as u64);
    let scenario = line(&comparison.scenario);
    format!(
        "{scenario}: {} before, {} after",
        counted(was, "run"),
        counted(is, "run")
    )
}

/// True if one side has no run with a verdict, so that there are no two sides to anything.
fn one_sided(comparison: &Comparison) -> bool {
    let verdict = comparison.checks.first();
    verdict.is_none_or(|verdict| verdict.called == Called::Missing)
}

/// The checks that changed, and how many did not.
fn checks(comparison: &Comparison) -> Vec<String> {
    if one_sided(comparison) {
        return Vec::new();
    }
    let same = |one: &&CheckChange| one.called == Called::Same;
    let changed = comparison.checks.iter().filter(|one| !same(one));
    let mut said: Vec<String> = changed
        .map(|one| {
            let (was, is) = (came(&one.base), came(&one.new));
            let name = line(&one.check);
            format!("{name}: {was}, then {is}: {}", called(one.called, true))
        })
        .collect();
    let same = comparison.checks.iter().filter(same).count() as u64;
    if same > 0 {
        said.push(format!("{} came to the same", counted(same, "check")));
    }
    said
}

/// `4 pass, 1 fail`.
fn came(counts: &BTreeMap<Verdict, usize>) -> String {
    let counts = counts
        .iter()
        .map(|(verdict, runs)| format!("{runs} {verdict}"));
    let all: Vec<String> = counts.collect();
    if all.is_empty() {
        "none".to_owned()
    } else {
        all.join(", ")
    }
}

/// A quantity in words, a column each; the parts of a recovery are set in.
fn row(change: &Change) -> [String; 5] {
    let indent = if change.kind == Kind::Part { "  " } else { "" };
    let by = change.change.map_or("-".to_owned(), |by| {
        let sign = if by < 0.0 { "-" } else { "+" };
        format!("{sign}{}", change.kind.written(by.abs()))
    });
    let chance = match change.chance {
        Some(chance) if change.called != Called::Same => format!(", p = {chance:.3}"),
        _ => String::new(),
    };
    [
        format!("{indent}{}", line(&change.what)),
        change.base.written(change.kind),
        change.new.written(change.kind),
        by,
        format!("{}{chance}", called(change.called, change.decides)),
    ]
}

/// A change by its name. What only explains is neither better nor worse by itself.
fn called(called: Called, decides: bool) -> &'static str {
    match (called, decides) {
        (Called::Same, _) => "the same",
        (Called::Noise, _) => "noise",
        (Called::Missing, _) => "not on both sides",
        (Called::Elsewhere, _) => "of other nodes",
        (Called::Better, true) => "better",
        (Called::Worse, true) => "worse",
        (Called::Better, false) => "less",
        (Called::Worse, false) => "more",
    }
}

/// Comparisons as Markdown, for the summary of a CI job. Ends with a line end.
pub fn comparisons_markdown(all: &[Comparison]) -> String {
    let mut text = String::new();
    for one in all {
        let _ = writeln!(text, "## {}: {}\n", word(one.outcome), plain(&title(one)));
        if one.simulated {
            let _ = writeln!(text, "> {}\n", plain(SIMULATED));
        }
        let _ = writeln!(text, "{}\n", plain(&one.sentence));
        for differs in &one.differs {
            let _ = writeln!(text, "- differs: {}", plain(differs));
        }
        for check in checks(one) {
            let _ = writeln!(text, "- {}", plain(&check));
        }
        let _ = writeln!(text, "\n| {} |\n|---|---|---|---|---|", HEADER.join(" | "));
        for change in &one.quantities {
            let row = row(change).map(|cell| plain(cell.trim_start()));
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text.push('\n');
    }
    text
}

/// The JSON Schema of [`comparisons_json`].
pub fn comparisons_schema() -> serde_json::Value {
    schema_of::<Vec<Comparison>>()
}

/// Comparisons as a JSON array, as [`comparisons_schema`] says. Ends with a line end.
pub fn comparisons_json(all: &[Comparison]) -> String {
    format!("{:#}\n", serde_json::json!(all))
}
