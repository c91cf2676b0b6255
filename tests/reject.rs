//! Broken scenarios: each says everything that is wrong with it, where, and what to write instead.

use std::path::{Path, PathBuf};

use insta::{Settings, assert_snapshot};
use proptest::prelude::*;
use rstest::rstest;
use seatrial::capability::{Capabilities, Capability};
use seatrial::plan::{Options, Outcome, plan};
use seatrial::scenario::{Mistakes, Scenario, load, parse};

fn options() -> Options {
    use Capability::{CleanStop, Isolation, NfsV3, NfsV42, PowerCut, RoutingMesh};
    Options {
        place: "sim".into(),
        capabilities: [CleanStop, PowerCut, Isolation, RoutingMesh, NfsV3, NfsV42].into(),
        patience: 1.0,
        seed: 7,
        no_faults: false,
        environment: Default::default(),
    }
}

fn refusal(path: &Path, options: &Options) -> Mistakes {
    match load(path).and_then(|loaded| plan(&loaded, options)) {
        Ok(outcome) => panic!("accepted: {outcome:?}"),
        Err(mistakes) => mistakes,
    }
}

/// The name of the file that a mistake is shown in, without this machine's folders.
fn relative(path: &Path) -> PathBuf {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .expect("a file of this package")
        .to_owned()
}

#[rstest]
fn a_broken_scenario_says_all_that_is_wrong(
    #[files("tests/reject/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: PathBuf,
) {
    let path = relative(&path);
    let name = path
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let mistakes = refusal(&path, &options());
    assert!(
        mistakes.iter().all(|mistake| mistake.line().is_some()),
        "{mistakes}"
    );
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("reject");
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, mistakes));
}

#[test]
fn colours_are_for_those_who_ask() {
    let mistakes = refusal(Path::new("tests/reject/misspelt.yaml"), &options());
    assert!(mistakes.render(true).contains('\u{1b}'));
    assert!(!mistakes.render(false).contains('\u{1b}'));
}

#[test]
fn a_place_without_the_capability_skips() {
    let with = |missing: &[Capability]| {
        let mut options = options();
        options
            .capabilities
            .retain(|capability| !missing.contains(capability));
        let loaded = load(Path::new("scenarios/mariadb-nfs-v3-power-cut.yaml")).expect("sound");
        plan(&loaded, &options).expect("sound")
    };
    let Outcome::Skipped { name, reason } = with(&[Capability::PowerCut]) else {
        panic!()
    };
    assert_eq!(name, "mariadb-nfs-v3-power-cut");
    assert_eq!(reason, "`sim` has no power cut");
    let all: Capabilities = options().capabilities;
    let Outcome::Skipped { reason, .. } = with(&all.into_iter().collect::<Vec<_>>()) else {
        panic!()
    };
    assert_eq!(
        reason,
        "`sim` has no power cut, no routing mesh and no NFS v3"
    );
    assert!(matches!(with(&[Capability::NfsV42]), Outcome::Ready(_)));
}

#[test]
fn patience_that_outlasts_a_fault_is_refused() {
    let text = std::fs::read_to_string("scenarios/mariadb-nfs-survives-node-stop.yaml")
        .expect("a file")
        .replace("host_of: mariadb } }", "host_of: mariadb } }\n    for: 5m");
    let loaded = parse(Path::new("scenarios/patient.yaml"), &text).expect("sound");
    assert!(matches!(plan(&loaded, &options()), Ok(Outcome::Ready(_))));
    let slow = Options {
        patience: 2.0,
        ..options()
    };
    let mistakes = plan(&loaded, &slow).expect_err("6m is longer than 5m");
    assert_snapshot!(mistakes, @"
    error: 3m at a patience of 2 is not shorter than the 5m that `stop` lasts: recovery could not be told from the cure
      --> scenarios/patient.yaml:34:25
       |
    34 |   - recovers: { within: 3m }
       |                         ^^
       |
       = help: write less, or leave `for` out: `stop` then lasts until recovery
    ");
    for patience in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        plan(
            &loaded,
            &Options {
                patience,
                ..options()
            },
        )
        .expect_err("no patience");
    }
}

