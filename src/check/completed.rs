//! The finding `run`: whether the record is whole, and whether everything was put right again.

use crate::journal::History;
use crate::journal::timeline::Timeline;
use crate::verdict::wording::counted;
use crate::verdict::{Finding, Verdict};

/// A finding when the run cannot be trusted to have shown everything; none when it can.
pub(super) fn check(history: &History, timeline: &Timeline) -> Option<Finding> {
    let mut said = Vec::new();
    let mut evidence = Vec::new();
    let last = history.own().last().map_or(0, |entry| entry.seq);
    if history.truncated {
        said.push(format!("the journal breaks off after entry {last}"));
        evidence.push(last);
    } else if !history.ended() {
        said.push(format!(
            "the run did not reach its end; entry {last} is its last"
        ));
        evidence.push(last);
    } else if !history.sealed() {
        said.push("its end has no seal, so nobody can tell whether it was edited".to_owned());
        evidence.push(last);
    }
    for (index, window) in timeline.faults.iter().enumerate() {
        let Some(begun) = window.injecting else {
            continue;
        };
        if window.healed.is_none() && window.heal_failed.is_none() {
            let what = window.named();
            said.push(format!(
                "fault {} ({what}) was never seen to be healed",
                index + 1
            ));
            evidence.push(begun.seq);
        }
        if let Some(failed) = window.heal_failed {
            said.push(format!(
                "fault {} ({}) could not be healed",
                index + 1,
                window.named()
            ));
            evidence.push(failed.seq);
        }
    }
    let troubles: Vec<(u64, &str)> = history
        .entries
        .iter()
        .filter_map(|entry| Some((entry.seq, entry.event.trouble()?)))
        .collect();
    if let Some((_, first)) = troubles.first() {
        let more = troubles.len() as u64 - 1;
        let more = if more == 0 {
            String::new()
        } else {
            format!(" (and {})", counted(more, "other"))
        };
        said.push(format!("trouble in the harness: {first}{more}"));
        evidence.extend(troubles.iter().map(|(seq, _)| seq));
    }
    evidence.sort_unstable();
    (!said.is_empty()).then(|| Finding::new("run", Verdict::Unknown, said.join("; "), evidence))
}
