//! YAML as a tree that knows where each of its values was written.
//!
//! Serde stops at the first mistake, so the tree is read first and walked by [`super::decode`].
//! Everything is bounded: size, depth, and what aliases may grow to.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span as Spot, StrInput};

use super::mistake::{Mistake, Source};

/// How deep lists and maps may be nested; Compose's deepest needs 8.
const DEEPEST: usize = 32;
/// How many values a file may have, aliases written out.
const MOST: usize = 20_000;

/// A value, and the bytes that it was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) value: Value,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar; a plain one may be meant as a number.
    Text {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) span: Range<usize>,
    pub(crate) text: String,
}

/// What a file may use of YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A scenario: no tags, anchors or aliases.
    Plain,
    /// A stack file: tags are passed over, aliases and `<<` are written out.
    Compose,
}

impl Node {
    /// The value of a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        entries
            .iter()
            .find(|(name, _)| name.text == key)
            .map(|(_, node)| node)
    }

    /// The value of a key of the map at a key.
    pub(crate) fn at_key(&self, outer: &str, inner: &str) -> Option<&Self> {
        self.get(outer)?.get(inner)
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; nothing for anything else.
    pub(crate) fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The node at a path such as `faults[0].do.stop`, or the nearest one on the way to it.
    pub(crate) fn at(&self, path: &str) -> &Self {
        let mut node = self;
        for step in path.split(['.', '[']) {
            let next = match (step.strip_suffix(']'), &node.value) {
                (Some(index), Value::List(items)) => {
                    index.parse().ok().and_then(|index: usize| items.get(index))
                }
                _ => node.get(step),
            };
            let Some(next) = next else { break };
            node = next;
        }
        node
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Text { .. } => 0,
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.count() + 1).sum(),
        }
    }
}

/// Reads a file's one document. Mistakes that do not stop the reading are added to `mistakes`.
///
/// # Errors
/// When the text is no YAML, or too much of it.
pub(crate) fn read(
    source: &Arc<Source>,
    dialect: Dialect,
    mistakes: &mut Vec<Mistake>,
) -> Result<Node, Mistake> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let events = Parser::new_from_str_with_options(&source.text, options);
    let mut reader = Reader {
        source,
        dialect,
        events,
        anchors: HashMap::new(),
        count: 0,
        mistakes,
    };
    let mut root = None;
    loop {
        let (event, spot) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(..) if root.is_some() => {
                let help = "write one document a file";
                return Err(reader.mistake(&spot, "a second document").help(help));
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            node => root = Some(reader.node(node, &spot)?),
        }
    }
    Ok(root.unwrap_or(Node {
        span: 0..0,
        value: Value::Null,
    }))
}

struct Reader<'s, 'm> {
    source: &'s Arc<Source>,
    dialect: Dialect,
    events: Parser<'s, StrInput<'s>>,
    anchors: HashMap<usize, Node>,
    count: usize,
    mistakes: &'m mut Vec<Mistake>,
}

