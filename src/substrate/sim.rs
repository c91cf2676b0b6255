//! A swarm of a few lines of memory: tests of the harness itself, minutes in milliseconds.
//!
//! Never a verdict about Swarm. It runs on tokio's time, and a [`Sabotage`] makes it misbehave in
//! one way that the harness must notice.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Identity, Lab, Place, Trouble};
use crate::capability::{self, Capabilities};
use crate::journal::{Clock, Journal, Jump, UPGRADED};
use crate::plan::Plan;

mod client;
mod database;
mod evidence;
mod exchange;
mod flow;
mod images;
mod inquiry;
mod inward;
mod lab;
mod ledger;
mod lock;
mod orders;
mod parts;
mod share;
mod swarm;
mod tasks;
mod world;

use exchange::Engines;
use lab::SimLab;
use world::World;

/// How far a clock jumps.
const HOUR: Duration = Duration::from_secs(3600);

/// One way to misbehave. "Struck" is from the first fault on that reached the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A row that was acknowledged and stored is gone when the ledger is read.
    LoseRow,
    /// One row is stored twice.
    DuplicateRow,
    /// Every tenth row is acknowledged and never stored.
    AckWithoutCommit,
    /// A row that nobody wrote is in the ledger.
    StrangeRow,
    /// This node answers with the content of yesterday.
    StaleBody(String),
    /// This node answers with something else altogether.
    WrongBody(String),
    /// A slot has two live tasks for ten seconds.
    SecondLiveTask,
    /// When a node returns, its old task runs again for twenty seconds.
    ResurrectedTask,
    /// Turning a node off succeeds, and does nothing.
    FaultDoesNotBite,
    /// Pausing a machine succeeds, and does nothing.
    PauseNoOp,
    /// Isolating a node succeeds, and does nothing.
    IsolateNoOp,
    /// An isolated node still gets what others send to it.
    IsolateOneWay,
    /// Some seconds after a fault cut anything on the LAN, something lets it pass again.
    CutFades,
    /// Whatever is done inside of a machine succeeds, and does nothing.
    InwardNoOp,
    /// Five seconds after a fault set a clock, something sets it right.
    ClockSetRight,
    /// The share answers before it has written, whatever was asked.
    SyncIsAsync,
    /// The share writes before it answers, whatever was asked.
    AsyncIsSync,
    /// For a minute and a half once struck, nobody who stores on the share is answered: a client of
    /// NFS waits longer before each time that it asks again.
    ShareRests,
    /// A rule for frames is taken, and does nothing.
    RuleNoOp,
    /// A rule for some frames of a machine strikes all of them.
    RuleCutsAll,
    /// A rule for one direction strikes both.
    RuleCutsBothWays,
    /// No row is ever taken, although sessions open.
    WorkloadNeverConnects,
    /// The ledger can neither be read nor checked through this node.
    ReadBackUnavailable(String),
    /// Once struck, no manager answers at all.
    ApiHangs,
    /// Once struck, no manager's answer can be understood.
    ApiNotUnderstood,
    /// A node's own engine takes three seconds to list its containers, before or after it looked.
    SlowEngines,
    /// Nothing that was broken can be mended.
    HealFails,
    /// Once struck, every new task of a database fails.
    DatabaseNeverComesBack,
    /// No task ever starts.
    SteadyNeverHolds,
    /// Once struck, no leader is elected again.
    LeaderNeverReturns,
    /// The balancer never finds out that a node is gone.
    BalancerNeverChecks,
    /// Somebody listens on every port of this node.
    OpenPort(String),
    /// This node says nothing to those who try a port.
    SilentPorts(String),
    /// The stack's network is left when everything else is gone.
    NetworkLeft,
    /// What is mounted in containers is a writable disk of the node.
    LocalMounts,
    /// A database does not read its configuration.
    DefaultSettings,
    /// The machines cannot be made.
    BringUpFails,
    /// The machines cannot be removed.
    TearDownFails,
    /// Every order is taken, and nothing is done.
    OrderDoesNothing,
    /// For five seconds after a service was scaled, every third request is refused.
    ScaleLosesRequests,
    /// A service is removed, and its containers run on.
    RemovedContainerStays,
    /// A node joins with any token.
    AnyTokenJoins,
    /// A node that shows a token that is not valid reaches no manager.
    TokensUnheard,
    /// A join by this manager is never answered.
    SilentToJoins(String),
    /// Nobody locks a file on the share.
    NoFileLocks,
    /// A server of NFS v4 keeps the lock of a dead client as one of v3 does.
    LeaseNeverEnds,
    /// What a database stored without shared storage is there for the next one.
    RowsOutliveTheirTask,
    /// This node refuses every request for fifteen seconds once struck.
    DeafNode(String),
    /// A manager leads without a majority.
    MinorityLeads,
    /// Once struck, the registry gives nobody an image.
    RegistryGivesNothing,
    /// Once struck, this node has no image any more.
    ImagesLost(String),
    /// Every node has the registry's images from the start.
    ImagesEverywhere,
    /// A global service gets no task on a node that joined later.
    NewcomersGetNoTask,
    /// The balancer gives clients of the API to a manager that is dead, if there is one.
    ApiOfTheDead,
    /// Every port looks closed.
    PortsLookClosed,
    /// The ledger's table is corrupt in the database's own word.
    CorruptTable,
    /// A second task of a database waits for its files for ten seconds, and ends.
    SecondServerEnds,
    /// This node reads every file of the share as it was in the beginning.
    StaleFile(String),
    /// This node can read no file of the share.
    UnreadableFile(String),
    /// The machines are removed as far as anybody says, and one is still there.
    LeavesMachine,
    /// Nobody can tell what is left.
    AuditBlind,
    /// Nobody could tell what was there before.
    AuditBlindBefore,
    /// The machines are never made, and nobody says why.
    BringUpHangs,
    /// The stack is not taken.
    DeployFails,
    /// While the first page is on its way, which takes eight seconds, the managers call this node
    /// down, and ready again eight seconds later, although nothing became of it.
    NodeFalters(String),
    /// The steady state cannot be kept.
    CheckpointFails,
    /// Once struck, this node answers with another service's page.
    WrongService(String),
    /// Once struck, this node's pages break off.
    HalfPages(String),
    /// For a while once struck, this node takes every request for a page and says nothing.
    PagesHang(String),
    /// Once struck, the harness has no way to what this node publishes.
    NoWay(String),
    /// Somebody else writes rows of his own into the ledger.
    SecondWriter,
    /// Every tenth row is stored, and its client told that it was not.
    RefusedRowStays,
    /// Once struck, the ledger's table is gone.
    TableDropped,
    /// The managers call every node ready, whatever became of it.
    EveryNodeLooksReady,
    /// Turning a node off makes it look as if it had no power, and does nothing else.
    PowerLooksOff,
    /// Nothing that was turned off is ever on again, and nobody says why.
    HealHangs,
    /// This node's own engine never lists its containers.
    EngineHangs(String),
    /// Once struck, every manager's answer breaks off.
    HalfAnswers,
    /// Fifteen seconds after the stack was taken, this node's clock jumps ahead by an hour.
    NodeClockJumps(String),
    /// Twenty seconds after the run began, the clock of its computer jumps ahead by an hour.
    HostClockJumps,
    /// This machine ends by itself while the load is on.
    MachineEnds(String),
    /// Once struck, whoever tries a port panics.
    ProbePanics,
    /// This machine never shows what it has, and nobody says why.
    EvidenceHangs(String),
    /// What machines show holds a join token, a private key and the database's password.
    EvidenceTells,
    /// Once struck, a task takes two seconds longer to start: a slower version, and no fault of it.
    SlowerStarts,
    /// A system disk is exchanged as far as anybody says, and the old one is still there.
    ExchangeDoesNothing,
    /// An engine that a node was upgraded to balances no requests: published ports are closed.
    NewEngineWithoutMesh,
    /// A node that was upgraded reaches no task on another.
    NewEngineWithoutOverlay,
    /// A node that was upgraded is never heard of again.
    NewEngineNeverAnswers,
    /// With a node that is upgraded, every service loses a replica for good.
    NewEngineScalesDown,
}

