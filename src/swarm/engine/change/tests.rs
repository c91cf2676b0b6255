//! Changes against a fake daemon that remembers what it was asked for.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A service as engine 20.10 lists one that `docker stack deploy` made.
fn service() -> Value {
    json!({
        "ID": "s1",
        "Version": { "Index": 41 },
        "CreatedAt": "2026-11-22T10:00:00.5Z",
        "UpdatedAt": "2026-11-22T10:00:00.6Z",
        "Spec": {
            "Name": "web_nginx",
            "Labels": { "com.docker.stack.image": "nginx:1.12",
                "com.docker.stack.namespace": "web" },
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": "nginx:1.12",
                    "Labels": { "com.docker.stack.namespace": "web" },
                    "Args": ["nginx", "-g", "daemon off;"],
                    "Env": ["COLOUR=blue", "SECRET=hidden"],
                    "Privileges": { "CredentialSpec": null, "SELinuxContext": null },
                    "Healthcheck": { "Test": ["CMD", "true"], "Interval": 5_000_000_000_i64 },
                    "Mounts": [{ "Type": "bind", "Source": "/mnt/dockernfs/nginx-01",
                                 "Target": "/usr/share/nginx/html", "ReadOnly": true }],
                    "StopGracePeriod": 60_000_000_000_i64,
                    "Isolation": "default",
                    "LikeNothingThatThisClientKnows": { "Kept": [1, null] }
                },
                "Resources": {},
                "Placement": { "Constraints": ["node.role == worker"],
                    "Platforms": [{ "Architecture": "amd64", "OS": "linux" }] },
                "Networks": [{ "Target": "n1", "Aliases": ["nginx"] }],
                "ForceUpdate": 0,
                "Runtime": "container"
            },
            "Mode": { "Replicated": { "Replicas": 2 } },
            "EndpointSpec": { "Mode": "vip", "Ports": [{ "Protocol": "tcp", "TargetPort": 80,
                "PublishedPort": 8080, "PublishMode": "ingress" }] }
        },
        "UpdateStatus": { "State": "completed", "StartedAt": "2026-11-22T10:00:00Z" }
    })
}

fn nodes() -> Value {
    json!([
        { "ID": "old", "Version": { "Index": 7 }, "Description": { "Hostname": "server-3" },
          "Spec": { "Role": "worker", "Availability": "active" }, "Status": { "State": "down" } },
        { "ID": "new", "Version": { "Index": 9 }, "Description": { "Hostname": "server-3" },
          "Spec": { "Role": "worker", "Availability": "active", "Labels": { "disk": "ssd" } },
          "Status": { "State": "ready" } }
    ])
}

/// Requests, as `METHOD PATH` and body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// A daemon that says to each request what comes next in this list.
async fn daemon(answers: Vec<(u16, Value)>) -> (Engine, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    let asked = Asked::default();
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        for (status, answer) in answers {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut text = Vec::new();
            let (head, body) = loop {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).await.expect("a request");
                text.extend_from_slice(&part[..count]);
                let so_far = String::from_utf8_lossy(&text).into_owned();
                let Some((head, body)) = so_far.split_once("\r\n\r\n") else {
                    continue;
                };
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.parse().ok())?
                });
                if body.len() >= length.unwrap_or(0) {
                    break (head.to_owned(), body.to_owned());
                }
            };
            let line = head.lines().next().unwrap_or_default();
            let line = line
                .rsplit_once(' ')
                .map_or(line, |(line, _)| line)
                .to_owned();
            let body = serde_json::from_str(&body).unwrap_or(Value::Null);
            heard.lock().expect("no panic").push((line, body));
            let answer = if answer.is_null() {
                String::new()
            } else {
                answer.to_string()
            };
            let reply = format!(
                "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n\
                 Connection: close\r\nContent-Length: {}\r\n\r\n{answer}",
                answer.len()
            );
            let _ = stream.write_all(reply.as_bytes()).await;
        }
    });
    let engine = Engine::connect(address, Duration::from_secs(20)).expect("a client");
    (engine, asked)
}

