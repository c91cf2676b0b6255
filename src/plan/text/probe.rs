//! A probe of the plan in words.

use std::collections::BTreeMap;

use super::{count, one_line, page, row};
use crate::plan::Probe;
use crate::scenario::{MountKind, NodeCounts, NodeIs, Target};

/// One probe as a row.
pub(super) fn probe(probe: &Probe) -> Vec<String> {
    match probe {
        Probe::Running { service, replicas } => row([
            "running".into(),
            one_line(service),
            count(*replicas as usize, "live task"),
        ]),
        Probe::Sql {
            service,
            port,
            query,
            within,
        } => row([
            "sql".into(),
            format!("{} on port {port}", one_line(service)),
            format!("`{}`", one_line(query)),
            format!("within {within}"),
        ]),
        Probe::Http {
            via,
            port,
            path,
            body,
            within,
        } => row([
            "http".into(),
            page(via, *port, path),
            format!("`{}`", one_line(body)),
            format!("within {within}"),
        ]),
        Probe::PortClosed { via, port } => row([
            "port_closed".into(),
            format!("{via} on port {port}"),
            "refused".into(),
        ]),
        Probe::Gone { service } => row(["gone".into(), one_line(service)]),
        Probe::Mount {
            service,
            at,
            read_only,
            kind,
        } => row([
            "mount".into(),
            one_line(service),
            one_line(at),
            mount(*read_only, *kind),
        ]),
        Probe::Variables {
            service,
            port,
            set,
            within,
        } => row([
            "variables".into(),
            format!("{} on port {port}", one_line(service)),
            settings(set),
            format!("within {within}"),
        ]),
        Probe::Node(node) => row(["node".into(), node.name.to_string(), claims(node)]),
        Probe::Nodes(counts) => row(["nodes".into(), numbers(counts)]),
        Probe::Docker {
            node,
            args,
            without_certificate,
            prints,
            refused,
        } => {
            let call = client(node, *without_certificate, args);
            row(["docker".into(), call, outcome(prints.as_deref(), *refused)])
        }
    }
}

fn mount(read_only: Option<bool>, kind: Option<MountKind>) -> String {
    let kind = kind.map(|kind| match kind {
        MountKind::Nfs => "on nfs",
        MountKind::Local => "not on nfs",
    });
    let access = read_only.map(|read_only| if read_only { "read-only" } else { "writable" });
    let words: Vec<&str> = kind.into_iter().chain(access).collect();
    if words.is_empty() {
        "mounted".to_owned()
    } else {
        words.join(", ")
    }
}

fn settings(set: &BTreeMap<String, String>) -> String {
    let settings = set.iter().map(|(name, value)| format!("{name}={value}"));
    one_line(&settings.collect::<Vec<_>>().join(", "))
}

fn claims(node: &NodeIs) -> String {
    let words = [
        ("role", &node.role),
        ("state", &node.state),
        ("availability", &node.availability),
        ("reachability", &node.reachability),
    ];
    let words = words
        .into_iter()
        .filter_map(|(name, word)| Some(format!("{name} {}", word.as_deref()?)));
    let leads = node.leader.map(|leads| {
        let word = if leads { "leads" } else { "does not lead" };
        word.to_owned()
    });
    words.chain(leads).collect::<Vec<_>>().join(", ")
}

fn numbers(counts: &NodeCounts) -> String {
    let words = [
        ("managers", counts.managers),
        ("workers", counts.workers),
        ("ready", counts.ready),
        ("leaders", counts.leaders),
    ];
    let words = words
        .into_iter()
        .filter_map(|(name, number)| Some(format!("{name} {}", number?)));
    words.collect::<Vec<_>>().join(", ")
}

fn client(node: &Target, without_certificate: bool, args: &[String]) -> String {
    let who = match without_certificate {
        true => ", without a certificate",
        false => "",
    };
    format!("{node}{who}: docker {}", one_line(&args.join(" ")))
}

fn outcome(prints: Option<&str>, refused: bool) -> String {
    let verb = if refused { "refused" } else { "succeeds" };
    match prints {
        Some(text) => format!("{verb}, prints `{}`", one_line(text)),
        None => verb.to_owned(),
    }
}
