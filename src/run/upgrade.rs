//! An upgrade: the nodes take turns, and after each all must be as before.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::trial::Trial;
use super::{act, excerpt, steady};
use crate::action::{Ground, Landscape, PACE, in_order};
use crate::journal::{ActionIntent, ActionStep, ApiError, JournalError, Stage, TurnStep};
use crate::plan::Change;
use crate::scenario::UpgradeOrder;
use crate::wait::{self, Look};

/// Why an upgrade goes no further.
enum End {
    /// The journal failed.
    Journal(JournalError),
    /// The run must end.
    Stopped,
    /// What came last was not seen; it says nothing about the swarm's promises.
    Unseen(String),
    /// Something is not as before, in the word of those who would know.
    Differs(String),
}

impl From<JournalError> for End {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// One upgrade under way.
struct Upgrade<'a> {
    trial: &'a Trial,
    index: usize,
    change: &'a Change,
    intent: ActionIntent,
    before: Landscape,
}

/// Takes every node's turn. The first that goes wrong is the last: nobody goes on with an upgrade
/// that broke something.
pub(super) async fn roll(
    trial: &Trial,
    index: usize,
    order: UpgradeOrder,
) -> Result<(), JournalError> {
    let Some(planned) = trial.plan.actions.get(index) else {
        return Ok(());
    };
    let end = Instant::now() + planned.within.0;
    let mut upgrade = Upgrade {
        trial,
        index,
        change: &planned.change,
        intent: ActionIntent {
            verb: planned.change.verb().to_owned(),
            targets: in_order(&trial.plan, order),
            chosen: planned.change.about(),
            before: Default::default(),
        },
        before: Landscape::default(),
    };
    match upgrade.all(end).await {
        Ok(()) | Err(End::Stopped) => Ok(()),
        Err(End::Journal(error)) => Err(error),
        Err(End::Unseen(last) | End::Differs(last)) => {
            excerpt::last_words(trial).await;
            trial.note(index, ActionStep::NotConfirmed(last))?;
            trial.mark();
            Ok(())
        }
    }
}