#[test]
fn a_variable_of_a_stack_file_is_filled_in() {
    let path = Path::new("tests/reject/variables/uses-variables.yaml");
    let with = |port: &str| {
        let environment = [("PORT".to_owned(), port.to_owned())].into();
        let options = Options {
            environment,
            ..options()
        };
        load(path).and_then(|loaded| plan(&loaded, &options))
    };
    assert!(matches!(with("8080"), Ok(Outcome::Ready(_))));
    assert!(
        with("8081")
            .expect_err("another port")
            .to_string()
            .contains("`8081`")
    );
    assert!(
        with("many")
            .expect_err("no port")
            .to_string()
            .contains("`many:80` is no port")
    );
}

#[cfg(unix)]
#[test]
fn a_stack_file_outside_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string("scenarios/nginx-nfs-answers-on-every-node.yaml");
    let text = text.expect("a file");
    let path = folder.path().join("a.yaml");
    let outside = std::path::absolute("scenarios/nginx-nfs.stack.yaml").expect("a path");
    std::os::unix::fs::symlink(&outside, folder.path().join("link.stack.yaml")).expect("a link");
    let outside = outside.display().to_string();
    for (file, why) in [
        ("link.stack.yaml", "leads out of"),
        ("../a.stack.yaml", "is not beside the scenario"),
        ("./a.stack.yaml", "is not beside the scenario"),
        (outside.as_str(), "is not beside the scenario"),
        ("gone.stack.yaml", "cannot be read"),
        ("Upper.stack.yaml", "small letters"),
        (".stack.yaml", "small letters"),
        ("compose.yaml", "does not end in"),
    ] {
        let text = text.replace("nginx-nfs.stack.yaml", file);
        let loaded = parse(&path, &text).expect("sound");
        let mistakes = plan(&loaded, &options()).expect_err(file);
        assert_eq!(mistakes.iter().count(), 1, "{mistakes}");
        assert!(mistakes.to_string().contains(why), "{mistakes}");
    }
}

#[test]
fn what_is_no_scenario_file_is_said_to_be_none() {
    for (path, why) in [
        ("tests/reject/gone.yaml", "failed to read"),
        ("tests/reject", "is not a file"),
        ("/dev/zero", "is not a file"),
    ] {
        let mistakes = load(Path::new(path)).expect_err(path);
        assert!(mistakes.to_string().contains(why), "{mistakes}");
    }
    let parsed = parse(Path::new("a.yaml"), &"# long\n".repeat(200_000));
    assert!(
        parsed
            .expect_err("too long")
            .to_string()
            .contains("longer than 1 MiB")
    );
    let parsed = parse(Path::new("a\nb.yaml"), "");
    assert!(
        parsed
            .expect_err("odd name")
            .to_string()
            .contains("is no name for a scenario")
    );
}

#[test]
fn bombs_do_not_go_off() {
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep: String = (0..300)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let wide = format!("expect: [{}]", "a,".repeat(100_000));
    let keys: String = (0..19_000).map(|index| format!("k{index}: 1\n")).collect();
    let aliases = "a: &a [x, x]\nb: &b [*a, *a]\n".to_owned();
    for text in [nested, deep, wide, keys, aliases] {
        let mistakes = parse(Path::new("a.yaml"), &text).expect_err("a bomb");
        assert!(mistakes.to_string().len() < 100_000);
    }
    let bomb = Path::new("tests/reject/bomb/bomb.yaml");
    assert!(
        refusal(bomb, &options())
            .to_string()
            .contains("more than 20000 values")
    );
}

/// The scenario files that mutations start from.
fn scenarios() -> Vec<String> {
    let files = std::fs::read_dir("scenarios").expect("a folder");
    let mut texts: Vec<String> = files
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"))
        .collect();
    texts.sort();
    texts
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
        "      rate: ?",
        "  - at: ?",
        "      stop: ?",
        "    for: ?",
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
    fn exchanged_words_never_panic(which in 0_usize..100, from in 0_usize..500, to in 0_usize..500) {
        let texts = scenarios();
        let text = &texts[which % texts.len()];
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, to) = (words[from % words.len()], words[to % words.len()]);
        try_out(&text.replacen(from, to, 1));
        try_out(&text.replace(from, to));
    }
}
