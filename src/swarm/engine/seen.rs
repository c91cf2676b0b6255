//! From the API's models to the harness's own words. Pure.
//!
//! Errors say what in the answer made no sense.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerSummary, ContainerSummaryStateEnum, ImageSummary, Network, Node, Service, Task,
    TaskState,
};
use jiff::Timestamp;

use super::TASK_LABEL;
use crate::journal::{ContainerSeen, NodeSeen, TaskSeen};
use crate::swarm::{Remains, View};

/// The longest line of a log that is kept, in characters.
const LINE_CHARS_MAX: usize = 400;

/// Nodes by name, tasks in the order in which they changed.
pub(super) fn view(
    nodes: Vec<Node>,
    services: Vec<Service>,
    tasks: Vec<Task>,
    wanted: &BTreeMap<String, String>,
) -> Result<View, String> {
    let mut nodes: Vec<NodeSeen> = nodes.into_iter().map(node).collect::<Result<_, _>>()?;
    let names: HashMap<String, String> = nodes
        .iter()
        .map(|node| (node.id.clone(), node.name.clone()))
        .collect();
    let plan_names: HashMap<String, &str> = services
        .into_iter()
        .filter_map(|service| {
            let full_name = service.spec?.name?;
            Some((service.id?, wanted.get(&full_name)?.as_str()))
        })
        .collect();
    let mut tasks: Vec<TaskSeen> = tasks
        .into_iter()
        .filter_map(|task| {
            let service = *plan_names.get(task.service_id.as_deref()?)?;
            Some(self::task(task, service, &names))
        })
        .collect::<Result<_, _>>()?;
    nodes.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    tasks.sort_by(|a, b| (a.index, &a.id).cmp(&(b.index, &b.id)));
    Ok(View { nodes, tasks })
}

pub(super) fn node(node: Node) -> Result<NodeSeen, String> {
    let id = node.id.ok_or("a node has no `ID`")?;
    let missing = |what: &str| format!("node `{id}` has no `{what}`");
    let spec = node.spec.ok_or_else(|| missing("Spec"))?;
    let state = node
        .status
        .and_then(|status| status.state)
        .ok_or_else(|| missing("Status.State"))?;
    let manager = node.manager_status;
    Ok(NodeSeen {
        index: node
            .version
            .and_then(|version| version.index)
            .ok_or_else(|| missing("Version.Index"))?,
        // A node that has only just joined has not told its host name yet.
        name: node
            .description
            .and_then(|description| description.hostname)
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| id.clone()),
        state: state.to_string(),
        availability: spec
            .availability
            .ok_or_else(|| missing("Spec.Availability"))?
            .to_string(),
        role: spec.role.ok_or_else(|| missing("Spec.Role"))?.to_string(),
        leader: manager.as_ref().and_then(|status| status.leader) == Some(true),
        reachability: manager
            .and_then(|status| status.reachability)
            .map(|reachability| reachability.to_string()),
        id,
    })
}

fn task(task: Task, service: &str, names: &HashMap<String, String>) -> Result<TaskSeen, String> {
    let id = task.id.ok_or("a task has no `ID`")?;
    let missing = |what: &str| format!("task `{id}` has no `{what}`");
    let status = task.status.ok_or_else(|| missing("Status"))?;
    let slot = task.slot.unwrap_or_default();
    Ok(TaskSeen {
        index: task
            .version
            .and_then(|version| version.index)
            .ok_or_else(|| missing("Version.Index"))?,
        service: service.to_owned(),
        slot: u64::try_from(slot).map_err(|_| format!("task `{id}` is in slot {slot}"))?,
        // A node that was removed has no name any more; its identity still tells.
        node: not_empty(task.node_id).map(|node| names.get(&node).cloned().unwrap_or(node)),
        state: status
            .state
            .ok_or_else(|| missing("Status.State"))?
            .to_string(),
        desired: task
            .desired_state
            .ok_or_else(|| missing("DesiredState"))?
            .to_string(),
        message: not_empty(status.err).or(status.message).unwrap_or_default(),
        container: not_empty(
            status
                .container_status
                .and_then(|container| container.container_id),
        ),
        timestamp: status
            .timestamp
            // Go writes "no time" as the first day of the year 1.
            .filter(|time| time.year() > 1)
            .and_then(|time| Timestamp::from_nanosecond(time.unix_timestamp_nanos()).ok()),
        id,
    })
}

/// The label that `docker stack deploy` puts on everything it makes (docker/cli
/// `cli/compose/convert/compose.go`, `LabelNamespace`).
const STACK_LABEL: &str = "com.docker.stack.namespace";

