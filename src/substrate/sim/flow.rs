//! Rules for single flows between the simulated machines.

use std::time::Duration;

use super::Sabotage;
use super::world::{Machine, World};
use crate::journal::Rule;
use crate::plan::Direction;
use crate::substrate::{Dialled, Kin, Knock, Tally};
use crate::units::Port;

/// Raft, and what agents tell managers.
pub(super) const CONTROL: Port = Port::tcp(2377);

/// The data of overlay networks.
pub(super) const OVERLAY: Port = Port::udp(4789);

/// The share.
pub(super) const NFS: Port = Port::tcp(2049);

/// A round trip between two machines that nothing slows.
const ROUND_TRIP: Duration = Duration::from_millis(2);

/// Of so many frames one is lost where some are to be.
const LOST_OF: u64 = 10;

/// How long a cut lasts under [`Sabotage::CutFades`].
const FADES: Duration = Duration::from_secs(8);

/// A rule and what was counted of its frames.
pub(super) struct Ruled {
    rule: Rule,
    in_force: bool,
    tally: Tally,
}

impl Ruled {
    /// Whether a frame is one of the machine's, and then what it is to the rule.
    fn means(&self, from: &str, to: &str, port: Option<Port>) -> Option<Kin> {
        let rule = &self.rule;
        let (other, out) = match rule.node.as_str() {
            node if node == from => (to, true),
            node if node == to => (from, false),
            _ => return None,
        };
        let pair = rule.from.is_empty() || rule.from.iter().any(|name| name == other);
        let flow = pair && (rule.port.is_none() || rule.port == port);
        Some(Kin::of(rule.direction, out, flow))
    }

    /// Whether it drops frames of a kind.
    fn drops(&self, kin: Kin, more: More) -> bool {
        let struck = match kin {
            Kin::Meant => true,
            Kin::Opposite => more.all || more.both_ways,
            Kin::Rest => more.all,
        };
        self.in_force && self.rule.slow.is_none() && struck
    }

    /// Counts a frame, and whether it passed.
    fn count(&mut self, kin: Kin, more: More) {
        let (meant, dropped) = (kin == Kin::Meant, self.drops(kin, more));
        let passage = self.tally.passage(kin);
        passage.sent += 1;
        let loses = self.rule.slow.is_some_and(|slow| slow.loss.0 > 0.0);
        let lost = meant && self.in_force && loses && passage.sent.is_multiple_of(LOST_OF);
        passage.delivered += u64::from(!dropped && !lost);
        self.tally.lost += u64::from(lost);
        if let Some(slow) = self.rule.slow.filter(|_| meant && self.in_force && !lost) {
            self.tally.held += slow.delay.0;
        }
    }
}

/// What rules strike beside what they mean.
#[derive(Clone, Copy)]
struct More {
    all: bool,
    both_ways: bool,
}

impl World {
    fn more(&self) -> More {
        More {
            all: self.is(&Sabotage::RuleCutsAll),
            both_ways: self.is(&Sabotage::RuleCutsBothWays),
        }
    }

    /// Lets pass what was cut, where cuts fade.
    fn fade(&mut self) {
        let over = self.struck.is_some_and(|at| self.now >= at + FADES);
        if !over || !self.is(&Sabotage::CutFades) {
            return;
        }
        for machine in self.machines.iter_mut().chain(&mut self.parts) {
            machine.isolated = false;
        }
        for ruled in self.rules.values_mut() {
            ruled.in_force = false;
        }
    }

    /// Puts a rule into force, or takes it out and goes on counting.
    pub(super) fn impose(&mut self, number: usize, rule: &Rule, in_force: bool) {
        let ruled = self.rules.entry(number).or_insert_with(|| Ruled {
            rule: rule.clone(),
            in_force,
            tally: Tally::default(),
        });
        ruled.in_force = in_force;
    }

    /// What was counted of a rule's frames.
    pub(super) fn tally(&self, number: usize) -> Tally {
        let ruled = self.rules.get(&number);
        ruled.map(|ruled| ruled.tally).unwrap_or_default()
    }

