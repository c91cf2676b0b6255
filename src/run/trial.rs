//! One run under way: what its parts share, and who may end whom.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::journal::{ActionEntry, ActionStep, Event, Intent, Journal, JournalError, Membership};
use crate::plan::Plan;
use crate::substrate::Lab;

use super::observe::{Merged, Seen};
use super::order::Step;
use super::steady::Round;

/// One run under way.
pub(super) struct Trial {
    /// The door to the world.
    pub(super) lab: Arc<dyn Lab>,
    /// What is to happen.
    pub(super) plan: Plan,
    /// What did.
    pub(super) journal: Journal,
    /// Cancelled when the run must end; faults then heal themselves.
    pub(super) stop: CancellationToken,
    /// Cancelled when the observers must end: after the last heal.
    pub(super) observing: CancellationToken,
    /// The observers' tasks.
    pub(super) observers: TaskTracker,
    /// The workloads' tasks; they end with [`Trial::working`].
    pub(super) workloads: TaskTracker,
    /// Cancelled when the workloads must end; also when the run must.
    pub(super) working: CancellationToken,
    /// The tasks of faults and actions.
    pub(super) faults: TaskTracker,
    /// The last answer of each manager.
    pub(super) seen: watch::Sender<Seen>,
    /// The newest of what the managers said.
    pub(super) merged: Mutex<Merged>,
    /// The last round of the steady state's probes.
    pub(super) rounds: watch::Sender<Option<Round>>,
    /// The first round that begins after this is journaled whatever it says. Held while a round is
    /// journaled.
    pub(super) mark: Mutex<Instant>,
    /// True from the moment that fault times count from.
    pub(super) loaded: AtomicBool,
    /// The nodes that are broken now.
    pub(super) broken: watch::Sender<BTreeSet<String>>,
    /// Held while a fault chooses its targets, so that two never choose the same node.
    pub(super) choosing: tokio::sync::Mutex<()>,
    /// When each workload was last served.
    pub(super) served: watch::Sender<BTreeMap<String, Instant>>,
    intents: Mutex<BTreeMap<usize, Intent>>,
    /// When each fault was seen to bite.
    bites: Mutex<BTreeMap<usize, Instant>>,
    /// Faults in force whose nodes take part in the swarm all the same.
    spared: Mutex<BTreeSet<usize>>,
    membership: Mutex<Membership>,
    /// True from the moment that the first action began, or the load was over.
    changed: AtomicBool,
    over: watch::Sender<BTreeSet<Step>>,
    fatal: Mutex<Option<JournalError>>,
}

impl Trial {
    /// A run that has a lab, and has done nothing with it.
    pub(super) fn new(
        lab: Arc<dyn Lab>,
        plan: Plan,
        journal: Journal,
        stop: CancellationToken,
    ) -> Self {
        Self {
            lab,
            journal,
            observing: CancellationToken::new(),
            observers: TaskTracker::new(),
            workloads: TaskTracker::new(),
            working: stop.child_token(),
            faults: TaskTracker::new(),
            seen: watch::Sender::new(Seen::default()),
            merged: Mutex::default(),
            rounds: watch::Sender::new(None),
            mark: Mutex::new(Instant::now()),
            loaded: AtomicBool::new(false),
            broken: watch::Sender::new(BTreeSet::new()),
            choosing: tokio::sync::Mutex::new(()),
            served: watch::Sender::default(),
            intents: Mutex::default(),
            bites: Mutex::default(),
            spared: Mutex::default(),
            membership: Mutex::new(Membership::of(&plan)),
            changed: AtomicBool::new(false),
            over: watch::Sender::default(),
            fatal: Mutex::default(),
            plan,
            stop,
        }
    }

    /// The pace of questions to one manager, and to one node's engine. Nothing is judged before
    /// the load begins, and an emulated swarm that starts its first containers is busy enough.
    pub(super) fn pace(&self) -> Duration {
        Duration::from_secs(if self.loaded.load(Ordering::Relaxed) {
            1
        } else {
            3
        })
    }

    /// Journals what an act must not go without.
    pub(super) fn record(&self, event: Event) -> Result<(), JournalError> {
        self.journal.record(event).map(drop)
    }

    /// Journals what must not be held up: an observation, a clean-up. A failure ends the run.
    pub(super) fn tell(&self, event: Event) {
        if let Err(error) = self.record(event) {
            self.fail(error);
        }
    }

    /// Journals a step of an action, and takes in what it means for who is in the swarm.
    pub(super) fn note(&self, action: usize, step: ActionStep) -> Result<(), JournalError> {
        let acting = step == ActionStep::Acting;
        let event = Event::Action(ActionEntry { action, step });
        self.record(event.clone())?;
        lock(&self.membership).note(&self.plan, &event);
        if acting {
            self.changed.store(true, Ordering::Relaxed);
        }
        self.publish_broken();
        Ok(())
    }