impl Upgrade<'_> {
    async fn all(&mut self, end: Instant) -> Result<(), End> {
        self.before = self.survey(end).await?;
        self.intent.before = self.before.before();
        let (trial, index) = (self.trial, self.index);
        trial.note(index, ActionStep::Intent(Box::new(self.intent.clone())))?;
        trial.note(index, ActionStep::Acting)?;
        let within = trial.plan.actions[index].within.0;
        for (turn, node) in self.intent.targets.iter().enumerate() {
            let about = |last: String| format!("`{node}`: {last}");
            match self.turn(node, turn, within).await {
                Err(End::Differs(last)) => {
                    self.note(node, Stage::Differs(last.clone()))?;
                    return Err(End::Differs(about(last)));
                }
                Err(End::Unseen(last)) => return Err(End::Unseen(about(last))),
                Err(other) => return Err(other),
                Ok(()) => {}
            }
        }
        trial.note(index, ActionStep::Acted)?;
        let nodes = self.intent.targets.len();
        let seen = format!("{nodes} of {nodes} nodes have another engine, and all is as before");
        trial.note(index, ActionStep::Confirmed(seen))?;
        trial.mark();
        Ok(())
    }

    /// What there is before anything was touched.
    async fn survey(&self, end: Instant) -> Result<Landscape, End> {
        let look = || async {
            match self.ground().landscape().await {
                Ok(landscape) => Look::Holds(landscape),
                Err(why) => Look::CannotTell(why),
            }
        };
        let what = "what is there before".to_owned();
        self.until(what, end, look).await.map_err(End::from_late)
    }

    /// One node's turn: drained, off and on with another disk, back, activated, all as before.
    /// An exchange that took long is no fault of what runs on the node afterwards, which has as
    /// much time again.
    async fn turn(&self, node: &str, turn: usize, within: Duration) -> Result<(), End> {
        let end = Instant::now() + within;
        self.note(node, Stage::Draining)?;
        let drained = self.trial.mark();
        self.drain(node, true, end).await?;
        let what = format!("`{node}` to be drained");
        let look = || async { self.ground().drained(node).await };
        self.until(what, end, look).await.map_err(End::from_late)?;
        if let Err(last) = self.holds(drained, end).await? {
            let said = format!(
                "drained, and its services do not run elsewhere: {}",
                last.said
            );
            // Before the first exchange nothing can be the new engine's doing.
            return Err(match last.fact && turn > 0 {
                true => End::Differs(said),
                false => End::Unseen(said),
            });
        }
        self.note(node, Stage::Exchanging)?;
        let ground = self.ground();
        let exchanged = timeout_at(end, ground.exchange(node));
        let exchanged = self.unless_stopped(exchanged).await?;
        let exchanged = exchanged.unwrap_or_else(|_| Err(self.late()));
        exchanged.map_err(|error| End::Unseen(format!("it did not come back: {error}")))?;
        let what = format!("`{node}` to be ready");
        let look = || async { self.ground().ready(node).await };
        self.until(what, end, look).await.map_err(End::from_late)?;
        let engines = self.ground().engines().await;
        let another = self.before.is_another(node, &engines);
        self.note(node, Stage::Back(engines))?;
        another.map_err(End::Unseen)?;
        self.drain(node, false, end).await?;
        let seen = self.as_before(Instant::now() + within).await?;
        self.note(node, Stage::AsBefore(seen))
    }

    /// Waits until nodes, ports and services are as before.
    async fn as_before(&self, end: Instant) -> Result<String, End> {
        let since = self.trial.mark();
        let look = || async { self.ground().as_before(&self.before).await };
        let what = "nodes, ports and services to be as before".to_owned();
        let (seen, held) = tokio::join!(self.until(what, end, look), self.holds(since, end));
        match (seen, held?) {
            (Ok(seen), Ok(())) => Ok(format!("{seen}; the steady state holds")),
            (Err(Late::Last(last)), _) if last.fact => Err(End::Differs(last.said)),
            (_, Err(last)) if last.fact => Err(End::Differs(last.said)),
            (Err(late), _) => Err(End::from_late(late)),
            (_, Err(last)) => Err(End::Unseen(last.said)),
        }
    }

    /// Waits until the steady state was seen; the last of it that was not.
    async fn holds(&self, since: Instant, end: Instant) -> Result<Result<(), Last>, End> {
        let held = steady::holds_after(self.trial, since, end);
        Ok(match self.unless_stopped(held).await? {
            true => Ok(()),
            false => Err(Last {
                said: steady::last_seen(self.trial),
                fact: steady::is_known_not_to_hold(self.trial, since),
            }),
        })
    }

    /// Orders a node to take no tasks, or to take them again.
    async fn drain(&self, node: &str, drain: bool, end: Instant) -> Result<(), End> {
        let ground = self.ground();
        let ordered = timeout_at(end, ground.set_drained(node, drain));
        let ordered = self.unless_stopped(ordered).await?;
        let ordered = ordered.unwrap_or_else(|_| Err(self.late()));
        let verb = if drain { "drain" } else { "activate" };
        ordered.map_err(|error| End::Unseen(format!("the order to {verb} it: {error}")))
    }

    /// Looks until it is so, or until the end.
    async fn until<T, F, Fut>(&self, what: String, end: Instant, look: F) -> Result<T, Late>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Look<T>>,
    {
        let left = end.saturating_duration_since(Instant::now());
        let seen = self
            .trial
            .unless_stopped(wait::until(what, left, PACE, look));
        match seen.await {
            None => Err(Late::Stopped),
            Some(seen) => seen.map_err(|late| {
                let (said, fact) = (late.to_string(), !late.cannot_tell);
                Late::Last(Last { said, fact })
            }),
        }
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, End> {
        self.trial.unless_stopped(work).await.ok_or(End::Stopped)
    }

    fn note(&self, node: &str, stage: Stage) -> Result<(), End> {
        let node = node.to_owned();
        let step = ActionStep::Turn(TurnStep { node, stage });
        Ok(self.trial.note(self.index, step)?)
    }

    /// Who may be asked now.
    fn ground(&self) -> Ground<'_> {
        act::ground(self.trial, self.change, &self.intent)
    }

    /// The error of what took longer than the turn.
    fn late(&self) -> ApiError {
        ApiError::TimedOut(self.trial.plan.actions[self.index].within.to_string())
    }
}

/// The last thing seen of what was waited for in vain.
struct Last {
    said: String,
    /// True if somebody said so who would know; false for silence.
    fact: bool,
}

/// Why a wait was in vain.
enum Late {
    Stopped,
    Last(Last),
}

impl End {
    fn from_late(late: Late) -> Self {
        match late {
            Late::Stopped => Self::Stopped,
            Late::Last(last) => Self::Unseen(last.said),
        }
    }
}
