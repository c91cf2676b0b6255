//! What a `docker` client on a simulated machine comes to, and who listens to it.

use super::Sabotage;
use super::world::World;
use crate::journal::NodeSeen;
use crate::plan::Role;
use crate::scenario::{Api, Part};
use crate::substrate::{ClientCall, ClientRan};
use crate::swarm::View;

/// What a client is told to do.
#[derive(Default)]
struct Call<'a> {
    /// The address and port to ask, if not its own machine's engine.
    host: Option<(&'a str, u16)>,
    /// True when both sides must show a certificate.
    tls: bool,
    /// The rest.
    command: String,
}

impl<'a> Call<'a> {
    /// Reads the words of a command; none for words that this client does not know.
    fn of(args: &'a [String]) -> Option<Self> {
        let mut call = Self::default();
        let mut words = args.iter().map(String::as_str);
        let mut command = Vec::new();
        while let Some(word) = words.next() {
            match word {
                "--host" => {
                    let (address, port) = words.next()?.strip_prefix("tcp://")?.split_once(':')?;
                    call.host = Some((address, port.parse().ok()?));
                }
                "--tlsverify" => call.tls = true,
                word => command.push(word),
            }
        }
        call.command = command.join(" ");
        matches!(call.command.as_str(), "service ls" | "node ls").then_some(call)
    }
}

fn failed(err: impl Into<String>) -> ClientRan {
    ClientRan {
        code: 1,
        err: err.into(),
        ..ClientRan::default()
    }
}

impl World {
    /// What a client on a machine comes to: it knows two lists, and those only of managers.
    pub(super) fn client(&mut self, name: &str, told: &ClientCall) -> Result<ClientRan, String> {
        let machine = self.named(name).ok_or("there is no such machine")?;
        if !machine.live(self.now) {
            return Err("the machine has no power".to_owned());
        }
        let cut = machine.isolated;
        let Some(call) = Call::of(&told.args) else {
            return Ok(failed("unknown command"));
        };
        let asked = match call.host {
            None => self
                .machine(name)
                .ok_or("unix:///var/run/docker.sock".to_owned()),
            Some((address, port)) => {
                let there = self.listener(address, port).filter(|_| !cut);
                there.ok_or(format!("tcp://{address}:{port}"))
            }
        };
        let node = match asked {
            Ok(node) => node,
            Err(at) => {
                let daemon = format!("Cannot connect to the Docker daemon at {at}.");
                return Ok(failed(format!("{daemon} Is the docker daemon running?")));
            }
        };
        // The words of Go's `net/http` for whoever speaks the other protocol.
        match (call.host.is_some(), self.plan.topology.api, call.tls) {
            (true, Api::Tls, false) => {
                return Ok(failed("Client sent an HTTP request to an HTTPS server."));
            }
            (true, Api::Plain, true) => {
                return Ok(failed("http: server gave HTTP response to HTTPS client"));
            }
            // Those of Go's `crypto/tls` before 1.21.
            (true, Api::Tls, true) if told.without_certificate => {
                return Ok(failed("remote error: tls: bad certificate"));
            }
            _ => {}
        }
        if !self.machines.get(node).is_some_and(|m| m.manager) {
            let daemon = "Error response from daemon: This node is not a swarm manager.";
            return Ok(failed(daemon));
        }
        Ok(match self.view(node) {
            Ok(view) => ClientRan {
                out: self.listing(&call.command, &view),
                ..ClientRan::default()
            },
            Err(error) => failed(format!("Error response from daemon: {error}")),
        })
    }

    /// What `service ls` or `node ls` prints.
    fn listing(&self, command: &str, view: &View) -> String {
        if command == "node ls" {
            let line = |node: &NodeSeen| {
                let status = if node.leader { "Leader" } else { "" };
                format!(
                    "{}  {}  {}  {status}\n",
                    node.name, node.state, node.availability
                )
            };
            return view.nodes.iter().map(line).collect();
        }
        let lines = self.plan.services().filter_map(|one| {
            let seen = self.services.get(&one.name)?.seen(true);
            let live = view.live(&one.name).count();
            let all = seen.replicas.map_or(live, |replicas| replicas as usize);
            let (name, image) = (&one.full_name, seen.image);
            Some(format!("{name}  replicated  {live}/{all}  {image}\n"))
        });
        lines.collect()
    }

    /// True for a manager from the start whose engine listens on this port of the LAN.
    pub(super) fn offers_api(&self, machine: usize, port: u16) -> bool {
        let topology = &self.plan.topology;
        let node = topology.nodes.get(machine);
        topology.api.port() == Some(port) && node.is_some_and(|one| one.role == Role::Manager)
    }

    /// The node whose engine takes a connection to an address: its own, or the balancer's.
    fn listener(&mut self, address: &str, port: u16) -> Option<usize> {
        let nodes = &self.plan.topology.nodes;
        let node = match nodes.iter().position(|node| node.address == address) {
            Some(node) => Some(node).filter(|node| self.offers_api(*node, port)),
            None => {
                let balancer = self.plan.topology.balancer.as_ref();
                balancer.filter(|one| one.address == address)?;
                let count = self.machines.len();
                let behind = (0..count).map(|node| self.offers_api(node, port));
                let behind: Vec<bool> = behind.collect();
                if self.is(&Sabotage::ApiOfTheDead) {
                    let mut all = (0..count).filter(|node| self.offers_api(*node, port));
                    if all.any(|node| !self.live(node)) {
                        return None;
                    }
                }
                self.reaches(Part::Balancer)
                    .then(|| self.balanced(&behind))?
            }
        };
        let takes = |node: &usize| self.machines.get(*node).is_some_and(|m| !m.isolated);
        node.filter(takes).filter(|node| self.live(*node))
    }
}
