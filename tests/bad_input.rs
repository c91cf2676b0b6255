//! Text that may be anything is refused or read as serde reads it; it never panics.

use std::path::Path;

use proptest::prelude::*;
use rstest::rstest;
use seatrial::plan::{Options, plan};
use seatrial::scenario::{Scenario, parse};

/// The scenario files that mutations start from.
fn scenarios() -> Vec<String> {
    let folders = ["scenarios", "scenarios/article", "tests/probes"];
    let files = folders.map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let paths = files
        .into_iter()
        .flatten()
        .map(|file| file.expect("a file").path());
    let mut texts: Vec<String> = paths
        .filter(|path| path.is_file())
        .map(|path| std::fs::read_to_string(path).expect("text"))
        .collect();
    texts.sort();
    texts
}

fn options() -> Options {
    Options {
        place: "sim".into(),
        capabilities: Default::default(),
        patience: 1.0,
        seed: 7,
        no_faults: false,
        environment: Default::default(),
        nodes: None,
    }
}

/// Reads and plans a text that may be anything; whatever it is, it must not panic.
fn try_out(text: &str) {
    match parse(Path::new("scenarios/any.yaml"), text) {
        Ok(loaded) => {
            let serde: Scenario = serde_saphyr::from_str(text)
                .unwrap_or_else(|error| panic!("accepted, and refused by serde: {error}\n{text}"));
            assert_eq!(serde, loaded.scenario, "{text}");
            if let Err(mistakes) = plan(&loaded, &options()) {
                let _ = mistakes.render(true);
            }
        }
        Err(mistakes) => assert!(!mistakes.to_string().is_empty()),
    }
}

/// Scalars that one reader of YAML takes for a word and another for something else.
const ODD: &[&str] = &[
    "12",
    "012",
    "0",
    "-1",
    "+1",
    "1_000",
    "0x1F",
    "0o17",
    "1e3",
    "1.0",
    ".inf",
    "-.inf",
    ".nan",
    "inf",
    "nan",
    "NaN",
    "infinity",
    "Infinity",
    "true",
    "True",
    "no",
    "Off",
    "y",
    "null",
    "Null",
    "~",
    "\"\"",
    "\"12\"",
    "'~'",
    "\"\\u00e9\\n\"",
    "12:30:45",
    "2020-01-01",
    "!x",
    "!!str 1",
    "&a x",
    "*a",
    "<<",
    "=",
    "-",
    "a b",
    "é",
    "server-3",
    "Server_3",
    "0b1",
    "1h",
    "90s",
    "1.5s",
    "5%",
    "2/s",
    "",
    "|-\n  two\n  lines",
    "[a]",
    "{ a: b }",
    "{ host_of: 12 }",
    "{ host_of: x }",
];

#[rstest]
fn what_is_read_is_what_serde_reads(
    #[values(
        "scenario: ?",
        "because: ?",
        "  managers: ?",
        "  workers: ?",
        "  nfs: ?",
        "deploy: ?",
        "  a: ?",
        "      service: ?",
        "      replicas: ?",
        "      query: ?",
        "      within: ?",
        "      via: ?",
        "      port: ?",
        "      body: ?",
        "      writers: ?",
        "      reconnect: ?",
        "      rate: ?",
        "  - at: ?",
        "      stop: ?",
        "    for: ?",
        "        path: ?",
        "        content: ?",
        "  - nothing_lost: ?",
        "  - control: ?",
        "      share: ?",
        "  - \"?\"",
        "  ?: v"
    )]
    field: &str,
) {
    let full = r#"scenario: a
because: b
cluster:
  managers: 3
  workers: 1
  nfs: v3
share:
  a: b
deploy: a.stack.yaml
steady:
  - running:
      service: a
      replicas: 1
  - sql:
      service: a
      query: q
      within: 1s
workload:
  - get:
      via: worker
      port: 80
      body: b
      rate: 1/s
  - ledger:
      service: a
      rate: 1/s
      writers: 1
      reconnect: true
actions:
  - at: 1s
    do:
      write:
        path: a
        content: b
faults:
  - at: 1s
    do:
      stop: leader
    for: 1m
expect:
  - nothing_lost: ledger
  - control: kept
  - answers:
      workload: get
      share: 99%
      gap: 1s
must_fail:
  - "control"
allow: [quorum_loss]
"#;
    try_out(full);
    parse(Path::new("a.yaml"), full).expect("the template is sound");
    let key = field.split('?').next().expect("a beginning");
    let mut replaced = 0;
    for line in full.lines().filter(|line| line.starts_with(key)) {
        for odd in ODD {
            try_out(&full.replacen(line, &field.replace('?', odd), 1));
            replaced += 1;
        }
    }
    assert!(replaced > 0, "{field} is not in the template");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*") {
        try_out(&text);
    }

    #[test]
    fn text_made_of_yaml_never_panics(
        text in "([\\n ]{0,3}(scenario|expect|faults|at|do|stop|steady|because|[a-z0-9é\\t]{1,3})?\
                 (: |- |\\[|\\]|\\{|\\}|,|\"|'|&a|\\*a|!|\\||>|#|\\n  |\\r\\n|\u{feff})){0,30}"
    ) {
        try_out(&text);
    }

    #[test]
    fn mutated_scenarios_never_panic(
        which in 0_usize..100, place in 0.0..1.0_f64, length in 0_usize..20, insert in "\\PC{0,6}",
    ) {
        let texts = scenarios();
        let text = &texts[which % texts.len()];
        let start = text.floor_char_boundary((place * text.len() as f64) as usize);
        let end = text.floor_char_boundary(start + length);
        try_out(&format!("{}{insert}{}", &text[..start], &text[end..]));
    }

    #[test]
    fn exchanged_words_never_panic(
        which in 0_usize..100,
        from in 0_usize..500,
        to in 0_usize..500,
    ) {
        let texts = scenarios();
        let text = &texts[which % texts.len()];
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, to) = (words[from % words.len()], words[to % words.len()]);
        try_out(&text.replacen(from, to, 1));
        try_out(&text.replace(from, to));
    }

    #[test]
    fn mutated_stack_files_never_panic(
        place in 0.0..1.0_f64, length in 0_usize..20,
        insert in "(\\PC{0,6}|[$]\\{[A-Z:?+-]{0,4}\\}?|<<: \\*a|&a |: |\\n *)",
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let scenario = std::fs::read_to_string("tests/reject/not-on-the-share.yaml").expect("text");
        let stacks = ["shop", "broken", "mounts"].map(|name| {
            std::fs::read_to_string(format!("tests/reject/{name}.stack.yaml")).expect("text")
        });
        for text in &stacks {
            let start = text.floor_char_boundary((place * text.len() as f64) as usize);
            let end = text.floor_char_boundary(start + length);
            let text = format!("{}{insert}{}", &text[..start], &text[end..]);
            std::fs::write(folder.path().join("mounts.stack.yaml"), text).expect("written");
            let loaded = parse(&folder.path().join("a.yaml"), &scenario).expect("sound");
            match plan(&loaded, &options()) {
                Ok(outcome) => drop(format!("{outcome:?}")),
                Err(mistakes) => prop_assert!(!mistakes.to_string().is_empty()),
            }
        }
    }
}
