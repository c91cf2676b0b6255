//! From a scenario to a plan: every default, deadline and address is decided here.

use std::collections::BTreeMap;

use super::need::{missing, needs};
use super::probe::probe;
use super::{
    Check, Deadlines, Fault, FaultEnd, Node, Plan, Stack, Topology, Workload, action, refuse,
    stack, topology,
};
use crate::capability::Capabilities;
use crate::scenario::{self, Control, Expectation, Loaded, Mistake, Mistakes, Scenario, Target};
use crate::units::{Share, Span};

/// How long one attempt of a probe, or one row of a ledger, may take.
pub(super) const ATTEMPT: Span = Span::secs(5);
/// How long one request of a `get` workload may take.
const REQUEST: Span = Span::secs(2);
/// How many writers a ledger has.
const WRITERS: u8 = 4;
/// How long a fault lasts when nobody waits for recovery; before patience.
const FAULT: Span = Span::secs(60);
/// How long the steady state may take to be seen where nothing disturbs it, before patience: the
/// slowest probe, a `docker` client on an emulated machine, gets several attempts.
const QUIET: Span = Span::secs(30);

/// What decides about a plan besides the scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Where it is to run: `vm`, `dind` or `sim`.
    pub place: String,
    /// What that place can do.
    pub capabilities: Capabilities,
    /// What liveness budgets are multiplied by; from 0.01 to 1000.
    pub patience: f64,
    /// Decides every random choice of the run.
    pub seed: u64,
    /// Leaves the faults out, and what is only true of faults.
    pub no_faults: bool,
    /// The variables that a stack file may use. A place that makes its own nodes has the images of
    /// those that end in `_IMAGE`, and no others; any, if there is none.
    pub environment: BTreeMap<String, String>,
    /// The nodes of the swarm that is there already, managers first; none for a place that makes
    /// its own.
    pub nodes: Option<Vec<Node>>,
}

impl Options {
    /// The variables and images of a place that has no others; none where any will do.
    pub(super) fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.environment.iter();
        variables
            .filter(|(name, _)| self.nodes.is_none() && name.ends_with("_IMAGE"))
            .map(|(name, image)| (name.as_str(), image.as_str()))
    }
}

/// What planning came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It can be run.
    Ready(Box<Plan>),
    /// The place cannot do what the scenario needs.
    Skipped {
        /// The scenario's name.
        name: String,
        /// What is missing: "`sim` has no power cut".
        reason: String,
    },
}

impl Outcome {
    fn skipped(loaded: &Loaded, reason: String) -> Self {
        Self::Skipped {
            name: loaded.name.clone(),
            reason,
        }
    }
}

/// Plans a scenario for one place; reads the stack file beside the scenario.
///
/// # Errors
/// Everything that is refused, in the scenario and in its stack file.
pub fn plan(loaded: &Loaded, options: &Options) -> Result<Outcome, Mistakes> {
    if !(0.01..=1000.0).contains(&options.patience) {
        let title = format!(
            "a patience of {} is not from 0.01 to 1000",
            options.patience
        );
        return Err(Mistake::nowhere(title).into());
    }
    let mut mistakes = Vec::new();
    let scenario = &loaded.scenario;
    let stack = stack::first(loaded, options, &mut mistakes);
    let later = action::stacks(loaded, options, &mut mistakes);
    let mut topology = topology::of(&scenario.cluster);
    let found = options.nodes.as_ref();
    let other = found.and_then(|nodes| topology.take_place(nodes));
    let readable = scenario.deploy.is_none() || stack.is_some();
    mistakes.extend(refuse::all(
        loaded,
        &topology,
        (stack.as_ref(), &later),
        readable,
        options.patience,
    ));
    if !mistakes.is_empty() {
        return Err(Mistakes::new(mistakes));
    }
    if let Some(other) = other {
        let reason = format!("`{}` has {other}", options.place);
        return Ok(Outcome::skipped(loaded, reason));
    }
    let faults = faults(scenario, options);
    let services = || stack.iter().chain(later.iter().map(|(_, stack)| stack));
    let patience = options.patience;
    let ready = |step: &scenario::Probe| probe(step, services(), patience);
    let probes = |steps: &[scenario::Probe]| steps.iter().map(ready).collect();
    let plan = Plan {
        name: loaded.name.clone(),
        title: scenario.scenario.trim().to_owned(),
        because: scenario.because.trim().to_owned(),
        seed: options.seed,
        place: options.place.clone(),
        patience,
        needs: needs(scenario, &faults),
        share: scenario.share.clone(),
        steady: probes(&scenario.steady),
        steady_after: probes(&scenario.steady_after),
        workloads: scenario
            .workload
            .iter()
            .map(|load| workload(load, services(), patience))
            .collect(),
        actions: action::ready(scenario, &topology, &later, options.patience),
        faults,
        checks: checks(scenario, options, &topology),
        topology,
        // Without its faults, a scenario that has some is no control any more.
        must_fail: match options.no_faults && !scenario.faults.is_empty() {
            true => Vec::new(),
            false => scenario.must_fail.clone(),
        },
        deadlines: Deadlines {
            steady_again: steady_again(scenario, options),
            ..deadlines(options.patience)
        },
        stack,
    };
    Ok(match missing(&plan.needs, options) {
        Some(reason) => Outcome::skipped(loaded, reason),
        None => Outcome::Ready(Box::new(plan)),
    })
}

