//! A run for programs.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::aftermath;
use super::breakdown::{self, Part};
use super::bundle;
use super::ledgers::{self, Ledger};
use super::pages::{self, Pages};
use super::tasks::{self, Service};
use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{Deed, Engines, Exhibit, Header, History, Turn};
use crate::verdict::{ControlOutcome, Finding, Judgement, Verdict};

/// The version of this format.
const FORMAT: u32 = 1;

/// A run and its judgement. Times are in seconds since the run began, entries are numbers of lines
/// of its journal, counted from 0.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Report", deny_unknown_fields)]
struct Report<'a> {
    /// The version of this format: 1.
    #[schemars(extend("const" = FORMAT))]
    format: u32,
    /// The scenario's name.
    scenario: &'a str,
    /// The claim.
    title: &'a str,
    /// What it all came to.
    verdict: Verdict,
    /// What each check came to.
    findings: &'a [Finding],
    /// How a scenario that must fail came out; null for any other.
    control: Option<&'a ControlOutcome>,
    /// Every trouble that the harness had, in order.
    trouble: &'a [String],
    /// What ran, and with what.
    ran_with: &'a Header,
    /// One a fault, in the plan's order.
    faults: Vec<Fault<'a>>,
    /// One an action, in the plan's order.
    actions: Vec<Action<'a>>,
    /// What became of the rows of each ledger.
    ledgers: Vec<Ledger>,
    /// The tasks of each service, the newest first.
    tasks: Vec<Service<'a>>,
    /// What became of the requests of each `get` workload.
    pages: Vec<Pages>,
    /// What was kept of the machines, in the run's folder.
    evidence: Vec<&'a Exhibit>,
}

/// One action; a time is null when it was not reached.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Action<'a> {
    /// `scale`, `drain` …
    verb: &'a str,
    /// What it is about: `nginx to 4`.
    about: &'a str,
    /// The nodes that were chosen.
    targets: &'a [String],
    /// True if the swarm must refuse it.
    must_be_refused: bool,
    /// The first order was about to be given.
    acting: Option<f64>,
    /// The swarm took every order.
    acted: Option<f64>,
    /// It was refused.
    refused: Option<f64>,
    /// It was seen to be so.
    confirmed: Option<f64>,
    /// It was not seen to be so.
    not_confirmed: Option<f64>,
    /// What was seen, or the words that it was refused with.
    said: &'a str,
    /// The nodes' turns in an upgrade, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    turns: Vec<Turned<'a>>,
}

/// One node's turn in an upgrade; a time is null when it was not reached.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Turned<'a> {
    /// The node.
    node: &'a str,
    /// It was about to be drained.
    draining: Option<f64>,
    /// It was about to be turned off.
    exchanging: Option<f64>,
    /// It was back.
    back: Option<f64>,
    /// Nodes, ports and services were as before.
    as_before: Option<f64>,
    /// Something was not.
    differs: Option<f64>,
    /// What every node ran when it was back.
    engines: &'a Engines,
    /// What was seen in the end.
    said: &'a str,
}

/// One fault and what followed it; a time is null when it was not reached.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Fault<'a> {
    /// The verb, as a scenario spells it.
    verb: &'a str,
    /// The nodes that were chosen.
    targets: &'a [String],
    /// The injection was started.
    injecting: Option<f64>,
    /// The injection's commands came back.
    injected: Option<f64>,
    /// It was seen to bite.
    confirmed: Option<f64>,
    /// The heal was started.
    healing: Option<f64>,
    /// It was seen to be gone.
    healed: Option<f64>,
    /// What was seen after it, in order.
    steps: Vec<Step>,
    /// Where the time of the recovery went; empty if there was none.
    breakdown: Vec<Part>,
}

/// One step of what followed a fault.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Step {
    /// Seconds since the fault.
    after: f64,
    /// What was seen.
    what: String,
    /// The entry that shows it.
    entry: u64,
}

/// The JSON Schema of [`json`].
pub fn schema() -> serde_json::Value {
    schema_of::<Report>()
}

/// The JSON Schema (draft 2020-12) of what is written of a type.
pub(crate) fn schema_of<T: JsonSchema>() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().for_serialize();
    let schema = generator.into_generator().into_root_schema_for::<T>();
    schema.to_value()
}

/// The run and its judgement as one JSON object, as [`schema`] says. Ends with a line end.
pub fn json(history: &History, judgement: &Judgement) -> String {
    let timeline = Timeline::of(history);
    let faults = timeline.faults.iter();
    let whole = Report {
        format: FORMAT,
        scenario: &history.plan.name,
        title: &history.plan.title,
        verdict: judgement.verdict,
        findings: &judgement.findings,
        control: judgement.control.as_ref(),
        trouble: &judgement.trouble,
        ran_with: &history.header,
        faults: faults.map(|window| fault(history, window)).collect(),
        actions: timeline.actions.iter().map(action).collect(),
        ledgers: ledgers::of(history),
        tasks: tasks::of(history),
        pages: pages::of(history),
        evidence: bundle::exhibits(history).map(|(_, one)| one).collect(),
    };
    format!("{:#}\n", serde_json::json!(whole))
}

/// A moment in seconds.
fn at(mark: Option<Mark>) -> Option<f64> {
    mark.map(|mark| mark.at.as_secs_f64())
}

fn action(deed: &Deed) -> Action<'_> {
    Action {
        verb: &deed.verb,
        about: &deed.about,
        targets: &deed.targets,
        must_be_refused: deed.must_be_refused,
        acting: at(deed.acting),
        acted: at(deed.acted),
        refused: at(deed.refused),
        confirmed: at(deed.confirmed),
        not_confirmed: at(deed.not_confirmed),
        said: &deed.words,
        turns: deed.turns.iter().map(turned).collect(),
    }
}

fn turned(turn: &Turn) -> Turned<'_> {
    Turned {
        node: &turn.node,
        draining: at(turn.draining),
        exchanging: at(turn.exchanging),
        back: at(turn.back),
        as_before: at(turn.as_before),
        differs: at(turn.differs),
        engines: &turn.engines,
        said: &turn.words,
    }
}

fn fault<'a>(history: &History, window: &'a Window) -> Fault<'a> {
    let steps = aftermath::of(history, window).into_iter();
    let steps = steps.map(|step| Step {
        after: step.after.as_secs_f64(),
        what: step.said,
        entry: step.entry,
    });
    Fault {
        verb: &window.verb,
        targets: &window.targets,
        injecting: at(window.injecting),
        injected: at(window.injected),
        confirmed: at(window.confirmed),
        healing: at(window.healing),
        healed: at(window.healed),
        steps: steps.collect(),
        breakdown: breakdown::of(history, window),
    }
}