    /// True unless a rule drops frames of a port between two machines, either way.
    pub(super) fn passes(&self, one: &str, other: &str, port: Port) -> bool {
        let more = self.more();
        !self.rules.values().any(|ruled| {
            let drops = |from: &str, to: &str| {
                let kin = ruled.means(from, to, Some(port));
                kin.is_some_and(|kin| ruled.drops(kin, more))
            };
            drops(one, other) || drops(other, one)
        })
    }

    /// By how much rules slow a round trip.
    pub(super) fn slowed(&self, one: &str, other: &str, port: Port) -> Duration {
        let all = self.rules.values().filter(|ruled| ruled.in_force);
        let delays = all.filter_map(|ruled| {
            let delay = ruled.rule.slow?.delay.0;
            let ways = [(one, other), (other, one)];
            let slow =
                |way: &&(&str, &str)| ruled.means(way.0, way.1, Some(port)) == Some(Kin::Meant);
            Some(delay * ways.iter().filter(slow).count() as u32)
        });
        delays.sum()
    }

    /// Whether what a machine sends is delivered to anybody, and what is sent to it to the machine.
    fn open(&self, machine: &Machine) -> (bool, bool) {
        let drops = |spares: Direction| {
            self.rules.values().any(|ruled| {
                let rule = &ruled.rule;
                let all = rule.node == machine.name && rule.from.is_empty() && rule.port.is_none();
                ruled.drops(Kin::Meant, self.more()) && all && rule.direction != spares
            })
        };
        let hears_all = self.is(&Sabotage::IsolateOneWay);
        let out = !machine.isolated && !drops(Direction::In);
        (
            out,
            (!machine.isolated || hears_all) && !drops(Direction::Out),
        )
    }

    /// Nodes always have something to say to each other; what only serves others does not.
    pub(super) fn send_frames(&mut self) {
        let live = self
            .machines
            .iter()
            .filter(|machine| machine.live(self.now));
        let open: Vec<(String, (bool, bool))> = live
            .map(|machine| (machine.name.clone(), self.open(machine)))
            .collect();
        for (name, (out, into)) in open {
            if let Some(machine) = self.named_mut(&name) {
                machine.traffic.out.count(out);
                machine.traffic.into.count(into);
            }
        }
    }

    /// Everybody sends to everybody, on no port in particular.
    pub(super) fn gossip(&mut self) {
        self.fade();
        let (now, more) = (self.now, self.more());
        let all = self.machines.iter().chain(&self.parts);
        let talking = all.filter(|machine| machine.live(now) && !machine.isolated);
        let talking: Vec<String> = talking.map(|machine| machine.name.clone()).collect();
        for ruled in self.rules.values_mut() {
            let node = ruled.rule.node.clone();
            if !talking.contains(&node) {
                continue;
            }
            for other in talking.iter().filter(|other| **other != node) {
                for (from, to) in [(&node, other), (other, &node)] {
                    if let Some(kin) = ruled.means(from, to, None) {
                        ruled.count(kin, more);
                    }
                }
            }
        }
    }

    /// Tries a port on which nobody listens.
    pub(super) fn dial(&mut self, from: &str, to: &str, port: Port) -> Result<Dialled, String> {
        let (now, one) = (self.now, self.named(from));
        let Some(one) = one.filter(|one| one.live(now)) else {
            return Err(format!("`{from}` does not answer"));
        };
        let other = self.named(to).filter(|other| other.live(now));
        let (leaves, _) = self.open(one);
        let heard = other.is_some_and(|other| self.open(other).1);
        let open = !one.isolated && other.is_some_and(|other| !other.isolated);
        let passes = open && self.passes(from, to, port);
        let more = self.more();
        for ruled in self.rules.values_mut().filter(|_| open) {
            for (from, to) in [(from, to), (to, from)] {
                if let Some(kin) = ruled.means(from, to, Some(port)) {
                    ruled.count(kin, more);
                }
            }
        }
        if let Some(one) = self.named_mut(from) {
            one.traffic.out.count(leaves);
        }
        if let Some(other) = self.named_mut(to).filter(|_| leaves) {
            other.traffic.into.count(heard);
        }
        let took = (passes && !port.udp).then(|| ROUND_TRIP + self.slowed(from, to, port));
        Ok(Dialled {
            answer: took.map(|_| Knock::Refused),
            took,
        })
    }
}
