//! From when until when each container was seen to run, by its node's own engine.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::timeline::{Timeline, Window};
use crate::journal::{ContainerSeen, ContainersSeen, Entry, Event, History, Phase};

/// Engines are asked every second or so; ten times that without an answer is a gap in which a
/// container may have gone on running.
const LONGEST_GAP: Duration = Duration::from_secs(10);

/// The longest time that an answer took where the journal does not say when it was asked for.
const CUT_OFF: Duration = Duration::from_secs(1);

/// One answer of an engine. What it lists was so at some moment of this time, and an emulated
/// engine may take seconds: nobody can tell at which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The entry.
    pub(super) seq: u64,
    /// When the engine was asked.
    pub(super) began: Duration,
    /// When the answer was there.
    pub(super) ended: Duration,
}

impl Look {
    /// The time of an answer.
    fn of(entry: &Entry, seen: &ContainersSeen) -> Self {
        let ended = seen.ended_us.map_or(entry.at(), Duration::from_micros);
        let cut_off = ended.saturating_sub(CUT_OFF);
        Self {
            seq: entry.seq,
            began: seen.began_us.map_or(cut_off, Duration::from_micros),
            ended,
        }
    }
}

/// One container's stay on one node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stay {
    pub(super) node: String,
    pub(super) task: String,
    pub(super) slot: u64,
    pub(super) container: String,
    /// First and last seen running.
    pub(super) first: Look,
    pub(super) last: Look,
    /// It may have run from here, because nobody looked before `first`.
    pub(super) maybe_from: Duration,
    /// It may have run until here, because nobody looked after `last`.
    pub(super) maybe_to: Duration,
    /// Nobody saw it: it was frozen with its node, which woke, and was not listed afterwards.
    pub(super) unseen: bool,
}

/// Every stay of a service's containers, and the nodes whose engines answered at least once.
pub(super) struct Residence {
    pub(super) stays: Vec<Stay>,
    pub(super) answered: Vec<String>,
}

/// One node's engine, so far.
#[derive(Default)]
struct Engine {
    last_answer: Option<Look>,
    open: Vec<Stay>,
}

/// Reads the stays of a service's containers from the record.
pub(super) fn of(history: &History, timeline: &Timeline, service: &str) -> Residence {
    let mut engines: BTreeMap<&str, Engine> = BTreeMap::new();
    let mut stays = Vec::new();
    for entry in &history.entries {
        let Event::Containers(answer) = &entry.event else {
            continue;
        };
        let Ok(seen) = &answer.seen else { continue };
        let running = |one: &&ContainerSeen| one.service == service && one.running;
        let running: Vec<&ContainerSeen> = seen.iter().filter(running).collect();
        let engine = engines.entry(&answer.node).or_default();
        let look = Look::of(entry, answer);
        let rest = Rest {
            timeline,
            node: &answer.node,
        };
        let mut still_open = Vec::new();
        for mut stay in engine.open.drain(..) {
            let listed = running.iter().any(|one| one.id == stay.container);
            let off = rest.lost_after(stay.last.began);
            if listed && off.is_none_or(|off| off >= look.began) {
                (stay.last, stay.maybe_to) = (look, look.ended);
                still_open.push(stay);
            } else {
                stays.extend(rest.goes_on(&stay, look).filter(|_| !listed));
                stay.maybe_to = rest.may_run_until(stay.last, look.began, look.ended);
                stays.push(stay);
            }
        }
        for one in running {
            if still_open.iter().all(|stay| stay.container != one.id) {
                still_open.push(Stay {
                    node: answer.node.clone(),
                    task: one.task.clone(),
                    slot: one.slot,
                    container: one.id.clone(),
                    first: look,
                    last: look,
                    maybe_from: rest.may_run_from(engine.last_answer, look),
                    maybe_to: look.ended,
                    unseen: false,
                });
            }
        }
        engine.open = still_open;
        engine.last_answer = Some(look);
    }
    let end = timeline
        .phase(Phase::TearDown)
        .map_or(timeline.end, |mark| mark.at);
    let answered = engines.keys().map(|node| (*node).to_owned()).collect();
    for (node, engine) in engines {
        let rest = Rest { timeline, node };
        stays.extend(engine.open.into_iter().map(|mut stay| {
            stay.maybe_to = rest.may_run_until(stay.last, end, end);
            stay
        }));
    }
    stays.sort_by_key(|stay| (stay.first.ended, stay.first.seq));
    Residence { stays, answered }
}

/// What the record says of when one node did nothing: it had no power, or was paused.
struct Rest<'a> {
    timeline: &'a Timeline,
    node: &'a str,
}

impl Rest<'_> {
    /// When it first rested at or after this moment.
    fn lost_after(&self, at: Duration) -> Option<Duration> {
        let cuts = self
            .timeline
            .against(self.node)
            .filter_map(Window::standstill);
        cuts.map(|(off, _)| off).filter(|off| *off >= at).min()
    }

    /// The rest of a stay that a pause cut in two. A frozen process goes on as its node wakes, so
    /// it ran again until some moment before this answer.
    fn goes_on(&self, stay: &Stay, look: Look) -> Option<Stay> {
        let pauses = self.timeline.against(self.node).filter_map(Window::pause);
        let wakes = pauses
            .filter(|(off, _)| *off >= stay.last.began)
            .filter_map(|(_, on)| on.filter(|on| *on < look.ended));
        let woke = wakes.min()?;
        Some(Stay {
            first: look,
            last: look,
            maybe_from: woke,
            maybe_to: look.ended,
            unseen: true,
            ..stay.clone()
        })
    }

    /// Until when a container may have run that was last seen in `last`, and not looked for again
    /// before `asked`; it was not there in an answer at `answered`.
    fn may_run_until(&self, last: Look, asked: Duration, answered: Duration) -> Duration {
        let off = self.lost_after(last.began).unwrap_or(Duration::MAX);
        if asked.min(off).saturating_sub(last.ended) > LONGEST_GAP {
            answered.min(off)
        } else {
            last.ended.min(off)
        }
    }

    /// From when a container may have run that was first seen in `first`.
    fn may_run_from(&self, last_answer: Option<Look>, first: Look) -> Duration {
        let cuts = self
            .timeline
            .against(self.node)
            .filter_map(Window::standstill);
        let on = cuts
            .filter_map(|(_, on)| on)
            .filter(|on| *on <= first.ended)
            .max();
        let known = last_answer.map(|look| look.ended);
        let from = known.max(on).unwrap_or(Duration::ZERO);
        if first.began.saturating_sub(from) > LONGEST_GAP {
            last_answer.map(|look| look.began).max(on).unwrap_or(from)
        } else {
            first.ended
        }
    }
}
