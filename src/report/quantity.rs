//! What a run measured, a number each, under names that are the same in every run of its scenario.
//!
//! Nodes have no place in the names: which of them is struck is for the seed to choose. What is
//! asked of a node is told apart by whether we broke it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clients::{Client, Word};
use super::{aftermath, breakdown, clients};
use crate::journal::History;
use crate::journal::timeline::{Timeline, Window};
use crate::plan::{Plan, Workload};
use crate::verdict::Judgement;
use crate::verdict::wording::count;

/// What a number is of, which says how it is written and how much of it is noise. Less is better,
/// of all of them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Seconds from a fault to the steady state.
    Recovery,
    /// Seconds of one part of that.
    Part,
    /// Seconds for which a ledger had no row acknowledged through some node.
    RowGap,
    /// Seconds for which some node did not answer with a page.
    PageGap,
    /// The share of rows that were not acknowledged.
    RowsMissed,
    /// The share of requests without the right answer.
    PagesMissed,
    /// Acknowledged rows that were not read back.
    RowsLost,
    /// Seconds that a good answer took on average.
    Latency,
}

impl Kind {
    /// A number of this kind, for people.
    pub(super) fn written(self, value: f64) -> String {
        match self {
            Self::Recovery | Self::Part | Self::RowGap | Self::PageGap => format!("{value:.1}s"),
            Self::RowsMissed | Self::PagesMissed => format!("{:.2}%", value * 100.0),
            Self::RowsLost => count(value.round().max(0.0) as u64),
            Self::Latency => format!("{:.1}ms", value * 1000.0),
        }
    }
}

/// One number of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quantity {
    /// `recovery from stop host_of: mariadb`.
    pub(super) what: String,
    pub(super) kind: Kind,
    /// True if a change for the worse makes a run worse; the others explain.
    pub(super) decides: bool,
    /// The fault that it is about, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<usize>,
    /// None where the run did not come to it: a recovery that was not seen.
    pub(super) value: Option<f64>,
}

impl Quantity {
    fn new(what: String, kind: Kind, value: f64) -> Self {
        Self {
            what,
            kind,
            decides: true,
            fault: None,
            value: Some(value),
        }
    }

    fn explains(mut self) -> Self {
        self.decides = false;
        self
    }

    fn about(mut self, fault: usize) -> Self {
        self.fault = Some(fault);
        self
    }
}

/// A fault as the plan names it: `stop host_of: mariadb`, and which of several.
pub(super) fn fault_named(plan: &Plan, index: usize) -> String {
    let Some(fault) = plan.faults.get(index) else {
        return format!("fault {}", index + 1);
    };
    let named = format!("{} {}", fault.action.verb(), fault.action.target());
    match plan.faults.len() {
        1 => named,
        _ => format!("{named} (fault {})", index + 1),
    }
}

/// All that a run measured: recoveries with their parts, what clients missed, and rows lost.
pub(super) fn of(history: &History, judgement: &Judgement) -> Vec<Quantity> {
    let timeline = Timeline::of(history);
    let mut all = Vec::new();
    for (index, window) in timeline.faults.iter().enumerate() {
        all.extend(recovery(history, index, window));
    }
    for workload in &history.plan.workloads {
        all.extend(missed(history, &timeline, workload));
    }
    let lost = judgement.findings.iter().filter_map(|one| one.rows);
    if let Some(lost) = lost.map(|rows| rows.lost).reduce(u64::saturating_add) {
        let lost = Quantity::new("rows lost".to_owned(), Kind::RowsLost, lost as f64);
        // How many a control loses is chance, as long as it loses some.
        let control = judgement.control.is_some();
        all.push(if control { lost.explains() } else { lost });
    }
    all
}

