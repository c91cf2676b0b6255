//! What a run that is not whole comes to, and what an edited journal comes to.

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

#[rstest]
#[case::gap(4, r#""seq":4,"#, r#""seq":5,"#, "entry 5 stands where 4 belongs")]
#[case::time(9, r#""at_us":"#, r#""at_us":9000000000"#, "its time is before")]
#[case::unknown_fault(0, r#""injected":{"fault":0}"#, r#""injected":{"fault":7}"#, "fault 7")]
#[case::second_end(0, r#"{"phase":"load"}"#, r#""end""#, "it follows the end")]
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
