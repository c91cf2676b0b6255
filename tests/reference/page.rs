//! The page: every key, its form, its default and an example, with links from one to the other.

use serde_json::Value;

use super::example::{Examples, flow, forms, refers};

/// The parts of a scenario file, in the order in which they are written.
const ORDER: &[&str] = &[
    "scenario",
    "because",
    "cluster",
    "share",
    "deploy",
    "steady",
    "steady_after",
    "workload",
    "actions",
    "faults",
    "expect",
    "must_fail",
    "allow",
];

/// Forms of which each word has a heading of its own: the definition, what a word of it is called,
/// what stands before it in a file, and the title of the section.
const KINDS: &[(&str, &str, &str, &str)] = &[
    ("Probe", "Probe", "- ", "Probes"),
    ("Workload", "Workload", "- ", "Workloads"),
    ("FaultAction", "Fault", "do: ", "Faults"),
    ("ActionVerb", "Action", "do: ", "Actions"),
    ("Expectation", "Expectation", "- ", "Expectations"),
];

/// Words for machines, and what each means.
pub(crate) const TARGETS: &[(&str, &str)] = &[
    ("leader", "the manager that leads now"),
    ("manager", "one manager, chosen by the seed"),
    ("worker", "one worker, chosen by the seed"),
    ("every_node", "every node of the swarm"),
    (
        "{ host_of: SERVICE }",
        "the node that runs a live task of this service, of the lowest slot",
    ),
    (
        "server-16",
        "the node of this name; `seatrial plan` lists them",
    ),
    (
        "balancer",
        "the machine with HAProxy; needs `cluster.balancer`",
    ),
    (
        "registry",
        "the machine with the images; needs `cluster.registry`",
    ),
    ("storage", "the NFS server; needs `cluster.nfs`"),
];

/// What is said first.
const HEAD: &str = "# Scenario reference

Everything that a scenario file can say. This page is made from the JSON Schema that
`seatrial schema` prints, by `SEATRIAL_WRITE_REFERENCE=1 cargo test --test reference`; every
example is out of a file that a test reads and plans. A file is strict YAML: a key that is not
here is an error, told with line and caret, all mistakes of a file at once.
";

/// The whole page, and what no example shows.
pub(crate) fn page(schema: &Value, examples: &Examples) -> (String, Vec<String>) {
    let mut page = Page {
        schema,
        examples,
        text: String::new(),
        missing: Vec::new(),
    };
    page.text += HEAD;
    page.index();
    page.text += "\n## The file\n\n";
    page.keys("Scenario", schema, ORDER);
    for (name, singular, before, title) in KINDS {
        page.kind(name, singular, before, title);
    }
    page.targets();
    page.text += "\n## Other forms\n";
    let definitions = schema["$defs"].as_object().expect("definitions");
    for name in definitions.keys() {
        if heading(schema, name) == title_of(name) && name != "Target" {
            page.form(name);
        }
    }
    (page.text.replace(" \n", "\n"), page.missing)
}

/// A page under way.
struct Page<'a> {
    schema: &'a Value,
    examples: &'a Examples,
    text: String,
    missing: Vec<String>,
}

