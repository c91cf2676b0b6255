//! The state of the simulated machines, and how it moves with time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::exchange::Engines;
use super::flow::{CONTROL, OVERLAY, Ruled};
use super::inward::Inside;
use super::ledger::Table;
use super::lock::Lock;
use super::orders::Wanted;
use super::parts::{self, Front};
use super::tasks::Task;
use super::{HOUR, Sabotage};
use crate::plan::{Plan, Role};
use crate::substrate::Traffic;
use crate::units::Port;

/// Time moves in steps of this length.
pub(super) const STEP: Duration = Duration::from_millis(100);

/// From power to an engine that answers.
pub(super) const BOOT: Duration = Duration::from_secs(8);

/// From the loss of a leader to the next (raft's tick is 1 s, an election takes several).
const ELECTION: Duration = Duration::from_secs(4);

/// When [`Sabotage::NodeClockJumps`] and [`Sabotage::MachineEnds`] come, counted from the
/// deployment: the load is on.
const MISHAP_AT: Duration = Duration::from_secs(15);

/// One machine.
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) manager: bool,
    /// True while it is in the swarm.
    pub(super) member: bool,
    /// The swarm's identity of it; a node that joins again gets another.
    pub(super) id: String,
    pub(super) drained: bool,
    pub(super) powered: bool,
    /// True once it ended by itself: [`Sabotage::MachineEnds`].
    pub(super) ended: bool,
    /// True while it only looks as if it had no power: [`Sabotage::PowerLooksOff`].
    pub(super) looks_off: bool,
    /// True while it stands still.
    pub(super) paused: bool,
    pub(super) isolated: bool,
    /// When its engine answers, once it has power.
    pub(super) engine_at: Instant,
    /// Since when the leader has not heard of it.
    pub(super) lost: Option<Instant>,
    /// After how long the leader calls it down (swarmkit: 13.5 s to 16.5 s).
    pub(super) grace: Duration,
    pub(super) down: bool,
    /// `Version.Index`.
    pub(super) index: u64,
    pub(super) traffic: Traffic,
    /// Images of the registry that its engine has pulled.
    pub(super) images: BTreeSet<String>,
    pub(super) inside: Inside,
    /// What its engine calls itself.
    pub(super) engine: String,
    /// True once its system disk was exchanged, or where every node has the new one.
    pub(super) upgraded: bool,
}

impl Machine {
    /// True while its engine runs.
    pub(super) fn live(&self, now: Instant) -> bool {
        self.powered && !self.paused && self.engine_at <= now
    }
}

/// Everything there is.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) engines: Engines,
    /// The time up to which the world has moved.
    pub(super) now: Instant,
    /// When it began, by its own clock and by the clocks of its machines.
    pub(super) began: (Instant, Timestamp),
    pub(super) machines: Vec<Machine>,
    /// The machines that are no nodes.
    pub(super) parts: Vec<Machine>,
    /// The balancer's view, if there is a balancer.
    pub(super) front: Option<Front>,
    pub(super) tasks: Vec<Task>,
    pub(super) leader: Option<usize>,
    /// When there will be a leader, if nothing changes.
    election: Option<Instant>,
    /// The last `Version.Index` that was given out.
    index: u64,
    /// The last identity that was given out.
    pub(super) identity: u64,
    pub(super) deployed: Option<Instant>,
    /// When [`Sabotage::NodeFalters`] saw the first page asked for that a task could give.
    pub(super) first_page: Option<Instant>,
    /// When a fault first reached a machine.
    pub(super) struck: Option<Instant>,
    /// What the last power cut left locked on the share.
    pub(super) lock: Option<Lock>,
    /// What every task of a database stores on, if there is a storage machine.
    pub(super) shared: Table,
    /// What becomes of single flows, by the number of a fault.
    pub(super) rules: BTreeMap<usize, Ruled>,
    /// The extra task of [`Sabotage::SecondLiveTask`], and when it ends.
    pub(super) second: Option<(String, Instant)>,
    /// What the share holds: path to content.
    pub(super) files: BTreeMap<String, String>,
    /// What was ordered of each service that runs.
    pub(super) services: BTreeMap<String, Wanted>,
    /// The names of stacks whose network is there.
    pub(super) networks: BTreeSet<String>,
    /// Until when requests are refused, and how many were made: [`Sabotage::ScaleLosesRequests`].
    pub(super) lossy: Option<(Instant, u64)>,
}

