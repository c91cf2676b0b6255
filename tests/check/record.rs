//! What a run that is not whole comes to, and what an edited journal comes to.

use seatrial::journal::{Cleared, Phase};

use super::catalogue::audited;
use super::*;

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
    let error = History::from_text(Path::new("journal.jsonl"), &story.text());
    let error = error.expect_err("nothing follows a heal").to_string();
    assert!(
        error.contains("it follows the heal of another process"),
        "{error}"
    );
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
#[case::gap(4, r#""seq":4,"#, r#""seq":5,"#, "entry 5 stands where 4 belongs")]
#[case::time(9, r#""at_us":"#, r#""at_us":9000000000"#, "its time is before")]
#[case::unknown_fault(0, r#""injected":{"fault":0}"#, r#""injected":{"fault":7}"#, "fault 7")]
#[case::second_end(0, r#"{"phase":"load"}"#, r#""end""#, "it follows the end")]
#[case::seal(
    0,
    r#""event":"end""#,
    r#""event":{"seal":"00"}"#,
    "its seal does not fit"
)]
#[case::no_header(0, r#"{"header":"#, r#"{"heeder":"#, "not an entry")]
fn an_edited_journal_is_refused(
    #[case] line: usize,
    #[case] from: &str,
    #[case] to: &str,
    #[case] why: &str,
) {
    let text = Story::kept("story", &[recovers()]).text();
    let edited: String = text
        .lines()
        .enumerate()
        .map(|(index, one)| match line {
            0 => one.replace(from, to) + "\n",
            _ if index == line => one.replacen(from, to, 1) + "\n",
            _ => one.to_owned() + "\n",
        })
        .collect();
    assert_ne!(edited, text);
    let error = History::from_text(Path::new("journal.jsonl"), &edited).expect_err("edited");
    assert!(error.to_string().contains(why), "{error}");
}