impl Page<'_> {
    /// Links to everything that has a heading.
    fn index(&mut self) {
        self.text += "\n| of | there are |\n|---|---|\n";
        let link = |word: &str, heading: &str| format!("[`{word}`](#{})", slug(heading));
        let parts: Vec<String> = ORDER.iter().map(|part| link(part, "The file")).collect();
        self.text += &format!("| [the file](#the-file) | {} |\n", parts.join(" "));
        for (name, singular, _, title) in KINDS {
            let words = words(self.schema, name);
            let links = words
                .iter()
                .map(|(word, _)| link(word, &format!("{singular} `{word}`")));
            let links: Vec<String> = links.collect();
            let title = format!("[{}](#{})", title.to_lowercase(), slug(title));
            self.text += &format!("| {title} | {} |\n", links.join(" "));
        }
        let links: Vec<String> = TARGETS
            .iter()
            .map(|(word, _)| link(word, "Targets"))
            .collect();
        self.text += &format!("| [targets](#targets) | {} |\n", links.join(" "));
        let definitions = self.schema["$defs"].as_object().expect("definitions");
        let others = definitions
            .keys()
            .filter(|name| heading(self.schema, name) == title_of(name));
        let links = others.filter(|name| *name != "Target").map(|name| {
            format!(
                "[{}](#{})",
                title_of(name).to_lowercase(),
                slug(&title_of(name))
            )
        });
        let links: Vec<String> = links.collect();
        self.text += &format!("| [other forms](#other-forms) | {} |\n", links.join(", "));
    }

    /// A form in which each word has its own heading.
    fn kind(&mut self, name: &str, singular: &str, before: &str, title: &str) {
        let node = &self.schema["$defs"][name];
        self.text += &format!("\n## {title}\n\n{}\n", prose(node));
        if let Some(step) = self.schema["$defs"]
            .get(singular)
            .filter(|_| singular != name)
        {
            self.text += "\n";
            self.keys(singular, step, &["at", "do"]);
        }
        for (word, form) in words(self.schema, name) {
            self.text += &format!("\n### {singular} `{word}`\n\n{}\n", prose(form));
            let of = &form["properties"][&word];
            let payload = refers(of)
                .filter(|payload| heading(self.schema, payload) != title_of(payload))
                .filter(|payload| self.schema["$defs"][payload]["properties"].is_object());
            let keys = match payload {
                Some(payload) => {
                    self.text += "\n";
                    let payload = &self.schema["$defs"][payload];
                    self.table(payload, &[]);
                    names(payload, &[])
                }
                None => {
                    self.text += &format!("\nForm: {}.\n", self.shape(of));
                    Vec::new()
                }
            };
            self.show(name, &keys, Some(&word), before);
        }
    }

    /// Words for machines.
    fn targets(&mut self) {
        self.text += "\n## Targets\n\nA choice of machines, made when it is needed and written \
                      into the journal.\n\n| word | means |\n|---|---|\n";
        for (word, means) in TARGETS {
            self.text += &format!("| `{word}` | {means} |\n");
        }
        self.show("Target", &[], None, "on: ");
    }

    /// A form with a heading of its own.
    fn form(&mut self, name: &str) {
        let node = &self.schema["$defs"][name];
        self.text += &format!("\n### {}\n\n{}\n", title_of(name), prose(node));
        if node["properties"].is_object() {
            self.text += "\n";
            self.keys(name, node, &[]);
            return;
        }
        let words: Vec<&Value> = forms(node)
            .filter(|form| form["const"].is_string())
            .collect();
        if !words.is_empty() {
            self.text += "\n| word | means |\n|---|---|\n";
            for form in words {
                let word = form["const"].as_str().unwrap_or_default();
                self.text += &format!("| `{word}` | {} |\n", prose(form));
            }
            return;
        }
        if let Some(pattern) = node["pattern"].as_str() {
            self.text += &format!("\nA text that fits `{pattern}`.\n");
        } else {
            self.text += &format!("\nForm: {}.\n", self.shape(node));
        }
        self.show(name, &[], None, "");
    }

    /// The keys of a map, and an example that has them.
    fn keys(&mut self, name: &str, node: &Value, order: &[&str]) {
        self.table(node, order);
        let keys = names(node, order);
        if name == "Scenario" {
            for key in &keys {
                let (_, missing) = self.examples.showing(name, std::slice::from_ref(key), None);
                self.missing.extend(missing);
            }
            self.text += "\nA whole one is in the [README](../README.md#a-scenario); more are in \
                          [`scenarios/`](../scenarios).\n";
            return;
        }
        self.show(name, &keys, None, "");
    }

    /// One line a key.
    fn table(&mut self, node: &Value, order: &[&str]) {
        let required: Vec<&str> = strings(&node["required"]).collect();
        self.text += "| key | form | left out | is |\n|---|---|---|---|\n";
        for key in names(node, order) {
            let of = &node["properties"][&key];
            let (is, default) = split_default(&prose(of));
            let left_out = match (required.contains(&key.as_str()), default) {
                (true, _) => "must be there".to_owned(),
                (false, Some(default)) => default,
                (false, None) => "none".to_owned(),
            };
            let shape = self.shape(of);
            self.text += &format!("| `{key}` | {shape} | {left_out} | {is} |\n");
        }
    }

    /// Examples as a file has them.
    fn show(&mut self, name: &str, keys: &[String], of: Option<&str>, before: &str) {
        let (examples, missing) = self.examples.showing(name, keys, of);
        let named = of.unwrap_or(name);
        if examples.is_empty() {
            self.missing.push(format!("`{named}`"));
        }
        self.missing
            .extend(missing.iter().map(|key| format!("`{key}` of `{named}`")));
        let lines = examples
            .iter()
            .map(|one| format!("{before}{}\n", flow(one)));
        let lines: String = lines.collect();
        self.text += &format!("\n```yaml\n{lines}```\n");
    }

    /// What may stand there, in words.
    fn shape(&self, node: &Value) -> String {
        if let Some(name) = refers(node) {
            let heading = heading(self.schema, name);
            return format!(
                "[{}](#{})",
                heading.to_lowercase().replace('`', ""),
                slug(&heading)
            );
        }
        if node["enum"].is_array() {
            let words: Vec<String> = strings(&node["enum"])
                .map(|word| format!("`{word}`"))
                .collect();
            return words.join(", ");
        }
        let some: Vec<String> = forms(node)
            .filter(|form| form["type"] != "null")
            .map(|form| self.shape(form))
            .collect();
        if !some.is_empty() {
            return some.join(", or ");
        }
        let kind = &node["type"];
        let kind = kind
            .as_str()
            .or_else(|| kind[0].as_str())
            .unwrap_or_default();
        match kind {
            "string" => "text".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "integer" => "whole number".to_owned(),
            "number" => "number".to_owned(),
            "array" => format!("list of {}", self.shape(&node["items"])),
            "object" => match node.get("additionalProperties") {
                Some(of) if of.is_object() => format!("map of text to {}", self.shape(of)),
                _ => "map".to_owned(),
            },
            _ => "anything".to_owned(),
        }
    }
}

