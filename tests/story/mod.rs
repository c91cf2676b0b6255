//! Journals written by hand: a run in which every promise is kept, and a way to change it.

use std::collections::BTreeMap;
use std::path::Path;

use seatrial::capability::Capabilities;
use seatrial::journal::{
    Answer, ApiError, ContainerSeen, ContainersSeen, Entry, Event, FORMAT, Header, History, Intent,
    ManagerAnswer, NodeSeen, Outcome, Phase, Poll, Rows, Steady, TaskSeen,
};
use seatrial::plan::{
    Check, Deadlines, Fault, FaultEnd, Node, Plan, Probe, Role, Service, Stack, Topology, Workload,
};
use seatrial::scenario::{FaultAction, Target};
use seatrial::units::{Rate, Span};

/// The nodes of every story; the fault hits `server-3`.
pub(crate) const NODES: [&str; 4] = ["server-1", "server-2", "server-3", "server-4"];

/// A journal under construction: events with their times, in any order.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) plan: Plan,
    pub(crate) events: Vec<(f64, Event)>,
    /// Ends the text in the middle of a line.
    pub(crate) cut: bool,
}

impl Story {
    /// A run in which `server-3` is shut down at 50 s, `mariadb` is back at 75 s on `server-4`,
    /// and every one of these checks passes.
    pub(crate) fn kept(name: &str, checks: &[Check]) -> Self {
        let mut story = Self {
            plan: plan(name, checks),
            events: Vec::new(),
            cut: false,
        };
        story.skeleton();
        story.managers();
        story.engines();
        let has = |kind: fn(&Workload) -> bool| story.plan.workloads.iter().any(kind);
        let (ledger, get) = (
            has(|one| matches!(one, Workload::Ledger { .. })),
            has(|one| matches!(one, Workload::Get { .. })),
        );
        if ledger {
            story.ledger();
        }
        if get {
            story.get();
        }
        story
    }

    /// Adds an event.
    pub(crate) fn at(&mut self, seconds: f64, event: Event) -> &mut Self {
        self.events.push((seconds, event));
        self
    }

    /// Takes out every event that is so.
    pub(crate) fn without(&mut self, so: impl Fn(f64, &Event) -> bool) -> &mut Self {
        self.events.retain(|(at, event)| !so(*at, event));
        self
    }

    /// Changes every event.
    pub(crate) fn change(&mut self, mut to: impl FnMut(&mut f64, &mut Event)) -> &mut Self {
        for (at, event) in &mut self.events {
            to(at, event);
        }
        self
    }

    /// The journal as it would be read back.
    pub(crate) fn history(&self) -> History {
        History::from_text(Path::new("journal.jsonl"), &self.text()).expect("a sound journal")
    }

    /// The journal as it would be written.
    pub(crate) fn text(&self) -> String {
        let mut events = self.events.clone();
        events.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let start = [
            Event::Header(header(&self.plan)),
            Event::Plan(Box::new(self.plan.clone())),
        ];
        let all = start.into_iter().map(|event| (0.0, event)).chain(events);
        let mut text = String::new();
        for (seq, (at, event)) in all.enumerate() {
            let at_us = micros(at);
            let wall = jiff::Timestamp::from_microsecond(1_475_000_000_000_000 + at_us as i64);
            let entry = Entry {
                seq: seq as u64,
                at_us,
                wall: wall.expect("in range"),
                event,
            };
            text += &serde_json::to_string(&entry).expect("an entry is JSON");
            text.push('\n');
        }
        if self.cut {
            text.truncate(text.len() - 7);
        }
        text
    }