impl<'s> Reader<'s, '_> {
    fn next(&mut self) -> Result<(Event<'s>, Spot), Mistake> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((
                Event::StreamEnd,
                Spot::empty(granit_parser::Marker::new(0, 1, 0)),
            )),
        }
    }

    fn syntax(&self, error: &ScanError) -> Mistake {
        let spot = error.marker();
        let start = spot.byte_offset().unwrap_or_else(|| {
            let text = &self.source.text;
            text.char_indices()
                .nth(spot.index())
                .map_or(text.len(), |(byte, _)| byte)
        });
        let title = format!("this is not YAML: {}", error.info());
        let help = match error.info() {
            tabs if tabs.contains("tab") => "indent with blanks",
            _ => {
                "look for a bracket, a quote or a colon that is missing, or for a line that is \
                 indented otherwise than those beside it, here or above"
            }
        };
        Mistake::at(self.source, &(start..start), title).help(help)
    }

    fn mistake(&self, spot: &Spot, title: &str) -> Mistake {
        Mistake::at(self.source, &bytes(spot), title)
    }

    /// Builds the node that an event begins.
    fn node(&mut self, event: Event<'s>, spot: &Spot) -> Result<Node, Mistake> {
        self.grow(1, spot)?;
        let (node, anchor, tagged) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(&text, style, spot), anchor, tag.is_some())
            }
            Event::SequenceStart(_, anchor, tag) => (self.list(spot)?, anchor, tag.is_some()),
            Event::MappingStart(_, anchor, tag) => (self.map(spot)?, anchor, tag.is_some()),
            Event::Alias(id) => return self.alias(id, spot),
            _ => return Err(self.mistake(spot, "this is not expected here")),
        };
        if self.dialect == Dialect::Plain && (tagged || anchor > 0) {
            let what = if tagged {
                "tags are"
            } else {
                "anchors and aliases are"
            };
            let mistake = Mistake::at(self.source, &node.span, format!("{what} not read here"));
            self.mistakes.push(mistake.help("write the value out"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, spot: &Spot) -> Result<Node, Mistake> {
        if self.dialect == Dialect::Plain {
            let mistake = self.mistake(spot, "anchors and aliases are not read here");
            return Err(mistake.help("write the value out"));
        }
        let Some(node) = self.anchors.get(&id).cloned() else {
            return Err(self.mistake(spot, "an alias inside of its own anchor"));
        };
        self.grow(node.count(), spot)?;
        Ok(node)
    }

    fn grow(&mut self, by: usize, spot: &Spot) -> Result<(), Mistake> {
        self.count += by;
        if self.count > MOST {
            let title = format!("more than {MOST} values in one file, aliases written out");
            return Err(self.mistake(spot, &title));
        }
        Ok(())
    }

    fn list(&mut self, spot: &Spot) -> Result<Node, Mistake> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, end) => {
                    let span = bytes(spot).start..bytes(&end).end;
                    return Ok(Node {
                        span,
                        value: Value::List(items),
                    });
                }
                (event, spot) => items.push(self.node(event, &spot)?),
            }
        }
    }

    fn map(&mut self, spot: &Spot) -> Result<Node, Mistake> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let (mut merged, mut known) = (Vec::new(), HashSet::new());
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, end) => {
                    let span = bytes(spot).start..bytes(&end).end;
                    merge(&mut entries, merged);
                    return Ok(Node {
                        span,
                        value: Value::Map(entries),
                    });
                }
                (event, spot) => self.node(event, &spot)?,
            };
            let (event, spot) = self.next()?;
            let mut node = self.node(event, &spot)?;
            if node.span.is_empty() {
                node.span = key.span.clone();
            }
            let Value::Text { text, .. } = key.value else {
                let mistake = Mistake::at(self.source, &key.span, "a key must be a word");
                self.mistakes.push(mistake.help("write `word: value`"));
                continue;
            };
            if text == "<<" && self.dialect == Dialect::Plain {
                let mistake = Mistake::at(self.source, &key.span, "`<<` is not read here");
                self.mistakes.push(mistake.help("write the values out"));
            } else if text == "<<" {
                merged.push(node);
            } else if !known.insert(text.clone()) {
                let title = format!("`{text}` is written twice");
                let mistake = Mistake::at(self.source, &key.span, title);
                self.mistakes.push(mistake.help("keep one of them"));
            } else {
                entries.push((
                    Key {
                        span: key.span,
                        text,
                    },
                    node,
                ));
            }
        }
    }
}

/// Adds what `<<` brings; keys that are written here win.
fn merge(entries: &mut Vec<(Key, Node)>, merged: Vec<Node>) {
    let mut known: HashSet<String> = entries.iter().map(|(key, _)| key.text.clone()).collect();
    for node in merged {
        let maps = match node.value {
            Value::List(items) => items,
            value => vec![Node {
                span: node.span,
                value,
            }],
        };
        for map in maps {
            let Value::Map(others) = map.value else {
                continue;
            };
            for (key, node) in others {
                if known.insert(key.text.clone()) {
                    entries.push((key, node));
                }
            }
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, spot: &Spot) -> Node {
    let plain = style == ScalarStyle::Plain;
    let value = if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        Value::Null
    } else {
        Value::Text {
            text: text.to_owned(),
            plain,
        }
    };
    Node {
        span: bytes(spot),
        value,
    }
}

fn bytes(spot: &Spot) -> Range<usize> {
    spot.byte_range().unwrap_or(0..0)
}
