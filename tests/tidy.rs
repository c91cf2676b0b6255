//! The house rules that a machine can check. Each rule is tried on a small bad example below, so
//! that it is known to be able to fail.
#![expect(
    clippy::unwrap_used,
    reason = "a tree that cannot be read fails the test"
)]

use std::fs;
use std::path::Path;

/// Who may know whom: `ARCHITECTURE.md`, "Who may know whom". A module may always use itself, and
/// tests may use anything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("verdict", &[]),
    ("capability", &[]),
    ("wait", &[]),
    ("scenario", &["units"]),
    ("plan", &["capability", "scenario", "units"]),
    ("journal", &["plan", "units"]),
    ("swarm", &["journal", "wait"]),
    ("leavings", &["wait"]),
    ("remote", &["journal", "substrate", "wait"]),
    (
        "substrate",
        &[
            "capability",
            "journal",
            "leavings",
            "plan",
            "remote",
            "scenario",
            "swarm",
            "units",
            "wait",
        ],
    ),
    ("action", ACTS),
    ("fault", ACTS),
    ("probe", ACTS),
    ("workload", ACTS),
    (
        "heal",
        &[
            "fault",
            "journal",
            "leavings",
            "plan",
            "substrate",
            "swarm",
            "units",
            "wait",
        ],
    ),
    (
        "run",
        &[
            "action",
            "capability",
            "fault",
            "heal",
            "journal",
            "plan",
            "probe",
            "scenario",
            "substrate",
            "swarm",
            "units",
            "wait",
            "workload",
        ],
    ),
    ("check", JUDGES),
    ("report", JUDGES),
    ("gate", &["journal", "report", "verdict"]),
    (
        "trial",
        &[
            "check",
            "journal",
            "plan",
            "report",
            "run",
            "scenario",
            "substrate",
            "verdict",
        ],
    ),
];

/// What breaks, asks or uses a swarm knows the lab, never where it runs.
const ACTS: &[&str] = &[
    "journal",
    "plan",
    "scenario",
    "substrate",
    "swarm",
    "units",
    "wait",
];

/// What judges and tells knows plan and journal alone: no machine, no clock.
const JUDGES: &[&str] = &["journal", "plan", "scenario", "units", "verdict"];

/// The command line may use everything.
const BINARY: &[&str] = &["lib", "main", "cli"];

/// Libraries that speak to the world, and the only place that may name them.
const DOORS: &[(&str, &str)] = &[
    ("bollard", "src/swarm/engine"),
    ("mysql_async", "src/remote/database"),
    ("reqwest", "src/remote/page"),
];

/// Files longer than the limit: the limit that they have instead, and why.
const LONG: &[(&str, usize, &str)] = &[(
    "src/journal.rs",
    446,
    "every event of the journal, in one place",
)];

const FILE_LINES_MAX: usize = 400;
const FILE_WITH_TESTS_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;

/// Names that say nothing.
const NO_NAMES: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "manager", "misc",
];

/// Where nobody looks: made by tools, or not ours.
const NOT_OURS: &[&str] = &[
    ".git",
    "target",
    "runs",
    "Cargo.lock",
    "fuzz/target",
    "fuzz/corpus",
    "fuzz/artifacts",
    "mutants.out",
    "mutants.out.old",
];

