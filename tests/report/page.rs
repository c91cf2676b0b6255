//! A page of HTML as an XML reader sees it, which refuses what is not well formed.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// One element.
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The names of what it is in, from the outside in.
    pub(crate) within: Vec<String>,
    /// What it holds itself, references unresolved.
    pub(crate) text: String,
}

impl Element {
    fn of(tag: &BytesStart, within: &[usize], all: &[Self]) -> Self {
        let attributes = tag.attributes().map(|attribute| {
            let attribute = attribute.expect("a sound attribute");
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
            (text(attribute.key.as_ref()), text(&attribute.value))
        });
        let mut unique = BTreeMap::new();
        for (name, value) in attributes {
            assert!(unique.insert(name.clone(), value).is_none(), "{name} twice");
        }
        Self {
            name: String::from_utf8(tag.name().as_ref().to_vec()).expect("text"),
            attributes: unique,
            within: within
                .iter()
                .map(|index| all[*index].name.clone())
                .collect(),
            text: String::new(),
        }
    }

    pub(crate) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }
}

/// Reads a whole page; panics where it is not well formed.
pub(crate) fn elements(page: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = true;
    let (mut all, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().expect("well formed") {
            Event::Start(tag) => {
                all.push(Element::of(&tag, &open, &all));
                open.push(all.len() - 1);
            }
            Event::Empty(tag) => all.push(Element::of(&tag, &open, &all)),
            Event::End(_) => {
                open.pop().expect("something to close");
            }
            Event::Text(text) => {
                let text = text.decode().expect("text");
                assert!(!text.contains("]]>"), "XML forbids it");
                match open.last() {
                    Some(inner) => all[*inner].text.push_str(&text),
                    None => assert_eq!(text.trim(), "", "text outside of the page"),
                }
            }
            Event::GeneralRef(name) => {
                let name = name.decode().expect("text");
                assert!(name.starts_with('#'), "only XML knows &{name};");
            }
            Event::DocType(_) => assert!(all.is_empty(), "a document type inside of the page"),
            Event::Eof => break,
            other => panic!("a page has no {other:?}"),
        }
    }
    assert!(open.is_empty(), "not everything is closed");
    all
}
