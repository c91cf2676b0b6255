//! Leaks that a test plants: what the journal knows of is healed, what it does not know of is
//! reported.

use std::collections::BTreeSet;

use seatrial::check::check;
use seatrial::journal::{self, Event};
use seatrial::verdict::Verdict;

use super::harness::Desk;
use super::healed::{said, seatrial};
use super::kinds::Point;
use super::left::there;

/// Heals all runs of a desk; the exit code, and what was said.
fn heal_all(desk: &Desk) -> (Option<i32>, String) {
    let mut heal = seatrial(&desk.path("cache"));
    heal.args(["heal", "--all", "--runs"])
        .arg(desk.path("runs"));
    // The folder of sockets of a run that no journal knows is looked for where paths are short.
    said(heal.env("TMPDIR", desk.path("tmp")))
}

#[test]
fn a_fault_that_the_journal_knows_of_is_healed() {
    let desk = Desk::new();
    let ended = desk.start("node down", Point::parse("confirmed 1"), false);
    assert!(!ended.success());
    let left = there(&desk.places());
    let of = |kind: &str| left.iter().filter(|one| one.starts_with(kind)).count();
    assert_eq!((of("folder"), of("process")), (2, 1), "{left:?}");
    let (code, said) = heal_all(&desk);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("fault 1 (stop server-"), "{said}");
    assert!(said.contains("is gone with its machines"), "{said}");
    assert!(said.contains("ended process "), "{said}");
    assert_eq!(there(&desk.places()), BTreeSet::new());
    let (code, said) = heal_all(&desk);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "nothing is left of any run\n")
    );
}

#[test]
fn what_no_journal_knows_of_is_reported() {
    let desk = Desk::new();
    assert!(desk.start("node down", None, true).success());
    let history = journal::read(&desk.journal()).expect("a journal that can be read");
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Fail);
    let mut findings = judgement.findings.iter();
    let residue = findings
        .find(|one| one.check == "residue")
        .expect("a finding");
    assert_eq!(residue.verdict, Verdict::Fail);
    let evidence = |entry: &&journal::Entry| residue.evidence.contains(&entry.seq);
    let cited = history.entries.iter().find(evidence).expect("evidence");
    let Event::Residue(left) = &cited.event else {
        panic!("{cited:?} is no residue");
    };
    for kind in ["folder `", "process ", "socket `"] {
        assert!(left.iter().any(|one| one.starts_with(kind)), "{left:?}");
    }
    // It is in a folder of a harness that is gone, so that it can be told whose it was.
    let (code, said) = heal_all(&desk);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(there(&desk.places()), BTreeSet::new());
}
