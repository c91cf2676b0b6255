//! The formats for programs, pinned, and read back by readers of those formats.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus};
use seatrial::check::check;
use seatrial::journal::Event;
use seatrial::report::{Junit, json, junit, markdown, openmetrics, schema};
use seatrial::verdict::Verdict;
use serde_json::{Value, json as value};

use super::catalogue;
use super::story::Story;
use super::{many_tasks, outcomes, whole};

/// What a format could be steered with.
const HOSTILE: &str = "a\"b\\c\n# HELP |d| <e>&amp; *f* `g` [h](i) ]]>\u{1b}[31m\u{0}\r";

/// A run whose name, claim and evidence are hostile.
pub(crate) fn hostile() -> Story {
    let mut story = whole(HOSTILE);
    for text in [
        &mut story.plan.title,
        &mut story.plan.because,
        &mut story.plan.place,
    ] {
        HOSTILE.clone_into(text);
    }
    for workload in ["ledger", "get"] {
        assert!(
            story
                .plan
                .workloads
                .iter()
                .any(|one| one.name() == workload)
        );
    }
    story.change(|_, event| {
        if let Event::Confirmed { evidence, .. } = event {
            HOSTILE.clone_into(evidence);
        }
    });
    let what = HOSTILE.to_owned();
    story.at(60.0, Event::Trouble { what });
    story
}

pub(crate) fn told(
    story: &Story,
    by: fn(&seatrial::journal::History, &seatrial::verdict::Judgement) -> String,
) -> String {
    let history = story.history();
    by(&history, &check(&history))
}

#[test]
fn test_results_are_pinned() {
    for (name, story) in outcomes() {
        assert_snapshot!(format!("junit-{name}"), told(&story, junit));
    }
}

#[test]
fn summaries_are_pinned() {
    for (name, story) in outcomes() {
        assert_snapshot!(format!("markdown-{name}"), told(&story, markdown));
    }
}

#[test]
fn metrics_are_pinned() {
    for (name, story) in outcomes() {
        assert_snapshot!(format!("openmetrics-{name}"), told(&story, openmetrics));
    }
}

#[test]
fn the_schema_of_reports_is_pinned() {
    assert_snapshot!("schema", format!("{:#}", schema()));
}

/// What a reader of JUnit makes of a case.
pub(crate) fn came_to(case: &TestCase) -> &'static str {
    match &case.status {
        TestCaseStatus::Success { .. } => "success",
        TestCaseStatus::NonSuccess {
            kind: NonSuccessKind::Failure,
            ..
        } => "failure",
        TestCaseStatus::NonSuccess {
            kind: NonSuccessKind::Error,
            ..
        } => "error",
        TestCaseStatus::Skipped { .. } => "skipped",
    }
}

#[test]
fn a_reader_of_test_results_sees_the_same_verdicts() {
    for (_, story) in outcomes() {
        let history = story.history();
        let judgement = check(&history);
        let read = Report::deserialize_from_str(&junit(&history, &judgement)).expect("JUnit");
        let suite = &read.test_suites[0];
        assert_eq!(suite.test_cases.len(), judgement.findings.len());
        for (case, finding) in suite.test_cases.iter().zip(&judgement.findings) {
            assert_eq!(case.name.as_str(), finding.check);
            let wanted = match finding.verdict {
                Verdict::Fail if judgement.failed_as_it_must(finding) => "success",
                Verdict::Pass => "success",
                Verdict::Fail => "failure",
                Verdict::Unknown => "error",
            };
            assert_eq!(came_to(case), wanted);
            assert!(case.system_out.is_some());
        }
        let green = suite.failures + suite.errors == 0;
        assert_eq!(green, judgement.verdict == Verdict::Pass);
        assert!(
            suite
                .system_out
                .as_ref()
                .is_some_and(|out| out.contains("PLANNED"))
        );
        assert!(
            suite
                .properties
                .iter()
                .any(|one| one.name.as_str() == "version.docker")
        );
        assert!(suite.timestamp.is_some() && suite.time.is_some());
    }
}

