//! Journals written by hand: a run in which every promise is kept, and a way to change it.

mod events;
mod plan;

pub(crate) use events::*;

use std::path::Path;

use seatrial::journal::{Answer, ApiError, Entry, Event, History, Intent, Outcome, Phase};
use seatrial::plan::{Check, Plan, Workload};
use sha2::{Digest, Sha256};

use plan::{header, plan};

/// The nodes of every story; the fault hits `server-3`.
pub(crate) const NODES: [&str; 4] = ["server-1", "server-2", "server-3", "server-4"];

/// How the entry of a seal goes on.
const SEAL: &str = r#""event":{"seal":""#;

/// How long an engine takes to list its containers, where a story does not say.
const PROMPT_US: u64 = 10_000;

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
        if checks.iter().any(|one| matches!(one, Check::Intact { .. })) {
            for (index, node) in NODES.iter().enumerate() {
                story.at(102.0 + index as f64 / 10.0, sound(node));
            }
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
        let mut all: Vec<_> = start.into_iter().map(|event| (0.0, event)).collect();
        for (at, event) in events {
            if event == Event::End {
                all.push((at, Event::Seal(String::new())));
            }
            all.push((at, event));
        }
        let mut text = String::new();
        for (seq, (at, mut event)) in all.into_iter().enumerate() {
            let at_us = micros(at);
            if let Event::Containers(look) = &mut event
                && look.began_us.is_none()
            {
                look.began_us = Some(at_us.saturating_sub(PROMPT_US));
            }
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
        let mut text = sealed(&text);
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
                    rule: None,
                    witness: None,
                    inside: None,
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

/// The same journal, with a seal that fits what stands above it.
pub(crate) fn sealed(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.split_once(SEAL) {
            Some((entry, _)) => {
                let digest = Sha256::digest(&whole);
                whole += &format!("{entry}{SEAL}{digest:x}\"}}}}\n");
            }
            None => whole += line,
        }
    }
    whole
}
