//! `intact`: the database itself finds nothing wrong with the ledger's table, through every node.
//!
//! A table that is not sound is a fact whenever it is told. One that is sound counts only at the
//! end: nothing of ours was in force any more, and no row was written.

use std::collections::BTreeMap;

use super::nothing_lost::told_by_nodes;
use crate::journal::timeline::Timeline;
use crate::journal::{Event, History, TableWord};
use crate::verdict::wording::{counted, some_of};
use crate::verdict::{Finding, Verdict};

/// How many words of one answer a summary tells.
const NAMED: usize = 3;

/// Judges the ledger's table in one database.
pub(super) fn check(history: &History, timeline: &Timeline, service: &str) -> Finding {
    let last_row = last_row(history);
    let in_force = |at| timeline.faults.iter().any(|window| window.in_force(at));
    let nodes = history.plan.node_names();
    let nodes = nodes.filter(|node| !timeline.left_for_good(node));
    let mut untold: BTreeMap<&str, String> = nodes
        .map(|node| (node, "it was not asked".to_owned()))
        .collect();
    let (mut sound, mut unsound, mut evidence) = (0, Vec::new(), Vec::new());
    for entry in &history.entries {
        let Event::TableCheck(one) = &entry.event else {
            continue;
        };
        if one.service != service {
            continue;
        }
        evidence.push(entry.seq);
        let via = one.via.as_str();
        let doubt = match judge(&one.said) {
            Word::Unsound(said) => {
                unsound.push((said, via));
                continue;
            }
            Word::Nothing(why) => why,
            Word::Sound if in_force(entry.at()) => "a fault was in force".to_owned(),
            Word::Sound if entry.seq < last_row => "rows were still written".to_owned(),
            Word::Sound => {
                sound += u64::from(untold.remove(via).is_some());
                continue;
            }
        };
        if let Some(why) = untold.get_mut(via) {
            *why = doubt;
        }
    }
    let finding = |verdict, said: String| Finding::new("intact", verdict, said, evidence);
    if !unsound.is_empty() {
        return finding(Verdict::Fail, told_by_nodes(&unsound).join("; "));
    }
    if let Some((node, why)) = untold.first_key_value() {
        let said = format!("{service} did not call its table sound through {node}: {why}");
        return finding(Verdict::Unknown, said);
    }
    let said = format!(
        "{service} calls its table sound, through {}",
        counted(sound, "node")
    );
    finding(Verdict::Pass, said)
}

/// The last entry about a row.
fn last_row(history: &History) -> u64 {
    let about_rows = history.entries.iter().rfind(|entry| {
        let event = &entry.event;
        matches!(event, Event::Insert { .. } | Event::Inserted { .. })
    });
    about_rows.map_or(0, |entry| entry.seq)
}

/// What one answer comes to.
enum Word {
    /// The table is sound.
    Sound,
    /// What is wrong with it.
    Unsound(String),
    /// Neither; why.
    Nothing(String),
}

/// Reads one answer. Notes are no complaints; the last word of a sound table is its status.
fn judge(said: &Result<Vec<TableWord>, String>) -> Word {
    let words = match said {
        Ok(words) => words,
        Err(why) => return Word::Nothing(why.clone()),
    };
    let is = |word: &TableWord, kind: &str| word.kind.eq_ignore_ascii_case(kind);
    let sound = |word: &&TableWord| is(word, "status") && word.text == "OK";
    let remark = |word: &TableWord| is(word, "note") || is(word, "info");
    let mut complaints = words.iter().filter(|word| !sound(word) && !remark(word));
    let Some(first) = complaints.next() else {
        return match words.last().filter(sound) {
            Some(_) => Word::Sound,
            None => Word::Nothing("it gave no status".to_owned()),
        };
    };
    let all = [first].into_iter().chain(complaints);
    let all = all.map(|word| format!("{}: {}", word.kind.to_ascii_lowercase(), word.text));
    Word::Unsound(some_of(all, NAMED))
}
