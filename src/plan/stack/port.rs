//! Published ports: those that the routing mesh answers on every node.

use super::Reader;
use crate::scenario::{Node, Value};

impl Reader<'_> {
    /// The TCP ports that a service publishes through the routing mesh. Ports in host mode, of UDP
    /// or chosen by Docker are left out, since nothing can be asked of them on every node.
    pub(super) fn published(&mut self, node: &Node) -> Option<Vec<u16>> {
        let Some(ports) = node.get("ports") else {
            return Some(Vec::new());
        };
        let Value::List(items) = &ports.value else {
            let help = "write `ports: [ \"8080:80\" ]`";
            self.wrong(&ports.span, "`ports` must be a list", help);
            return None;
        };
        let read: Vec<Option<Vec<u16>>> = items
            .iter()
            .map(|item| match item.value {
                Value::Map(_) => self.long(item),
                _ => self.short(item),
            })
            .collect();
        let ports: Option<Vec<_>> = read.into_iter().collect();
        Some(ports?.concat())
    }

    /// `8080:80`, with an address before and a protocol behind.
    fn short(&mut self, node: &Node) -> Option<Vec<u16>> {
        let text = self.text("a port", node)?;
        let (ports, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
        let mut parts = ports.rsplit(':');
        let (target, published) = (parts.next().unwrap_or_default(), parts.next());
        let read = range(target).and_then(|_| match published {
            None | Some("") => Some(Vec::new()),
            Some(published) => range(published),
        });
        let Some(published) = read else {
            self.wrong(
                &node.span,
                format!("`{text}` is no port"),
                "write `\"8080:80\"`",
            );
            return None;
        };
        Some(if protocol == "tcp" {
            published
        } else {
            Vec::new()
        })
    }

    /// `{ target: 80, published: 8080 }`.
    fn long(&mut self, node: &Node) -> Option<Vec<u16>> {
        let mut field = |key: &str, default: &str| match node.get(key) {
            Some(value) => self.text(&format!("`{key}`"), value),
            None => Some(default.to_owned()),
        };
        let (protocol, mode) = (field("protocol", "tcp"), field("mode", "ingress"));
        let published = field("published", "");
        let (protocol, mode, published) = (protocol?, mode?, published?);
        if published.is_empty() || protocol != "tcp" || mode != "ingress" {
            return Some(Vec::new());
        }
        let read = range(&published);
        if read.is_none() {
            let help = "write `{ target: 80, published: 8080 }`";
            self.wrong(&node.span, format!("`{published}` is no port"), help);
        }
        read
    }
}

/// One port, or a range such as `8000-8002`.
fn range(text: &str) -> Option<Vec<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then(|| (first..=last).collect())
}
