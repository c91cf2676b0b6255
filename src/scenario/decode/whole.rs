//! The scenario itself, its machines and its share.

use std::collections::BTreeMap;

use super::{Decoder, Form};
use crate::scenario::yaml::{Node, Value};
use crate::scenario::{Allowance, Api, Cluster, Export, NfsVersion, Scenario};

pub(super) const SCENARIO: Form = Form {
    name: "the scenario",
    keys: &[
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
    ],
    example: "scenario: …, because: …, cluster: { managers: 3 }, expect: [ … ]",
};

pub(super) const CLUSTER: Form = Form {
    name: "`cluster`",
    keys: &[
        "managers", "workers", "nfs", "export", "balancer", "registry", "api",
    ],
    example: "{ managers: 3, workers: 1, nfs: v3 }",
};

const NFS: &[(&str, NfsVersion)] = &[
    ("v3", NfsVersion::V3),
    ("v3-nolock", NfsVersion::V3NoLock),
    ("v4.2", NfsVersion::V42),
];

const EXPORT: &[(&str, Export)] = &[("sync", Export::Sync), ("async", Export::Async)];

const MACHINE: &[(&str, bool)] = &[("true", true), ("false", false)];

const API: &[(&str, Api)] = &[
    ("closed", Api::Closed),
    ("tls", Api::Tls),
    ("plain", Api::Plain),
];

const ALLOWANCES: &[(&str, Allowance)] = &[("quorum_loss", Allowance::QuorumLoss)];

impl Decoder<'_> {
    /// Reads a whole file; `None` when there is any mistake.
    pub(in crate::scenario) fn scenario(&mut self, node: &Node) -> Option<Scenario> {
        let fields = self.fields(&SCENARIO, node)?;
        let scenario = self.need(&fields, "scenario", Self::text);
        let because = self.need(&fields, "because", Self::text);
        let cluster = self.need(&fields, "cluster", |decoder, _, node| decoder.cluster(node));
        let share = self.maybe(&fields, "share", |decoder, _, node| decoder.share(node));
        let deploy = self.maybe(&fields, "deploy", Self::text);
        let steady = self.some(&fields, "steady", Self::probe);
        let steady_after = self.some(&fields, "steady_after", Self::probe);
        let workload = self.some(&fields, "workload", Self::workload);
        let actions = self.some(&fields, "actions", Self::action);
        let faults = self.some(&fields, "faults", Self::fault);
        let expect = self.need(&fields, "expect", |decoder, name, node| {
            decoder.list(name, node, Self::expectation)
        });
        let must_fail = self.some(&fields, "must_fail", |decoder, node| {
            decoder.text("must_fail", node)
        });
        let allow = self.some(&fields, "allow", |decoder, node| {
            decoder.word("allowance", node, ALLOWANCES)
        });
        Some(Scenario {
            scenario: scenario?,
            because: because?,
            cluster: cluster?,
            share: share?.unwrap_or_default(),
            deploy: deploy?,
            steady: steady?,
            steady_after: steady_after?,
            workload: workload?,
            actions: actions?,
            faults: faults?,
            expect: expect?,
            must_fail: must_fail?,
            allow: allow?,
        })
    }

    fn cluster(&mut self, node: &Node) -> Option<Cluster> {
        let fields = self.fields(&CLUSTER, node)?;
        let managers = self.need(&fields, "managers", Self::number);
        let workers = self.maybe(&fields, "workers", Self::number);
        let nfs = self.maybe(&fields, "nfs", |decoder, _, node| {
            decoder.word("NFS version", node, NFS)
        });
        let export = self.maybe(&fields, "export", |decoder, name, node| {
            decoder.word(name, node, EXPORT)
        });
        let machine = |decoder: &mut Self, name, node: &Node| {
            decoder.word(&format!("`{name}`"), node, MACHINE)
        };
        let balancer = self.maybe(&fields, "balancer", machine);
        let registry = self.maybe(&fields, "registry", machine);
        let api = self.maybe(&fields, "api", |decoder, _, node| {
            decoder.word("`api`", node, API)
        });
        Some(Cluster {
            managers: managers?,
            workers: workers?.unwrap_or(0),
            nfs: nfs?,
            export: export?,
            balancer: balancer?.unwrap_or_default(),
            registry: registry?.unwrap_or_default(),
            api: api?.unwrap_or_default(),
        })
    }

    fn share(&mut self, node: &Node) -> Option<BTreeMap<String, String>> {
        if !matches!(node.value, Value::Map(_)) {
            let help = "write `{ folder/: \"\", folder/file: \"its text\" }`";
            self.wrong(&node.span, "`share` must be a map".to_owned(), help);
            return None;
        }
        let entries = node.entries();
        let read: Vec<_> = entries
            .iter()
            .map(|(path, content)| Some((path.text.clone(), self.text(&path.text, content)?)))
            .collect();
        read.into_iter().collect()
    }
}
