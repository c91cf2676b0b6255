//! `control`: whether the managers had a leader while the faults lasted.

use std::time::Duration;

use crate::journal::timeline::{Mark, Timeline};
use crate::journal::{ApiError, Event, History, Phase, Poll};
use crate::scenario::Control;
use crate::verdict::{Finding, Verdict};

/// How many of the last rounds before a heal must agree.
const LAST_ROUNDS: usize = 3;

/// The managers are asked every second or so; a round older than this says nothing about the heal.
const RECENT: Duration = Duration::from_secs(30);

/// What one round, or the end of one fault, says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// Managers name this leader.
    Leader(String),
    /// Managers answer, and have no leader.
    Leaderless,
    /// No manager gave an answer that tells.
    Mute,
}

/// Judges every fault.
pub(super) fn check(history: &History, timeline: &Timeline, expected: Control) -> Finding {
    let finding =
        |verdict, said: String, evidence| Finding::new("control", verdict, said, evidence);
    let mut evidence = Vec::new();
    let (mut kept, mut lost, mut dark) = (Vec::new(), Vec::new(), Vec::new());
    let mut spans = Vec::new();
    for window in &timeline.faults {
        let end = window
            .healing
            .map_or((u64::MAX, timeline.end), |mark| (mark.seq, mark.at));
        spans.push((
            window.named(),
            window.confirmed.map(|mark| (mark, end.0, end.1)),
        ));
    }
    if spans.is_empty() && expected == Control::Kept {
        let load = timeline.phase(Phase::Load);
        spans.push((
            "no fault".to_owned(),
            load.map(|mark| (mark, u64::MAX, timeline.end)),
        ));
    }
    for (what, span) in spans {
        let Some((from, before, end)) = span else {
            dark.push(format!("{what} was never confirmed"));
            continue;
        };
        let (seen, seqs) = last_seen(history, timeline, (from.seq, before), end);
        evidence.extend(seqs);
        // What breaks off shows some moment, such as an election, and not how it ended.
        let breaks_off = before == u64::MAX && !history.ended();
        match seen {
            _ if breaks_off => dark.push(format!("{what}: the record breaks off before its heal")),
            Seen::Leader(name) => kept.push(format!("{what}: {name} led")),
            Seen::Leaderless => lost.push(format!("{what}: the managers had no leader")),
            Seen::Mute => dark.push(format!("{what}: no manager could tell who leads")),
        }
    }
    let (right, wrong) = match expected {
        Control::Kept => (&kept, &lost),
        Control::Lost => (&lost, &kept),
    };
    let enough = match expected {
        Control::Kept => wrong.is_empty() && dark.is_empty() && !right.is_empty(),
        Control::Lost => !right.is_empty(),
    };
    if enough {
        return finding(Verdict::Pass, right.join("; "), evidence);
    }
    let refuted = match expected {
        Control::Kept => !wrong.is_empty(),
        Control::Lost => !wrong.is_empty() && dark.is_empty(),
    };
    if refuted {
        return finding(Verdict::Fail, wrong.join("; "), evidence);
    }
    let said = if dark.is_empty() {
        "no fault was planned".to_owned()
    } else {
        dark.join("; ")
    };
    finding(Verdict::Unknown, said, evidence)
}

/// What the last rounds of a span say, if those that say anything agree.
fn last_seen(
    history: &History,
    timeline: &Timeline,
    (after, before): (u64, u64),
    end: Duration,
) -> (Seen, Vec<u64>) {
    let between = history
        .entries
        .iter()
        .filter(|entry| entry.seq > after && entry.seq < before);
    let rounds = between.filter_map(|entry| match &entry.event {
        Event::Poll(poll) => Some((Mark::from(entry), poll)),
        _ => None,
    });
    let rounds: Vec<(Mark, &Poll)> = rounds.collect();
    let last = &rounds[rounds.len().saturating_sub(LAST_ROUNDS)..];
    let recent = last
        .iter()
        .filter(|(mark, _)| mark.at.saturating_add(RECENT) >= end);
    let mut told = Vec::new();
    let mut seqs = Vec::new();
    for (mark, poll) in recent {
        seqs.push(mark.seq);
        let seen = seen(timeline, mark.at, poll);
        if seen != Seen::Mute {
            told.push(seen);
        }
    }
    let leaderless = |seen: &Seen| *seen == Seen::Leaderless;
    match told.pop() {
        Some(Seen::Leaderless) if told.iter().all(leaderless) => (Seen::Leaderless, seqs),
        Some(Seen::Leader(name)) if !told.iter().any(leaderless) => (Seen::Leader(name), seqs),
        _ => (Seen::Mute, seqs),
    }
}

/// What one round says. A manager that we broke is not asked for its opinion: an isolated leader
/// believes in itself for a while.
fn seen(timeline: &Timeline, at: Duration, poll: &Poll) -> Seen {
    let ours = poll
        .managers
        .iter()
        .filter(|answer| !timeline.broken(&answer.node, at));
    let whole = Poll {
        managers: ours.cloned().collect(),
    };
    // Others name a leader that has just gone for as long as they have not noticed.
    let gone = |name: &str| {
        let mut windows = timeline.against(name);
        windows.any(|one| one.powerless(at) || one.still(at) || one.cut_off(at))
    };
    if let Some(leader) = whole.leader().filter(|name| !gone(name)) {
        return Seen::Leader(leader.to_owned());
    }
    let named = whole.managers.iter().any(|answer| answer.leader.is_some());
    let denied = whole.managers.iter().any(|answer| match &answer.error {
        None => answer.leader.is_none(),
        Some(error) => matches!(error, ApiError::Refused { .. }),
    });
    if denied && !named {
        Seen::Leaderless
    } else {
        Seen::Mute
    }
}
