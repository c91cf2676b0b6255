//! What is left of a run when its journal is put away: what ran, its verdicts, and its numbers.
//!
//! Comparisons, trends and the list of runs are made from these, so that nobody has to hold many
//! journals at once, or read one twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::breakdown::leader_before;
use super::quantity::{self, Kind, Quantity};
use crate::journal::timeline::{Timeline, Window};
use crate::journal::{Event, History, TaskSeen};
use crate::plan::{Check, FaultEnd, Plan, Role};
use crate::units::Span;
use crate::verdict::{Judgement, Verdict};

/// The version of this format, for whoever keeps figures.
pub const FIGURES: u32 = 3;

/// The figures of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// [`FIGURES`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// When its first entry was written.
    pub began: jiff::Timestamp,
    /// The plan's seed.
    pub seed: u64,
    /// What it came to.
    pub verdict: Verdict,
    /// True for a scenario that must fail.
    pub control: bool,
    /// What it ran with, by name: place, accelerator, patience, versions, images, and so on.
    pub(super) with: BTreeMap<String, String>,
    /// Digests of the plan's parts.
    pub(super) plan: BTreeMap<String, String>,
    /// What each fault struck: `the leader`, `a worker`.
    pub(super) struck: Vec<String>,
    /// What each check came to, the worst of its name.
    pub(super) checks: Vec<(String, Verdict)>,
    pub(super) quantities: Vec<Quantity>,
}

impl Figures {
    /// The figures of a run that was judged.
    pub fn of(history: &History, judgement: &Judgement) -> Self {
        let mut checks: Vec<(String, Verdict)> = Vec::new();
        for finding in &judgement.findings {
            // What a control must fail by is as it must be.
            let verdict = match judgement.failed_as_it_must(finding) {
                true => Verdict::Pass,
                false => finding.verdict,
            };
            match checks.iter_mut().find(|(name, _)| *name == finding.check) {
                Some((_, worst)) => *worst = worst.and(verdict),
                None => checks.push((finding.check.clone(), verdict)),
            }
        }
        let timeline = Timeline::of(history);
        let windows = timeline.faults.iter();
        Self {
            format: FIGURES,
            scenario: history.plan.name.clone(),
            began: history
                .entries
                .first()
                .map(|one| one.wall)
                .unwrap_or_default(),
            seed: history.header.seed,
            verdict: judgement.verdict,
            control: judgement.control.is_some(),
            with: with(history),
            plan: digests(&history.plan),
            struck: windows.map(|window| struck(history, window)).collect(),
            checks,
            quantities: quantity::of(history, judgement),
        }
    }

    /// The versions of its nodes' engines; several only where not all nodes have the same.
    pub fn engines(&self) -> impl Iterator<Item = &str> {
        self.with
            .get("docker")
            .into_iter()
            .flat_map(|all| all.split(", "))
    }

    /// What differs between two runs besides engines and their kernels, and could make one look
    /// better than it is: the scenario, the place, its patience, or who judges.
    pub fn unlike(&self, other: &Self) -> Vec<String> {
        let parts = self.plan.keys().chain(other.plan.keys());
        let parts: BTreeSet<&String> = parts.collect();
        let parts = parts.into_iter().filter(|name| {
            let part = |run: &Self| run.plan.get(*name).cloned();
            part(self) != part(other)
        });
        let named = ["place", "accelerator", "patience", "seatrial"];
        let others = named
            .into_iter()
            .filter(|name| self.with.get(*name) != other.with.get(*name));
        let parts = parts.map(|name| format!("the scenario's {name}"));
        parts.chain(others.map(str::to_owned)).collect()
    }

    /// Where it ran.
    pub fn place(&self) -> &str {
        self.with.get("place").map_or("", String::as_str)
    }

    /// The digest of what it broke: a run without faults is another than one with them.
    pub fn faults(&self) -> &str {
        self.plan.get("faults").map_or("", String::as_str)
    }

    /// True if it broke nothing.
    pub(super) fn breaks_nothing(&self) -> bool {
        self.faults() == digest(&serde_json::json!([]))
    }

    /// True if it broke what this plan would.
    pub fn breaks_as(&self, plan: &Plan) -> bool {
        digests(plan).get("faults").map(String::as_str) == Some(self.faults())
    }

    /// True for a run of `sim`.
    pub(super) fn is_simulated(&self) -> bool {
        self.place() == "sim"
    }

    /// What executed the guests.
    pub(super) fn accelerator(&self) -> &str {
        self.with.get("accelerator").map_or("", String::as_str)
    }

    /// Seconds of the slowest recovery, without end if one was not seen; none without faults.
    pub(super) fn recovery(&self) -> Option<f64> {
        let all = self.quantities.iter();
        let all = all.filter(|one| one.kind == Kind::Recovery);
        all.map(|one| one.value.unwrap_or(f64::INFINITY))
            .reduce(f64::max)
    }

    /// What was lost: acknowledged rows, or the share of requests that nodes missed without a fault
    /// of ours.
    pub(super) fn lost(&self) -> Option<(Kind, f64)> {
        let value = |kind| {
            let ours =
                |one: &&Quantity| one.kind == kind && (kind == Kind::RowsLost || one.decides);
            let value = self.quantities.iter().find(ours)?.value?;
            Some((kind, value))
        };
        value(Kind::RowsLost).or_else(|| value(Kind::PagesMissed))
    }
}

