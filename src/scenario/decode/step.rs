//! Workloads.

use super::{Decoder, Form};
use crate::scenario::yaml::Node;
use crate::scenario::{Get, Ledger, Workload};

pub(super) const WORKLOAD: Form = Form {
    name: "workload",
    keys: &["ledger", "get"],
    example: "ledger: { service: mariadb, rate: 20/s }",
};

pub(super) const LEDGER: Form = Form {
    name: "`ledger`",
    keys: &["service", "rate", "writers", "reconnect", "within"],
    example: "ledger: { service: mariadb, rate: 20/s, writers: 4, within: 5s }",
};

pub(super) const GET: Form = Form {
    name: "`get`",
    keys: &["via", "port", "path", "body", "rate", "within"],
    example: "get: { port: 80, path: /, body: \"hello\\n\", rate: 5/s, within: 2s }",
};

impl Decoder<'_> {
    pub(super) fn workload(&mut self, node: &Node) -> Option<Workload> {
        let (verb, node) = self.verb(&WORKLOAD, node)?;
        match verb {
            "ledger" => self.ledger(node).map(Workload::Ledger),
            _ => self.get(node).map(Workload::Get),
        }
    }

    fn ledger(&mut self, node: &Node) -> Option<Ledger> {
        let fields = self.fields(&LEDGER, node)?;
        let service = self.need(&fields, "service", Self::text);
        let rate = self.need(&fields, "rate", Self::unit);
        let writers = self.maybe(&fields, "writers", Self::number);
        let reconnect = self.maybe(&fields, "reconnect", Self::yes_or_no);
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Ledger {
            service: service?,
            rate: rate?,
            writers: writers?,
            reconnect: reconnect?,
            within: within?,
        })
    }

    fn get(&mut self, node: &Node) -> Option<Get> {
        let fields = self.fields(&GET, node)?;
        let via = self.maybe(&fields, "via", Self::target);
        let port = self.need(&fields, "port", Self::number);
        let path = self.maybe(&fields, "path", Self::text);
        let body = self.need(&fields, "body", Self::text);
        let rate = self.need(&fields, "rate", Self::unit);
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Get {
            via: via?,
            port: port?,
            path: path?,
            body: body?,
            rate: rate?,
            within: within?,
        })
    }
}
