//! Refusals about actions: what they name, their order, and what they leave behind.

use std::collections::BTreeMap;

use super::Docket;
use crate::plan::Role;
use crate::scenario::{Action, ActionVerb, Allowance, Expectation, Join, Probe, Target, Workload};
use crate::units::Span;

/// What the actions so far make of the swarm.
struct Course {
    /// Services by name: how many tasks, none for a global one.
    services: BTreeMap<String, Option<u32>>,
    /// Services that an action removed.
    removed: Vec<String>,
    /// Who left, and did not join again.
    left: Vec<Target>,
    /// What the share holds: path to content.
    share: BTreeMap<String, String>,
}

impl Docket<'_> {
    pub(super) fn actions(&mut self) {
        let scenario = self.scenario();
        let stack = self.stack.iter().flat_map(|stack| &stack.services);
        let mut course = Course {
            services: stack.map(|one| (one.name.clone(), one.replicas)).collect(),
            removed: Vec::new(),
            left: Vec::new(),
            share: scenario.share.clone(),
        };
        for (index, action) in scenario.actions.iter().enumerate() {
            let path = format!("actions[{index}]");
            self.times(&path, action, index);
            let aim = format!("{path}.do.{}", action.verb.verb());
            self.action(&aim, index, &action.verb, &mut course);
        }
        let allowed = scenario.allow.contains(&Allowance::QuorumLoss);
        for (index, action) in scenario.actions.iter().enumerate() {
            if allowed {
                break;
            }
            if self.managers_after(index) == 0 && self.takes_manager(&action.verb) {
                let aim = format!("actions[{index}].do.{}", action.verb.verb());
                let help = "promote another node before, write more `managers`, or write \
                            `allow: [quorum_loss]`";
                self.refuse(&aim, "this may take the last manager", help);
                break;
            }
        }
        self.aftermath(&course);
    }

    fn times(&mut self, path: &str, action: &Action, index: usize) {
        if action.within == Some(Span::default()) {
            let help = "write a duration, or leave `within` out";
            let path = format!("{path}.within");
            self.refuse(&path, "nothing is seen in no time", help);
        }
        let actions = &self.scenario().actions;
        let before = index.checked_sub(1).and_then(|before| actions.get(before));
        if let Some(before) = before.filter(|before| action.at < before.at) {
            let title = format!("{} is before the action above, at {}", action.at, before.at);
            let path = format!("{path}.at");
            self.refuse(&path, title, "write the actions in order of time");
        }
    }

    fn action(&mut self, aim: &str, index: usize, verb: &ActionVerb, course: &mut Course) {
        match verb {
            ActionVerb::Scale(scale) => {
                let name = &scale.service;
                let known = self.present(&format!("{aim}.service"), name, course);
                if known == Some(None) {
                    let title = format!("`{name}` has one task on every node");
                    let help = "write a service that has `replicas`";
                    self.refuse(&format!("{aim}.service"), title, help);
                } else if known == Some(Some(scale.replicas)) {
                    let title = format!("`{name}` has {} already", scale.replicas);
                    let help = "write another number; what changes nothing is not seen";
                    self.refuse(&format!("{aim}.replicas"), title, help);
                } else if known.is_some() {
                    course.services.insert(name.clone(), Some(scale.replicas));
                }
            }
            ActionVerb::Update(update) => {
                let _ = self.present(&format!("{aim}.service"), &update.service, course);
                if update.image.is_none() && update.env.is_empty() && update.args.is_none() {
                    let help = "write `image`, `env` or `args`";
                    self.refuse(aim, "this update changes nothing", help);
                }
            }
            ActionVerb::Remove(name) => {
                if self.present(aim, name, course).is_some() {
                    self.nobody_uses(aim, name);
                    course.services.remove(name);
                    course.removed.push(name.clone());
                }
            }
            ActionVerb::Deploy(_) => self.deployed(aim, index, course),
            ActionVerb::Join(join) => self.join(aim, join, course),
            ActionVerb::Pull(pull) => {
                self.pull(aim, pull);
                self.aimed(&format!("{aim}.on"), verb, &pull.on(), course);
            }
            ActionVerb::Write(write) => self.written(aim, write, &mut course.share),
            ActionVerb::Upgrade(_) => self.upgraded(aim, index, &course.left),
            ActionVerb::Promote(target)
            | ActionVerb::Demote(target)
            | ActionVerb::Drain(target)
            | ActionVerb::Activate(target)
            | ActionVerb::Leave(target) => self.aimed(aim, verb, target, course),
        }
    }

    /// A service that is there when the action comes.
    fn present(&mut self, path: &str, name: &str, course: &Course) -> Option<Option<u32>> {
        if course.removed.iter().any(|removed| removed == name) {
            let title = format!("`{name}` was removed by an action above");
            self.refuse(path, title, "write another service, or another order");
            return None;
        }
        if let Some(known) = course.services.get(name) {
            return Some(*known);
        }
        self.service(path, name);
        None
    }

    /// A removed service is no broken promise, so nobody may be promised it.
    fn nobody_uses(&mut self, aim: &str, name: &str) {
        let ports = self.find(name).map(|one| one.published.clone());
        let ports = ports.unwrap_or_default();
        let uses = |workload: &&Workload| match workload {
            Workload::Ledger(ledger) => ledger.service == name,
            Workload::Get(get) => ports.contains(&get.port),
        };
        if let Some(used) = self.scenario().workload.iter().find(uses) {
            let title = format!("`{}` goes on using `{name}`", used.name());
            self.refuse(aim, title, "remove the workload, or keep the service");
        }
    }

    fn deployed(&mut self, aim: &str, index: usize, course: &mut Course) {
        let Some((_, stack)) = self.later.iter().find(|(of, _)| *of == index) else {
            return;
        };
        let mut ports: Vec<(u16, String)> = Vec::new();
        let earlier = self.later.iter().filter(|(of, _)| *of < index);
        let earlier = self
            .stack
            .into_iter()
            .chain(earlier.map(|(_, stack)| stack));
        for service in earlier.flat_map(|stack| &stack.services) {
            let published = service.published.iter();
            ports.extend(published.map(|port| (*port, service.name.clone())));
        }
        for service in &stack.services {
            if course.services.contains_key(&service.name) || course.removed.contains(&service.name)
            {
                let title = format!("a second service `{}`", service.name);
                self.refuse(aim, title, "give each service a name of its own");
                continue;
            }
            let mut taken = ports
                .iter()
                .filter(|(port, _)| service.published.contains(port));
            if let Some((port, other)) = taken.next() {
                let title = format!("`{other}` and `{}` publish port {port}", service.name);
                self.refuse(aim, title, "give each a port of its own");
            }
            course
                .services
                .insert(service.name.clone(), service.replicas);
        }
    }

    fn join(&mut self, aim: &str, join: &Join, course: &mut Course) {
        let node = Target::Node(join.node().to_owned());
        let path = match join {
            Join::Node(_) => aim.to_owned(),
            Join::How(_) => format!("{aim}.node"),
        };
        let before = self.mistakes.len();
        self.target(&path, &node);
        if self.mistakes.len() > before {
            return;
        }
        let mut left = course.left.iter();
        let gone = left.position(|target| self.may_be_same(target, &node));
        let right = join.token() == crate::scenario::Token::Right;
        match gone {
            None => {
                let title = format!("`{}` has not left the swarm by then", join.node());
                let help = format!("write `leave: {}` in an action above", join.node());
                self.refuse(&path, title, help);
            }
            Some(found) if right => drop(course.left.remove(found)),
            Some(_) => {}
        }
    }

    fn aimed(&mut self, aim: &str, verb: &ActionVerb, target: &Target, course: &mut Course) {
        self.nodes_only(aim, target);
        let word = verb.verb();
        let any_number = matches!(verb, ActionVerb::Activate(_) | ActionVerb::Pull(_));
        if *target == Target::EveryNode && !any_number {
            let title = format!("`{word}` takes one node");
            self.refuse(aim, title, "write one node, or several actions");
            return;
        }
        let gone = |left: &Target| left == target && matches!(left, Target::Node(_));
        if course.left.iter().any(gone) {
            let title = format!("`{target}` has left the swarm by then");
            self.refuse(aim, title, "write another node, or `join` it before");
        }
        match (verb, target) {
            (ActionVerb::Promote(_), Target::Leader | Target::Manager) => {
                let help = "write `worker`, or a node's name";
                self.refuse(aim, "a manager cannot be promoted", help);
            }
            (ActionVerb::Demote(_), Target::Worker) => {
                let help = "write `manager`, `leader`, or a node's name";
                self.refuse(aim, "a worker cannot be demoted", help);
            }
            (ActionVerb::Leave(_), _) => course.left.push(target.clone()),
            _ => {}
        }
    }

    /// What is claimed of the end must fit what the actions leave.
    fn aftermath(&mut self, course: &Course) {
        let scenario = self.scenario();
        let acts = !scenario.actions.is_empty();
        if !acts && scenario.steady_after.is_empty() {
            return;
        }
        let (key, probes) = match scenario.steady_after.as_slice() {
            [] => ("steady", &scenario.steady),
            _ => ("steady_after", &scenario.steady_after),
        };
        for (index, probe) in probes.iter().enumerate() {
            let path = format!("{key}[{index}]");
            match probe {
                Probe::Running(running) => {
                    let name = &running.service;
                    let gone = course.removed.contains(name).then_some(0);
                    let left = course.services.get(name).copied().flatten().or(gone);
                    let Some(left) = left.filter(|left| *left != running.replicas) else {
                        continue;
                    };
                    let title = match acts {
                        true => format!("the actions leave {left} of `{name}`"),
                        false => format!("no action changes the {left} of `{name}`"),
                    };
                    let help = format!("write under `steady_after` that {left} run");
                    self.refuse(&format!("{path}.running.replicas"), title, help);
                }
                Probe::Gone(gone) if course.services.contains_key(&gone.service) => {
                    let title = format!("no action removes `{}`", gone.service);
                    let help = format!("write `remove: {}` under `actions`", gone.service);
                    self.refuse(&format!("{path}.gone.service"), title, help);
                }
                _ => self.uses_removed(&path, probe, course),
            }
        }
        let judged = |one: &Expectation| matches!(one, Expectation::Recovers(_));
        if !scenario.steady.is_empty() || scenario.expect.iter().any(judged) {
            return;
        }
        if acts {
            let title = "without `steady` nobody can see what they change";
            self.refuse("actions", title, "write what holds before the actions");
        } else {
            let title = "without `steady` nobody can tell when the load may begin";
            self.refuse("steady_after", title, "write `steady`: what holds before");
        }
    }

    /// Nobody answers for a service that is removed.
    fn uses_removed(&mut self, path: &str, probe: &Probe, course: &Course) {
        let (word, service) = match probe {
            Probe::Sql(sql) => ("sql", &sql.service),
            Probe::Variables(variables) => ("variables", &variables.service),
            Probe::Mount(mount) => ("mount", &mount.service),
            _ => return,
        };
        if course.removed.contains(service) {
            let title = format!("`{service}` is removed by an action");
            let help = "write under `steady_after` what holds then";
            self.refuse(&format!("{path}.{word}.service"), title, help);
        }
    }

    /// True for a verb that may make a manager fewer.
    pub(super) fn takes_manager(&self, verb: &ActionVerb) -> bool {
        match verb {
            ActionVerb::Demote(_) => true,
            ActionVerb::Leave(target) => self.may_be(target).0,
            _ => false,
        }
    }

    /// The fewest managers that there may be after this action.
    pub(super) fn managers_after(&self, last: usize) -> usize {
        let mut managers = usize::from(self.scenario().cluster.managers);
        for action in self.scenario().actions.iter().take(last + 1) {
            match &action.verb {
                ActionVerb::Promote(_) => managers += 1,
                ActionVerb::Join(join) if join.token() == crate::scenario::Token::Right => {
                    managers += usize::from(self.joins_as(join) == Some(Role::Manager));
                }
                verb => managers = managers.saturating_sub(self.takes_manager(verb).into()),
            }
        }
        managers
    }

    /// What a node joins as.
    fn joins_as(&self, join: &Join) -> Option<Role> {
        crate::plan::action::role_of(join, self.topology)
    }
}
