//! Turns a tree of YAML into typed values, and never stops at the first mistake.
//!
//! A reader returns `None` after it has said what is wrong, so that its caller goes on with the
//! next field. The serde derives of the same types accept whatever is accepted here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use super::mistake::{Mistake, Source, nearest};
use super::yaml::{Node, Value};

mod action;
mod expectation;
mod fault;
mod probe;
mod step;
mod whole;

/// The keys of a map, and how to write one.
#[derive(Debug)]
pub(super) struct Form {
    name: &'static str,
    keys: &'static [&'static str],
    example: &'static str,
}

/// A map whose keys are those of its form.
pub(super) struct Fields<'n> {
    form: &'static Form,
    node: &'n Node,
}

/// Collects mistakes while values are read.
pub(super) struct Decoder<'s> {
    source: &'s Arc<Source>,
    pub(super) mistakes: Vec<Mistake>,
}

impl<'s> Decoder<'s> {
    pub(super) fn new(source: &'s Arc<Source>) -> Self {
        Self {
            source,
            mistakes: Vec::new(),
        }
    }

    fn wrong(&mut self, span: &Range<usize>, title: String, help: impl Into<String>) {
        self.mistakes
            .push(Mistake::at(self.source, span, title).help(help));
    }

    /// A map with these keys; unknown ones are mistakes.
    fn fields<'n>(&mut self, form: &'static Form, node: &'n Node) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            let title = format!("{} must be a map", form.name);
            self.wrong(&node.span, title, format!("write `{}`", form.example));
            return None;
        };
        for (key, _) in entries {
            if form.keys.contains(&key.text.as_str()) {
                continue;
            }
            let title = format!("unknown key `{}` in {}", key.text, form.name);
            let mistake = Mistake::at(self.source, &key.span, title)
                .did_you_mean(&key.text, form.keys.iter().copied())
                .help(format!("it takes {}", list(form.keys)));
            self.mistakes.push(mistake);
        }
        Some(Fields { form, node })
    }

    /// The value of a key that must be there.
    fn need<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'static str, &Node) -> Option<T>,
    ) -> Option<T> {
        if fields.node.get(key).is_some() {
            return self.maybe(fields, key, read)?;
        }
        let keys = fields.form.keys;
        let mut unknown = fields
            .node
            .entries()
            .iter()
            .map(|(name, _)| name.text.as_str());
        if unknown
            .any(|name| !keys.contains(&name) && nearest(name, keys.iter().copied()) == Some(key))
        {
            // It was said of the misspelt key what it was meant to be.
            return None;
        }
        let title = format!("`{key}` is missing in {}", fields.form.name);
        self.wrong(
            &fields.node.span,
            title,
            format!("write `{}`", fields.form.example),
        );
        None
    }

    /// The value of a key that may be left out: `Some(None)` when it is.
    fn maybe<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'static str, &Node) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some(node) = fields.node.get(key) else {
            return Some(None);
        };
        if node.value == Value::Null {
            let title = format!("`{key}` is empty");
            self.wrong(&node.span, title, "write a value, or remove the key");
            return None;
        }
        read(self, key, node).map(Some)
    }

    /// Text, quoted or not.
    fn text(&mut self, name: &str, node: &Node) -> Option<String> {
        if let Some(text) = node.text() {
            return Some(text.to_owned());
        }
        let title = format!("`{name}` must be text");
        self.wrong(
            &node.span,
            title,
            "write words, in quotes where YAML would misread them",
        );
        None
    }

    /// A duration, a rate or a share.
    fn unit<T: FromStr<Err = String>>(&mut self, name: &str, node: &Node) -> Option<T> {
        let text = self.text(name, node)?;
        let error = match text.parse() {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let (title, help) = error.split_once("; ").unwrap_or((&error, ""));
        let mistake = Mistake::at(self.source, &node.span, title);
        self.mistakes.push(if help.is_empty() {
            mistake
        } else {
            mistake.help(help)
        });
        None
    }

    /// A whole number, not quoted, in the range of its type.
    fn number<T: TryFrom<u64>>(&mut self, name: &str, node: &Node) -> Option<T> {
        let digits = match &node.value {
            Value::Text { text, plain: true } => text.as_str(),
            _ => "",
        };
        let canonical = digits == "0"
            || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.parse::<u64>().ok().filter(|_| canonical);
        let number = number.and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            let bits = 8 * size_of::<T>();
            let most = if bits < 64 {
                (1_u64 << bits) - 1
            } else {
                u64::MAX
            };
            let help = format!("write digits without quotes, {most} at the most");
            self.wrong(&node.span, format!("`{name}` must be a whole number"), help);
        }
        number
    }

    /// One of a few words.
    fn word<T: Copy>(&mut self, name: &str, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name, node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let mistake = Mistake::at(self.source, &node.span, format!("unknown {name} `{text}`"))
            .did_you_mean(&text, known.iter().copied())
            .help(format!("write one of {}", list(&known)));
        self.mistakes.push(mistake);
        None
    }

    /// A list of things.
    fn list<T>(
        &mut self,
        name: &str,
        node: &Node,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = &node.value else {
            let help = format!("write `{name}: [ … ]`, or one `- ` line for each");
            self.wrong(&node.span, format!("`{name}` must be a list"), help);
            return None;
        };
        let read: Vec<Option<T>> = items.iter().map(|item| read(self, item)).collect();
        read.into_iter().collect()
    }

    /// A map of any names to texts.
    fn texts(&mut self, name: &str, node: &Node, help: &str) -> Option<BTreeMap<String, String>> {
        if !matches!(node.value, Value::Map(_)) {
            self.wrong(&node.span, format!("`{name}` must be a map"), help);
            return None;
        }
        let entries = node.entries();
        let read: Vec<_> = entries
            .iter()
            .map(|(name, value)| Some((name.text.clone(), self.text(&name.text, value)?)))
            .collect();
        read.into_iter().collect()
    }

    /// A list that may be left out.
    fn some<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
        read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let read =
            |decoder: &mut Self, name: &'static str, node: &Node| decoder.list(name, node, read);
        self.maybe(fields, key, read).map(Option::unwrap_or_default)
    }

    /// One verb and what it is about: a map with exactly one, known, key.
    fn verb<'n>(
        &mut self,
        what: &'static Form,
        node: &'n Node,
    ) -> Option<(&'static str, &'n Node)> {
        let [(key, value)] = node.entries() else {
            let title = match node.entries().len() {
                0 => format!("this is no {}", what.name),
                count => format!("{count} verbs in one {}", what.name),
            };
            let help = format!(
                "write `{}`, or another of {}",
                what.example,
                list(what.keys)
            );
            self.wrong(&node.span, title, help);
            return None;
        };
        let Some(verb) = what.keys.iter().find(|verb| **verb == key.text) else {
            let title = format!("unknown {} `{}`", what.name, key.text);
            let mistake = Mistake::at(self.source, &key.span, title)
                .did_you_mean(&key.text, what.keys.iter().copied())
                .help(format!("write one of {}", list(what.keys)));
            self.mistakes.push(mistake);
            return None;
        };
        if value.value == Value::Null {
            let title = format!("`{verb}` is empty");
            self.wrong(&key.span, title, format!("write `{}`", what.example));
            return None;
        }
        Some((verb, value))
    }
}