/// The results of a scenario that ran, one that was skipped and one that could not run.
pub(crate) fn of_every_kind() -> String {
    let mut results = Junit::default();
    let history = whole("kept").history();
    results.ran(&history, &check(&history));
    results.skipped("nginx-on-nfs", "`sim` has no <routing mesh>");
    results.trouble("third", "cannot write `journal.jsonl`");
    results.text()
}

#[test]
fn what_was_skipped_and_what_could_not_run_is_in_the_results() {
    let read = Report::deserialize_from_str(&of_every_kind()).expect("JUnit");
    let suites = read.test_suites.iter();
    let told: Vec<(&str, &str)> = suites
        .map(|suite| (suite.name.as_str(), came_to(&suite.test_cases[0])))
        .collect();
    let wanted = [
        ("kept", "success"),
        ("nginx-on-nfs", "skipped"),
        ("third", "error"),
    ];
    assert_eq!(told, wanted);
    assert_eq!((read.skipped, read.errors, read.failures), (1, 1, 0));
}

#[test]
fn a_run_that_nothing_judged_is_no_green_suite() {
    let history = whole("kept").history();
    let mut judgement = check(&history);
    judgement.findings.clear();
    judgement.verdict = Verdict::Unknown;
    let read = Report::deserialize_from_str(&junit(&history, &judgement)).expect("JUnit");
    assert_eq!(read.errors, 1);
}

#[test]
fn hostile_words_stay_words_in_test_results() {
    let story = hostile();
    let text = told(&story, junit);
    let read = Report::deserialize_from_str(&text).expect("JUnit");
    let name = read.test_suites[0].name.as_str();
    assert!(
        name.contains("<e>&amp; *f*") && name.contains("␛[31m␀␍"),
        "{name}"
    );
    assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'));
}

#[test]
fn hostile_words_stay_words_in_a_summary() {
    let text = told(&hostile(), markdown);
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let bars = line
            .replace("\\\\", "")
            .replace("\\|", "")
            .matches('|')
            .count();
        assert!([3, 4].contains(&bars), "{line}");
    }
    assert!(
        text.contains(r"\<e\>\&amp;") && text.contains(r"\[h\](i)"),
        "{text}"
    );
    assert!(!text.contains("\n# ") && !text.contains("<e>"), "{text}");
}

/// A line of samples: the metric, its labels as they stand, and the value.
fn sample(line: &str) -> (&str, &str, f64) {
    let (name, rest) = line.split_once('{').expect("labels");
    let (labels, value) = rest.rsplit_once("} ").expect("a value");
    (name, labels, value.parse().expect("a number"))
}

/// Reads labels as the format says, and returns their names.
fn label_names(mut labels: &str) -> Vec<String> {
    let mut names = Vec::new();
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").expect("a label");
        let word = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(!name.is_empty() && name.chars().all(word), "{name}");
        names.push(name.to_owned());
        let mut letters = rest.char_indices();
        let end = loop {
            match letters.next().expect("an end of the value") {
                (_, '\\') => {
                    let (_, escaped) = letters.next().expect("a letter after \\");
                    assert!(['\\', '"', 'n'].contains(&escaped), "\\{escaped}");
                }
                (at, '"') => break at,
                (_, letter) => assert!(letter >= ' ', "{letter:?}"),
            }
        };
        labels = &rest[end + 1..];
        labels = labels.strip_prefix(',').unwrap_or(labels);
    }
    names
}

