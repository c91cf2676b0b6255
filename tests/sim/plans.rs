//! Plans built by hand.

use seatrial::plan::{
    Action, Balancer, Change, Check, Deadlines, Fault, FaultEnd, NfsVersionKey, Node, Plan, Probe,
    Registry, Role, Service, Stack, Storage, Topology, Workload,
};
use seatrial::scenario::{
    Control, Cut, Direction, Drop, FaultAction, Isolate, Part, Slow, Target, Token,
};
use seatrial::units::{Port, Rate, Share, Span};

/// A database on shared storage, with a ledger: three managers and a worker.
pub(crate) fn database() -> Plan {
    let mut plan = empty("database", 3, 1);
    plan.topology.storage = Some(Storage {
        name: "storage".to_owned(),
        address: "192.168.150.20".to_owned(),
        export: "/srv/share".to_owned(),
        mount: "/mnt/dockernfs".to_owned(),
        options: "vers=4.2".to_owned(),
        nfs: NfsVersionKey::V42,
    });
    plan.stack = Some(stack("mariadb", Some(1), 3306));
    plan.steady = vec![
        Probe::Running {
            service: "mariadb".to_owned(),
            replicas: 1,
        },
        Probe::Sql {
            service: "mariadb".to_owned(),
            port: 3306,
            query: "SELECT 1".to_owned(),
            within: Span::secs(2),
        },
    ];
    plan.workloads = vec![Workload::Ledger {
        name: "ledger".to_owned(),
        service: "mariadb".to_owned(),
        port: 3306,
        rate: Rate { per_second: 20.0 },
        writers: 4,
        reconnect: false,
        within: Span::secs(5),
    }];
    plan.checks = vec![
        Check::Recovers {
            within: Span::secs(120),
        },
        Check::NothingLost {
            workload: "ledger".to_owned(),
        },
        Check::NeverTwo {
            service: "mariadb".to_owned(),
        },
        Check::Exercised,
    ];
    plan
}

/// A page on every node, asked for on every node: three managers and two workers.
pub(crate) fn web() -> Plan {
    let mut plan = empty("web", 3, 2);
    plan.stack = Some(stack("nginx", Some(3), 8080));
    plan.steady = vec![
        Probe::Running {
            service: "nginx".to_owned(),
            replicas: 3,
        },
        Probe::Http {
            via: Target::EveryNode,
            port: 8080,
            path: "/".to_owned(),
            body: "hello".to_owned(),
            within: Span::secs(2),
        },
    ];
    plan.workloads = vec![Workload::Get {
        name: "get".to_owned(),
        via: Target::EveryNode,
        port: 8080,
        path: "/".to_owned(),
        body: "hello".to_owned(),
        rate: Rate { per_second: 10.0 },
        within: Span::secs(2),
    }];
    plan.checks = vec![
        Check::Recovers {
            within: Span::secs(120),
        },
        Check::Answers {
            workload: "get".to_owned(),
            share: Share(0.9),
            gap: Span::secs(30),
        },
        Check::Exercised,
    ];
    plan
}

/// The web plan, asked through a balancer whose health check says what may be lost.
pub(crate) fn balanced() -> Plan {
    let mut plan = web();
    let balancer = Balancer {
        name: "balancer".to_owned(),
        address: "192.168.150.27".to_owned(),
        inter: Span::secs(1),
        fall: 2,
        rise: 2,
        connect: Span::secs(2),
        retries: 3,
    };
    let allowed = balancer.longest_gap();
    plan.topology.balancer = Some(balancer);
    for probe in &mut plan.steady {
        if let Probe::Http { via, .. } = probe {
            *via = Target::Part(Part::Balancer);
        }
    }
    for workload in &mut plan.workloads {
        if let Workload::Get { via, .. } = workload {
            *via = Target::Part(Part::Balancer);
        }
    }
    for check in &mut plan.checks {
        if let Check::Answers { share, gap, .. } = check {
            (*share, *gap) = (Share(0.95), allowed);
        }
    }
    plan
}

/// An image that only the registry of [`registered`] has.
pub(crate) const REMOTE: &str = "192.168.150.28:5000/nginx:1";

/// The web plan beside a registry that nothing in it needs.
pub(crate) fn beside_a_registry() -> Plan {
    let mut plan = web();
    plan.topology.registry = Some(Registry {
        name: "registry".to_owned(),
        address: "192.168.150.28".to_owned(),
        port: 5000,
    });
    plan
}

/// The web plan, with an image that nodes must pull.
pub(crate) fn registered() -> Plan {
    let mut plan = beside_a_registry();
    for service in plan.stack.iter_mut().flat_map(|stack| &mut stack.services) {
        REMOTE.clone_into(&mut service.image);
    }
    plan
}

/// The web plan, with two of three managers cut off at once.
pub(crate) fn quorum_loss() -> Plan {
    let mut plan = web();
    plan.checks = vec![
        Check::Control {
            expected: Control::Lost,
        },
        Check::Exercised,
    ];
    for target in ["server-1", "server-2"] {
        let action = FaultAction::Stop(Target::Node(target.to_owned()));
        plan.faults.push(Fault {
            at: Span::secs(10),
            action,
            end: FaultEnd::After(Span::secs(40)),
        });
    }
    plan
}

/// A plan with one more fault that lasts until recovery.
pub(crate) fn with_fault(mut plan: Plan, at: u64, action: FaultAction) -> Plan {
    plan.faults.push(Fault {
        at: Span::secs(at),
        action,
        end: FaultEnd::Recovery {
            deadline: Span::secs(120),
        },
    });
    plan
}