/// What is left of a service, and of its stack's networks.
pub(super) fn remains(
    services: &[Service],
    tasks: &[Task],
    networks: &[Network],
    full_name: &str,
    stack: &str,
) -> Result<Remains, String> {
    let of_stack = |labels: Option<&HashMap<String, String>>| {
        labels
            .and_then(|labels| labels.get(STACK_LABEL))
            .map(String::as_str)
            == Some(stack)
    };
    let (mut listed, mut wanted, mut last) = (Vec::new(), None, true);
    for service in services {
        let id = service.id.as_deref().ok_or("a service has no `ID`")?;
        let spec = service.spec.as_ref();
        let spec = spec.ok_or_else(|| format!("service `{id}` has no `Spec`"))?;
        if spec.name.as_deref() == Some(full_name) {
            wanted = Some(id);
        }
        last &= !of_stack(spec.labels.as_ref());
        listed.push(id);
    }
    let mut left = 0;
    for task in tasks {
        let state = task.status.as_ref().and_then(|status| status.state);
        let state = state.ok_or("a task has no `Status.State`")?;
        // A task without a service is not Swarm's to keep: it attaches a container to a network.
        let Some(service) = task.service_id.as_deref().filter(|id| !id.is_empty()) else {
            continue;
        };
        let ours = Some(service) == wanted || !listed.contains(&service);
        left += usize::from(ours && !ended(state));
    }
    let networks = networks
        .iter()
        .filter(|one| last && of_stack(one.labels.as_ref()));
    let mut networks: Vec<String> = networks.filter_map(|one| one.name.clone()).collect();
    networks.sort();
    Ok(Remains {
        service: wanted.is_some(),
        tasks: left,
        networks,
    })
}

/// True for a state that no task leaves (moby/swarmkit `api/types.proto`, `TaskState`).
fn ended(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::COMPLETE
            | TaskState::SHUTDOWN
            | TaskState::FAILED
            | TaskState::REJECTED
            | TaskState::REMOVE
            | TaskState::ORPHANED
    )
}

/// Containers by identity; those of other services are left out.
pub(super) fn containers(
    list: Vec<ContainerSummary>,
    wanted: &BTreeMap<String, String>,
) -> Result<Vec<ContainerSeen>, String> {
    let mut seen = Vec::new();
    for container in list {
        let id = container.id.ok_or("a container has no `Id`")?;
        let labels = container.labels.unwrap_or_default();
        let label = |name: &str| {
            labels
                .get(name)
                .ok_or_else(|| format!("container `{id}` has no label `{name}`"))
        };
        let task = label(TASK_LABEL)?;
        let full_name = label("com.docker.swarm.service.name")?;
        let task_name = label("com.docker.swarm.task.name")?;
        let Some(service) = wanted.get(full_name) else {
            continue;
        };
        let state = container
            .state
            .ok_or_else(|| format!("container `{id}` has no `State`"))?;
        seen.push(ContainerSeen {
            task: task.clone(),
            service: service.clone(),
            slot: slot(task_name, full_name, task)
                .ok_or_else(|| format!("container `{id}` has the task name `{task_name}`"))?,
            running: matches!(
                state,
                ContainerSummaryStateEnum::RUNNING
                    | ContainerSummaryStateEnum::PAUSED
                    | ContainerSummaryStateEnum::STOPPING
            ),
            id,
        });
    }
    seen.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(seen)
}

/// The slot in `SERVICE.SLOT.TASK`; 0 for `SERVICE.NODE.TASK`, a global service.
pub(super) fn slot(task_name: &str, service: &str, task: &str) -> Option<u64> {
    let middle = task_name
        .strip_prefix(service)?
        .strip_prefix('.')?
        .strip_suffix(task)?
        .strip_suffix('.')?;
    // A node's identity is 25 letters and digits, too long for a number even without a letter.
    if middle.is_empty() || !middle.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    Some(middle.parse().unwrap_or(0))
}

/// Every name with its tag or digest, to the image's identity.
pub(super) fn images(list: Vec<ImageSummary>) -> BTreeMap<String, String> {
    list.into_iter()
        .flat_map(|image| {
            let id = image.id;
            let names = image.repo_tags.into_iter().chain(image.repo_digests);
            names
                .filter(|name| !name.starts_with("<none>"))
                .map(move |name| (name, id.clone()))
        })
        .collect()
}