/// What a run ran with.
fn with(history: &History) -> BTreeMap<String, String> {
    let header = &history.header;
    let versions = header.versions.iter();
    let mut with: BTreeMap<String, String> = versions
        .map(|(name, version)| (name.clone(), version.clone()))
        .collect();
    let images = header.images.iter();
    // As much of a digest as reports show.
    let short = |identity: &str| {
        identity
            .chars()
            .take("sha256:".len() + 12)
            .collect::<String>()
    };
    with.extend(images.map(|(name, identity)| (format!("image {name}"), short(identity))));
    let others = [
        ("place", header.place.clone()),
        ("accelerator", header.accelerator.clone()),
        ("patience", header.patience.to_string()),
        ("seatrial", header.seatrial.clone()),
        ("started from", header.started_from.clone()),
    ];
    with.extend(others.map(|(name, value)| (name.to_owned(), value)));
    with
}

/// What of the plan must be the same for numbers to mean the same, and what a reader must know to
/// have been changed. Without what only the place or the seed decides.
fn digests(plan: &Plan) -> BTreeMap<String, String> {
    let faults = plan.faults.iter().map(|fault| {
        let lasts = match fault.end {
            FaultEnd::After(span) => Some(span),
            // The deadline is the patience's.
            FaultEnd::Recovery { .. } => None,
        };
        serde_json::json!([fault.at, fault.action, lasts])
    });
    let actions = plan.actions.iter();
    let actions = actions.map(|action| serde_json::json!([action.at, action.change]));
    let patient = |mut part: serde_json::Value| {
        without_patience(&mut part, plan.patience);
        part
    };
    let checks: Vec<serde_json::Value> = plan.checks.iter().map(|one| promise(plan, one)).collect();
    let parts = [
        ("faults", faults.collect()),
        ("actions", actions.collect()),
        ("workload", patient(serde_json::json!(plan.workloads))),
        ("cluster", serde_json::json!([plan.topology, plan.share])),
        ("stack", serde_json::json!(plan.stack)),
        (
            "steady state",
            patient(serde_json::json!([plan.steady, plan.steady_after])),
        ),
        ("expectations", serde_json::json!([checks, plan.must_fail])),
    ];
    parts
        .map(|(name, part)| (name.to_owned(), digest(&part)))
        .into()
}

/// What tells a part of a plan from another.
fn digest(part: &serde_json::Value) -> String {
    let digest = format!("{:x}", Sha256::digest(part.to_string()));
    digest.chars().take(8).collect()
}

/// Tells every `within` as the scenario has it: in milliseconds, without the place's patience.
fn without_patience(part: &mut serde_json::Value, patience: f64) {
    match part {
        serde_json::Value::Object(all) => {
            for (key, value) in all {
                let span = value.as_str().and_then(|text| text.parse::<Span>().ok());
                match span.filter(|_| key == "within") {
                    Some(span) => {
                        let millis = span.0.as_secs_f64() * 1000.0 / patience;
                        *value = serde_json::json!(millis.round());
                    }
                    None => without_patience(value, patience),
                }
            }
        }
        serde_json::Value::Array(all) => {
            for value in all {
                without_patience(value, patience);
            }
        }
        _ => {}
    }
}

/// What a check asks for; its budget is told without the place's patience, to the second.
fn promise(plan: &Plan, check: &Check) -> serde_json::Value {
    let budget = |span: &Span| (span.0.as_secs_f64() / plan.patience).round();
    let name = check.name();
    match check {
        Check::Recovers { within } => serde_json::json!([name, budget(within)]),
        // Of a balancer the least share follows from its own health check and the patience.
        Check::Answers { workload, gap, .. } if plan.topology.balancer.is_some() => {
            serde_json::json!([name, workload, budget(gap)])
        }
        Check::Answers {
            workload,
            share,
            gap,
        } => serde_json::json!([name, workload, share, budget(gap)]),
        Check::NothingLost { workload } => serde_json::json!([name, workload]),
        Check::NeverTwo { service } | Check::Intact { service } => {
            serde_json::json!([name, service])
        }
        Check::Control { expected } => serde_json::json!([name, expected]),
        Check::Exercised => serde_json::json!([name]),
    }
}

/// What a fault struck: `the leader`, `a worker with nginx`. A recovery from the loss of the leader
/// takes an election more, and one of a node without tasks next to nothing.
fn struck(history: &History, window: &Window) -> String {
    let Some(struck) = window.struck() else {
        return "nothing".to_owned();
    };
    let leader = leader_before(history, struck.seq);
    let roles = window.targets.iter().map(|target| {
        let mut nodes = history.plan.topology.nodes.iter();
        let role = match nodes
            .find(|node| &node.name == target)
            .map(|node| node.role)
        {
            _ if leader == Some(target.as_str()) => "the leader",
            Some(Role::Manager) => "a manager",
            Some(Role::Worker) => "a worker",
            None => return target.clone(),
        };
        match hosted(history, target, struck.seq).as_slice() {
            [] => role.to_owned(),
            services => format!("{role} with {}", services.join(" and ")),
        }
    });
    roles.collect::<Vec<_>>().join(", ")
}

/// The services that had a task running on a node before an entry, as the managers said.
fn hosted<'a>(history: &'a History, node: &str, before: u64) -> Vec<&'a str> {
    let mut tasks: BTreeMap<&str, &TaskSeen> = BTreeMap::new();
    for entry in history.entries.iter().take_while(|one| one.seq < before) {
        match &entry.event {
            Event::Task(task) => drop(tasks.insert(&task.id, task)),
            Event::TaskGone { id } => drop(tasks.remove(id.as_str())),
            _ => {}
        }
    }
    let here = tasks.into_values().filter(|task| {
        let runs = task.state == "running" && task.desired == "running";
        runs && task.node.as_deref() == Some(node)
    });
    let services: BTreeSet<&str> = here.map(|task| task.service.as_str()).collect();
    services.into_iter().collect()
}
