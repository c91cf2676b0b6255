//! A plan as text for people: every default and deadline, in aligned columns.

use std::fmt::Write as _;

use super::{Action, Change, Check, Fault, FaultEnd, Plan, Role, Service, Workload};
use crate::scenario::{Api, Control, FaultAction, Target};

mod probe;

use probe::probe;

/// What `seatrial plan` prints; ends with a newline.
pub fn text(plan: &Plan) -> String {
    let mut text = format!("{}\n  {}\n", plan.name, one_line(&plan.title));
    for line in wrapped(&one_line(&plan.because.replace('\n', " "))) {
        let _ = writeln!(text, "  {line}");
    }
    text.push('\n');
    let sections = [
        ("place", place(plan)),
        ("nodes", nodes(plan)),
        ("storage", storage(plan)),
        ("balancer", balancer(plan)),
        ("registry", registry(plan)),
        ("api", api(plan)),
        ("share", share(plan)),
        ("stack", stack(plan)),
        ("steady", plan.steady.iter().map(probe).collect()),
        ("then", plan.steady_after.iter().map(probe).collect()),
        ("workload", plan.workloads.iter().map(workload).collect()),
        ("actions", actions(&plan.actions)),
        ("faults", faults(&plan.faults)),
        ("checks", plan.checks.iter().map(check).collect()),
        (
            "must fail",
            plan.must_fail
                .iter()
                .map(|name| vec![name.clone()])
                .collect(),
        ),
        ("deadlines", deadlines(plan)),
    ];
    for (name, rows) in sections {
        section(&mut text, name, &rows);
    }
    text
}