/// What there is of a place's labs now, and how many it made.
#[derive(Debug, Default)]
struct Made {
    there: BTreeSet<String>,
    labs: usize,
    /// How many of them no later run may start from.
    distrusted: usize,
}

/// The count of labs; a panic elsewhere does not stop it.
fn count(made: &Mutex<Made>) -> MutexGuard<'_, Made> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place.
#[derive(Clone, Debug, Default)]
pub struct Sim {
    sabotage: Option<Sabotage>,
    /// What its nodes run, and can be upgraded to, if anybody said so.
    engines: Option<Engines>,
    made: Arc<Mutex<Made>>,
}

impl Sim {
    /// A place that behaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A place that misbehaves in one way.
    pub fn with(sabotage: Sabotage) -> Self {
        Self {
            sabotage: Some(sabotage),
            ..Self::default()
        }
    }

    /// The same place with nodes that run this engine, and can be upgraded to that one.
    #[must_use]
    pub fn with_engines(self, now: &str, next: &str) -> Self {
        let (now, next) = (now.to_owned(), next.to_owned());
        Self {
            engines: Some(Engines { now, next }),
            ..self
        }
    }

    /// A lab by itself, its stack not deployed yet, for tests of what needs a lab and no run.
    pub fn lab(&self, plan: &Plan) -> Arc<dyn Lab> {
        let world = World::new(
            plan.clone(),
            self.engines.clone().unwrap_or_default(),
            self.sabotage.clone(),
        );
        let all = world.machines.iter().chain(&world.parts);
        let mut made = self.made();
        made.there
            .extend(all.map(|machine| format!("machine `{}`", machine.name)));
        made.labs += 1;
        Arc::new(SimLab {
            world: Arc::new(Mutex::new(world)),
            made: Arc::clone(&self.made),
        })
    }

