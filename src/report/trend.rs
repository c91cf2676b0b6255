//! Runs over time, the newest last: a line of plain characters for whatever a scenario measures.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Figures;
use super::legible::line;
use super::quantity::{Kind, Quantity};
use super::spread::Spread;
use crate::verdict::Verdict;
use crate::verdict::wording::counted;

/// So many runs are drawn; of more, the newest.
const DRAWN_MAX: usize = 60;

/// How to read the pictures.
const LEGEND: &str = "a character a run, the newest last; 0 is nothing, 9 the most of its line, x \
                      was not seen; . passed, ? unknown, F failed";

/// Runs that can be told in one picture: one scenario on machines of one kind, with the same
/// faults.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

/// A picture for each scenario that ran. Ends with a line end.
pub fn trend(runs: &[Figures]) -> String {
    let mut text = String::new();
    for ((scenario, place, accelerator, _), mut runs) in grouped(runs) {
        runs = runs.split_off(runs.len().saturating_sub(DRAWN_MAX));
        let quiet = match runs.iter().all(|run| run.breaks_nothing()) {
            true => ", without faults",
            false => "",
        };
        let control = if runs.iter().any(|run| run.control) {
            " (control: it must fail, and passes when it does)"
        } else {
            ""
        };
        let (scenario, place, accelerator) = (line(scenario), line(place), line(accelerator));
        let _ = writeln!(
            text,
            "{scenario} on {place}, accelerator {accelerator}{quiet}{control}"
        );
        let days = [runs.first(), runs.last()].map(|run| run.map(|run| day(run)));
        let days = match days {
            [Some(first), Some(last)] if first != last => format!("{first} to {last}"),
            [_, last] => last.unwrap_or_default(),
        };
        let said = format!(
            "{}, {days}: {}",
            counted(runs.len() as u64, "run"),
            came(&runs)
        );
        let verdicts: String = runs.iter().map(|run| letter(run.verdict)).collect();
        let mut lines = vec![("verdicts".to_owned(), verdicts, said)];
        lines.extend(names(&runs).into_iter().map(|(what, kind)| {
            let values = values(&runs, what);
            (line(what), picture(&values), figures(&values, kind))
        }));
        let width = lines.iter().map(|(what, ..)| what.chars().count()).max();
        for (what, picture, said) in lines {
            let width = width.unwrap_or(0);
            let _ = writeln!(text, "  {what:width$}  {picture}  {said}");
        }
        text.push('\n');
    }
    match text.is_empty() {
        true => "no runs are kept\n".to_owned(),
        false => format!("{text}{LEGEND}\n"),
    }
}

/// The same for programs: a JSON array of scenarios with their runs, by the folders of these. Ends
/// with a line end.
pub fn trend_json(runs: &[(String, Figures)]) -> String {
    let figures: Vec<Figures> = runs.iter().map(|(_, figures)| figures.clone()).collect();
    let folder = |run: &Figures| {
        let same = runs.iter().find(|(_, one)| one == run);
        same.map(|(folder, _)| folder.as_str())
    };
    let all = grouped(&figures)
        .into_iter()
        .map(|((scenario, place, accelerator, _), runs)| {
            let told = runs.iter().map(|run| {
                let told = |one: &&Quantity| is_told(one);
                let told = run.quantities.iter().filter(told);
                let told: BTreeMap<&str, Option<f64>> =
                    told.map(|one| (one.what.as_str(), one.value)).collect();
                serde_json::json!({
                    "run": folder(run),
                    "began": run.began,
                    "seed": format!("{:#x}", run.seed),
                    "verdict": run.verdict,
                    "quantities": told,
                })
            });
            serde_json::json!({
                "scenario": scenario,
                "place": place,
                "accelerator": accelerator,
                "breaks_nothing": runs.iter().all(|run| run.breaks_nothing()),
                "control": figures.iter().any(|run| run.scenario == scenario && run.control),
                "runs": told.collect::<Vec<_>>(),
            })
        });
    format!("{:#}\n", serde_json::Value::from_iter(all))
}

