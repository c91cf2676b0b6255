//! The plan and the header of every story.

use std::collections::BTreeMap;

use seatrial::capability::Capabilities;
use seatrial::journal::{FORMAT, Header};
use seatrial::plan::{
    Check, Deadlines, Fault, FaultEnd, Node, Plan, Probe, Role, Service, Stack, Topology, Workload,
};
use seatrial::scenario::{FaultAction, Target};
use seatrial::units::{Rate, Span};

use super::NODES;

/// The plan of every story: four nodes, one fault, and the workloads that the checks name.
pub(crate) fn plan(name: &str, checks: &[Check]) -> Plan {
    let node = |(index, name): (usize, &&str)| Node {
        name: (*name).to_owned(),
        address: format!("192.168.150.{}", index + 1),
        role: if index < 3 {
            Role::Manager
        } else {
            Role::Worker
        },
    };
    let service = |name: &str, port| Service {
        name: name.to_owned(),
        full_name: format!("mariadb-nfs_{name}"),
        image: format!("${{{}_IMAGE}}", name.to_uppercase()),
        replicas: Some(1),
        published: vec![port],
        root_password: None,
        only_workers: false,
    };
    Plan {
        name: name.to_owned(),
        title: "MariaDB on NFS survives the loss of its node".to_owned(),
        because: "A dead node may cost minutes of writes, never an acknowledged one.".to_owned(),
        seed: 0x7f3a,
        place: "vm".to_owned(),
        patience: 1.0,
        needs: Capabilities::new(),
        topology: Topology {
            nodes: NODES.iter().enumerate().map(node).collect(),
            ..Topology::default()
        },
        share: BTreeMap::new(),
        stack: Some(Stack {
            name: "mariadb-nfs".to_owned(),
            text: String::new(),
            services: vec![service("mariadb", 3306), service("nginx", 8080)],
        }),
        steady: vec![Probe::Running {
            service: "mariadb".to_owned(),
            replicas: 1,
        }],
        steady_after: Vec::new(),
        actions: Vec::new(),
        workloads: workloads(checks),
        faults: vec![Fault {
            at: Span::secs(30),
            action: FaultAction::Stop(Target::HostOf("mariadb".to_owned())),
            end: FaultEnd::Recovery {
                deadline: Span::secs(60),
            },
        }],
        checks: checks.to_vec(),
        must_fail: Vec::new(),
        deadlines: Deadlines {
            bring_up: Span::secs(300),
            steady: Span::secs(120),
            confirm: Span::secs(30),
            heal: Span::secs(60),
            steady_again: Span::secs(20),
            read_back: Span::secs(30),
            after: Span::secs(5),
        },
    }
}

/// The workloads that the checks name.
fn workloads(checks: &[Check]) -> Vec<Workload> {
    let mut workloads = Vec::new();
    for check in checks {
        match check {
            Check::NothingLost { .. } | Check::Intact { .. } => workloads.push(Workload::Ledger {
                name: "ledger".to_owned(),
                service: "mariadb".to_owned(),
                port: 3306,
                rate: Rate { per_second: 0.5 },
                writers: 1,
                reconnect: false,
                within: Span::secs(5),
            }),
            Check::Answers { .. } => workloads.push(Workload::Get {
                name: "get".to_owned(),
                via: Target::EveryNode,
                port: 8080,
                path: "/".to_owned(),
                body: "hello".to_owned(),
                rate: Rate { per_second: 0.5 },
                within: Span::secs(2),
            }),
            _ => {}
        }
    }
    // Two checks may name one workload.
    workloads.dedup();
    workloads
}

/// What ran it.
pub(crate) fn header(plan: &Plan) -> Header {
    let pairs = |pairs: &[(&str, &str)]| {
        let owned = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        owned.collect::<BTreeMap<_, _>>()
    };
    Header {
        format: FORMAT,
        seatrial: "0.1.0".to_owned(),
        seed: plan.seed,
        command_line: vec!["seatrial".to_owned(), "run".to_owned(), plan.name.clone()],
        place: plan.place.clone(),
        accelerator: "tcg".to_owned(),
        patience: plan.patience,
        versions: pairs(&[("docker", "20.10.24+dfsg1"), ("qemu", "7.2.22")]),
        images: pairs(&[("mariadb:10.1", "sha256:0123456789abcdef")]),
        started_from: "snapshot 5f1c".to_owned(),
        pid: None,
    }
}