/// A recovery, and the slowest of each of its parts.
fn recovery(history: &History, index: usize, window: &Window) -> Vec<Quantity> {
    let named = fault_named(&history.plan, index);
    let took = aftermath::recovered(history, window).map(|(_, took)| took.as_secs_f64());
    let whole = Quantity {
        value: took,
        ..Quantity::new(format!("recovery from {named}"), Kind::Recovery, 0.0)
    };
    let mut parts: Vec<(&str, f64)> = Vec::new();
    for part in breakdown::of(history, window) {
        match parts.iter_mut().find(|(name, _)| *name == part.part) {
            Some((_, slowest)) => *slowest = slowest.max(part.took),
            None => parts.push((part.part, part.took)),
        }
    }
    let several = history.plan.faults.len() > 1;
    let parts = parts.into_iter().map(|(name, took)| {
        let what = match several {
            true => format!("{name} after {named}"),
            false => name.to_owned(),
        };
        Quantity::new(what, Kind::Part, took).explains()
    });
    let all = [whole].into_iter().chain(parts);
    all.map(|one| one.about(index)).collect()
}

/// What a workload's clients missed through nodes that we did not break, and through the others.
fn missed(history: &History, timeline: &Timeline, workload: &Workload) -> Vec<Quantity> {
    let (gap, share) = match workload {
        Workload::Ledger { .. } => (Kind::RowGap, Kind::RowsMissed),
        Workload::Get { .. } => (Kind::PageGap, Kind::PagesMissed),
    };
    let clients = clients::of(history, Default::default(), 0);
    let mut sorted: BTreeMap<bool, Vec<&Client>> = BTreeMap::new();
    for client in clients.iter().filter(|one| one.workload == workload.name()) {
        let broken = timeline.against(client.via).next().is_some();
        sorted.entry(broken).or_default().push(client);
    }
    let mut all = Vec::new();
    for (broken, clients) in sorted {
        let through = match (broken, timeline.faults.is_empty()) {
            (true, _) => ", through broken nodes",
            (false, true) => "",
            (false, false) => ", through the others",
        };
        let name = workload.name();
        let what = |what: &str| format!("{name}: {what}{through}");
        let counted = |word| clients.iter().map(|one| one.tally(word).count).sum::<u64>();
        let good = counted(Word::Good);
        let words: &[Word] = match workload {
            Workload::Ledger { .. } => &Word::ALL,
            // A page that the harness did not ask for is no request.
            Workload::Get { .. } => &[Word::Good, Word::Failed, Word::Wrong],
        };
        let told: u64 = words.iter().copied().map(counted).sum();
        let longest = clients.iter().filter_map(|one| one.silence).max();
        let mut found = Vec::new();
        if let Some((longest, _)) = longest {
            found.push(Quantity::new(
                what("longest gap"),
                gap,
                longest.as_secs_f64(),
            ));
        }
        let missed = (told - good) as f64 / (told as f64).max(1.0);
        let missed = Quantity::new(what("missed"), share, missed);
        // A ledger's gap says the same, of one moment and not of how long the load went on.
        found.push(match workload {
            Workload::Ledger { .. } => missed.explains(),
            Workload::Get { .. } => missed,
        });
        let took = clients.iter().filter_map(|one| {
            let good = one.tally(Word::Good).count as f64;
            Some(one.mean()?.as_secs_f64() * good)
        });
        if good > 0 {
            let mean = took.sum::<f64>() / good as f64;
            found.push(Quantity::new(
                what("answers on average"),
                Kind::Latency,
                mean,
            ));
        }
        all.extend(
            found
                .into_iter()
                .map(|one| if broken { one.explains() } else { one }),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_what_they_are() {
        for (kind, value, written) in [
            (Kind::Recovery, 59.06, "59.1s"),
            (Kind::PagesMissed, 0.0074, "0.74%"),
            (Kind::RowsLost, 1192.0, "1,192"),
            (Kind::RowsLost, -1.0, "0"),
            (Kind::Latency, 0.0051, "5.1ms"),
        ] {
            assert_eq!(kind.written(value), written);
        }
    }
}