    /// Phases, steady looks and the fault.
    fn skeleton(&mut self) {
        let phases = [
            (0.0, Phase::BringUp),
            (10.0, Phase::Deploy),
            (12.0, Phase::SteadyBefore),
            (20.0, Phase::Load),
            (95.0, Phase::SteadyAfter),
            (100.0, Phase::ReadBack),
            (104.0, Phase::TearDown),
        ];
        for (at, phase) in phases {
            self.at(at, Event::Phase(phase));
        }
        self.at(14.0, not_yet("mariadb 0/1"));
        self.at(19.9, holds());
        if !self.plan.faults.is_empty() {
            let target = NODES[2].to_owned();
            self.at(
                49.9,
                Event::Intent(Intent {
                    fault: 0,
                    verb: "stop".to_owned(),
                    targets: vec![target],
                    chosen: "host_of: mariadb (task mariadb-nfs_mariadb.1)".to_owned(),
                }),
            );
            self.at(50.0, Event::Injecting { fault: 0 });
            self.at(51.0, Event::Injected { fault: 0 });
            let evidence = "server-3 has no power".to_owned();
            self.at(51.4, Event::Confirmed { fault: 0, evidence });
            for at in [52.0, 57.0, 62.0, 67.0, 72.0] {
                self.at(at, broken(not_yet("mariadb 0/1")));
            }
            self.at(75.0, broken(holds()));
            self.at(75.1, Event::Recovered { fault: 0 });
            self.at(76.0, Event::Healing { fault: 0 });
            let evidence = "server-3 is ready".to_owned();
            self.at(90.0, Event::Healed { fault: 0, evidence });
        }
        self.at(95.5, holds());
        self.at(105.0, Event::End);
    }

    /// What the managers say: polls, nodes and tasks.
    fn managers(&mut self) {
        for index in 0..17 {
            let at = 19.0 + f64::from(index) * 5.0;
            let off = at > 50.0 && at < 88.0;
            self.at(at, poll("server-1", if off { &["server-3"] } else { &[] }));
        }
        for (index, node) in NODES.iter().enumerate() {
            self.at(10.0, node_seen(node, 10 + index as u64, "ready"));
        }
        self.at(15.0, task("old", 20, "server-3", "running", "running"));
        self.at(66.0, node_seen("server-3", 30, "down"));
        self.at(66.1, task("old", 31, "server-3", "running", "shutdown"));
        self.at(66.2, task("new", 32, "server-4", "assigned", "running"));
        self.at(70.0, task("new", 33, "server-4", "running", "running"));
        self.at(89.0, node_seen("server-3", 40, "ready"));
    }

    /// What the nodes' own engines say.
    fn engines(&mut self) {
        for index in 0..20 {
            let at = 4.5 + f64::from(index) * 5.0;
            for node in NODES {
                let (off, on) = (at > 50.0, at > 88.0);
                let seen = match node {
                    "server-3" if off && !on => Err(ApiError::Unreachable("no route".to_owned())),
                    "server-3" if !off && at > 14.0 => Ok(vec![container("old", true)]),
                    "server-3" if on => Ok(vec![container("old", false)]),
                    "server-4" if at > 67.0 => Ok(vec![container("new", true)]),
                    _ => Ok(Vec::new()),
                };
                self.at(at, containers(node, seen));
            }
        }
    }

    /// A row every two seconds, through each node in turn; none while the database is away.
    fn ledger(&mut self) {
        for row in 1..=38_u64 {
            let at = 20.5 + (row as f64) * 2.0;
            let via = NODES[(row % 4) as usize];
            let outcome = match at {
                50.0..52.0 => Outcome::Unknown("the connection broke".to_owned()),
                52.0..73.0 => Outcome::Refused("connection refused".to_owned()),
                _ => Outcome::Acknowledged,
            };
            let workload = "ledger".to_owned();
            self.at(
                at,
                Event::Insert {
                    workload,
                    row,
                    via: via.to_owned(),
                },
            );
            let workload = "ledger".to_owned();
            self.at(
                at + 0.1,
                Event::Inserted {
                    workload,
                    row,
                    outcome,
                },
            );
        }
        for (index, node) in NODES.iter().enumerate() {
            self.at(
                101.0 + index as f64 / 10.0,
                read_back(node, &[(1, 15), (27, 38)]),
            );
        }
    }