/// A plan with one more action.
pub(crate) fn with_action(mut plan: Plan, at: u64, change: Change) -> Plan {
    plan.actions.push(Action {
        at: Span::secs(at),
        change,
        within: Span::secs(90),
    });
    plan
}

/// The web plan, asked for every request, with its service scaled; nothing is broken.
pub(crate) fn scaled(replicas: u32) -> Plan {
    let service = "nginx".to_owned();
    let mut plan = with_action(web(), 10, Change::Scale { service, replicas });
    plan.checks = vec![
        Check::Answers {
            workload: "get".to_owned(),
            share: Share(1.0),
            gap: Span::secs(5),
        },
        Check::Exercised,
    ];
    leaves(plan, replicas)
}

/// The database plan, with a second server on the same data for a while; nothing is broken.
pub(crate) fn two_servers() -> Plan {
    let scale = |replicas| Change::Scale {
        service: "mariadb".to_owned(),
        replicas,
    };
    let plan = with_action(with_action(database(), 10, scale(2)), 60, scale(1));
    checked(plan)
}

/// A database plan whose table must be sound in the end, whatever happens to it.
pub(crate) fn checked(mut plan: Plan) -> Plan {
    plan.checks = vec![
        Check::NothingLost {
            workload: "ledger".to_owned(),
        },
        Check::Intact {
            service: "mariadb".to_owned(),
        },
        Check::Exercised,
    ];
    plan
}

/// The web plan without a workload, whose service is removed.
pub(crate) fn removed() -> Plan {
    let service = "nginx".to_owned();
    let mut plan = with_action(web(), 10, Change::Remove { service });
    plan.workloads.clear();
    plan.checks = vec![Check::Exercised];
    plan = leaves(plan, 0);
    plan.steady_after.truncate(1);
    plan
}

/// The web plan, where a worker leaves and comes back, first with tokens that are not valid.
pub(crate) fn intruder() -> Plan {
    let node = "server-5".to_owned();
    let mut plan = with_action(web(), 10, Change::Leave(Target::Node(node.clone())));
    for token in [Token::Wrong, Token::Rotated, Token::Right] {
        let (node, role) = (node.clone(), Role::Worker);
        plan = with_action(plan, 11, Change::Join { node, role, token });
    }
    plan.checks.remove(0);
    plan
}

/// A plan whose steady state has this many tasks in the end.
pub(crate) fn leaves(mut plan: Plan, count: u32) -> Plan {
    plan.steady_after = plan.steady.clone();
    for probe in &mut plan.steady_after {
        if let Probe::Running { replicas, .. } = probe {
            *replicas = count;
        }
    }
    plan
}

/// The node that runs the database.
pub(crate) fn database_host() -> Target {
    Target::HostOf("mariadb".to_owned())
}

fn empty(name: &str, managers: u8, workers: u8) -> Plan {
    let node = |number: u8| Node {
        name: format!("server-{number}"),
        address: format!("192.168.150.{number}"),
        role: if number <= managers {
            Role::Manager
        } else {
            Role::Worker
        },
    };
    Plan {
        name: name.to_owned(),
        title: "A plan built by hand".to_owned(),
        because: "The harness must be tested too.".to_owned(),
        seed: 7,
        place: "sim".to_owned(),
        patience: 1.0,
        needs: [].into(),
        topology: Topology {
            nodes: (1..=managers + workers).map(node).collect(),
            ..Topology::default()
        },
        share: [].into(),
        stack: None,
        steady: Vec::new(),
        steady_after: Vec::new(),
        actions: Vec::new(),
        workloads: Vec::new(),
        faults: Vec::new(),
        checks: vec![Check::Exercised],
        must_fail: Vec::new(),
        deadlines: Deadlines {
            bring_up: Span::secs(60),
            steady: Span::secs(60),
            confirm: Span::secs(20),
            heal: Span::secs(60),
            steady_again: Span::secs(60),
            read_back: Span::secs(10),
            after: Span::secs(5),
        },
    }
}

fn stack(service: &str, replicas: Option<u32>, port: u16) -> Stack {
    let service = Service {
        name: service.to_owned(),
        full_name: format!("stack_{service}"),
        image: format!("{service}:1"),
        replicas,
        published: vec![port],
        root_password: None,
        only_workers: false,
    };
    Stack {
        name: "stack".to_owned(),
        text: "services: {}".to_owned(),
        services: vec![service],
    }
}

/// A database whose leader stands still.
pub(crate) fn paused() -> Plan {
    let mut plan = with_fault(database(), 10, FaultAction::Pause(Target::Leader));
    // What was frozen goes on for a moment when it wakes: nobody can say that there were never two.
    plan.checks
        .retain(|check| !matches!(check, Check::NeverTwo { .. }));
    plan
}

/// A database whose worker is not heard.
pub(crate) fn cut() -> Plan {
    let cut = Cut {
        node: Target::Worker,
        from: None,
        direction: Some(Direction::Out),
    };
    let action = FaultAction::Isolate(Isolate::Partly(cut));
    with_fault(database(), 10, action)
}

/// A database whose worker reaches no manager.
pub(crate) fn ports() -> Plan {
    let drop = Drop {
        node: Target::Worker,
        from: None,
        direction: None,
        port: Port::tcp(2377),
    };
    with_fault(database(), 10, FaultAction::Drop(drop))
}

/// A database whose storage is slow.
pub(crate) fn slow() -> Plan {
    let slow = Slow {
        node: Target::Part(Part::Storage),
        from: None,
        direction: None,
        port: None,
        delay: Some(Span::millis(100)),
        jitter: None,
        loss: None,
    };
    with_fault(database(), 10, FaultAction::Slow(slow))
}