/// Endings of the files that are read.
const TEXT: &[&str] = &[
    "rs", "md", "toml", "yaml", "yml", "snap", "json", "sh", "html", "css",
];

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(root, root, &mut files);
    assert!(files.len() > 20, "only {} files were found", files.len());
    let mut complaints = Vec::new();
    for (path, text) in &files {
        complaints.extend(words(path, text));
        if path.ends_with(".rs") {
            complaints.extend(first_line(path, text));
            complaints.extend(length(path, text));
            complaints.extend(functions(path, text));
            complaints.extend(name(path));
        }
        if path.ends_with(".rs") || path.starts_with("ci/") {
            complaints.extend(columns(path, text));
        }
        if path.starts_with("src/") && path.ends_with(".rs") {
            complaints.extend(imports(path, text));
        }
    }
    let find = |wanted: &str| files.iter().find(|(path, _)| path == wanted);
    let (_, lib) = find("src/lib.rs").unwrap();
    let (_, map) = find("ARCHITECTURE.md").expect("ARCHITECTURE.md is there");
    complaints.extend(code_map(lib, map));
    for (path, ..) in LONG {
        if find(path).is_none_or(|(_, text)| text.lines().count() <= FILE_LINES_MAX) {
            complaints.push(format!("{path}: no longer long: take it out of LONG"));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Every text file that is ours: path from the root, and text.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let relative = path.strip_prefix(root).unwrap().display().to_string();
        if NOT_OURS.contains(&relative.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files);
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_text = ending.map_or(relative.starts_with("ci/"), |ending| TEXT.contains(&ending));
        if is_text && let Ok(text) = fs::read_to_string(&path) {
            files.push((relative, text));
        }
    }
}

fn first_line(path: &str, text: &str) -> Vec<String> {
    match text.lines().next() {
        Some(line) if line.starts_with("//! ") => vec![],
        _ => vec![format!(
            "{path}:1: say in a `//!` line what this file is for"
        )],
    }
}

/// The text before a file's own tests.
fn before_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod ")
        .map_or(text, |(code, _)| code)
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.starts_with("benches/") || path.ends_with("tests.rs")
}

fn length(path: &str, text: &str) -> Vec<String> {
    let max = LONG
        .iter()
        .find(|(long, ..)| *long == path)
        .map_or(FILE_LINES_MAX, |(_, max, _)| *max);
    let (code, all) = (before_tests(text).lines().count(), text.lines().count());
    let mut complaints = Vec::new();
    if code > max && !is_test(path) {
        complaints.push(format!(
            "{path}: {code} lines, more than {max}: split it by noun"
        ));
    }
    if all > FILE_WITH_TESTS_LINES_MAX.max(max) {
        complaints.push(format!(
            "{path}: {all} lines with its tests: split the tests"
        ));
    }
    complaints
}

/// Measures bodies, in text that rustfmt has formatted.
fn functions(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut complaints = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = code
            .split_once("fn ")
            .is_some_and(|(before, _)| before.split_whitespace().all(is_modifier));
        let one_line = code.ends_with(';') || code.ends_with('}');
        if !is_function || one_line {
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        let closing = format!("{indent}}}");
        let mut body = None;
        for (at, line) in lines.iter().enumerate().skip(start) {
            let same_indent = line
                .strip_prefix(indent)
                .is_some_and(|l| !l.starts_with(' '));
            if body.is_none() && line.ends_with('{') {
                body = Some(at);
            } else if *line == closing {
                let length = at - body.unwrap_or(start) - 1;
                if length > FUNCTION_LINES_MAX {
                    complaints.push(format!(
                        "{path}:{}: a function of {length} lines, more than {FUNCTION_LINES_MAX}",
                        start + 1
                    ));
                }
                break;
            } else if same_indent && line.ends_with(';') {
                break;
            }
        }
    }
    complaints
}

fn is_modifier(word: &str) -> bool {
    word.starts_with("pub") || matches!(word, "async" | "const" | "unsafe" | "extern")
}

fn columns(path: &str, text: &str) -> Vec<String> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| line.chars().count() > COLUMNS_MAX)
        .map(|(at, _)| format!("{path}:{}: wider than {COLUMNS_MAX} columns", at + 1))
        .collect()
}

fn name(path: &str) -> Vec<String> {
    let stem = stem(path);
    if NO_NAMES.contains(&stem) {
        return vec![format!("{path}: `{stem}` says nothing: name the noun")];
    }
    vec![]
}

fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.trim_end_matches(".rs")
}

