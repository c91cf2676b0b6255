//! The formats for programs, read by programs of other makers: those of Debian's packages
//! `python3-junitparser` and `python3-prometheus-client`, which `ci/setup` installs.

use std::io::Write;
use std::process::{Command, Stdio};

use quick_junit::Report;
use seatrial::report::{junit, openmetrics};

use super::formats::{came_to, hostile, of_every_kind, samples, told};
use super::{outcomes, whole};

/// Debian's own: another that comes first in `PATH` has not its packages.
const PYTHON: &str = "/usr/bin/python3";

/// What the reader of a format read, a line each; or why it refused the text.
fn read(format: &str, text: &str) -> Result<Vec<String>, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/report/readers.py");
    let mut reader = Command::new(PYTHON)
        .args(["-B", script, format])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`{PYTHON}`: {error}; run `ci/setup`"));
    let mut input = reader.stdin.take().expect("its input");
    input.write_all(text.as_bytes()).expect("a reader");
    drop(input);
    let output = reader.wait_with_output().expect("its end");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let missing = "ModuleNotFoundError";
    assert!(!errors.contains(missing), "{errors}; run `ci/setup`");
    if !output.status.success() {
        return Err(errors);
    }
    let said = String::from_utf8(output.stdout).expect("words");
    Ok(said.lines().map(str::to_owned).collect())
}

/// What our own reader makes of test results, as the other one tells it.
fn expected(text: &str) -> Vec<String> {
    let report = Report::deserialize_from_str(text).expect("JUnit");
    let suites = report.test_suites.iter();
    let cases = suites.flat_map(|suite| suite.test_cases.iter().map(move |case| (suite, case)));
    cases
        .map(|(suite, case)| {
            format!(
                "{}\t{}\t{}",
                suite.name.as_str(),
                case.name.as_str(),
                came_to(case)
            )
        })
        .collect()
}

#[test]
fn another_makers_reader_of_test_results_sees_the_same_verdicts() {
    let stories = outcomes().into_iter().map(|(_, story)| story);
    let texts = stories.map(|story| told(&story, junit));
    let mut words = Vec::new();
    for text in texts.chain([of_every_kind()]) {
        let lines = read("junit", &text).expect("test results");
        assert_eq!(lines, expected(&text));
        words.extend(lines);
    }
    for word in ["success", "failure", "error", "skipped"] {
        assert!(words.iter().any(|line| line.ends_with(word)), "{word}");
    }
    read("junit", &told(&hostile(), junit)).expect("hostile words are words");
}

#[test]
fn another_makers_reader_of_metrics_sees_as_many() {
    let stories = outcomes().into_iter().map(|(_, story)| story);
    for story in stories.chain([hostile()]) {
        let text = told(&story, openmetrics);
        let lines = read("openmetrics", &text).expect("metrics");
        assert_eq!(lines.len(), samples(&text).len());
        for line in lines {
            assert!(line.starts_with("gauge\tseatrial_"), "{line}");
        }
    }
}

#[test]
fn another_makers_readers_refuse_what_is_damaged() {
    let results = told(&whole("kept"), junit);
    let cut = results.trim_end().trim_end_matches("</testsuites>");
    read("junit", cut).expect_err("no end");
    let metrics = told(&whole("kept"), openmetrics);
    read("openmetrics", metrics.trim_end_matches("# EOF\n")).expect_err("no end");
    read("openmetrics", &metrics.replace(" gauge", " gouge")).expect_err("no such type");
}
