//! `docs/scenario-reference.md` is what the schema says, with examples out of planned files.
//!
//! `SEATRIAL_WRITE_REFERENCE=1 cargo test --test reference` writes it anew. An example that is no
//! longer understood cannot stay: each is taken from a scenario that this test reads and plans.

mod example;
mod page;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use seatrial::plan::{Options, Outcome, plan};
use seatrial::scenario::{Target, load, schema};
use seatrial::substrate::Place;
use seatrial::substrate::sim::Sim;
use serde_json::Value;

use example::Examples;

const PAGE: &str = "docs/scenario-reference.md";

/// Where examples are taken from, the first ones first: what is run where everything is toured,
/// and what Seatrial comes with.
const SOURCES: &[&str] = &["tests/tour", "tests/probes", "scenarios"];

/// Scenario files under a folder, sorted.
fn scenarios(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        let name = path.display().to_string();
        if path.is_dir() {
            scenarios(&path, found);
        } else if name.ends_with(".yaml") && !name.ends_with(".stack.yaml") {
            found.push(path);
        }
    }
}

/// The simulated place can do everything.
fn options() -> Options {
    Options {
        place: "sim".into(),
        capabilities: Sim::new().capabilities(),
        patience: 1.0,
        seed: 7,
        no_faults: false,
        environment: Default::default(),
        nodes: None,
    }
}

/// What a scenario file says, once it was read and planned.
fn planned(path: &Path) -> Value {
    let loaded = load(path).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let outcome = plan(&loaded, &options());
    match outcome.unwrap_or_else(|mistakes| panic!("{mistakes}")) {
        Outcome::Ready(_) => {}
        Outcome::Skipped { reason, .. } => panic!("{}: skipped: {reason}", path.display()),
    }
    let text = std::fs::read_to_string(path).expect("a file");
    serde_saphyr::from_str(&text).expect("what was read before")
}

fn examples(schema: &Value) -> Examples {
    let mut files = Vec::new();
    for folder in SOURCES {
        scenarios(Path::new(folder), &mut files);
    }
    let mut examples = Examples::default();
    for file in files {
        examples.take(schema, &planned(&file));
    }
    examples
}

#[test]
fn the_reference_says_what_the_schema_says() {
    let schema = schema();
    let (text, missing) = page::page(&schema, &examples(&schema));
    assert!(
        missing.is_empty(),
        "no scenario shows {}; use it in one, such as tests/tour/keys.yaml",
        missing.join(", ")
    );
    if std::env::var_os("SEATRIAL_WRITE_REFERENCE").is_some() {
        std::fs::write(PAGE, &text).expect("written");
    }
    let there = std::fs::read_to_string(PAGE).unwrap_or_default();
    let first = there
        .lines()
        .zip(text.lines())
        .find(|(old, new)| old != new);
    assert!(
        there == text,
        "`{PAGE}` is not what the schema says (first difference: {first:?}); run \
         `SEATRIAL_WRITE_REFERENCE=1 cargo test --test reference` and read what changed"
    );
}

#[test]
fn every_key_and_word_of_the_schema_is_on_the_page() {
    let text = std::fs::read_to_string(PAGE).expect("the page");
    let schema = schema();
    let definitions = schema["$defs"].as_object().expect("definitions");
    let keys = |node: &Value| -> Vec<String> {
        let keys = node["properties"].as_object();
        keys.map(|keys| keys.keys().cloned().collect())
            .unwrap_or_default()
    };
    let mut wanted = keys(&schema);
    for node in definitions.values() {
        wanted.extend(keys(node));
        for form in node["oneOf"].as_array().into_iter().flatten() {
            wanted.extend(keys(form));
            wanted.extend(form["const"].as_str().map(str::to_owned));
        }
    }
    assert!(wanted.len() > 60, "only {} keys", wanted.len());
    for key in wanted {
        assert!(
            text.contains(&format!("`{key}`")) || text.contains(&format!("`{{ {key}: ")),
            "`{key}` is not on the page"
        );
    }
}

#[test]
fn every_link_leads_to_a_heading() {
    let text = std::fs::read_to_string(PAGE).expect("the page");
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slugs: Vec<String> = headings
        .map(|line| page::slug(line.trim_start_matches('#')))
        .collect();
    let all: BTreeSet<&String> = slugs.iter().collect();
    assert_eq!(all.len(), slugs.len(), "two headings of one name");
    let links = text
        .split("](#")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let links: Vec<&str> = links.map(|(link, _)| link).collect();
    assert!(links.len() > 50, "only {} links", links.len());
    for link in links {
        assert!(
            slugs.iter().any(|slug| slug == link),
            "no heading `#{link}`"
        );
    }
}

#[test]
fn every_word_for_a_machine_is_one() {
    let words = page::TARGETS.iter().map(|(word, _)| *word);
    for word in words.filter(|word| !word.contains(['{', '-'])) {
        assert!(
            !matches!(Target::from_word(word), Target::Node(_)),
            "{word}"
        );
    }
    let schema = schema();
    let description = schema["$defs"]["Target"]["description"].as_str();
    let description = description.expect("a description").replace(" or ", ", ");
    let known = |word: &str| page::TARGETS.iter().any(|(known, _)| *known == word);
    for word in description
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        assert!(
            known(word) || word == "a node",
            "`{word}` is not among the targets"
        );
    }
}

#[test]
fn an_example_is_read_as_what_it_shows() {
    let schema = schema();
    let examples = examples(&schema);
    let mut count = 0;
    for value in examples.all() {
        let text = example::flow(value);
        let read: Value = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(&read, value, "{text}");
        count += 1;
    }
    assert!(count > 100, "only {count} examples");
}