fn asked(asked: &Asked) -> Vec<(String, Value)> {
    asked.lock().expect("no panic").clone()
}

fn stale() -> (u16, Value) {
    let message = "rpc error: code = Unknown desc = update out of sequence";
    (500, json!({ "message": message }))
}

/// A task template that changes on its way would have Swarm replace every task.
#[tokio::test]
async fn scaling_changes_the_count_and_nothing_else() {
    let (engine, heard) = daemon(vec![(200, service()), (200, json!({}))]).await;
    engine.scale("web_nginx", 4).await.expect("taken");
    let heard = asked(&heard);
    let (line, spec) = &heard[1];
    assert!(
        line.starts_with("POST /services/web_nginx/update?"),
        "{line}"
    );
    assert!(line.contains("version=41"), "{line}");
    let mut wanted = service()["Spec"].clone();
    wanted["Mode"]["Replicated"]["Replicas"] = json!(4);
    assert_eq!(spec, &wanted);
}

#[tokio::test]
async fn a_change_that_comes_too_late_is_made_again() {
    let mut newer = service();
    newer["Version"]["Index"] = json!(42);
    let answers = vec![(200, service()), stale(), (200, newer), (200, json!({}))];
    let (engine, heard) = daemon(answers).await;
    engine.scale("web_nginx", 4).await.expect("taken");
    let heard = asked(&heard);
    assert!(
        heard[1].0.contains("version=41") && heard[3].0.contains("version=42"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_change_that_always_comes_too_late_is_trouble_of_ours() {
    let answers = (0..ATTEMPTS).flat_map(|_| [(200, service()), stale()]);
    let (engine, _) = daemon(answers.collect()).await;
    let error = engine.scale("web_nginx", 4).await.expect_err("never taken");
    assert!(matches!(error, ApiError::NotUnderstood(_)), "{error}");
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let (engine, heard) = daemon(vec![(200, service()), (200, json!({}))]).await;
    let new = NewTasks {
        image: Some("nginx:1.13".to_owned()),
        env: [("COLOUR".to_owned(), "green".to_owned())].into(),
        args: None,
    };
    engine.update_tasks("web_nginx", &new).await.expect("taken");
    let container = asked(&heard)[1].1["TaskTemplate"]["ContainerSpec"].clone();
    assert_eq!(container["Image"], "nginx:1.13");
    assert_eq!(container["Env"], json!(["SECRET=hidden", "COLOUR=green"]));
    assert_eq!(
        container["Args"],
        service()["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"]
    );
}

#[tokio::test]
async fn a_service_is_seen_or_is_not_there_or_nobody_can_tell() {
    let gone = json!({ "message": "service web_nginx not found" });
    let odd = json!({ "ID": "s1" });
    let headless = json!({ "message": "The swarm does not have a leader" });
    let answers = vec![(200, service()), (404, gone), (200, odd), (503, headless)];
    let (engine, _) = daemon(answers).await;
    let seen = engine
        .service("web_nginx")
        .await
        .expect("seen")
        .expect("there");
    assert_eq!(
        (seen.replicas, seen.image.as_str()),
        (Some(2), "nginx:1.12")
    );
    assert_eq!(seen.update.as_deref(), Some("completed"));
    assert_eq!(seen.env["COLOUR"], "blue");
    assert!(!format!("{seen:?}").contains("hidden"), "{seen:?}");
    assert_eq!(engine.service("web_nginx").await.expect("an answer"), None);
    let error = engine.service("web_nginx").await.expect_err("odd");
    assert!(matches!(error, ApiError::NotUnderstood(_)), "{error}");
    let error = engine.service("web_nginx").await.expect_err("refused");
    assert!(
        matches!(error, ApiError::Refused { status: 503, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_node_that_is_up_is_changed_and_one_that_is_down_is_forgotten() {
    let answers = vec![
        (200, nodes()),
        (200, Value::Null),
        (200, nodes()),
        (200, Value::Null),
    ];
    let (engine, heard) = daemon(answers).await;
    engine.set_drained("server-3", true).await.expect("taken");
    engine.forget_node("server-3").await.expect("taken");
    let heard = asked(&heard);
    assert!(
        heard[1].0.starts_with("POST /nodes/new/update?version=9"),
        "{heard:?}"
    );
    let drained = json!({ "Role": "worker", "Availability": "drain", "Labels": { "disk": "ssd" } });
    assert_eq!(heard[1].1, drained);
    assert!(
        heard[3].0.starts_with("DELETE /nodes/old?force=false"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_node_that_is_not_there_cannot_be_changed() {
    let (engine, _) = daemon(vec![(200, json!([]))]).await;
    let error = engine
        .set_role("server-3", true)
        .await
        .expect_err("no node");
    assert!(
        matches!(error, ApiError::Refused { status: 404, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn tokens_that_are_replaced_are_given_back() {
    let swarm = json!({ "Version": { "Index": 5 }, "Spec": { "Name": "default" },
        "JoinTokens": { "Worker": "w-old", "Manager": "m-old" } });
    let answers = vec![(200, swarm.clone()), (200, swarm), (200, Value::Null)];
    let (engine, heard) = daemon(answers).await;
    let old = engine.rotate_tokens().await.expect("rotated");
    assert_eq!(
        (old.worker.as_str(), old.manager.as_str()),
        ("w-old", "m-old")
    );
    let line = asked(&heard)[2].0.clone();
    assert!(
        line.contains("version=5") && line.contains("rotateWorkerToken=true"),
        "{line}"
    );
    assert!(line.contains("rotateManagerToken=true"), "{line}");
}

/// Engine 20.10 answers 200, then a line for each step, then its error.
#[tokio::test]
async fn a_pull_may_be_refused_in_the_middle_of_its_answer() {
    let done = json!({ "status": "Status: Downloaded newer image", "id": "1.12",
        "progressDetail": {} });
    let why = "manifest for 192.168.150.28:5000/nginx:1.12 not found: manifest unknown";
    let error = json!({ "errorDetail": { "message": why }, "error": why });
    let down = json!({ "message": "dial tcp 192.168.150.28:5000: connect: no route to host" });
    let (engine, heard) = daemon(vec![(200, done), (200, error), (500, down)]).await;
    let image = "192.168.150.28:5000/nginx:1.12";
    engine.pull(image).await.expect("pulled");
    let refused = engine.pull(image).await.expect_err("no such image");
    let (status, message) = (200, why.to_owned());
    assert_eq!(refused, ApiError::Refused { status, message });
    let refused = engine.pull(image).await.expect_err("no registry");
    assert!(
        matches!(refused, ApiError::Refused { status: 500, .. }),
        "{refused}"
    );
    let line = asked(&heard)[0].0.clone();
    assert!(line.starts_with("POST /images/create?"), "{line}");
    assert!(line.contains("tag=1.12"), "{line}");
    assert!(
        line.contains("fromImage=192.168.150.28%3A5000%2Fnginx"),
        "{line}"
    );
}

#[tokio::test]
async fn an_image_is_there_when_the_engine_lists_its_name() {
    let list = json!([{ "Id": "sha256:a", "ParentId": "", "RepoTags": ["nginx:1.12"],
        "RepoDigests": null, "Created": 1, "Size": 1, "SharedSize": -1, "Labels": null,
        "Containers": -1 }]);
    let odd = json!({ "images": [] });
    let answers = vec![(200, list.clone()), (200, list), (200, odd)];
    let (engine, _) = daemon(answers).await;
    assert_eq!(engine.has_image("nginx:1.12").await, Ok(true));
    assert_eq!(engine.has_image("nginx:1.13").await, Ok(false));
    let error = engine.has_image("nginx:1.12").await.expect_err("odd");
    assert!(matches!(error, ApiError::NotUnderstood(_)), "{error}");
}

fn info(state: &str) -> (u16, Value) {
    let swarm = json!({ "LocalNodeState": state, "ControlAvailable": false, "Error": "" });
    (200, json!({ "Swarm": swarm }))
}

/// Until the engine has left, it refuses the next join, whatever its token.
#[tokio::test]
async fn a_join_that_came_to_nothing_is_given_up() {
    let manager = json!({ "message": "the node participates as a manager" });
    let done = (200, Value::Null);
    let answers = vec![info("pending"), info("error"), (503, manager), done];
    let (engine, heard) = daemon(answers).await;
    let patience = Duration::from_secs(20);
    assert_eq!(engine.give_up_joining(patience).await, Ok(false));
    let heard: Vec<String> = asked(&heard).into_iter().map(|(line, _)| line).collect();
    assert!(
        heard[2].starts_with("POST /swarm/leave?force=false"),
        "{heard:?}"
    );
    assert!(
        heard[3].starts_with("POST /swarm/leave?force=true"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_join_that_never_ends_is_ended_and_one_that_got_in_stays() {
    let (engine, heard) = daemon(vec![info("pending"), (200, Value::Null)]).await;
    let brief = Duration::from_millis(200);
    assert_eq!(engine.give_up_joining(brief).await, Ok(false));
    assert_eq!(asked(&heard).len(), 2);
    let (engine, heard) = daemon(vec![info("pending"), info("active")]).await;
    let patience = Duration::from_secs(20);
    assert_eq!(engine.give_up_joining(patience).await, Ok(true));
    assert_eq!(asked(&heard).len(), 2);
    let (engine, _) = daemon(vec![info("error")]).await;
    assert!(
        engine.give_up_joining(patience).await.is_err(),
        "it cannot be told to leave"
    );
}

/// Swarm takes an update that changes nothing for an update: it forgets what was there before, and
/// a role that is given again undoes what others decided meanwhile.
#[tokio::test]
async fn a_change_that_changes_nothing_is_not_asked_for() {
    let ready = json!([nodes()[1]]);
    let answers = vec![
        (200, service()),
        (200, service()),
        (200, ready.clone()),
        (200, ready),
    ];
    let (engine, heard) = daemon(answers).await;
    engine.scale("web_nginx", 2).await.expect("so already");
    let same = NewTasks {
        image: Some("nginx:1.12".to_owned()),
        env: [("SECRET".to_owned(), "hidden".to_owned())].into(),
        args: None,
    };
    engine
        .update_tasks("web_nginx", &same)
        .await
        .expect("so already");
    engine
        .set_role("server-3", false)
        .await
        .expect("so already");
    engine
        .set_drained("server-3", false)
        .await
        .expect("so already");
    let heard = asked(&heard);
    assert!(
        heard.iter().all(|(line, _)| line.starts_with("GET ")),
        "{heard:?}"
    );
}

fn network() -> Value {
    json!({ "Name": "web_default", "Id": "n1", "Scope": "swarm", "Driver": "overlay",
        "Labels": { "com.docker.stack.namespace": "web" } })
}

/// `docker service rm` leaves the networks of a stack, `docker stack rm` does not.
#[tokio::test]
async fn a_stack_without_services_loses_its_networks_once_no_task_uses_them() {
    let used = json!({ "message": "rpc error: code = FailedPrecondition desc = network n1 is in \
                                   use by task t1" });
    let (none, networks) = (json!([]), json!([network()]));
    let answers = vec![
        (200, none.clone()),
        (200, none),
        (200, networks),
        (400, used),
        (204, Value::Null),
    ];
    let (engine, heard) = daemon(answers).await;
    let patience = Duration::from_secs(20);
    engine.remove_networks("web", patience).await.expect("gone");
    let heard: Vec<String> = asked(&heard).into_iter().map(|(line, _)| line).collect();
    assert_eq!(heard[3], "DELETE /networks/web_default", "{heard:?}");
    assert_eq!(heard[4], heard[3]);
}

#[tokio::test]
async fn a_stack_with_services_keeps_its_networks() {
    let (services, networks) = (json!([service()]), json!([network()]));
    let answers = vec![(200, services), (200, json!([])), (200, networks)];
    let (engine, heard) = daemon(answers).await;
    let patience = Duration::from_secs(20);
    engine
        .remove_networks("web", patience)
        .await
        .expect("nothing to do");
    assert_eq!(asked(&heard).len(), 3);
}