    /// Who manages the swarm now, as far as our actions decide.
    pub(super) fn managers_now(&self) -> BTreeSet<String> {
        lock(&self.membership).managers.clone()
    }

    /// Who is in the swarm, and who manages it.
    pub(super) fn members(&self) -> Membership {
        lock(&self.membership).clone()
    }

    /// True once an action has begun, or the load is over: what counts then is `steady_after`.
    pub(super) fn changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// From now on `steady_after` counts, whether or not there were actions. No entry about the
    /// steady state before that follows.
    pub(super) fn change_over(&self) {
        let _entry = lock(&self.mark);
        self.changed.store(true, Ordering::Relaxed);
    }

    /// A step of the timeline is over, whatever came of it.
    pub(super) fn over(&self, step: Step) {
        self.over.send_modify(|over| {
            over.insert(step);
        });
    }

    /// The steps that are over.
    pub(super) fn steps_over(&self) -> watch::Receiver<BTreeSet<Step>> {
        self.over.subscribe()
    }

    /// Journals trouble in the harness.
    pub(super) fn trouble(&self, what: impl Into<String>) {
        self.tell(Event::Trouble { what: what.into() });
    }

    /// Journals that what the swarm stands on gave way.
    pub(super) fn gave_way(&self, what: impl Into<String>) {
        self.tell(Event::GaveWay { what: what.into() });
    }

    /// The journal failed: the run must end, because it can no longer be judged.
    pub(super) fn fail(&self, error: JournalError) {
        lock(&self.fatal).get_or_insert(error);
        self.stop.cancel();
    }

    /// Why the journal failed, if it did.
    pub(super) fn fatal(&self) -> Option<JournalError> {
        lock(&self.fatal).take()
    }

    /// Starts a part of the run. Its failure ends the run; its panic is trouble.
    pub(super) fn spawn(
        self: &Arc<Self>,
        group: &TaskTracker,
        name: String,
        work: impl Future<Output = Result<(), JournalError>> + Send + 'static,
    ) {
        let trial = Arc::clone(self);
        group.spawn(async move {
            match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => trial.fail(error),
                Err(_) => {
                    trial.trouble(format!(
                        "{name} panicked; report this with the run's journal"
                    ));
                    trial.stop.cancel();
                }
            }
        });
    }

    /// Counts the targets of a fault as broken, from before it is injected.
    pub(super) fn count_broken(&self, intent: &Intent) {
        lock(&self.intents).insert(intent.fault, intent.clone());
        self.publish_broken();
    }

    /// A fault was seen to bite.
    pub(super) fn bites(&self, fault: usize, at: Instant) {
        lock(&self.bites).insert(fault, at);
    }

    /// When the last of the faults that were begun and are not healed was seen to bite; nothing
    /// while one was not yet.
    pub(super) fn all_bite(&self) -> Option<Instant> {
        let bites = lock(&self.bites);
        let intents = lock(&self.intents);
        let each = intents.keys().map(|fault| bites.get(fault).copied());
        each.collect::<Option<Vec<Instant>>>()?.into_iter().max()
    }

    /// Counts them as whole although the fault is in force, or its heal not yet looked at.
    pub(super) fn spare(&self, intent: &Intent) {
        lock(&self.spared).insert(intent.fault);
        self.publish_broken();
    }

    /// Counts them as whole, once they were seen to be.
    pub(super) fn count_whole(&self, intent: &Intent) {
        lock(&self.intents).remove(&intent.fault);
        self.publish_broken();
    }

    /// The faults that may still be in force, in the plan's order.
    pub(super) fn outstanding(&self) -> Vec<Intent> {
        lock(&self.intents).values().cloned().collect()
    }

    /// The nodes that are broken now, and those that left.
    pub(super) fn broken_now(&self) -> BTreeSet<String> {
        self.broken.borrow().clone()
    }

    /// Asks for an entry of the next round of the steady state's probes.
    pub(super) fn mark(&self) -> Instant {
        let now = Instant::now();
        *lock(&self.mark) = now;
        now
    }

    /// Journals what only rounds that began later can tell of, and asks for an entry of the next.
    pub(super) fn record_and_mark(&self, event: Event) -> Result<Instant, JournalError> {
        let mut mark = lock(&self.mark);
        self.record(event)?;
        *mark = Instant::now();
        Ok(*mark)
    }

    /// What `work` comes to, or nothing when the run must end first.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(work).await
    }

    fn publish_broken(&self) {
        let all = self.outstanding();
        let spared = lock(&self.spared).clone();
        let broken = all.into_iter().filter(|one| !spared.contains(&one.fault));
        let names = broken.flat_map(|intent| intent.targets);
        let absent = lock(&self.membership).absent.clone();
        let names: BTreeSet<String> = names.chain(absent).collect();
        self.broken.send_replace(names);
    }
}

/// Locks; a panic elsewhere is journaled where it happened, and leaves plain data behind.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
