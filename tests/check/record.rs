//! What a run that is not whole comes to, and what an edited journal comes to.

use seatrial::journal::{Cleared, Entry, JournalError, Phase};

use super::catalogue::audited;
use super::*;

/// What line 30 of the story about recovery tells.
const LOAD: &str = r#"{"phase":"load"}"#;

#[test]
fn a_run_without_its_end_is_unknown() {
    let mut story = Story::kept("story", &[recovers()]);
    story.without(|_, event| *event == Event::End);
    let judgement = check(&story.history());
    assert_eq!(judgement.verdict, Verdict::Unknown);
    says(
        &judgement.findings[0],
        Verdict::Unknown,
        "did not reach its end",
    );
}

#[test]
fn a_truncated_journal_is_unknown() {
    let mut story = Story::kept("story", &[recovers()]);
    story.cut = true;
    let history = story.history();
    assert!(history.truncated);
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Unknown);
    says(&judgement.findings[0], Verdict::Unknown, "breaks off");
}

#[test]
fn a_run_whose_seal_was_taken_out_is_unknown() {
    let whole = Story::kept("story", &[recovers()]).history();
    assert!(whole.sealed());
    assert_eq!(check(&whole).verdict, Verdict::Pass);
    let mut without = whole;
    let seal = |entry: &Entry| matches!(entry.event, Event::Seal(_));
    without.entries.retain(|entry| !seal(entry));
    assert!(without.ended() && !without.sealed());
    let judgement = check(&without);
    assert_eq!(judgement.verdict, Verdict::Unknown);
    says(&judgement.findings[0], Verdict::Unknown, "no seal");
}

#[test]
fn a_fault_that_nobody_healed_is_unknown() {
    let mut story = Story::kept("story", &[recovers()]);
    story.without(|_, event| matches!(event, Event::Healing { .. } | Event::Healed { .. }));
    let judgement = check(&story.history());
    assert_eq!(judgement.verdict, Verdict::Unknown);
    says(
        &judgement.findings[0],
        Verdict::Unknown,
        "was never seen to be healed",
    );
}

#[test]
fn a_fault_that_could_not_be_healed_is_unknown() {
    let mut story = Story::kept("story", &[recovers()]);
    let error = "server-3 does not start".to_owned();
    story.at(90.5, Event::HealFailed { fault: 0, error });
    let judgement = check(&story.history());
    assert_eq!(judgement.verdict, Verdict::Unknown);
    says(
        &judgement.findings[0],
        Verdict::Unknown,
        "fault 1 (stop server-3) could not be healed",
    );
}

#[test]
fn where_the_ground_gave_way_no_broken_promise_is_proof() {
    let judged = |gave_way: bool| {
        let mut story = Story::kept("story", &[answers(), nothing_lost()]);
        story.change(|at, event| catalogue::fail_on("server-1", 60.0..80.0, *at, event));
        if gave_way {
            let what = "the machine `server-1` ended".to_owned();
            story.at(70.0, Event::GaveWay { what });
        }
        check(&story.history())
    };
    let verdict_of = |judgement: &seatrial::verdict::Judgement, name: &str| {
        let mut findings = judgement.findings.iter();
        findings
            .find(|one| one.check == name)
            .map(|one| one.verdict)
    };
    let whole = judged(false);
    assert_eq!(verdict_of(&whole, "answers"), Some(Verdict::Fail));
    let gave_way = judged(true);
    assert_eq!(gave_way.verdict, Verdict::Unknown);
    assert_eq!(verdict_of(&gave_way, "answers"), Some(Verdict::Unknown));
    assert_eq!(verdict_of(&gave_way, "nothing_lost"), Some(Verdict::Pass));
    assert_eq!(gave_way.trouble, ["the machine `server-1` ended"]);
}

/// What another process did about a run that was killed makes it no better, and is no part of it.
#[test]
fn a_run_that_was_healed_by_another_process_is_still_unknown() {
    let mut story = Story::kept("story", &[recovers()]);
    story.without(|_, event| *event == Event::End);
    let before = check(&story.history());
    let done = vec!["removed `/tmp/seatrial-4711-0a1b2c3d`".to_owned()];
    let healed = Cleared {
        done,
        ..Cleared::default()
    };
    story.at(104.0, Event::Cleared(healed.clone()));
    assert_eq!(check(&story.history()), before);
    assert!(!story.history().ended());
    let torn = Cleared {
        torn: Some("{\"seq\":".to_owned()),
        ..healed
    };
    story.at(104.0, Event::Cleared(torn));
    let history = story.history();
    assert!(history.truncated);
    says(&check(&history).findings[0], Verdict::Unknown, "breaks off");
}