/// The words of a form, each with what it says of it.
fn words<'a>(schema: &'a Value, name: &str) -> Vec<(String, &'a Value)> {
    let forms = forms(&schema["$defs"][name]);
    let words = forms.map(|form| {
        (
            form["required"][0].as_str().expect("a word").to_owned(),
            form,
        )
    });
    words.collect()
}

/// The heading under which a definition is: that of the word which alone uses it, or its own.
fn heading(schema: &Value, name: &str) -> String {
    let kinds = KINDS.iter().flat_map(|(kind, singular, _, title)| {
        let mut all = vec![((*kind).to_owned(), (*title).to_owned())];
        // The step around it is told at the beginning of its section.
        all.push(((*singular).to_owned(), (*title).to_owned()));
        for (word, form) in words(schema, kind) {
            if let Some(payload) = refers(&form["properties"][&word]) {
                let is_map = schema["$defs"][payload]["properties"].is_object();
                if is_map {
                    all.push((payload.to_owned(), format!("{singular} `{word}`")));
                }
            }
        }
        all
    });
    let mut kinds = kinds.filter(|(known, _)| known == name);
    let target = (name == "Target").then(|| "Targets".to_owned());
    target
        .or_else(|| kinds.next().map(|(_, heading)| heading))
        .unwrap_or_else(|| title_of(name))
}

/// A definition's name in words: `NfsVersion` is `Nfs version`.
fn title_of(name: &str) -> String {
    let mut title = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_uppercase() {
            title.push(' ');
            title.extend(letter.to_lowercase());
        } else {
            title.push(letter);
        }
    }
    title
}

/// The keys of a map: in this order, then those that must be there, then the others.
fn names(node: &Value, order: &[&str]) -> Vec<String> {
    let all = node["properties"].as_object();
    let all: Vec<&String> = all.map(|keys| keys.keys().collect()).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    let first = order.iter().copied().chain(strings(&node["required"]));
    for key in first.chain(all.iter().map(|key| key.as_str())) {
        if all.iter().any(|known| *known == key) && !names.iter().any(|name| name == key) {
            names.push(key.to_owned());
        }
    }
    names
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// A description in one line, fit for a table.
fn prose(node: &Value) -> String {
    let text = node["description"].as_str().unwrap_or_default();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// A description without what it says of the default, and the default.
fn split_default(text: &str) -> (String, Option<String>) {
    let Some((is, rest)) = text.split_once("Default") else {
        return (text.to_owned(), None);
    };
    let rest = rest.trim_start_matches([':', ' ']);
    let (default, after) = rest
        .split_once(". ")
        .unwrap_or((rest.trim_end_matches('.'), ""));
    let (default, more) = default.split_once([';', ':']).unwrap_or((default, ""));
    let more = match more.trim() {
        "" => String::new(),
        more => format!("Left out: {more}. "),
    };
    let is = format!("{} {more}{after}", is.trim());
    (is.trim().to_owned(), Some(default.to_owned()))
}

/// The anchor of a heading, as GitHub makes it.
pub(crate) fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().replace(' ', "-")
}