/// The world as it is now.
pub(super) fn present(world: &Mutex<World>) -> MutexGuard<'_, World> {
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    world.catch_up();
    world
}

impl World {
    /// A swarm that has formed, with nothing in it.
    pub(super) fn new(plan: Plan, engines: Engines, sabotage: Option<Sabotage>) -> Self {
        let now = Instant::now();
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        let mut index = 0;
        let mut machine = |name: String, manager: bool| {
            index += 1;
            Machine {
                name,
                manager,
                member: true,
                id: format!("node{:02}", index - 1),
                drained: false,
                powered: true,
                ended: false,
                looks_off: false,
                paused: false,
                isolated: false,
                engine_at: now,
                lost: None,
                grace: Duration::from_millis(rng.random_range(13_500..16_500)),
                down: false,
                index,
                traffic: Traffic::default(),
                images: BTreeSet::new(),
                inside: Inside::default(),
                engine: engines.now.clone(),
                upgraded: engines.now == engines.next,
            }
        };
        let nodes = plan.topology.nodes.iter();
        let machines = nodes
            .map(|node| machine(node.name.clone(), node.role == Role::Manager))
            .collect();
        let parts = parts::names(&plan.topology)
            .map(|name| machine(name, false))
            .collect();
        Self {
            parts,
            front: Front::of(&plan, now),
            plan,
            sabotage,
            engines,
            now,
            began: (now, Timestamp::now()),
            machines,
            tasks: Vec::new(),
            leader: Some(0),
            election: None,
            index: index + 1,
            identity: 0,
            deployed: None,
            first_page: None,
            struck: None,
            lock: None,
            shared: Table::default(),
            rules: BTreeMap::new(),
            second: None,
            files: BTreeMap::new(),
            services: BTreeMap::new(),
            networks: BTreeSet::new(),
            lossy: None,
        }
    }

    /// Moves the world up to the present.
    pub(super) fn catch_up(&mut self) {
        let present = Instant::now();
        while self.now + STEP <= present {
            self.now += STEP;
            self.end_machine();
            self.send_frames();
            self.gossip();
            self.check_health();
            self.elect();
            self.notice_nodes();
            self.move_tasks();
        }
    }

    /// Ends the machine that is to end by itself.
    fn end_machine(&mut self) {
        let Some(Sabotage::MachineEnds(name)) = &self.sabotage else {
            return;
        };
        let machine = self.machine(name).filter(|_| self.mishap(self.now));
        let Some(machine) = machine else {
            return;
        };
        if let Some(one) = self.machines.get_mut(machine).filter(|one| one.powered) {
            (one.powered, one.ended) = (false, true);
            self.drop_processes(machine);
        }
    }

    /// The next `Version.Index`.
    pub(super) fn next_index(&mut self) -> u64 {
        self.index += 1;
        self.index
    }

    /// What a machine's own clock says at a moment.
    pub(super) fn clock_of(&self, machine: usize, at: Instant) -> Option<Timestamp> {
        let name = &self.machines.get(machine)?.name;
        let jumps = self.is(&Sabotage::NodeClockJumps(name.clone()));
        let ahead = if jumps && self.mishap(at) {
            HOUR
        } else {
            self.skew_of(name)
        };
        let passed = at.duration_since(self.began.0) + ahead;
        let passed = SignedDuration::try_from(passed).ok()?;
        self.began.1.checked_add(passed).ok()
    }

    /// True once what happens by itself has happened.
    fn mishap(&self, at: Instant) -> bool {
        self.deployed.is_some_and(|taken| at >= taken + MISHAP_AT)
    }

    /// The machine of this name.
    pub(super) fn machine(&self, name: &str) -> Option<usize> {
        self.machines.iter().position(|m| m.name == name)
    }