/// Words that do not belong in the tree. Written in two halves, so that this file may stay.
fn words(path: &str, text: &str) -> Vec<String> {
    let banned = [
        (["crates", ".io"], "names a package registry"),
        (["registry-1.", "docker"], "names a package registry"),
        (
            ["deb.", "debian.org"],
            "names a package registry: let the tool choose its mirror",
        ),
        (["pypi", ".org"], "names a package registry"),
        (["npmjs", ".org"], "names a package registry"),
        (["/wo", "rk/"], "a path of one machine"),
        (["/tmp", "/wt"], "a path of one machine"),
        (["FIX", "ME"], "do it, or write it where the open work is"),
        (["dbg", "!("], "a left-over"),
        (
            ["serde(un", "tagged"],
            "errors would lose their place: tag externally",
        ),
        (
            ["serde(fl", "atten"],
            "unknown keys would pass: name the fields",
        ),
    ];
    let to_do = ["TO", "DO"].concat();
    let mut complaints = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for (halves, why) in &banned {
            let word = halves.concat();
            if line.contains(&word) {
                complaints.push(format!("{path}:{}: `{word}`: {why}", at + 1));
            }
        }
        let bare = line.match_indices(&to_do).any(|(at, _)| {
            let rest = &line[at + to_do.len()..];
            !rest.starts_with('(') || rest.starts_with("()")
        });
        if bare {
            complaints.push(format!("{path}:{}: `{to_do}` without a name", at + 1));
        }
    }
    complaints
}

/// Modules of the crate that a file of `src` may not know, and libraries that are not its own.
fn imports(path: &str, text: &str) -> Vec<String> {
    let module = path
        .trim_start_matches("src/")
        .split('/')
        .next()
        .map_or("", stem);
    if path.ends_with("tests.rs") {
        return vec![];
    }
    let code: String = before_tests(text)
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n");
    let mut complaints = Vec::new();
    for (library, door) in DOORS {
        if code.contains(&format!("{library}::")) && !path.starts_with(door) {
            complaints.push(format!("{path}: only {door} may name `{library}`"));
        }
    }
    if code.contains("super::super::") {
        complaints.push(format!("{path}: `super::super::`: name it from `crate::`"));
    }
    if BINARY.contains(&module) {
        return complaints;
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
        complaints.push(format!(
            "{path}: module `{module}` is not in MAY_USE of tests/tidy.rs"
        ));
        return complaints;
    };
    for used in used(&code) {
        if used != module && !allowed.contains(&used.as_str()) {
            complaints.push(format!("{path}: `{module}` may not know `{used}`"));
        }
    }
    complaints
}

/// The first names after `crate::`, also in `crate::{…}`.
fn used(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let top: String = group
                .chars()
                .take_while(|c| {
                    depth += match c {
                        '{' => 1,
                        '}' => -1,
                        _ => 0,
                    };
                    depth >= 0
                })
                .collect();
            let mut depth = 0;
            let parts = top.split(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                c == ',' && depth == 0
            });
            names.extend(parts.map(first_name));
        } else {
            names.push(first_name(rest));
        }
    }
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names
}

