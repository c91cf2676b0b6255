//! What probes ask of the simulated machines themselves.

use std::collections::BTreeMap;

use super::Sabotage;
use super::tasks::is_over;
use super::world::World;
use crate::journal::{Answer, ApiError};
use crate::plan::Probe;
use crate::scenario::MountKind;
use crate::substrate::{Knock, MountSeen, PageRequest};
use crate::swarm::Remains;

impl World {
    /// Tries a port on each of these machines.
    pub(super) fn knock(&self, nodes: &[String], port: u16) -> BTreeMap<String, Knock> {
        let published = self.publisher(port).is_some();
        let knock = |name: &String| {
            let machine = self.machine(name)?;
            let cut = self.machines.get(machine)?.isolated;
            if cut || !self.live(machine) || self.is(&Sabotage::SilentPorts(name.clone())) {
                return None;
            }
            let accepts = (published && self.member(machine) && !self.lacks_mesh(machine))
                || self.offers_api(machine, port)
                || self.is(&Sabotage::OpenPort(name.clone()));
            let answer = match accepts && !self.is(&Sabotage::PortsLookClosed) {
                true => Knock::Accepted,
                false => Knock::Refused,
            };
            Some((name.clone(), answer))
        };
        nodes.iter().filter_map(knock).collect()
    }

    /// What a node's published port answers with, once a task behind it serves.
    pub(super) fn page(&self, node: &str, served: usize, ask: &PageRequest) -> Answer {
        let named = || node.to_owned();
        let stale = self.is(&Sabotage::StaleBody(named()));
        if stale || self.is_of_another_time(served, &ask.body) {
            Answer::Wrong("200: yesterday's page".to_owned())
        } else if self.is(&Sabotage::WrongBody(named())) {
            Answer::Wrong("404: not found".to_owned())
        } else if self.is_struck(&Sabotage::WrongService(named())) {
            Answer::Wrong("200: <h1>It works!</h1>".to_owned())
        } else if self.is_struck(&Sabotage::HalfPages(named())) {
            Answer::Failed("the body broke off after 3 of 5 bytes".to_owned())
        } else if self.is_struck(&Sabotage::NoWay(named())) {
            Answer::Unasked(format!("there is no way to `{node}`"))
        } else {
            Answer::Right
        }
    }

    /// What a manager lists of a service.
    pub(super) fn remains(&self, manager: usize, service: &str) -> Result<Remains, ApiError> {
        self.view(manager)?;
        let left = self
            .tasks
            .iter()
            .filter(|task| task.service == service && !is_over(task.state));
        let stack = self.plan.stack_of(service).filter(|stack| {
            let there = self.networks.contains(&stack.name) || self.is(&Sabotage::NetworkLeft);
            there && self.is_empty(stack)
        });
        let network = stack.map(|stack| format!("{}_default", stack.name));
        Ok(Remains {
            service: self.services.contains_key(service),
            tasks: left.count(),
            networks: network.into_iter().collect(),
        })
    }

    /// What a container has mounted: what the plan asks for, unless sabotaged.
    pub(super) fn mounts(&self, node: usize, container: &str) -> Result<Vec<MountSeen>, String> {
        if !self.live(node) {
            return Err("the machine has no power".to_owned());
        }
        let here = self.containers(node).map_err(|error| error.to_string())?;
        let Some(here) = here.iter().find(|one| one.id == container && one.running) else {
            return Err("no process of the container runs there".to_owned());
        };
        let root = MountSeen {
            at: "/".to_owned(),
            kind: "overlay".to_owned(),
            read_only: false,
        };
        let asked = self.plan.steady.iter().chain(&self.plan.steady_after);
        let wanted = asked.filter_map(|probe| match probe {
            Probe::Mount {
                service,
                at,
                read_only,
                kind,
            } if *service == here.service => Some((at, read_only, kind)),
            _ => None,
        });
        let wrong = self.is(&Sabotage::LocalMounts);
        let mounted = wanted.map(|(at, read_only, kind)| MountSeen {
            at: at.clone(),
            kind: match kind {
                Some(MountKind::Nfs) if !wrong => "nfs4",
                _ => "ext4",
            }
            .to_owned(),
            read_only: read_only.unwrap_or(false) && !wrong,
        });
        Ok([root].into_iter().chain(mounted).collect())
    }
}