    /// A request every two seconds on every node; none answered on the node that is off.
    fn get(&mut self) {
        for index in 0..38 {
            let at = 20.5 + f64::from(index) * 2.0;
            for node in NODES {
                let off = node == "server-3" && at > 50.0 && at < 91.0;
                let answer = if off {
                    Answer::Failed("no route".to_owned())
                } else {
                    Answer::Right
                };
                self.at(at + 0.01, got(node, at, answer));
            }
        }
    }
}

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
            storage: None,
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
            Check::NothingLost { .. } => workloads.push(Workload::Ledger {
                name: "ledger".to_owned(),
                service: "mariadb".to_owned(),
                port: 3306,
                rate: Rate { per_second: 0.5 },
                writers: 1,
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
    workloads
}

fn header(plan: &Plan) -> Header {
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
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

/// A look at the steady state that holds.
pub(crate) fn holds() -> Event {
    let probes = vec!["mariadb 1/1".to_owned()];
    Event::Steady(Steady {
        holds: true,
        cannot_tell: false,
        probes,
        broken: Vec::new(),
    })
}

/// A look at a steady state that does not hold.
pub(crate) fn not_yet(seen: &str) -> Event {
    let probes = vec![seen.to_owned()];
    Event::Steady(Steady {
        holds: false,
        cannot_tell: false,
        probes,
        broken: Vec::new(),
    })
}

/// A look that could not tell.
pub(crate) fn cannot_tell(why: &str) -> Event {
    let probes = vec![why.to_owned()];
    Event::Steady(Steady {
        holds: false,
        cannot_tell: true,
        probes,
        broken: Vec::new(),
    })
}

/// The same look, with `server-3` left out.
pub(crate) fn broken(mut look: Event) -> Event {
    if let Event::Steady(steady) = &mut look {
        steady.broken = vec!["server-3".to_owned()];
    }
    look
}

/// A round of questions that names this leader; these managers do not answer.
pub(crate) fn poll(leader: &str, away: &[&str]) -> Event {
    let answers = NODES[..3].iter().map(|node| {
        let away = away.contains(node);
        ManagerAnswer {
            node: (*node).to_owned(),
            leader: (!away).then(|| leader.to_owned()),
            error: away.then(|| ApiError::Unreachable("no route".to_owned())),
        }
    });
    Event::Poll(Poll {
        managers: answers.collect(),
    })
}

/// A round in which every manager gives this error.
pub(crate) fn poll_errors(error: &ApiError) -> Event {
    let answers = NODES[..3].iter().map(|node| ManagerAnswer {
        node: (*node).to_owned(),
        leader: None,
        error: Some(error.clone()),
    });
    Event::Poll(Poll {
        managers: answers.collect(),
    })
}

/// What an engine says when the swarm has no leader.
pub(crate) fn no_leader() -> ApiError {
    ApiError::Refused {
        status: 503,
        message: "the swarm does not have a leader".to_owned(),
    }
}

/// A node as the managers see it.
pub(crate) fn node_seen(name: &str, index: u64, state: &str) -> Event {
    Event::Node(NodeSeen {
        id: format!("id-{name}"),
        name: name.to_owned(),
        index,
        state: state.to_owned(),
        availability: "active".to_owned(),
        role: if name == "server-4" {
            "worker"
        } else {
            "manager"
        }
        .to_owned(),
        leader: name == "server-1",
        reachability: None,
    })
}

/// A task of `mariadb`, slot 1.
pub(crate) fn task(id: &str, index: u64, node: &str, state: &str, desired: &str) -> Event {
    Event::Task(TaskSeen {
        id: id.to_owned(),
        index,
        service: "mariadb".to_owned(),
        slot: 1,
        node: Some(node.to_owned()),
        state: state.to_owned(),
        desired: desired.to_owned(),
        message: String::new(),
        container: Some(format!("c-{id}")),
        timestamp: None,
    })
}

/// A container of a task of `mariadb`, slot 1.
pub(crate) fn container(task: &str, running: bool) -> ContainerSeen {
    ContainerSeen {
        id: format!("c-{task}"),
        task: task.to_owned(),
        service: "mariadb".to_owned(),
        slot: 1,
        running,
    }
}

/// What a node's own engine says.
pub(crate) fn containers(node: &str, seen: Result<Vec<ContainerSeen>, ApiError>) -> Event {
    Event::Containers(ContainersSeen {
        node: node.to_owned(),
        seen,
    })
}

/// The ledger's rows, read through a node.
pub(crate) fn read_back(via: &str, ranges: &[(u64, u64)]) -> Event {
    rows(
        via,
        Rows::Found {
            ranges: ranges.to_vec(),
            duplicates: Vec::new(),
            strange: Vec::new(),
        },
    )
}

/// A read-back through a node.
pub(crate) fn rows(via: &str, rows: Rows) -> Event {
    Event::ReadBack {
        workload: "ledger".to_owned(),
        via: via.to_owned(),
        rows,
    }
}

/// A request of the workload `get`.
pub(crate) fn got(via: &str, began: f64, answer: Answer) -> Event {
    let (workload, via) = ("get".to_owned(), via.to_owned());
    Event::Got {
        workload,
        via,
        began_us: micros(began),
        answer,
    }
}