    /// How many labs no later run may start from, by the word of the runs that had them.
    pub fn distrusted(&self) -> usize {
        self.made().distrusted
    }

    fn is(&self, sabotage: &Sabotage) -> bool {
        self.sabotage.as_ref() == Some(sabotage)
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        count(&self.made)
    }
}

#[async_trait]
impl Place for Sim {
    fn capabilities(&self) -> Capabilities {
        capability::all()
    }

    fn identity(&self, plan: &Plan) -> Identity {
        let engines = self.engines.iter();
        let versions = engines.flat_map(|engines| {
            let next = plan.upgrades().then(|| engines.next.clone());
            let next = next.map(|next| (UPGRADED.to_owned(), next));
            [("docker".to_owned(), engines.now.clone())]
                .into_iter()
                .chain(next)
        });
        Identity {
            versions: versions.collect(),
            place: "sim".to_owned(),
            accelerator: "none".to_owned(),
            patience: 1.0,
            started_from: "cold".to_owned(),
            ..Identity::default()
        }
    }

    async fn bring_up(&self, plan: &Plan, _: &Journal) -> Result<Arc<dyn Lab>, Trouble> {
        if self.is(&Sabotage::BringUpFails) {
            return Err(Trouble("no memory for `server-1`".to_owned()));
        }
        if self.is(&Sabotage::BringUpHangs) {
            std::future::pending::<()>().await;
        }
        Ok(self.lab(plan))
    }

    async fn inventory(&self) -> Result<BTreeSet<String>, Trouble> {
        let made = self.made();
        let blind = match made.labs {
            0 => self.is(&Sabotage::AuditBlindBefore),
            _ => self.is(&Sabotage::AuditBlind),
        };
        match blind {
            true => Err(Trouble("nobody looks".to_owned())),
            false => Ok(made.there.clone()),
        }
    }

    fn clock(&self) -> Clock {
        let jump = Jump {
            after: Duration::from_secs(20),
            ahead: HOUR,
        };
        Clock::simulated(self.is(&Sabotage::HostClockJumps).then_some(jump))
    }
}
