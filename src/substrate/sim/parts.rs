//! The simulated machines that are no nodes, and the balancer's view of the nodes.

use std::time::Duration;

use tokio::time::Instant;

use super::Sabotage;
use super::lab::SimLab;
use super::world::present;
use super::world::{Machine, World};
use crate::plan::{Plan, Topology};
use crate::scenario::Part;

/// What the balancer knows of the nodes.
pub(super) struct Front {
    inter: Duration,
    fall: u8,
    rise: u8,
    /// When it looks again.
    next: Instant,
    nodes: Vec<Health>,
    /// Whose turn it is.
    turn: usize,
}

/// One node, as the health check sees it.
struct Health {
    up: bool,
    /// Looks in a row that said otherwise.
    against: u8,
}

impl Front {
    /// A balancer that has seen every node up.
    pub(super) fn of(plan: &Plan, now: Instant) -> Option<Self> {
        let balancer = plan.topology.balancer.as_ref()?;
        let up = || Health {
            up: true,
            against: 0,
        };
        Some(Self {
            inter: balancer.inter.0,
            fall: balancer.fall,
            rise: balancer.rise,
            next: now,
            nodes: plan.topology.nodes.iter().map(|_| up()).collect(),
            turn: 0,
        })
    }

    /// The node whose turn it is among these that are up.
    fn next(&mut self, behind: &[bool]) -> Option<usize> {
        let count = self.nodes.len();
        let mut turns = (1..=count).map(|step| (self.turn + step) % count);
        let next = turns.find(|node| self.nodes[*node].up && behind.get(*node) == Some(&true))?;
        self.turn = next;
        Some(next)
    }
}

/// The machines of a topology that the simulation knows besides the nodes.
pub(super) fn names(topology: &Topology) -> impl Iterator<Item = String> {
    let all = [Part::Balancer, Part::Registry, Part::Storage];
    let there = all.map(|part| topology.part(part).map(str::to_owned));
    there.into_iter().flatten()
}

impl World {
    /// A machine by name, node or not.
    pub(super) fn named(&self, name: &str) -> Option<&Machine> {
        let all = self.machines.iter().chain(&self.parts);
        all.into_iter().find(|machine| machine.name == name)
    }

    /// A machine by name, to be changed.
    pub(super) fn named_mut(&mut self, name: &str) -> Option<&mut Machine> {
        let all = self.machines.iter_mut().chain(&mut self.parts);
        all.into_iter().find(|machine| machine.name == name)
    }

    /// Whether a machine stands still; none without power.
    pub(super) fn stands_still(&self, name: &str) -> Option<bool> {
        let machine = self.named(name).filter(|machine| machine.powered);
        machine.map(|machine| machine.paused)
    }

    /// True while a machine that is no node works and its frames pass.
    pub(super) fn reaches(&self, part: Part) -> bool {
        let machine = self
            .plan
            .topology
            .part(part)
            .and_then(|name| self.named(name));
        machine.is_some_and(|machine| machine.live(self.now) && !machine.isolated)
    }

    /// The balancer looks at every node when it is time to.
    pub(super) fn check_health(&mut self) {
        let seen: Vec<bool> = (0..self.machines.len())
            .map(|node| self.answers_balancer(node))
            .collect();
        let blind = self.is(&Sabotage::BalancerNeverChecks);
        let Some(front) = self.front.as_mut().filter(|front| front.next <= self.now) else {
            return;
        };
        front.next = self.now + front.inter;
        for (health, seen) in front.nodes.iter_mut().zip(seen) {
            health.against = if seen == health.up {
                0
            } else {
                health.against + 1
            };
            let enough = if health.up { front.fall } else { front.rise };
            if health.against >= enough && !blind {
                (health.up, health.against) = (seen, 0);
            }
        }
    }

    /// The node that the balancer gives the next connection to, of those that stand `behind` the
    /// port; none while it has no power, or sees none of them up.
    pub(super) fn balanced(&mut self, behind: &[bool]) -> Option<usize> {
        let name = self.plan.topology.part(Part::Balancer)?;
        let powered = self
            .named(name)
            .is_some_and(|machine| machine.live(self.now));
        self.front.as_mut().filter(|_| powered)?.next(behind)
    }

    /// True if a node would take a connection of the balancer now.
    pub(super) fn answers_balancer(&self, node: usize) -> bool {
        let passes = self
            .machines
            .get(node)
            .is_some_and(|machine| !machine.isolated);
        self.live(node) && passes && self.reaches(Part::Balancer)
    }
}

impl SimLab {
    /// The node that a request is given to, and whether it takes it; none when nobody does.
    pub(super) fn door(&self, machine: &str) -> Option<(usize, bool)> {
        let mut world = present(&self.world);
        if world.plan.topology.part(Part::Balancer) != Some(machine) {
            let node = world.machine(machine)?;
            return Some((node, !world.pages_hang(node)));
        }
        let every = vec![true; world.machines.len()];
        let node = world.balanced(&every)?;
        Some((node, world.answers_balancer(node)))
    }
}