/// The runs of each scenario, the newest last.
fn grouped(runs: &[Figures]) -> BTreeMap<Key<'_>, Vec<&Figures>> {
    let mut groups: BTreeMap<Key, Vec<&Figures>> = BTreeMap::new();
    for run in runs {
        let (place, accelerator) = (run.place(), run.accelerator());
        let key = (run.scenario.as_str(), place, accelerator, run.faults());
        groups.entry(key).or_default().push(run);
    }
    for group in groups.values_mut() {
        group.sort_by_key(|run| run.began);
    }
    groups
}

/// Recovery times, gaps and losses; a control's losses too.
fn is_told(quantity: &Quantity) -> bool {
    match quantity.kind {
        Kind::RowsLost => true,
        Kind::Latency => false,
        _ => quantity.decides,
    }
}

/// What there is a picture of.
fn names<'a>(runs: &[&'a Figures]) -> Vec<(&'a str, Kind)> {
    let mut names: Vec<(&str, Kind)> = Vec::new();
    for one in runs.iter().flat_map(|run| &run.quantities) {
        if is_told(one) && !names.iter().any(|(what, _)| *what == one.what) {
            names.push((&one.what, one.kind));
        }
    }
    names
}

/// What each run measured; none of a run that did not, and without end what was not reached.
fn values(runs: &[&Figures], what: &str) -> Vec<Option<f64>> {
    let value = |run: &&Figures| {
        let found = run.quantities.iter().find(|one| one.what == what)?;
        Some(found.value.unwrap_or(f64::INFINITY))
    };
    runs.iter().map(value).collect()
}

/// A digit a run, as tall as its number is beside the greatest.
fn picture(values: &[Option<f64>]) -> String {
    let finite = values.iter().flatten().filter(|value| value.is_finite());
    let most = finite.copied().fold(0.0_f64, f64::max);
    let drawn = values.iter().map(|value| match value {
        None => ' ',
        Some(value) if !value.is_finite() => 'x',
        Some(value) if most > 0.0 => {
            // A float to integer cast saturates. What is something is never drawn as nothing.
            let height = (value / most * 9.0).round() as u32;
            let height = if *value > 0.0 { height.max(1) } else { 0 };
            char::from_digit(height.min(9), 10).unwrap_or('?')
        }
        Some(_) => '0',
    });
    drawn.collect()
}

/// `first 59.1s, last 61.2s, median 60.2s (55.1s to 78.4s)`.
fn figures(values: &[Option<f64>], kind: Kind) -> String {
    let values: Vec<f64> = values.iter().copied().flatten().collect();
    let said =
        |value: Option<&f64>| Spread::of(value.map_or(&[], std::slice::from_ref)).written(kind);
    let (first, last) = (said(values.first()), said(values.last()));
    let median = Spread::of(&values).written(kind);
    format!("first {first}, last {last}, median {median}")
}

/// `4 pass, 1 fail`.
pub(super) fn came(runs: &[&Figures]) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for run in runs {
        *counts.entry(run.verdict).or_default() += 1;
    }
    let counts = counts
        .iter()
        .map(|(verdict, runs)| format!("{runs} {verdict}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// A verdict as a character.
fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '.',
        Verdict::Unknown => '?',
        Verdict::Fail => 'F',
    }
}

/// The day that a run began, in UTC.
fn day(run: &Figures) -> String {
    run.began.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_starts_at_nothing_and_shows_what_is_missing() {
        let none = f64::INFINITY;
        let all = [
            Some(60.0),
            Some(30.0),
            Some(0.1),
            Some(0.0),
            Some(none),
            None,
        ];
        assert_eq!(picture(&all), "9510x ");
        assert_eq!(picture(&[Some(0.0), Some(0.0)]), "00");
        assert_eq!(picture(&[]), "");
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        assert_eq!(trend(&[]), "no runs are kept\n");
        assert_eq!(trend_json(&[]), "[]\n");
        let said = figures(&[None, Some(59.1), Some(61.0)], Kind::Recovery);
        assert_eq!(
            said,
            "first 59.1s, last 61.0s, median 60.0s (59.1s to 61.0s)"
        );
    }
}
