//! Events, one function each.

use seatrial::journal::{
    Answer, ApiError, ContainerSeen, ContainersSeen, Event, ManagerAnswer, NodeSeen, Poll, Rows,
    Steady, TableCheck, TableWord, TaskSeen,
};

use super::NODES;

/// A time as the journal writes it.
pub(crate) fn micros(seconds: f64) -> u64 {
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

/// A task on `server-4` that ended, and the agent's words.
pub(crate) fn ended(id: &str, index: u64, state: &str, message: &str) -> Event {
    let mut event = task(id, index, "server-4", state, "shutdown");
    if let Event::Task(task) = &mut event {
        message.clone_into(&mut task.message);
    }
    event
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

/// What a node's own engine says, without delay.
pub(crate) fn containers(node: &str, seen: Result<Vec<ContainerSeen>, ApiError>) -> Event {
    Event::Containers(ContainersSeen {
        node: node.to_owned(),
        began_us: None,
        ended_us: None,
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
        began_us: None,
        rows,
    }
}

/// What the database says of its table through a node, in pairs of kind and text.
pub(crate) fn table(via: &str, words: &[(&str, &str)]) -> Event {
    let word = |(kind, text): &(&str, &str)| TableWord {
        kind: (*kind).to_owned(),
        text: (*text).to_owned(),
    };
    checked(via, Ok(words.iter().map(word).collect()))
}

/// A database that calls its table sound.
pub(crate) fn sound(via: &str) -> Event {
    table(via, &[("status", "OK")])
}

/// A check of the table through a node, whatever came of it.
pub(crate) fn checked(via: &str, said: Result<Vec<TableWord>, String>) -> Event {
    let (service, via) = ("mariadb".to_owned(), via.to_owned());
    Event::TableCheck(TableCheck { service, via, said })
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