/// Refuses what is not OpenMetrics, as far as gauges go; returns the samples.
pub(crate) fn samples(text: &str) -> Vec<String> {
    let body = text.strip_suffix("# EOF\n").expect("# EOF at the end");
    let (mut families, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let (mut help, mut family) = ("", "");
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').expect("words").0;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.strip_suffix(" gauge").expect("a gauge");
            assert_eq!(family, help);
            assert!(families.insert(family), "{family} twice");
            let word = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            assert!(
                family.starts_with("seatrial_") && family.chars().all(word),
                "{family}"
            );
        } else {
            let (name, labels, value) = sample(line);
            assert_eq!(name, family);
            assert!(value.is_finite() && seen.insert((name, labels)), "{line}");
            assert_eq!(label_names(labels)[..2], ["scenario", "place"]);
        }
    }
    seen.iter()
        .map(|(name, labels)| format!("{name}{{{labels}}}"))
        .collect()
}

#[test]
fn metrics_are_what_the_format_says() {
    for (_, story) in outcomes() {
        let samples = samples(&told(&story, openmetrics));
        assert!(samples.len() > 10, "{samples:?}");
    }
    let samples = samples(&told(&hostile(), openmetrics));
    assert!(
        samples[0].contains(r#"scenario="a\"b\\c # HELP"#),
        "{}",
        samples[0]
    );
}

#[test]
fn metrics_are_missing_where_nobody_can_tell() {
    let has = |story: &Story, name: &str| told(story, openmetrics).contains(&format!("\n{name}{{"));
    let [passing, failing, unknown, _] = outcomes().map(|(_, story)| story);
    for name in ["seatrial_recovery_seconds", "seatrial_rows_lost"] {
        assert!(has(&passing, name) && has(&failing, name), "{name}");
        assert!(!has(&unknown, name), "{name}");
    }
}

#[test]
fn the_numbers_behind_lost_rows_are_there() {
    let mut story = whole("lossy");
    catalogue::read_everywhere(&mut story, &[(1, 12), (27, 38)]);
    let text = told(&story, json);
    let whole: Value = serde_json::from_str(&text).expect("JSON");
    let findings = whole["findings"].as_array().expect("findings");
    let lost = findings.iter().find(|one| one["check"] == "nothing_lost");
    let rows = &lost.expect("a finding")["rows"];
    assert_eq!(*rows, value!({ "acknowledged": 26, "lost": 2 }));
}

#[test]
fn reports_are_what_their_schema_says() {
    let validator = jsonschema::validator_for(&schema()).expect("a sound schema");
    let mut stories: Vec<Story> = outcomes().into_iter().map(|(_, story)| story).collect();
    stories.extend([many_tasks(), hostile(), super::html::exhibited()]);
    stories.extend(catalogue::all().into_iter().map(|(_, story)| story));
    for story in stories {
        let report: Value = serde_json::from_str(&told(&story, json)).expect("JSON");
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", story.plan.name);
    }
}

/// A run of which the report has something everywhere.
fn refusable() -> Story {
    let mut story = many_tasks();
    story.at(
        103.0,
        super::html::exhibit("evidence/server-3/engine.log", Ok(1)),
    );
    story
}

#[test]
fn what_the_schema_does_not_say_is_refused() {
    let validator = jsonschema::validator_for(&schema()).expect("a sound schema");
    let report: Value = serde_json::from_str(&told(&refusable(), json)).expect("JSON");
    let places = [
        "/verdict",
        "/format",
        "/faults/0/verb",
        "/findings/0/evidence",
        "/tasks/0/tasks",
    ];
    for place in places {
        let mut changed = report.clone();
        *changed.pointer_mut(place).expect("it is there") = value!({ "odd": 1 });
        assert!(!validator.is_valid(&changed), "{place}");
    }
    for place in [
        "",
        "/faults/0",
        "/tasks/0",
        "/tasks/0/tasks/0",
        "/ran_with",
        "/findings/0",
        "/evidence/0",
        "/evidence/0/kept/Ok",
    ] {
        let mut more = report.clone();
        let object = more.pointer_mut(place).and_then(Value::as_object_mut);
        object
            .expect("an object")
            .insert("odd".to_owned(), value!(1));
        assert!(!validator.is_valid(&more), "{place} may have anything");
    }
    let mut less = report.clone();
    less.as_object_mut().expect("an object").remove("findings");
    assert!(!validator.is_valid(&less));
}
