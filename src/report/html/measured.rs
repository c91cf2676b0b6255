//! The numbers that a run is remembered by, each with the entries that it comes from.

use std::time::Duration;

use super::cited::{Cited, Cites};
use crate::journal::History;
use crate::journal::timeline::Timeline;
use crate::report::clients::{Client, Tally, Word};
use crate::report::legible::line;
use crate::report::{aftermath, ledgers, pages};
use crate::verdict::Judgement;
use crate::verdict::wording::{count, seconds};

/// How many entries are named for one number.
const ENTRIES_MAX: usize = 6;

/// One number, or what is said in its place.
pub(super) struct Fact {
    pub(super) what: String,
    pub(super) value: String,
    pub(super) cites: Cites,
}

impl Fact {
    pub(super) fn new(what: impl AsRef<str>, value: impl AsRef<str>, cites: Cites) -> Self {
        Self {
            what: line(what.as_ref()),
            value: line(value.as_ref()),
            cites,
        }
    }
}

/// Recovery times, rows and requests.
pub(super) fn of(
    history: &History,
    timeline: &Timeline,
    judgement: &Judgement,
    clients: &[Client],
    cited: &mut Cited,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    for window in &timeline.faults {
        let what = format!("recovery from {}", window.named());
        facts.push(match aftermath::recovered(history, window) {
            Some((mark, took)) => {
                let entries = window.struck().map(|struck| struck.seq).into_iter();
                let entries: Vec<u64> = entries.chain([mark.seq]).collect();
                Fact::new(what, seconds(took), cited.some(&entries, ENTRIES_MAX))
            }
            None => {
                let told = window.evidence();
                Fact::new(what, "not seen", cited.some(&told, ENTRIES_MAX))
            }
        });
    }
    facts.extend(rows(history, clients, cited));
    facts.extend(requests(history, clients, cited));
    facts.extend(judged(judgement, cited));
    facts
}

/// What was counted of a word for a workload, over all nodes.
fn tally(clients: &[Client], workload: &str, word: Word) -> Tally {
    let of_workload = clients.iter().filter(|client| client.workload == workload);
    let tallies = of_workload.map(|client| client.tally(word));
    tallies.fold(Tally::default(), Tally::and)
}

fn rows(history: &History, clients: &[Client], cited: &mut Cited) -> Vec<Fact> {
    let mut facts = Vec::new();
    for ledger in ledgers::of(history) {
        let parts = [
            ("acknowledged", ledger.acknowledged, Word::Good),
            ("refused", ledger.refused, Word::Failed),
            ("unknown", ledger.unknown, Word::Unknown),
        ];
        for (named, number, word) in parts {
            let entries = tally(clients, &ledger.name, word).entries();
            let what = format!("rows of {} {named}", ledger.name);
            facts.push(Fact::new(
                what,
                count(number),
                cited.some(&entries, ENTRIES_MAX),
            ));
        }
        for ((via, said), entry) in ledger.read_back.iter().zip(&ledger.read_back_entries) {
            let what = format!("rows of {} read back through {via}", ledger.name);
            facts.push(Fact::new(what, said, cited.one(*entry)));
        }
    }
    facts
}

fn requests(history: &History, clients: &[Client], cited: &mut Cited) -> Vec<Fact> {
    let mut facts = Vec::new();
    for pages in pages::of(history) {
        let parts = [
            ("answered", pages.answered, Word::Good),
            ("not answered", pages.lost, Word::Failed),
            ("answered wrongly", pages.wrong, Word::Wrong),
        ];
        for (named, number, word) in parts {
            let entries = tally(clients, &pages.name, word).entries();
            let what = format!("requests of {} {named}", pages.name);
            facts.push(Fact::new(
                what,
                count(number),
                cited.some(&entries, ENTRIES_MAX),
            ));
        }
    }
    facts
}

/// The numbers that findings were made from.
fn judged(judgement: &Judgement, cited: &mut Cited) -> Vec<Fact> {
    let mut facts = Vec::new();
    for finding in &judgement.findings {
        let mut fact = |what: &str, value: String| {
            let what = format!("{}: {what}", finding.check);
            facts.push(Fact::new(
                what,
                value,
                cited.some(&finding.evidence, ENTRIES_MAX),
            ));
        };
        if let Some(rows) = finding.rows {
            fact("acknowledged rows lost", count(rows.lost));
        }
        if let Some(requests) = finding.requests {
            fact("requests that owed an answer", count(requests.made));
            fact("of them lost", count(requests.lost));
            let gap = Duration::from_micros(requests.longest_gap_us);
            fact("longest time without an answer on one node", seconds(gap));
        }
    }
    facts
}