    /// True when this is how the world misbehaves.
    pub(super) fn is(&self, sabotage: &Sabotage) -> bool {
        self.sabotage.as_ref() == Some(sabotage)
    }

    /// True when this is how the world misbehaves once struck, and it is.
    pub(super) fn is_struck(&self, sabotage: &Sabotage) -> bool {
        self.struck.is_some() && self.is(sabotage)
    }

    /// True if the first strike was less than so long ago.
    pub(super) fn was_struck_within(&self, time: Duration) -> bool {
        self.struck.is_some_and(|struck| self.now < struck + time)
    }

    /// True while this machine's engine runs.
    pub(super) fn live(&self, machine: usize) -> bool {
        self.machines.get(machine).is_some_and(|m| m.live(self.now))
    }

    /// True while frames of a port pass between two machines, both ways.
    pub(super) fn connected(&self, one: usize, other: usize, port: Port) -> bool {
        let named = |i: usize| self.machines.get(i).map_or("", |m| m.name.as_str());
        if one != other && !self.passes(named(one), named(other), port) {
            return false;
        }
        if one != other && port == OVERLAY && (self.lacks_overlay(one) || self.lacks_overlay(other))
        {
            return false;
        }
        let isolated = |i: usize| self.machines.get(i).is_none_or(|m| m.isolated);
        self.live(one) && self.live(other) && (one == other || !(isolated(one) || isolated(other)))
    }

    /// True while this machine is in the swarm.
    pub(super) fn member(&self, machine: usize) -> bool {
        self.machines.get(machine).is_some_and(|m| m.member)
    }

    /// True while the leader hears of this machine.
    pub(super) fn heard(&self, machine: usize) -> bool {
        self.leader
            .is_some_and(|leader| self.member(machine) && self.connected(leader, machine, CONTROL))
    }

    /// True if this manager reaches a majority of managers, itself included.
    fn has_majority(&self, manager: usize) -> bool {
        let managers = self
            .machines
            .iter()
            .enumerate()
            .filter(|(_, m)| m.manager && m.member);
        let (mut all, mut reached) = (0, 0);
        for (other, _) in managers {
            all += 1;
            reached += usize::from(self.connected(manager, other, CONTROL));
        }
        reached * 2 > all || (reached > 0 && self.is(&Sabotage::MinorityLeads))
    }

    /// True for a manager that a majority follows.
    fn may_lead(&self, manager: usize) -> bool {
        let is = self
            .machines
            .get(manager)
            .is_some_and(|m| m.manager && m.member);
        is && self.has_majority(manager)
    }

    fn elect(&mut self) {
        if self.leader.is_some_and(|leader| self.may_lead(leader)) {
            return;
        }
        if let Some(old) = self.leader.take() {
            let index = self.next_index();
            if let Some(machine) = self.machines.get_mut(old) {
                machine.index = index;
            }
        }
        let able = (0..self.machines.len()).find(|i| self.may_lead(*i));
        let Some(able) = able else {
            self.election = None;
            return;
        };
        let at = *self.election.get_or_insert(self.now + ELECTION);
        if at > self.now || self.is_struck(&Sabotage::LeaderNeverReturns) {
            return;
        }
        self.election = None;
        self.leader = Some(able);
        let (index, now) = (self.next_index(), self.now);
        for machine in &mut self.machines {
            machine.lost = machine.lost.map(|_| now);
        }
        if let Some(machine) = self.machines.get_mut(able) {
            machine.index = index;
        }
    }

    fn notice_nodes(&mut self) {
        if self.leader.is_none() {
            return;
        }
        let blind = self.is(&Sabotage::EveryNodeLooksReady);
        for i in 0..self.machines.len() {
            let (heard, now, index) = (self.heard(i), self.now, self.index + 1);
            let Some(machine) = self.machines.get_mut(i) else {
                continue;
            };
            let down = if heard {
                machine.lost = None;
                false
            } else {
                let lost = *machine.lost.get_or_insert(now);
                machine.down || (now.duration_since(lost) >= machine.grace && !blind)
            };
            if down != machine.down {
                machine.down = down;
                machine.index = index;
                self.index = index;
            }
        }
    }
}
