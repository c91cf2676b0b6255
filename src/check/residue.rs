//! `residue`: the run left nothing on this computer that was not there before.
//!
//! Implied by every run that looked before it made anything. One that was killed is told of by the
//! finding `run`.

use crate::journal::timeline::Timeline;
use crate::journal::{Event, History};
use crate::verdict::wording::counted;
use crate::verdict::{Finding, Verdict};

/// Judges what was seen after the tear-down.
pub(super) fn check(history: &History, _: &Timeline) -> Option<Finding> {
    let find = |wanted: fn(&Event) -> bool| {
        let mut own = history.own().iter();
        own.find(|entry| wanted(&entry.event))
    };
    let before = find(|event| matches!(event, Event::Inventory(_)))?;
    let finding = |verdict, said, seq| Some(Finding::new("residue", verdict, said, vec![seq]));
    let after = find(|event| matches!(event, Event::Residue(_)));
    let Some((seq, left)) = after.and_then(|entry| match &entry.event {
        Event::Residue(left) => Some((entry.seq, left)),
        _ => None,
    }) else {
        let said = "the run reached its end, and nobody saw what it left".to_owned();
        let ended = history.ended();
        return ended.then(|| finding(Verdict::Unknown, said, before.seq))?;
    };
    if left.is_empty() {
        let said = "nothing is left of the run".to_owned();
        return finding(Verdict::Pass, said, seq);
    }
    let things = counted(left.len() as u64, "thing");
    finding(
        Verdict::Fail,
        format!("{things} left: {}", left.join("; ")),
        seq,
    )
}