/// The one published port of a service, which [`refuse`] made sure of.
pub(super) fn port_of<'a>(service: &str, stacks: impl Iterator<Item = &'a Stack>) -> u16 {
    let mut services = stacks.flat_map(|stack| &stack.services);
    let service = services.find(|known| known.name == service);
    service
        .and_then(|service| service.published.first().copied())
        .unwrap_or_default()
}

fn workload<'a>(
    workload: &scenario::Workload,
    stacks: impl Iterator<Item = &'a Stack>,
    patience: f64,
) -> Workload {
    let attempt = |within: Option<Span>, usual: Span| within.unwrap_or(usual).stretched(patience);
    let name = workload.name().to_owned();
    match workload.clone() {
        scenario::Workload::Ledger(ledger) => Workload::Ledger {
            name,
            port: port_of(&ledger.service, stacks),
            service: ledger.service,
            rate: ledger.rate,
            writers: ledger.writers.unwrap_or(WRITERS),
            reconnect: ledger.reconnect.unwrap_or(false),
            within: attempt(ledger.within, ATTEMPT),
        },
        scenario::Workload::Get(get) => Workload::Get {
            name,
            via: get.via.unwrap_or(Target::EveryNode),
            port: get.port,
            path: get.path.unwrap_or_else(|| "/".into()),
            body: get.body,
            rate: get.rate,
            within: attempt(get.within, REQUEST),
        },
    }
}

/// How long a fault without `for` may last, before patience.
pub(super) fn recovery_deadline(scenario: &Scenario) -> Span {
    let within = scenario
        .expect
        .iter()
        .find_map(|expectation| match expectation {
            Expectation::Recovers(recovers) => Some(recovers.within),
            _ => None,
        });
    within.unwrap_or(FAULT)
}

fn faults(scenario: &Scenario, options: &Options) -> Vec<Fault> {
    let deadline = recovery_deadline(scenario).stretched(options.patience);
    let kept = scenario.faults.iter().filter(|_| !options.no_faults);
    let faults = kept.map(|fault| Fault {
        at: fault.at,
        action: fault.action.clone(),
        end: fault
            .duration
            .map_or(FaultEnd::Recovery { deadline }, FaultEnd::After),
    });
    faults.collect()
}

fn checks(scenario: &Scenario, options: &Options, topology: &Topology) -> Vec<Check> {
    let kept = scenario
        .expect
        .iter()
        .filter(|expectation| match expectation {
            Expectation::Recovers(_) | Expectation::Control(Control::Lost) => !options.no_faults,
            _ => true,
        });
    let checks = kept.map(|expectation| match expectation.clone() {
        Expectation::Recovers(recovers) => Check::Recovers {
            within: recovers.within.stretched(options.patience),
        },
        Expectation::NothingLost(workload) => Check::NothingLost { workload },
        Expectation::NeverTwo(service) => Check::NeverTwo { service },
        Expectation::Answers(answers) => {
            let (share, gap) = allowed(scenario, options, topology);
            Check::Answers {
                workload: answers.workload,
                share: answers.share.unwrap_or(share),
                gap: answers.gap.unwrap_or(gap).stretched(options.patience),
            }
        }
        Expectation::Control(expected) => Check::Control { expected },
        Expectation::Intact(service) => Check::Intact { service },
    });
    checks.chain([Check::Exercised]).collect()
}

/// What the balancer's health check allows; nothing without a balancer, which [`refuse`] made sure
/// is not asked for.
fn allowed(scenario: &Scenario, options: &Options, topology: &Topology) -> (Share, Span) {
    let Some(balancer) = &topology.balancer else {
        return (Share(1.0), Span::default());
    };
    let faults = match options.no_faults {
        true => 0,
        false => scenario.faults.len(),
    };
    let last = scenario
        .faults
        .last()
        .map_or(Span::default(), |fault| fault.at);
    let shortest = Span(last.0 + deadlines(options.patience).after.0);
    let nodes = topology.nodes.len();
    let share = balancer.least_share(nodes, faults, shortest, options.patience);
    (share, balancer.longest_gap())
}

/// How long the steady state may take to hold in the end. Where nothing was broken and nothing
/// changed, nothing has to come back: it holds soon, or it does not.
fn steady_again(scenario: &Scenario, options: &Options) -> Span {
    let quiet = scenario.actions.is_empty() && (options.no_faults || scenario.faults.is_empty());
    match quiet {
        true => QUIET.stretched(options.patience),
        false => deadlines(options.patience).steady_again,
    }
}

fn deadlines(patience: f64) -> Deadlines {
    let seconds = |seconds| Span::secs(seconds).stretched(patience);
    Deadlines {
        bring_up: seconds(300),
        steady: seconds(180),
        confirm: seconds(30),
        heal: seconds(120),
        steady_again: seconds(180),
        read_back: seconds(30),
        // The workloads keep their own pace on a slow machine, so this is long enough anywhere.
        after: Span::secs(5),
    }
}
