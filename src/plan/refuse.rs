//! What a plan refuses, all at once: scenarios whose verdict could not be trusted.

use super::{Service, Stack, Topology};
use crate::scenario::{Loaded, Mistake, Part, Scenario, Target};

mod action;
mod expectation;
mod fault;
mod flow;
mod image;
mod inside;
mod probe;
mod quorum;
mod service;
mod share;
mod upgrade;
mod whole;

/// Every refusal of a scenario whose stack file, if any, is `readable`.
pub(super) fn all(
    loaded: &Loaded,
    topology: &Topology,
    (stack, later): (Option<&Stack>, &[(usize, Stack)]),
    readable: bool,
    patience: f64,
) -> Vec<Mistake> {
    let mut docket = Docket {
        loaded,
        topology,
        stack,
        later,
        readable,
        patience,
        mistakes: Vec::new(),
    };
    docket.whole();
    docket.services();
    docket.probes();
    docket.actions();
    docket.faults();
    docket.expectations();
    docket.quorum();
    docket.mistakes
}

/// A scenario under examination.
struct Docket<'a> {
    loaded: &'a Loaded,
    topology: &'a Topology,
    stack: Option<&'a Stack>,
    /// Stacks that actions deploy, each with its action's index.
    later: &'a [(usize, Stack)],
    readable: bool,
    patience: f64,
    mistakes: Vec<Mistake>,
}

impl<'a> Docket<'a> {
    fn scenario(&self) -> &'a Scenario {
        &self.loaded.scenario
    }

    /// Refuses at a path such as `faults[0].do.stop`, with what to do instead.
    fn refuse(&mut self, path: &str, title: impl Into<String>, help: impl Into<String>) {
        self.mistakes
            .push(self.loaded.mistake(path, title).help(help));
    }

    fn find(&self, service: &str) -> Option<&'a Service> {
        let stacks = self
            .stack
            .into_iter()
            .chain(self.later.iter().map(|(_, stack)| stack));
        let mut services = stacks.flat_map(|stack| &stack.services);
        services.find(|known| known.name == service)
    }

    /// The service of this name, or a refusal; `None` without one when nothing can be known.
    fn service(&mut self, path: &str, name: &str) -> Option<&'a Service> {
        if let Some(service) = self.find(name) {
            return Some(service);
        }
        if let Some(stack) = self.stack {
            let known = || stack.services.iter().map(|service| service.name.as_str());
            let title = format!("the stack has no service `{name}`");
            let help = format!("`{}.stack.yaml` has {}", stack.name, words(known()));
            let mistake = self
                .loaded
                .mistake(path, title)
                .did_you_mean(name, known())
                .help(help);
            self.mistakes.push(mistake);
        } else if self.readable {
            let title = format!("nothing is deployed that could have a service `{name}`");
            self.refuse(path, title, "write `deploy: NAME.stack.yaml`");
        }
        None
    }

    /// Checks that a target can exist in this cluster.
    fn target(&mut self, path: &str, target: &Target) {
        let cluster = &self.scenario().cluster;
        match target {
            Target::Worker if cluster.workers == 0 => {
                let help = "write `workers: 1` in `cluster`, or another target";
                self.refuse(path, "the cluster has no worker", help);
            }
            Target::Part(part) if self.topology.part(*part).is_none() => {
                let key = match part {
                    Part::Balancer => "balancer: true",
                    Part::Registry => "registry: true",
                    Part::Storage => "nfs: v3",
                };
                let title = format!("the cluster has no {}", part.name());
                let help = format!("write `{key}` in `cluster`, or another target");
                self.refuse(path, title, help);
            }
            Target::HostOf(service) => {
                self.service(&format!("{path}.host_of"), service);
            }
            Target::Node(name) if self.topology.nodes.iter().all(|node| node.name != *name) => {
                let nodes = || self.topology.nodes.iter().map(|node| node.name.as_str());
                let roles = ["leader", "manager", "worker", "every_node"];
                let mistake = self
                    .loaded
                    .mistake(path, format!("the cluster has no node `{name}`"))
                    .did_you_mean(name, nodes().chain(roles))
                    .help(format!("its nodes are {}", words(nodes())));
                self.mistakes.push(mistake);
            }
            _ => {}
        }
    }
}

/// Words in backticks: "`a`, `b`"; "none" for none.
fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    words.dedup();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}