/// A run that ended may be healed as well: something of it could not be removed then.
#[test]
fn a_run_that_ended_may_be_healed_and_told_again() {
    let mut story = Story::kept("story", &[recovers()]);
    let before = check(&story.history());
    story.at(105.0, Event::Cleared(Cleared::default()));
    assert!(story.history().ended());
    assert_eq!(check(&story.history()), before);
    story.at(106.0, Event::Phase(Phase::Load));
    refused(&story.text(), 136, "it follows the heal of another");
}

#[test]
fn a_crash_is_no_residue() {
    let mut story = Story::kept("story", &[recovers()]);
    audited(&mut story, &[]);
    story.without(|_, event| matches!(event, Event::Residue(_) | Event::End));
    let judgement = check(&story.history());
    let residue = judgement.findings.iter().any(|one| one.check == "residue");
    assert!(!residue, "the finding `run` tells it");
}

#[rstest]
#[case::gap(r#""seq":4,"#, r#""seq":5,"#, 5, "entry 5 stands where 4 belongs")]
#[case::time(
    r#""seq":9,"at_us":"#,
    r#""seq":9,"at_us":9000000000"#,
    11,
    "its time is before"
)]
#[case::unknown_fault(LOAD, r#"{"healing":{"fault":7}}"#, 30, "it tells of fault 7,")]
#[case::next_fault(LOAD, r#"{"healing":{"fault":1}}"#, 30, "it tells of fault 1,")]
#[case::unknown_action(
    LOAD,
    r#"{"action":{"action":7,"step":"acting"}}"#,
    30,
    "it tells of action 7,"
)]
#[case::second_end(LOAD, r#""end""#, 31, "it follows the end")]
#[case::early_seal(LOAD, r#"{"seal":""}"#, 31, "it follows the seal")]
#[case::seal(
    r#""event":{"seal":""#,
    r#""event":{"seal":"0"#,
    133,
    "its seal does not fit"
)]
#[case::no_header(r#"{"header":"#, r#"{"heeder":"#, 1, "not an entry")]
#[case::format(r#""format":1"#, r#""format":2"#, 1, "format 2, but this version")]
fn an_edited_journal_is_refused(
    #[case] from: &str,
    #[case] to: &str,
    #[case] line: usize,
    #[case] why: &str,
) {
    let text = Story::kept("story", &[recovers()]).text();
    let edited = text.replace(from, to);
    assert_ne!(edited, text);
    let edited = match why.starts_with("its seal") {
        true => edited,
        false => sealed(&edited),
    };
    refused(&edited, line, why);
}

#[rstest]
#[case::header(0, "a second header")]
#[case::plan(1, "a second plan")]
fn header_and_plan_are_told_once(#[case] index: usize, #[case] why: &str) {
    let text = Story::kept("story", &[recovers()]).text();
    let entry = text.lines().nth(index).expect("a line");
    let (_, event) = entry.split_once(r#""event":"#).expect("an entry");
    let event = event.strip_suffix('}').expect("an entry");
    refused(&sealed(&text.replace(LOAD, event)), 30, why);
}

/// A harness may be killed while it writes any byte; but only the last line may break off.
#[test]
fn a_journal_that_ends_within_a_character_is_truncated() {
    let mut story = Story::kept("story", &[recovers()]);
    story.without(|_, event| *event == Event::End);
    let mut bytes = (story.text() + r#"{"seq":132,"what":"é"#).into_bytes();
    bytes.pop();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, &bytes).expect("writable");
    let mut expected = story.history();
    expected.truncated = true;
    assert_eq!(journal::read(&path).expect("a sound journal"), expected);
    bytes.push(b'\n');
    fs::write(&path, &bytes).expect("writable");
    let read = journal::read(&path);
    assert!(matches!(read, Err(JournalError::Read { .. })), "{read:?}");
}

/// Asserts that a journal is refused at this line, and why.
#[track_caller]
fn refused(text: &str, line: usize, why: &str) {
    let read = History::from_text(Path::new("journal.jsonl"), text);
    let error = read.expect_err("a damaged journal").to_string();
    let told = format!("damaged at line {line}: {why}");
    assert!(error.contains(&told), "{error}");
}
