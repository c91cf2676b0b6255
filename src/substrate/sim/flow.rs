//! Rules for single flows between the simulated machines.

use std::time::Duration;

use super::Sabotage;
use super::world::World;
use crate::journal::Rule;
use crate::plan::Direction;
use crate::substrate::{Dialled, Knock, Passage, Tally};
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

/// A rule and what was counted of its frames.
pub(super) struct Ruled {
    rule: Rule,
    in_force: bool,
    tally: Tally,
}

impl Ruled {
    /// Whether a frame is one of the machine's, and then whether it is meant.
    fn means(&self, from: &str, to: &str, port: Option<Port>) -> Option<bool> {
        let rule = &self.rule;
        let (other, out) = match rule.node.as_str() {
            node if node == from => (to, true),
            node if node == to => (from, false),
            _ => return None,
        };
        let way = match rule.direction {
            Direction::In => !out,
            Direction::Out => out,
            Direction::Both => true,
        };
        let pair = rule.from.is_empty() || rule.from.iter().any(|name| name == other);
        Some(way && pair && (rule.port.is_none() || rule.port == port))
    }

    /// Counts frames, and says whether they passed.
    fn count(&mut self, meant: bool, cuts_all: bool) {
        let dropped = self.in_force && self.rule.slow.is_none() && (meant || cuts_all);
        let passage: &mut Passage = match meant {
            true => &mut self.tally.meant,
            false => &mut self.tally.rest,
        };
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

impl World {
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
        let cuts_all = self.is(&Sabotage::RuleCutsAll);
        !self.rules.values().any(|ruled| {
            let meant = |from: &str, to: &str| match ruled.means(from, to, Some(port)) {
                Some(meant) => meant || cuts_all,
                None => false,
            };
            let drops = ruled.in_force && ruled.rule.slow.is_none();
            drops && (meant(one, other) || meant(other, one))
        })
    }

    /// By how much rules slow a round trip.
    pub(super) fn slowed(&self, one: &str, other: &str, port: Port) -> Duration {
        let all = self.rules.values().filter(|ruled| ruled.in_force);
        let delays = all.filter_map(|ruled| {
            let delay = ruled.rule.slow?.delay.0;
            let ways = [(one, other), (other, one)];
            let slow = |way: &&(&str, &str)| ruled.means(way.0, way.1, Some(port)) == Some(true);
            Some(delay * ways.iter().filter(slow).count() as u32)
        });
        delays.sum()
    }

    /// Everybody sends to everybody, on no port in particular.
    pub(super) fn gossip(&mut self) {
        let (now, cuts_all) = (self.now, self.is(&Sabotage::RuleCutsAll));
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
                    if let Some(meant) = ruled.means(from, to, None) {
                        ruled.count(meant, cuts_all);
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
        let open = !one.isolated && other.is_some_and(|other| !other.isolated);
        let passes = open && self.passes(from, to, port);
        let cuts_all = self.is(&Sabotage::RuleCutsAll);
        for ruled in self.rules.values_mut().filter(|_| open) {
            for (from, to) in [(from, to), (to, from)] {
                if let Some(meant) = ruled.means(from, to, Some(port)) {
                    ruled.count(meant, cuts_all);
                }
            }
        }
        if let Some(one) = self.named_mut(from) {
            one.sends();
        }
        let took = (passes && !port.udp).then(|| ROUND_TRIP + self.slowed(from, to, port));
        Ok(Dialled {
            answer: took.map(|_| Knock::Refused),
            took,
        })
    }
}