fn first_name(path: &str) -> String {
    path.trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Every module of the library has its line in the code map.
fn code_map(lib: &str, map: &str) -> Vec<String> {
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .filter(|module| {
            !map.lines()
                .any(|line| line.starts_with(&format!("- `{module}`")))
        })
        .map(|module| format!("ARCHITECTURE.md: the code map has no line \"- `{module}`\""))
        .collect()
}

mod rules {
    use super::*;

    #[test]
    fn a_file_says_what_it_is_for() {
        assert_eq!(first_line("a.rs", "use x;\n").len(), 1);
        assert_eq!(first_line("a.rs", "").len(), 1);
        assert_eq!(first_line("a.rs", "//! Why.\n"), [""; 0]);
    }

    #[test]
    fn files_are_short_and_their_tests_count_apart() {
        assert_eq!(length("src/a.rs", &"x\n".repeat(401)).len(), 1);
        assert_eq!(length("src/a.rs", &"x\n".repeat(400)), [""; 0]);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}", "x\n".repeat(450));
        assert_eq!(length("src/a.rs", &tests), [""; 0]);
        assert_eq!(length("tests/a.rs", &"x\n".repeat(601)).len(), 1);
        assert_eq!(length("src/a/tests.rs", &"x\n".repeat(600)), [""; 0]);
    }

    #[test]
    fn functions_are_short() {
        let long = |n| {
            format!(
                "    pub async fn f(\n        x,\n    ) {{\n{}    }}\n",
                "x;\n".repeat(n)
            )
        };
        assert_eq!(functions("a.rs", &long(71)).len(), 1);
        assert_eq!(functions("a.rs", &long(70)), [""; 0]);
        let declared = "    fn f(\n    ) -> X;\n".to_owned() + &"\n".repeat(90) + "    }\n";
        assert_eq!(functions("a.rs", &declared), [""; 0]);
    }

    #[test]
    fn lines_are_narrow() {
        assert_eq!(columns("a.rs", &"é".repeat(101)).len(), 1);
        assert_eq!(columns("a.rs", &"é".repeat(100)), [""; 0]);
    }

    #[test]
    fn names_say_something() {
        assert_eq!(name("src/run/utils.rs").len(), 1);
        assert_eq!(name("src/run/clock.rs"), [""; 0]);
    }

    #[test]
    fn words_of_one_machine_and_left_overs_are_found() {
        for bad in [
            ["crates", ".io"],
            ["/wo", "rk/x"],
            ["// TO", "DO: x"],
            ["// TO", "DO() x"],
            ["FIX", "ME"],
            ["#[serde(un", "tagged)]"],
        ] {
            assert_eq!(words("a.md", &bad.concat()).len(), 1, "{bad:?}");
        }
        assert_eq!(words("a.md", &["TO", "DO(ann): x"].concat()), [""; 0]);
    }

    #[test]
    fn modules_know_only_those_below_them() {
        let upwards = imports("src/check/x.rs", "use crate::substrate::Lab;\n");
        assert_eq!(
            upwards,
            ["src/check/x.rs: `check` may not know `substrate`"]
        );
        let inline = imports("src/units.rs", "fn f() { crate::run::x() }\n");
        assert_eq!(inline, ["src/units.rs: `units` may not know `run`"]);
        let group = "use crate::{\n  journal::{file, run},\n  heal, verdict::Verdict,\n};\n";
        assert_eq!(
            imports("src/check.rs", group),
            ["src/check.rs: `check` may not know `heal`"]
        );
        assert_eq!(imports("src/check.rs", "use crate::check::x;\n"), [""; 0]);
        let comment = "/// Like [`crate::run`].\n#[cfg(test)]\nmod tests {\n use crate::run;\n}\n";
        assert_eq!(imports("src/check.rs", comment), [""; 0]);
        assert_eq!(imports("src/new.rs", "").len(), 1);
        assert_eq!(
            imports("src/heal/x.rs", "use super::super::run;\n").len(),
            1
        );
        assert_eq!(imports("src/main.rs", "use crate::anything;\n"), [""; 0]);
    }

    #[test]
    fn a_library_that_speaks_to_the_world_has_one_door() {
        let through_the_wall = imports("src/probe/sql.rs", "use mysql_async::Conn;\n");
        assert_eq!(through_the_wall.len(), 1);
        assert_eq!(
            imports("src/swarm/engine/seen.rs", "use bollard::models;\n"),
            [""; 0]
        );
    }

    #[test]
    fn the_code_map_names_every_module() {
        let lib = "pub mod journal;\npub mod wait;\n";
        let complaints = code_map(lib, "- `journal`: every act.\nand wait\n");
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].contains("`wait`"));
    }
}
