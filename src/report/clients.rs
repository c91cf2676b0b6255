//! What each client was told, node by node: how often, how quickly, and how long nothing.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::aftermath::{Told, told};
use crate::journal::{Answer, Entry, Event, History, Outcome};
use crate::plan::Workload;

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The row is committed, or the right page came.
    Good,
    /// The row was refused, or no answer came.
    Failed,
    /// Another page came.
    Wrong,
    /// The row may have been inserted or not; the node was not asked for the page.
    Unknown,
}

impl Word {
    pub(super) const ALL: [Self; 4] = [Self::Good, Self::Failed, Self::Wrong, Self::Unknown];

    /// What an entry that tells of a client says.
    pub(super) fn of(entry: &Entry) -> Self {
        match &entry.event {
            Event::Inserted { outcome, .. } => match outcome {
                Outcome::Acknowledged => Self::Good,
                Outcome::Refused(_) => Self::Failed,
                Outcome::Unknown(_) => Self::Unknown,
            },
            Event::Got { answer, .. } => match answer {
                Answer::Right => Self::Good,
                Answer::Wrong(_) => Self::Wrong,
                Answer::Failed(_) => Self::Failed,
                Answer::Unasked(_) | Answer::Unsent(_) => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

/// A number, and the entries that it was counted from first and last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) ends: Option<(u64, u64)>,
}

impl Tally {
    fn note(&mut self, entry: u64) {
        self.count += 1;
        let (first, _) = self.ends.unwrap_or((entry, entry));
        self.ends = Some((first, entry));
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        let ends = [self.ends, other.ends].into_iter().flatten();
        let ends = ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        Self {
            count: self.count + other.count,
            ends,
        }
    }

    /// The entries to look at.
    pub(super) fn entries(self) -> Vec<u64> {
        let (first, last) = match self.ends {
            None => return Vec::new(),
            Some(ends) => ends,
        };
        if first == last {
            vec![first]
        } else {
            vec![first, last]
        }
    }
}

/// A slice of the time that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Slice {
    /// How often each word was said, in the order of [`Word::ALL`].
    pub(super) counts: [u32; 4],
    /// The slowest good answer.
    pub(super) slowest: Duration,
    /// The first entry that tells of anything but a good answer.
    pub(super) first_bad: Option<u64>,
}

impl Slice {
    /// How many answers were not good.
    pub(super) fn bad(&self) -> u32 {
        self.counts[1..].iter().sum()
    }
}

/// One workload through one node.
#[derive(Debug, Default)]
pub(super) struct Client<'a> {
    pub(super) workload: &'a str,
    pub(super) via: &'a str,
    /// In the order of [`Word::ALL`].
    pub(super) tallies: [Tally; 4],
    /// The time that all good answers took together.
    took: Duration,
    /// The slowest good answer, and its entry.
    pub(super) slowest: Option<(Duration, u64)>,
    /// The longest time without a good answer, and the entry that ended it.
    pub(super) silence: Option<(Duration, u64)>,
    since: Duration,
    pub(super) slices: Vec<Slice>,
}

impl Client<'_> {
    /// What was counted of a word.
    pub(super) fn tally(&self, word: Word) -> Tally {
        self.tallies[word as usize]
    }

    /// What a good answer took on average.
    pub(super) fn mean(&self) -> Option<Duration> {
        let good = u32::try_from(self.tally(Word::Good).count).unwrap_or(u32::MAX);
        self.took.checked_div(good)
    }

    fn note(&mut self, told: &Told, slice: Option<usize>) {
        let (seq, at, word) = (told.entry.seq, told.entry.at(), Word::of(told.entry));
        self.tallies[word as usize].note(seq);
        let silent = at.saturating_sub(self.since);
        if self.silence.is_none_or(|(longest, _)| silent > longest) {
            self.silence = Some((silent, seq));
        }
        let took = at.saturating_sub(told.began);
        if word == Word::Good {
            self.since = at;
            self.took = self.took.saturating_add(took);
            if self.slowest.is_none_or(|(slowest, _)| took > slowest) {
                self.slowest = Some((took, seq));
            }
        }
        let Some(slice) = slice.and_then(|slice| self.slices.get_mut(slice)) else {
            return;
        };
        slice.counts[word as usize] += 1;
        if word == Word::Good {
            slice.slowest = slice.slowest.max(took);
        } else {
            slice.first_bad = slice.first_bad.or(Some(seq));
        }
    }
}

/// Every client, by workload and node, each in the plan's order; `drawn` is cut into so many
/// slices, and what was told outside of it is in the tallies alone.
pub(super) fn of(history: &History, drawn: Range<Duration>, slices: usize) -> Vec<Client<'_>> {
    let whole = drawn.end.saturating_sub(drawn.start).as_secs_f64();
    let slice_of = |at: Duration| {
        let part = at.checked_sub(drawn.start)?.as_secs_f64() / whole.max(1e-6);
        (part <= 1.0).then_some(((part * slices as f64) as usize).min(slices.saturating_sub(1)))
    };
    let mut clients: BTreeMap<(&str, &str), Client> = BTreeMap::new();
    for told in told(history) {
        let key = (told.workload, told.via);
        let client = clients.entry(key).or_insert_with(|| Client {
            workload: told.workload,
            via: told.via,
            since: told.began,
            slices: vec![Slice::default(); slices],
            ..Client::default()
        });
        client.note(&told, slice_of(told.entry.at()));
    }
    let mut clients: Vec<Client> = clients.into_values().collect();
    let workloads: Vec<&str> = history.plan.workloads.iter().map(Workload::name).collect();
    let nodes: Vec<&str> = history.plan.node_names().collect();
    let place = |names: &[&str], name: &str| names.iter().position(|one| *one == name);
    clients.sort_by_key(|client| {
        let via = place(&nodes, client.via).unwrap_or(usize::MAX);
        (place(&workloads, client.workload), via)
    });
    clients
}