/// An image's name, and its tag or digest; the tag is `latest` where none is written.
pub(super) fn name_and_tag(image: &str) -> (&str, &str) {
    let (image, digest) = match image.split_once('@') {
        Some((image, digest)) => (image, Some(digest)),
        None => (image, None),
    };
    let (name, tag) = match image.rsplit_once(':') {
        // What follows a registry's port is no tag.
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    };
    (name, digest.unwrap_or(tag))
}

/// The name that an engine lists an image under: Docker's own registry is left out
/// (`distribution/reference`, `normalize.go`, `familiarizeName`).
pub(super) fn listed_as(image: &str) -> String {
    let (name, tag) = name_and_tag(image);
    let short = name.strip_prefix("docker.io/").unwrap_or(name);
    let short = match short.strip_prefix("library/") {
        Some(alone) if !alone.contains('/') => alone,
        _ => short,
    };
    let joint = if tag.contains(':') { '@' } else { ':' };
    format!("{short}{joint}{tag}")
}

/// A log as lines that are fit to print.
pub(super) fn lines(log: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(log)
        .lines()
        .map(|line| {
            line.trim_end()
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(LINE_CHARS_MAX)
                .collect()
        })
        .collect()
}

fn not_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    /// What is left of `shop_web`, of these services, tasks (service and state) and networks.
    fn left(services: &[&str], tasks: &[(&str, &str)], networks: &[&str]) -> Remains {
        let labels = |name: &str| {
            let stack = name.split('_').next().unwrap_or_default();
            json!({ "com.docker.stack.namespace": stack })
        };
        let services = services
            .iter()
            .map(|name| json!({ "ID": name, "Spec": { "Name": name, "Labels": labels(name) } }));
        let tasks = tasks
            .iter()
            .map(|(service, state)| json!({ "ServiceID": service, "Status": { "State": state } }));
        let networks = networks
            .iter()
            .map(|name| json!({ "Name": name, "Labels": labels(name) }));
        remains(
            &from_value::<Vec<Service>>(services.collect::<Value>()).expect("services"),
            &from_value::<Vec<Task>>(tasks.collect::<Value>()).expect("tasks"),
            &from_value::<Vec<Network>>(networks.collect::<Value>()).expect("networks"),
            "shop_web",
            "shop",
        )
        .expect("understood")
    }

    #[test]
    fn what_is_left_is_of_the_service_or_of_nobody() {
        assert_eq!(
            left(&["blog_web"], &[("blog_web", "running")], &["blog_default"]),
            { Remains::default() }
        );
        let there = left(
            &["shop_web"],
            &[
                ("shop_web", "running"),
                ("shop_web", "failed"),
                ("", "running"),
            ],
            &["shop_default"],
        );
        assert_eq!(
            (there.service, there.tasks, there.networks.len()),
            (true, 1, 0)
        );
        // Of a removed service only its identity is left.
        let orphan = left(
            &["blog_web"],
            &[("removed", "running"), ("removed", "shutdown")],
            &[],
        );
        assert_eq!((orphan.service, orphan.tasks), (false, 1));
    }

    #[test]
    fn a_network_is_left_over_once_the_last_service_is_gone() {
        let networks = ["shop_default", "ingress"];
        assert!(left(&["shop_db"], &[], &networks).networks.is_empty());
        assert_eq!(
            left(&["blog_web"], &[], &networks).networks,
            ["shop_default"]
        );
    }

    #[test]
    fn an_image_is_listed_under_its_short_name_with_its_tag() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (image, listed) in [
            ("nginx:1.12", "nginx:1.12".to_owned()),
            ("nginx", "nginx:latest".to_owned()),
            ("docker.io/library/nginx:1.12", "nginx:1.12".to_owned()),
            (
                "docker.io/seatrial/nginx",
                "seatrial/nginx:latest".to_owned(),
            ),
            (
                "192.168.150.28:5000/nginx",
                "192.168.150.28:5000/nginx:latest".to_owned(),
            ),
            (
                "192.168.150.28:5000/library/nginx:1",
                "192.168.150.28:5000/library/nginx:1".to_owned(),
            ),
            (&format!("nginx:1@{digest}"), format!("nginx@{digest}")),
        ] {
            assert_eq!(listed_as(image), listed, "{image}");
        }
    }

    #[test]
    fn half_an_answer_about_what_is_left_makes_no_sense() {
        let task: Task = from_value(json!({ "ServiceID": "a" })).expect("a task");
        assert!(remains(&[], &[task], &[], "shop_web", "shop").is_err());
        let service: Service = from_value(json!({ "ID": "a" })).expect("a service");
        assert!(remains(&[service], &[], &[], "shop_web", "shop").is_err());
    }
}
