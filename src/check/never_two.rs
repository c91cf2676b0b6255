//! `never_two`: no moment with two live tasks of one slot.
//!
//! The managers' list is half of the truth: of a node that they cannot reach it says nothing. So
//! the containers that each node's own engine lists are judged too, and weigh as much.

use std::collections::BTreeSet;
use std::time::Duration;

use super::listed::{Slot, two_listed};
use super::residence::{self, Residence, Stay};
use crate::journal::History;
use crate::journal::timeline::Timeline;
use crate::verdict::wording::{counted, seconds};
use crate::verdict::{Finding, Verdict};

/// Judges one service.
pub(super) fn check(history: &History, timeline: &Timeline, service: &str) -> Finding {
    let finding =
        |verdict, said: String, evidence| Finding::new("never_two", verdict, said, evidence);
    let residence = residence::of(history, timeline, service);
    let listed = two_listed(history, service);
    let (mut certain, mut perhaps) = overlaps(&residence.stays);
    certain.sort_by_key(|pair| std::cmp::Reverse(pair.length()));
    perhaps.sort_by_key(|pair| std::cmp::Reverse(pair.length()));
    if let Some(worst) = certain.first() {
        let more = if certain.len() == 1 {
            String::new()
        } else {
            format!(", the longest of {} overlaps", certain.len())
        };
        return finding(
            Verdict::Fail,
            format!("{}{more}", worst.said(service)),
            worst.evidence(),
        );
    }
    if let Some((two, mark)) = listed {
        let on: Vec<&str> = two
            .iter()
            .filter_map(|(task, _)| task.node.as_deref())
            .collect();
        let said = format!(
            "the managers list two live tasks of {service} slot {} at [{}] ({})",
            two[0].0.slot,
            seconds(mark.at),
            on.join(", and ")
        );
        let mut evidence: Vec<u64> = two.iter().map(|(_, seq)| *seq).collect();
        evidence.push(mark.seq);
        return finding(Verdict::Fail, said, evidence);
    }
    if let Some(worst) = perhaps.first() {
        let said = format!("perhaps {}; nobody could see", worst.said(service));
        return finding(Verdict::Unknown, said, worst.evidence());
    }
    let evidence = residence
        .stays
        .iter()
        .flat_map(|stay| [stay.first.seq, stay.last.seq]);
    let mut evidence: Vec<u64> = evidence.collect();
    evidence.sort_unstable();
    evidence.dedup();
    if let Some(doubt) = doubt(history, &residence, service) {
        return finding(Verdict::Unknown, doubt, evidence);
    }
    let slots = residence
        .stays
        .iter()
        .map(slot)
        .collect::<BTreeSet<_>>()
        .len();
    let containers: BTreeSet<&str> = residence
        .stays
        .iter()
        .map(|stay| stay.container.as_str())
        .collect();
    let said = format!(
        "{} of {} on {}, never two at a time",
        counted(containers.len() as u64, "container"),
        counted(slots as u64, "slot"),
        counted(residence.answered.len() as u64, "node"),
    );
    finding(Verdict::Pass, said, evidence)
}

/// Why the record cannot show that there were never two, if it cannot.
fn doubt(history: &History, residence: &Residence, service: &str) -> Option<String> {
    let unasked = |node: &&str| !residence.answered.iter().any(|answered| answered == node);
    if let Some(node) = history.plan.node_names().find(unasked) {
        return Some(format!(
            "{node}'s own engine never said which containers it runs"
        ));
    }
    residence
        .stays
        .is_empty()
        .then(|| format!("no container of {service} was ever seen running"))
}

/// The slot that a stay belongs to.
fn slot(stay: &Stay) -> Slot {
    (stay.slot, (stay.slot == 0).then(|| stay.node.clone()))
}

/// Two stays in one slot, and the time that they share.
struct Pair<'a> {
    earlier: &'a Stay,
    later: &'a Stay,
    from: Duration,
    to: Duration,
}

impl Pair<'_> {
    fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    fn said(&self, service: &str) -> String {
        format!(
            "two live {service} for {} from [{}] ({}, and {})",
            seconds(self.length()),
            seconds(self.from),
            self.earlier.node,
            self.later.node
        )
    }

    fn evidence(&self) -> Vec<u64> {
        let marks = [
            self.earlier.first,
            self.earlier.last,
            self.later.first,
            self.later.last,
        ];
        let mut seqs: Vec<u64> = marks.iter().map(|mark| mark.seq).collect();
        seqs.sort_unstable();
        seqs.dedup();
        seqs
    }
}

/// Pairs of stays in one slot that certainly overlap, and those that may.
fn overlaps(stays: &[Stay]) -> (Vec<Pair<'_>>, Vec<Pair<'_>>) {
    let (mut certain, mut perhaps) = (Vec::new(), Vec::new());
    for (index, earlier) in stays.iter().enumerate() {
        for later in &stays[index + 1..] {
            if slot(earlier) != slot(later) || earlier.task == later.task {
                continue;
            }
            // An answer is of some moment between question and answer. Each was certainly running
            // after the other had been seen to run, so neither had ended before the other began.
            let seen = !earlier.unseen && !later.unseen;
            if seen
                && later.first.ended < earlier.last.began
                && earlier.first.ended < later.last.began
            {
                let from = later.first.ended.max(earlier.first.ended);
                let to = earlier.last.began.min(later.last.began);
                certain.push(Pair {
                    earlier,
                    later,
                    from,
                    to,
                });
                continue;
            }
            let from = earlier.maybe_from.max(later.maybe_from);
            let to = earlier.maybe_to.min(later.maybe_to);
            if from < to {
                perhaps.push(Pair {
                    earlier,
                    later,
                    from,
                    to,
                });
            }
        }
    }
    (certain, perhaps)
}
