//! Watches managers and containers from bring-up to tear-down, and journals what changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::poll;
use super::trial::{Trial, lock};
use crate::journal::{ApiError, ContainersSeen, Event, JournalError, NodeSeen, TaskSeen};
use crate::swarm::View;
use crate::wait;

/// The pace of the writer of polls, and of looks at what the managers said.
pub(super) const PACE: Duration = Duration::from_secs(1);

/// How long one answer is waited for, should the place forget its own deadline.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a list of containers is waited for: an emulated engine under load takes up to 3 s. The
/// list is of some moment in this time, so a slow one proves less, and never proves wrong.
const CONTAINERS_ANSWER: Duration = Duration::from_secs(6);

/// Containers are journaled at least this often.
const CONTAINERS_AGAIN: Duration = Duration::from_secs(5);

/// A manager's last answer, and when it was asked for.
pub(super) struct Asked {
    pub(super) asked: Instant,
    pub(super) result: Result<View, ApiError>,
}

/// The last answer of each manager, by name.
pub(super) type Seen = BTreeMap<String, Asked>;

/// The newest of what the managers said, whoever said it.
#[derive(Default)]
pub(super) struct Merged {
    nodes: BTreeMap<String, NodeSeen>,
    /// True once a node that was ready was down.
    faltered: bool,
    /// The task, and when the last answer that listed it was asked for.
    tasks: BTreeMap<String, (TaskSeen, Instant)>,
}

impl Merged {
    /// Every task that the managers list, in no order of time.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &TaskSeen> {
        self.tasks.values().map(|(task, _)| task)
    }

    /// True if no node that was ready was down later. A new leader calls all of them unknown until
    /// it has heard of each, which tells nothing about them.
    pub(super) fn steadfast(&self) -> bool {
        !self.faltered
    }

    /// What is new in an answer. `trusted` is false for a manager that we broke: it may be cut
    /// off, so only what is certainly newer counts. Never goes back to an older index.
    fn take_in(&mut self, view: &View, asked: Instant, trusted: bool) -> Vec<Event> {
        let newer = |old: u64, new: u64| if trusted { new >= old } else { new > old };
        let mut events = Vec::new();
        for node in &view.nodes {
            let old = self.nodes.get(&node.id);
            if old.is_none_or(|old| old != node && newer(old.index, node.index)) {
                let was_ready = old.is_some_and(|old| old.state == "ready");
                self.faltered |= was_ready && node.state == "down";
                self.nodes.insert(node.id.clone(), node.clone());
                events.push(Event::Node(node.clone()));
            }
        }
        for task in &view.tasks {
            let known = self.tasks.get_mut(&task.id);
            if let Some((old, listed)) = known {
                *listed = asked.max(*listed);
                if old == task || !newer(old.index, task.index) {
                    continue;
                }
            }
            let kept = (task.clone(), asked);
            self.tasks.insert(task.id.clone(), kept);
            events.push(Event::Task(task.clone()));
        }
        if trusted {
            self.drop_gone(view, asked, &mut events);
        }
        events
    }

    /// Tasks that an answer no longer lists, if it was asked for after they were last listed.
    fn drop_gone(&mut self, view: &View, asked: Instant, events: &mut Vec<Event>) {
        let listed = |id: &String| view.tasks.iter().any(|task| task.id == *id);
        let gone: Vec<String> = self
            .tasks
            .iter()
            .filter(|(id, (_, last))| *last < asked && !listed(id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.tasks.remove(&id);
            events.push(Event::TaskGone { id });
        }
    }
}

/// Starts to ask the managers, and every node's own engine for its containers.
pub(super) fn start(trial: &Arc<Trial>) {
    for node in &trial.plan.topology.nodes {
        let name = format!("the observer of manager `{}`", node.name);
        let work = until_torn_down(trial, ask_manager(Arc::clone(trial), node.name.clone()));
        trial.spawn(&trial.observers, name, work);
    }
    let work = until_torn_down(trial, poll::write(Arc::clone(trial)));
    trial.spawn(&trial.observers, "the writer of polls".to_owned(), work);
    for node in &trial.plan.topology.nodes {
        let name = format!("the observer of containers on `{}`", node.name);
        let work = until_torn_down(trial, ask_engine(Arc::clone(trial), node.name.clone()));
        trial.spawn(&trial.observers, name, work);
    }
}

/// An observer that ends when it must.
pub(super) fn until_torn_down<W>(
    trial: &Arc<Trial>,
    work: W,
) -> impl Future<Output = Result<(), JournalError>> + use<W>
where
    W: Future<Output = Result<(), JournalError>>,
{
    let observing = trial.observing.clone();
    async move { observing.run_until_cancelled(work).await.unwrap_or(Ok(())) }
}

/// Asks one node again and again, while it is a manager.
async fn ask_manager(trial: Arc<Trial>, node: String) -> Result<(), JournalError> {
    loop {
        if !trial.managers_now().contains(&node) {
            wait::pause(trial.pace()).await;
            continue;
        }
        let asked = Instant::now();
        let result = timeout(ANSWER, trial.lab.view(&node))
            .await
            .unwrap_or_else(|_| Err(ApiError::TimedOut(format!("{ANSWER:?}"))));
        if let Ok(view) = &result {
            let trusted = !trial.broken.borrow().contains(&node);
            let mut merged = lock(&trial.merged);
            for event in merged.take_in(view, asked, trusted) {
                trial.record(event)?;
            }
        }
        trial.seen.send_modify(|seen| {
            seen.insert(node.clone(), Asked { asked, result });
        });
        wait::pause(trial.pace()).await;
    }
}

/// Asks one node's engine, again and again.
async fn ask_engine(trial: Arc<Trial>, node: String) -> Result<(), JournalError> {
    let mut written: Option<(Instant, ContainersSeen)> = None;
    let mut unwritten: Option<ContainersSeen> = None;
    loop {
        let look = list_containers(&trial, &node).await;
        let now = Instant::now();
        let changed = written
            .as_ref()
            .is_none_or(|(_, old)| old.seen != look.seen);
        let due = written
            .as_ref()
            .is_none_or(|(at, _)| now.duration_since(*at) >= CONTAINERS_AGAIN);
        if changed && let Some(before) = unwritten.take() {
            trial.record(Event::Containers(before))?;
        }
        if changed || due {
            trial.record(Event::Containers(look.clone()))?;
            (written, unwritten) = (Some((now, look)), None);
        } else {
            unwritten = Some(look);
        }
        wait::pause(trial.pace()).await;
    }
}

/// One question to one node's engine.
async fn list_containers(trial: &Trial, node: &str) -> ContainersSeen {
    let clock = trial.journal.clock();
    let began_us = clock.now_us();
    let mut seen = timeout(CONTAINERS_ANSWER, trial.lab.containers(node))
        .await
        .unwrap_or_else(|_| Err(ApiError::TimedOut(format!("{CONTAINERS_ANSWER:?}"))));
    if let Ok(containers) = &mut seen {
        containers.sort_by(|a, b| a.id.cmp(&b.id));
    }
    ContainersSeen {
        node: node.to_owned(),
        began_us: Some(began_us),
        ended_us: Some(clock.now_us()),
        seen,
    }
}