/// Words in backticks: "`a`, `b`".
fn list(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::schema;

    /// The schema comes from the serde derives, so it tells when the forms no longer fit them.
    #[test]
    fn forms_have_the_keys_that_serde_has() {
        let schema = schema();
        let sorted = |form: &Form| {
            let mut keys = form.keys.to_vec();
            keys.sort_unstable();
            keys
        };
        let keys = |of: &serde_json::Value| {
            let mut keys: Vec<String> = of.as_object().expect("keys").keys().cloned().collect();
            keys.sort_unstable();
            keys
        };
        assert_eq!(sorted(&whole::SCENARIO), keys(&schema["properties"]));
        for (form, name) in [
            (&whole::CLUSTER, "Cluster"),
            (&probe::RUNNING, "Running"),
            (&probe::SQL, "Sql"),
            (&probe::HTTP, "Http"),
            (&probe::PORT_CLOSED, "PortClosed"),
            (&probe::GONE, "Gone"),
            (&probe::MOUNT, "Mount"),
            (&probe::VARIABLES, "Variables"),
            (&probe::NODE, "NodeIs"),
            (&probe::NODES, "NodeCounts"),
            (&probe::DOCKER, "DockerCommand"),
            (&step::LEDGER, "Ledger"),
            (&step::GET, "Get"),
            (&fault::FAULT, "Fault"),
            (&fault::CUT, "Cut"),
            (&fault::DROP, "Drop"),
            (&fault::SLOW, "Slow"),
            (&action::ACTION, "Action"),
            (&action::SCALE, "Scale"),
            (&action::UPDATE, "Update"),
            (&action::JOIN, "JoinHow"),
            (&action::PULL, "Pull"),
            (&action::WRITE, "Write"),
            (&expectation::RECOVERS, "Recovers"),
            (&expectation::ANSWERS, "Answers"),
        ] {
            assert_eq!(
                sorted(form),
                keys(&schema["$defs"][name]["properties"]),
                "{name}"
            );
        }
        for (form, name) in [
            (&probe::PROBE, "Probe"),
            (&step::WORKLOAD, "Workload"),
            (&fault::ACTION, "FaultAction"),
            (&action::VERB, "ActionVerb"),
            (&expectation::EXPECTATION, "Expectation"),
        ] {
            let variants = schema["$defs"][name]["oneOf"].as_array().expect("variants");
            let mut verbs: Vec<String> = variants
                .iter()
                .flat_map(|variant| keys(&variant["properties"]))
                .collect();
            verbs.sort_unstable();
            assert_eq!(sorted(form), verbs, "{name}");
        }
    }
}
