//! `refused`: whoever joins with a token that is not valid is refused, and nothing joins.
//!
//! Implied by every run that tries.

use std::collections::BTreeSet;

use crate::journal::timeline::Timeline;
use crate::journal::{ActionEntry, ActionStep, Deed, Event, History, NodeSeen, refuses_token};
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
    if let Some(name) = stranger(history, deed, acting.seq) {
        let said = format!("{what}: the managers list {name}");
        return (Verdict::Fail, said);
    }
    let refusal = &deed.refusal;
    match (deed.refused, deed.confirmed) {
        (Some(_), _) if !refuses_token(refusal) => {
            let said = format!("{what}: refused, but not because of its token: {refusal}");
            (Verdict::Unknown, said)
        }
        (Some(_), Some(_)) => (Verdict::Pass, format!("{what}: {refusal}; {}", deed.words)),
        _ => (Verdict::Unknown, format!("{what}: {}", deed.words)),
    }
}

/// A node that was listed for the first time after this attempt, and may be the one that made it:
/// one that has not told its name yet is listed by its identity.
fn stranger<'a>(history: &'a History, deed: &Deed, acting: u64) -> Option<&'a str> {
    let entries = || history.entries.iter();
    let joins = |number: usize| {
        let planned = history.plan.actions.get(number);
        planned.is_some_and(|planned| planned.change.verb() == deed.verb)
    };
    // Until the next attempt, any new listing is this one's doing.
    let until = entries().find_map(|entry| match &entry.event {
        Event::Action(next) if entry.seq > acting && joins(next.action) => {
            matches!(next.step, ActionStep::Acting).then_some(entry.seq)
        }
        _ => None,
    });
    let until = until.unwrap_or(u64::MAX);
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for entry in entries().take_while(|entry| entry.seq < until) {
        for node in listed(&entry.event) {
            let nameless = node.name.is_empty() || node.name == node.id;
            if entry.seq < acting {
                known.insert(&node.id);
            } else if !known.contains(node.id.as_str())
                && (nameless || deed.targets.contains(&node.name))
            {
                return Some(&node.name);
            }
        }
    }
    None
}

/// The nodes that an entry says to be in the swarm.
fn listed(event: &Event) -> &[NodeSeen] {
    match event {
        Event::Node(node) => std::slice::from_ref(node),
        Event::Action(ActionEntry {
            step: ActionStep::Intent(intent),
            ..
        }) => &intent.before.nodes,
        _ => &[],
    }
}
