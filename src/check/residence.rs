//! From when until when each container was seen to run, by its node's own engine.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{ContainerSeen, Event, History, Phase};

/// Containers are written at least every 5 s; twice that without an answer is a gap in which a
/// container may have gone on running.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// One container's stay on one node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stay {
    pub(super) node: String,
    pub(super) task: String,
    pub(super) slot: u64,
    pub(super) container: String,
    /// First and last seen running.
    pub(super) first: Mark,
    pub(super) last: Mark,
    /// It may have run from here, because nobody looked before `first`.
    pub(super) maybe_from: Duration,
    /// It may have run until here, because nobody looked after `last`.
    pub(super) maybe_to: Duration,
}

/// Every stay of a service's containers, and the nodes whose engines answered at least once.
pub(super) struct Residence {
    pub(super) stays: Vec<Stay>,
    pub(super) answered: Vec<String>,
}

/// One node's engine, so far.
#[derive(Default)]
struct Engine {
    last_answer: Option<Duration>,
    open: Vec<Stay>,
}

/// Reads the stays of a service's containers from the record.
pub(super) fn of(history: &History, timeline: &Timeline, service: &str) -> Residence {
    let mut engines: BTreeMap<&str, Engine> = BTreeMap::new();
    let mut stays = Vec::new();
    for entry in &history.entries {
        let Event::Containers(look) = &entry.event else {
            continue;
        };
        let Ok(seen) = &look.seen else { continue };
        let running = |one: &&ContainerSeen| one.service == service && one.running;
        let running: Vec<&ContainerSeen> = seen.iter().filter(running).collect();
        let engine = engines.entry(&look.node).or_default();
        let mark = Mark::from(entry);
        let power = Power {
            timeline,
            node: &look.node,
        };
        let mut still_open = Vec::new();
        for mut stay in engine.open.drain(..) {
            let listed = running.iter().any(|one| one.id == stay.container);
            if listed
                && power
                    .lost_after(stay.last.at)
                    .is_none_or(|off| off > mark.at)
            {
                (stay.last, stay.maybe_to) = (mark, mark.at);
                still_open.push(stay);
            } else {
                stay.maybe_to = power.may_run_until(stay.last.at, mark.at);
                stays.push(stay);
            }
        }
        for one in running {
            if still_open.iter().all(|stay| stay.container != one.id) {
                still_open.push(Stay {
                    node: look.node.clone(),
                    task: one.task.clone(),
                    slot: one.slot,
                    container: one.id.clone(),
                    first: mark,
                    last: mark,
                    maybe_from: power.may_run_from(engine.last_answer, mark.at),
                    maybe_to: mark.at,
                });
            }
        }
        engine.open = still_open;
        engine.last_answer = Some(mark.at);
    }
    let end = timeline
        .phase(Phase::TearDown)
        .map_or(timeline.end, |mark| mark.at);
    let answered = engines.keys().map(|node| (*node).to_owned()).collect();
    for (node, engine) in engines {
        let power = Power { timeline, node };
        stays.extend(engine.open.into_iter().map(|mut stay| {
            stay.maybe_to = power.may_run_until(stay.last.at, end);
            stay
        }));
    }
    stays.sort_by_key(|stay| stay.first.seq);
    Residence { stays, answered }
}

/// What the record says of one node's power.
struct Power<'a> {
    timeline: &'a Timeline,
    node: &'a str,
}

impl Power<'_> {
    /// When it was first off after this moment.
    fn lost_after(&self, at: Duration) -> Option<Duration> {
        let cuts = self
            .timeline
            .against(self.node)
            .filter_map(Window::power_cut);
        cuts.map(|(off, _)| off).filter(|off| *off >= at).min()
    }

    /// Until when a container may have run that was seen at `last` and not looked for until `to`.
    fn may_run_until(&self, last: Duration, to: Duration) -> Duration {
        let to = self.lost_after(last).map_or(to, |off| off.min(to));
        if to.saturating_sub(last) > LONGEST_LOOK {
            to
        } else {
            last
        }
    }

    /// From when a container may have run that was first seen at `first`.
    fn may_run_from(&self, last_answer: Option<Duration>, first: Duration) -> Duration {
        let cuts = self
            .timeline
            .against(self.node)
            .filter_map(Window::power_cut);
        let on = cuts
            .filter_map(|(_, on)| on)
            .filter(|on| *on <= first)
            .max();
        let from = last_answer.max(on).unwrap_or(Duration::ZERO);
        if first.saturating_sub(from) > LONGEST_LOOK {
            from
        } else {
            first
        }
    }
}