/// Rows under one name, their cells aligned.
fn section(text: &mut String, name: &str, rows: &[Vec<String>]) {
    let width = |column: usize| {
        // A cell that is alone in its row aligns with nothing.
        let cells = rows
            .iter()
            .filter(|row| row.len() > 1)
            .filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for (index, row) in rows.iter().enumerate() {
        let mut line = format!("{:<11}", if index == 0 { name } else { "" });
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(line, "{cell:<width$}  ", width = width(column));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn row<const N: usize>(cells: [String; N]) -> Vec<String> {
    cells.into()
}

fn place(plan: &Plan) -> Vec<Vec<String>> {
    let needs: Vec<String> = plan.needs.iter().map(ToString::to_string).collect();
    let needs = if needs.is_empty() {
        "nothing special".to_owned()
    } else {
        needs.join(", ")
    };
    vec![
        row([plan.place.clone(), format!("needs {needs}")]),
        row(["patience".into(), plan.patience.to_string()]),
        row(["seed".into(), plan.seed.to_string()]),
    ]
}

fn nodes(plan: &Plan) -> Vec<Vec<String>> {
    let nodes = plan.topology.nodes.iter().map(|node| {
        let role = match node.role {
            Role::Manager => "manager",
            Role::Worker => "worker",
        };
        row([node.name.clone(), node.address.clone(), role.into()])
    });
    nodes.collect()
}

fn storage(plan: &Plan) -> Vec<Vec<String>> {
    let Some(storage) = &plan.topology.storage else {
        return Vec::new();
    };
    let answers = match plan.topology.async_share {
        true => ", async: it answers before it has written",
        false => "",
    };
    let exports = format!("{} on {}{answers}", storage.export, storage.mount);
    vec![
        row([storage.name.clone(), storage.address.clone(), exports]),
        row([storage.options.clone()]),
    ]
}

fn balancer(plan: &Plan) -> Vec<Vec<String>> {
    let Some(balancer) = &plan.topology.balancer else {
        return Vec::new();
    };
    let check = format!(
        "checks every {}, fall {}, rise {}: no gap over {}",
        balancer.inter,
        balancer.fall,
        balancer.rise,
        balancer.longest_gap()
    );
    vec![row([
        balancer.name.clone(),
        balancer.address.clone(),
        check,
    ])]
}

fn registry(plan: &Plan) -> Vec<Vec<String>> {
    let registries = plan.topology.registry.iter();
    registries
        .map(|registry| row([registry.name.clone(), registry.place()]))
        .collect()
}

fn api(plan: &Plan) -> Vec<Vec<String>> {
    let what = match plan.topology.api {
        Api::Closed => return Vec::new(),
        Api::Tls => "with TLS, for clients with a certificate",
        Api::Plain => "without TLS, open to anybody",
    };
    let port = plan.topology.api.port().unwrap_or_default();
    vec![row([format!("port {port} of every manager {what}")])]
}

fn share(plan: &Plan) -> Vec<Vec<String>> {
    let share = plan.share.iter().map(|(path, content)| {
        let what = if path.ends_with('/') {
            "folder".to_owned()
        } else {
            count(content.len(), "byte")
        };
        row([one_line(path), what])
    });
    share.collect()
}

fn stack(plan: &Plan) -> Vec<Vec<String>> {
    let services = plan.stack.iter().flat_map(|stack| &stack.services);
    services.map(service).collect()
}

fn service(service: &Service) -> Vec<String> {
    let replicas = match service.replicas {
        Some(replicas) => count(replicas as usize, "replica"),
        None => "on every node".to_owned(),
    };
    let ports: Vec<String> = service.published.iter().map(u16::to_string).collect();
    let ports = if ports.is_empty() {
        "no port".to_owned()
    } else {
        format!("port {}", ports.join(", "))
    };
    let workers = if service.only_workers {
        "workers only"
    } else {
        ""
    };
    row([
        one_line(&service.full_name),
        one_line(&service.image),
        replicas,
        ports,
        workers.into(),
    ])
}

fn workload(workload: &Workload) -> Vec<String> {
    match workload {
        Workload::Ledger {
            name,
            service,
            port,
            rate,
            writers,
            reconnect,
            within,
        } => row([
            name.clone(),
            format!("{} on port {port}", one_line(service)),
            format!("{rate} by {}", count(usize::from(*writers), "writer")),
            match reconnect {
                true => format!("a row within {within}, each on a new connection"),
                false => format!("a row within {within}"),
            },
        ]),
        Workload::Get {
            name,
            via,
            port,
            path,
            body,
            rate,
            within,
        } => row([
            name.clone(),
            page(via, *port, path),
            format!("`{}`", one_line(body)),
            match via {
                Target::Part(_) => rate.to_string(),
                _ => format!("{rate} on each node"),
            },
            format!("within {within}"),
        ]),
    }
}

fn page(via: &Target, port: u16, path: &str) -> String {
    format!("{via} on port {port} {path}")
}

fn actions(actions: &[Action]) -> Vec<Vec<String>> {
    let rows = actions.iter().map(|action| {
        let within = match action.change {
            Change::Upgrade(_) => "each within",
            _ => "seen within",
        };
        row([
            format!("at {}", action.at),
            action.change.verb().into(),
            one_line(&action.change.about()),
            format!("{within} {}", action.within),
        ])
    });
    rows.collect()
}

fn faults(faults: &[Fault]) -> Vec<Vec<String>> {
    if faults.is_empty() {
        return vec![row(["none".into()])];
    }
    let rows = faults.iter().map(|fault| {
        let undo = match fault.action {
            FaultAction::Stop(_) | FaultAction::Kill(_) => "started",
            FaultAction::Pause(_) => "woken",
            FaultAction::Isolate(_) => "rejoined",
            FaultAction::Drop(_) | FaultAction::Slow(_) => "cleared",
            FaultAction::Crash(_) | FaultAction::Restart(_) | FaultAction::KillTask(_) => "over",
            FaultAction::Skew(_) => "reset",
            FaultAction::Fill(_) => "emptied",
        };
        let end = match fault.end {
            FaultEnd::After(span) => format!("{undo} after {span}"),
            FaultEnd::Recovery { deadline } => {
                format!("{undo} after recovery, or after {deadline}")
            }
        };
        row([
            format!("at {}", fault.at),
            fault.action.verb().into(),
            one_line(&fault.action.about()),
            end,
        ])
    });
    rows.collect()
}

fn check(check: &Check) -> Vec<String> {
    let what = match check {
        Check::Recovers { within } => format!("steady again within {within} of each fault"),
        Check::NothingLost { workload } => {
            format!("every acknowledged row of {} is there", one_line(workload))
        }
        Check::NeverTwo { service } => {
            format!("never two live tasks of one slot of {}", one_line(service))
        }
        Check::Answers {
            workload,
            share,
            gap,
        } => {
            format!(
                "{share} of {} answered, no gap over {gap}",
                one_line(workload)
            )
        }
        Check::Control {
            expected: Control::Kept,
        } => "a leader was seen in every fault".into(),
        Check::Control {
            expected: Control::Lost,
        } => "no leader was left in some fault".into(),
        Check::Intact { service } => {
            format!("{} finds its ledger's table sound", one_line(service))
        }
        Check::Exercised => "every fault bit, every workload was busy".into(),
    };
    row([check.name().into(), what])
}

fn deadlines(plan: &Plan) -> Vec<Vec<String>> {
    let deadlines = &plan.deadlines;
    let rows = [
        ("bring up", deadlines.bring_up),
        ("steady", deadlines.steady),
        ("confirm", deadlines.confirm),
        ("heal", deadlines.heal),
        ("steady again", deadlines.steady_again),
        ("read back", deadlines.read_back),
        ("after", deadlines.after),
    ];
    rows.into_iter()
        .map(|(name, span)| row([name.into(), span.to_string()]))
        .collect()
}

/// A number with its noun: "1 row", "2 rows".
fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// Words in lines of at most 98 columns, longer words excepted.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= 98 {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Text without control characters, which could move the user's cursor.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}
