//! Examples of every form of the schema, found in scenario files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Values by the definition that they are of, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Examples(BTreeMap<String, Vec<Value>>);

impl Examples {
    /// Takes in a whole scenario.
    pub(crate) fn take(&mut self, schema: &Value, scenario: &Value) {
        self.note("Scenario", scenario);
        self.walk(schema, schema, scenario);
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.0.values().flatten()
    }

    fn note(&mut self, name: &str, value: &Value) {
        let all = self.0.entry(name.to_owned()).or_default();
        if !all.contains(value) {
            all.push(value.clone());
        }
    }

    /// Goes through a value and the schema of it together.
    fn walk(&mut self, root: &Value, node: &Value, value: &Value) {
        if let Some(name) = refers(node) {
            self.note(name, value);
            self.walk(root, &root["$defs"][name], value);
        }
        for form in forms(node).filter(|form| fits(form, value)) {
            self.walk(root, form, value);
        }
        if let Some(keys) = node["properties"].as_object() {
            for (key, of) in keys {
                if let Some(value) = value.get(key) {
                    self.walk(root, of, value);
                }
            }
        }
        for value in value.as_array().into_iter().flatten() {
            self.walk(root, &node["items"], value);
        }
    }

    /// The fewest examples of a definition that show these keys, the first found first, and the
    /// keys that none shows.
    pub(crate) fn showing(
        &self,
        name: &str,
        keys: &[String],
        of: Option<&str>,
    ) -> (Vec<Value>, Vec<String>) {
        let all = self.0.get(name).into_iter().flatten();
        let all: Vec<&Value> = all
            .filter(|one| of.is_none_or(|of| one.get(of).is_some()))
            .collect();
        let inner = |one: &Value| of.map_or_else(|| one.clone(), |of| one[of].clone());
        let mut left: BTreeSet<&String> = keys.iter().collect();
        let mut chosen = Vec::new();
        let news = |one: &Value, left: &BTreeSet<&String>| {
            left.iter()
                .filter(|key| inner(one).get(key).is_some())
                .count()
        };
        while !left.is_empty() {
            let best = all.iter().rev().max_by_key(|one| news(one, &left));
            let Some(best) = best.filter(|one| news(one, &left) > 0) else {
                break;
            };
            left.retain(|key| inner(best).get(key).is_none());
            chosen.push((*best).clone());
        }
        if chosen.is_empty() {
            chosen.extend(all.first().map(|one| (*one).clone()));
        }
        (chosen, left.into_iter().cloned().collect())
    }
}

/// The name of the definition that a node refers to.
pub(crate) fn refers(node: &Value) -> Option<&str> {
    node["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// What a node may be instead, one or the other.
pub(crate) fn forms(node: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|key| node[key].as_array());
    lists.flatten()
}

/// Whether a value may be of this form, as far as its outside tells.
fn fits(form: &Value, value: &Value) -> bool {
    if let Some(required) = form["required"].as_array() {
        return required
            .iter()
            .all(|key| value.get(key.as_str().unwrap_or_default()).is_some());
    }
    if let Some(word) = form.get("const") {
        return word == value;
    }
    match form["type"].as_str() {
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        _ => true,
    }
}

/// A value as a scenario file spells it, in one line.
pub(crate) fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{}: {}", word(key), flow(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(flow).collect();
            format!("[{}]", list.join(", "))
        }
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

/// A text without quotes where nobody takes it for anything else.
fn word(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | '%');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    let is_text = serde_saphyr::from_str::<Value>(text).is_ok_and(|read| read == text);
    if begins && is_text && text.chars().all(plain) && !text.ends_with(' ') {
        return text.to_owned();
    }
    Value::from(text).to_string()
}
