//! `upgraded`: every node came back with the engine that it was to get, and after each of them
//! nodes, ports and services were as before.
//!
//! Implied by every run with an upgrade. A node that did not come back, or came back with another
//! engine, shows nothing about the one that it was to get: that is `unknown`.

use crate::journal::timeline::Timeline;
use crate::journal::{Deed, History, Turn, UPGRADED};
use crate::verdict::wording::counted;
use crate::verdict::{Finding, Verdict};

/// Judges the upgrade, if there is one.
pub(super) fn check(history: &History, timeline: &Timeline) -> Option<Finding> {
    let planned = history.plan.actions.iter().zip(&timeline.actions);
    let mut planned = planned.filter(|(action, _)| action.change.verb() == "upgrade");
    let (_, deed) = planned.next()?;
    let finding = |verdict, said: String| {
        let evidence = deed.turns.iter().flat_map(Turn::evidence).collect();
        Some(Finding::new("upgraded", verdict, said, evidence))
    };
    if let Some(turn) = deed.turns.iter().find(|turn| turn.differs.is_some()) {
        let (node, words) = (&turn.node, &turn.words);
        let with = turn.engines.get(node);
        let with = with.map_or(String::new(), |with| {
            format!(" with docker {}", with.engine)
        });
        let said = format!("not as before after {node}{with}: {words}");
        return finding(Verdict::Fail, said);
    }
    match shown(history, deed) {
        Err(why) => finding(Verdict::Unknown, why),
        Ok(()) => {
            let nodes = counted(deed.turns.len() as u64, "node");
            let said = format!("{nodes} came back with another engine, all as before after each");
            finding(Verdict::Pass, said)
        }
    }
}

/// Whether every node's turn was seen to its end, with the right engine.
fn shown(history: &History, deed: &Deed) -> Result<(), String> {
    let wanted = history.header.versions.get(UPGRADED);
    for node in history.plan.node_names() {
        let Some(turn) = deed.turns.iter().find(|turn| turn.node == node) else {
            return Err(match deed.words.as_str() {
                "" => format!("{node} was never upgraded"),
                words => format!("{node} was never upgraded: {words}"),
            });
        };
        let is = turn.engines.get(node).map(|engine| &engine.engine);
        let was = deed.engines.get(node).map(|engine| &engine.engine);
        let Some(is) = is else {
            return Err(format!("{node} was not seen to come back: {}", deed.words));
        };
        if wanted.is_some_and(|wanted| wanted != is) || was == Some(is) {
            let wanted = wanted.map_or("another", String::as_str);
            return Err(format!("{node} has docker {is} and was to have {wanted}"));
        }
        if turn.as_before.is_none() {
            return Err(format!(
                "after {node} nobody saw all as before: {}",
                deed.words
            ));
        }
    }
    Ok(())
}
