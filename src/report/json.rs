//! A run for programs.

use serde_json::{Value, json as value};

use super::{aftermath, breakdown, ledgers, pages, tasks};
use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{Deed, History};
use crate::verdict::Judgement;

/// The run and its judgement as one JSON object; times are in seconds since the run began, but
/// `after` counts from the fault. Ends with a line end.
pub fn json(history: &History, judgement: &Judgement) -> String {
    let timeline = Timeline::of(history);
    let faults: Vec<Value> = timeline
        .faults
        .iter()
        .map(|window| fault(history, window))
        .collect();
    let actions: Vec<Value> = timeline.actions.iter().map(action).collect();
    let whole = value!({
        "format": 1,
        "scenario": history.plan.name,
        "title": history.plan.title,
        "verdict": judgement.verdict,
        "findings": judgement.findings,
        "control": judgement.control,
        "trouble": judgement.trouble,
        "ran_with": history.header,
        "faults": faults,
        "actions": actions,
        "ledgers": ledgers::of(history),
        "tasks": tasks::of(history),
        "pages": pages::of(history),
    });
    format!("{whole:#}\n")
}

/// One action.
fn action(deed: &Deed) -> Value {
    let at = |mark: Option<Mark>| mark.map(|mark| mark.at.as_secs_f64());
    value!({
        "verb": deed.verb,
        "about": deed.about,
        "targets": deed.targets,
        "must_be_refused": deed.must_be_refused,
        "acting": at(deed.acting),
        "acted": at(deed.acted),
        "refused": at(deed.refused),
        "confirmed": at(deed.confirmed),
        "not_confirmed": at(deed.not_confirmed),
        "said": deed.words,
    })
}

/// One fault and what followed it.
fn fault(history: &History, window: &Window) -> Value {
    let at = |mark: Option<Mark>| mark.map(|mark| mark.at.as_secs_f64());
    let steps = aftermath::of(history, window);
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| {
            value!({
                "after": step.after.as_secs_f64(), "what": step.said, "entry": step.entry
            })
        })
        .collect();
    value!({
        "verb": window.verb,
        "targets": window.targets,
        "injecting": at(window.injecting),
        "injected": at(window.injected),
        "confirmed": at(window.confirmed),
        "healing": at(window.healing),
        "healed": at(window.healed),
        "steps": steps,
        "breakdown": breakdown::of(history, window),
    })
}
