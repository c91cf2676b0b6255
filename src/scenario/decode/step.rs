//! Probes and workloads.

use super::{Decoder, Form};
use crate::scenario::yaml::Node;
use crate::scenario::{Get, Http, Ledger, Probe, Running, Sql, Workload};

pub(super) const PROBE: Form = Form {
    name: "probe",
    keys: &["running", "sql", "http"],
    example: "running: { service: mariadb, replicas: 1 }",
};

pub(super) const RUNNING: Form = Form {
    name: "`running`",
    keys: &["service", "replicas"],
    example: "running: { service: mariadb, replicas: 1 }",
};

pub(super) const SQL: Form = Form {
    name: "`sql`",
    keys: &["service", "query", "within"],
    example: "sql: { service: mariadb, query: SELECT 1, within: 2s }",
};

pub(super) const HTTP: Form = Form {
    name: "`http`",
    keys: &["via", "port", "path", "body", "within"],
    example: "http: { port: 80, path: /, body: \"hello\\n\", within: 2s }",
};

pub(super) const WORKLOAD: Form = Form {
    name: "workload",
    keys: &["ledger", "get"],
    example: "ledger: { service: mariadb, rate: 20/s }",
};

pub(super) const LEDGER: Form = Form {
    name: "`ledger`",
    keys: &["service", "rate", "writers", "within"],
    example: "ledger: { service: mariadb, rate: 20/s, writers: 4, within: 5s }",
};

pub(super) const GET: Form = Form {
    name: "`get`",
    keys: &["via", "port", "path", "body", "rate", "within"],
    example: "get: { port: 80, path: /, body: \"hello\\n\", rate: 5/s, within: 2s }",
};

impl Decoder<'_> {
    pub(super) fn probe(&mut self, node: &Node) -> Option<Probe> {
        let (verb, node) = self.verb(&PROBE, node)?;
        match verb {
            "running" => self.running(node).map(Probe::Running),
            "sql" => self.sql(node).map(Probe::Sql),
            _ => self.http(node).map(Probe::Http),
        }
    }

    pub(super) fn workload(&mut self, node: &Node) -> Option<Workload> {
        let (verb, node) = self.verb(&WORKLOAD, node)?;
        match verb {
            "ledger" => self.ledger(node).map(Workload::Ledger),
            _ => self.get(node).map(Workload::Get),
        }
    }

    fn running(&mut self, node: &Node) -> Option<Running> {
        let fields = self.fields(&RUNNING, node)?;
        let service = self.need(&fields, "service", Self::text);
        let replicas = self.need(&fields, "replicas", Self::number);
        Some(Running {
            service: service?,
            replicas: replicas?,
        })
    }

    fn sql(&mut self, node: &Node) -> Option<Sql> {
        let fields = self.fields(&SQL, node)?;
        let service = self.need(&fields, "service", Self::text);
        let query = self.need(&fields, "query", Self::text);
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Sql {
            service: service?,
            query: query?,
            within: within?,
        })
    }

    fn http(&mut self, node: &Node) -> Option<Http> {
        let fields = self.fields(&HTTP, node)?;
        let via = self.maybe(&fields, "via", Self::target);
        let port = self.need(&fields, "port", Self::number);
        let path = self.maybe(&fields, "path", Self::text);
        let body = self.need(&fields, "body", Self::text);
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Http {
            via: via?,
            port: port?,
            path: path?,
            body: body?,
            within: within?,
        })
    }

    fn ledger(&mut self, node: &Node) -> Option<Ledger> {
        let fields = self.fields(&LEDGER, node)?;
        let service = self.need(&fields, "service", Self::text);
        let rate = self.need(&fields, "rate", Self::unit);
        let writers = self.maybe(&fields, "writers", Self::number);
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Ledger {
            service: service?,
            rate: rate?,
            writers: writers?,
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
