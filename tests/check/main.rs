//! Every checker against journals written by hand: one that it passes, one that it fails, one
//! that it cannot judge.
//!
//! `tests/journals/NAME.VERDICT.jsonl` is judged; `NAME.VERDICT.expected` is what must come out.
//! `SEATRIAL_WRITE_JOURNALS=1 cargo test --test check` writes the journals anew from the stories
//! in `tests/story`; what is expected of them is only ever written by hand.

use std::fs;
use std::path::{Path, PathBuf};

use rstest::rstest;
use seatrial::check::check;
use seatrial::journal::{self, Event, History, Outcome, Rows};
use seatrial::plan::Check;
use seatrial::verdict::{Finding, Judgement, Verdict};

#[path = "../story/catalogue.rs"]
mod catalogue;
#[path = "../story/mod.rs"]
mod story;

mod actions;
mod afterwards;
mod brute_force;
mod control;
mod disturbance;
mod exercise;
mod intact;
mod members;
mod noise;
mod pages;
mod record;
mod recovery;
mod rows_read;
mod stored;
mod timeline;
mod two_at_once;
mod upgrades;

use catalogue::{answers, intact, never_two, nothing_lost, recovers};
use story::{Story, container, containers, got, read_back, rows, sealed};

#[rstest]
fn a_journal_is_judged_as_expected(#[files("tests/journals/*.jsonl")] path: PathBuf) {
    let history = journal::read(&path).expect("a sound journal");
    let judgement = check(&history);
    let expected = fs::read_to_string(path.with_extension("expected")).unwrap_or_default();
    assert_eq!(told(&judgement), expected, "{}", path.display());
    let name = path.file_stem().expect("a name").to_string_lossy();
    assert!(
        name.ends_with(&format!(".{}", judgement.verdict)),
        "{}",
        judgement.verdict
    );
    for finding in &judgement.findings {
        let there = |seq: &u64| (*seq as usize) < history.entries.len() && *seq > 1;
        assert!(
            finding.evidence.iter().all(there),
            "no such entry: {finding:?}"
        );
        let decided = finding.verdict == Verdict::Fail;
        assert!(
            !decided || !finding.evidence.is_empty(),
            "no evidence: {finding:?}"
        );
    }
}

#[test]
fn journals_on_disk_are_those_of_the_stories() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals");
    for (name, story) in catalogue::all() {
        let path = folder.join(format!("{name}.jsonl"));
        if std::env::var_os("SEATRIAL_WRITE_JOURNALS").is_some() {
            fs::write(&path, story.text()).expect("writable");
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            text == story.text(),
            "`{}` is not the story's journal",
            path.display()
        );
    }
}

/// A judgement as the `.expected` files spell it.
fn told(judgement: &Judgement) -> String {
    let mut text = format!("{}\n", judgement.verdict);
    for Finding {
        check,
        verdict,
        summary,
        ..
    } in &judgement.findings
    {
        text += &format!("{verdict} {check}: {summary}\n");
    }
    text
}

/// The finding of one check.
fn finding(history: &History, name: &str) -> Finding {
    let found = check(history)
        .findings
        .into_iter()
        .find(|finding| finding.check == name);
    found.expect("the check was made")
}

/// A story of one check with a change, and what that check comes to.
fn judged(check: Check, change: impl Fn(&mut Story)) -> Finding {
    let name = check.name();
    let mut story = Story::kept("story", &[check]);
    change(&mut story);
    finding(&story.history(), name)
}

/// A second fault of the same kind, at these times: begun, seen to bite, its heal begun and seen.
fn also_breaks(story: &mut Story, node: &str, [begun, bites, healing, healed]: [f64; 4]) {
    let planned = story.plan.faults[0].clone();
    story.plan.faults.push(planned);
    let mut events = story.events.iter().map(|(_, event)| event.clone());
    let intent = events.find_map(|event| match event {
        Event::Intent(intent) => Some(intent),
        _ => None,
    });
    let mut intent = intent.expect("a fault");
    (intent.fault, intent.targets) = (1, vec![node.to_owned()]);
    let (fault, evidence) = (1, "seen".to_owned());
    let seen = evidence.clone();
    story.at(begun - 0.1, Event::Intent(intent));
    story.at(begun, Event::Injecting { fault });
    story.at(begun + 0.3, Event::Injected { fault });
    story.at(bites, Event::Confirmed { fault, evidence });
    story.at(healing, Event::Healing { fault });
    let evidence = seen;
    story.at(healed, Event::Healed { fault, evidence });
}

/// The ledger's rows, read through a node, with when they were asked for.
fn asked(began: f64, via: &str, ranges: &[(u64, u64)]) -> Event {
    let mut event = read_back(via, ranges);
    if let Event::ReadBack { began_us, .. } = &mut event {
        *began_us = Some(story::micros(began));
    }
    event
}

/// Takes out all that is told of faults.
fn without_faults(story: &mut Story) {
    story.without(|_, event| {
        matches!(
            event,
            Event::Intent(_)
                | Event::Injecting { .. }
                | Event::Injected { .. }
                | Event::Confirmed { .. }
                | Event::Recovered { .. }
                | Event::Healing { .. }
                | Event::Healed { .. }
        )
    });
}

/// Asserts a finding's verdict and a part of its summary.
#[track_caller]
fn says(finding: &Finding, verdict: Verdict, part: &str) {
    assert_eq!(finding.verdict, verdict, "{}", finding.summary);
    assert!(finding.summary.contains(part), "{}", finding.summary);
}
