//! Many runs in one table.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use super::Figures;
use super::aftermath::recovered;
use super::legible::line;
use super::quantity::Kind;
use super::spread::Spread;
use super::trend::came;
use crate::journal::History;
use crate::journal::timeline::Timeline;
use crate::verdict::wording::{counted, seconds};
use crate::verdict::{Judgement, Verdict};

/// One scenario in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// The scenario's name.
    pub scenario: String,
    /// What it came to: a verdict, or `skipped` with its reason.
    pub verdict: String,
    /// The longest time from a fault to the steady state, of several runs their median and spread;
    /// none if it was not seen.
    pub recovery: Option<String>,
    /// What `nothing_lost` came to: `no`, what is lost, or `?`; else the requests that `answers`
    /// missed; none if nobody asked.
    pub lost: Option<String>,
    /// The folder of the run, or the place.
    pub place: String,
}

impl SummaryRow {
    /// The row of a run that lies in this folder.
    pub fn of(history: &History, judgement: &Judgement, folder: &str) -> Self {
        let timeline = Timeline::of(history);
        let windows = timeline.faults.iter();
        let times = windows.map(|window| recovered(history, window).map(|(_, took)| took));
        let times: Option<Vec<Duration>> = times.collect();
        let lost = judgement
            .findings
            .iter()
            .filter(|one| one.check == "nothing_lost");
        let lost = lost
            .max_by_key(|one| one.verdict)
            .map(|one| match one.verdict {
                Verdict::Pass => "no".to_owned(),
                Verdict::Unknown => "?".to_owned(),
                Verdict::Fail => {
                    let said = one.summary.split(" through ").next();
                    said.unwrap_or("yes").to_owned()
                }
            });
        let missed = judgement.findings.iter().find_map(|one| one.requests);
        let missed = missed.map(|requests| match requests.lost {
            0 => "no".to_owned(),
            lost => counted(lost, "request"),
        });
        Self {
            scenario: history.plan.name.clone(),
            verdict: judgement.verdict.to_string(),
            recovery: times.and_then(|times| times.into_iter().max()).map(seconds),
            lost: lost.or(missed),
            place: folder.to_owned(),
        }
    }

    /// The row of several runs of one scenario, which lie in this folder, or of one that is kept.
    pub fn repeated(runs: &[Figures], folder: &str) -> Self {
        let all: Vec<&Figures> = runs.iter().collect();
        let verdict = match runs {
            [one] => one.verdict.to_string(),
            _ => came(&all),
        };
        let times: Vec<f64> = runs.iter().filter_map(Figures::recovery).collect();
        let recovery = Spread::of(&times).written(Kind::Recovery);
        let lost: Vec<(Kind, f64)> = runs.iter().filter_map(Figures::lost).collect();
        let some = lost.iter().filter(|(_, lost)| *lost > 0.0);
        let most = some
            .clone()
            .max_by(|(_, one), (_, other)| one.total_cmp(other));
        let lost = match most {
            None => (!lost.is_empty()).then(|| "no".to_owned()),
            Some((kind, most)) => {
                let noun = match kind {
                    Kind::RowsLost => "rows",
                    _ => "of requests",
                };
                let times = match runs.len() {
                    1 => String::new(),
                    runs => format!(" at the most, in {} of {runs}", some.count()),
                };
                Some(format!("{} {noun}{times}", kind.written(*most)))
            }
        };
        Self {
            scenario: all
                .first()
                .map(|run| line(&run.scenario))
                .unwrap_or_default(),
            verdict,
            recovery: (!times.is_empty()).then_some(recovery),
            lost,
            place: folder.to_owned(),
        }
    }

    /// The row of a scenario that the plan skipped.
    pub fn skipped(scenario: &str, reason: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            verdict: format!("skipped: {reason}"),
            recovery: None,
            lost: None,
            place: String::new(),
        }
    }
}

/// The table, one scenario a row. Ends with a line end.
pub fn summary(rows: &[SummaryRow]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["scenario", "verdict", "recovered in", "lost", "where"]);
    for row in rows {
        table.add_row([
            row.scenario.clone(),
            row.verdict.clone(),
            row.recovery.clone().unwrap_or_else(|| "-".to_owned()),
            row.lost.clone().unwrap_or_else(|| "-".to_owned()),
            row.place.clone(),
        ]);
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text = table.to_string();
    text.lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}
