//! `refused`: whoever joins with a token that is not valid is refused, and nothing joins.
//!
//! Implied by every run that tries.

use crate::journal::timeline::Timeline;
use crate::journal::{Deed, Event, History};
use crate::verdict::{Finding, Verdict};

/// Judges every such join; nothing to judge when none is planned.
pub(super) fn check(history: &History, timeline: &Timeline) -> Option<Finding> {
    let tried: Vec<&Deed> = timeline
        .actions
        .iter()
        .filter(|deed| deed.must_be_refused)
        .collect();
    let judged: Vec<(Verdict, String)> = tried.iter().map(|deed| one(history, deed)).collect();
    let (verdict, said) = judged.into_iter().max_by_key(|(verdict, _)| *verdict)?;
    let evidence = tried.iter().flat_map(|deed| deed.evidence()).collect();
    Some(Finding::new("refused", verdict, said, evidence))
}

/// Judges one.
fn one(history: &History, deed: &Deed) -> (Verdict, String) {
    let what = deed.named();
    let Some(acting) = deed.acting else {
        return (Verdict::Unknown, format!("{what} was never tried"));
    };
    if deed.acted.is_some() {
        return (Verdict::Fail, format!("{what} was taken"));
    }
    // Until the next attempt of this node, any new listing of it is this one's doing.
    let until = history.entries.iter().find_map(|entry| match &entry.event {
        Event::Action(next) if entry.seq > acting.seq => {
            let is_acting = matches!(next.step, crate::journal::ActionStep::Acting);
            is_acting.then_some(entry.seq)
        }
        _ => None,
    });
    let until = until.unwrap_or(u64::MAX);
    let mut known: Vec<&str> = Vec::new();
    for entry in history.entries.iter().take_while(|entry| entry.seq < until) {
        let Event::Node(node) = &entry.event else {
            continue;
        };
        let target = deed.targets.contains(&node.name);
        if target && entry.seq > acting.seq && !known.contains(&node.id.as_str()) {
            return (
                Verdict::Fail,
                format!("{what}: the managers list {}", node.name),
            );
        }
        known.push(&node.id);
    }
    match (deed.refused, deed.confirmed) {
        (Some(_), Some(_)) => (Verdict::Pass, format!("{what}: {}", deed.words)),
        _ => (Verdict::Unknown, format!("{what}: {}", deed.words)),
    }
}
