//! The engine against a fake daemon: a listener that answers each path with bytes of our choice.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Long enough for a loopback answer on a busy machine.
const PATIENT: Duration = Duration::from_secs(20);
/// Short enough to wait for the whole of it.
const SHORT: Duration = Duration::from_millis(200);

const NODES: &str = r#"[
  {"ID":"n2","Version":{"Index":12},"Spec":{"Role":"worker","Availability":"drain"},
   "Description":{"Hostname":"server-5"},"Status":{"State":"down","Message":"heartbeat failure"}},
  {"ID":"n1","Version":{"Index":11},"Spec":{"Role":"manager","Availability":"active"},
   "Description":{"Hostname":"server-3"},"Status":{"State":"ready"},
   "ManagerStatus":{"Leader":true,"Reachability":"reachable","Addr":"192.168.150.3:2377"}},
  {"ID":"n3","Version":{"Index":13},"Spec":{"Role":"manager","Availability":"active"},
   "Status":{"State":"unknown"},"ManagerStatus":{"Reachability":"unreachable"},"NewField":[1]}]"#;

const SERVICES: &str = r#"[{"ID":"s1","Spec":{"Name":"db_mariadb"}},
  {"ID":"s2","Spec":{"Name":"other"}}]"#;

const TASKS: &str = r#"[
  {"ID":"t2","Version":{"Index":30},"ServiceID":"s1","Slot":1,"NodeID":"n1",
   "DesiredState":"running","Status":{"Timestamp":"2026-11-22T10:00:00.5Z","State":"running",
   "Message":"started","ContainerStatus":{"ContainerID":"c2","PID":7,"ExitCode":0}}},
  {"ID":"t1","Version":{"Index":29},"ServiceID":"s1","Slot":1,"NodeID":"gone",
   "DesiredState":"shutdown","Status":{"Timestamp":"0001-01-01T00:00:00Z","State":"failed",
   "Message":"started","Err":"task: non-zero exit (1)","ContainerStatus":{"ContainerID":""}}},
  {"ID":"t3","Version":{"Index":31},"ServiceID":"s2","NodeID":"n1",
   "DesiredState":"running","Status":{"State":"running"}}]"#;

/// What the fake daemon does with a request.
#[derive(Clone, Debug)]
enum Reply {
    Json(u16, &'static str),
    /// The head promises more than comes; then the connection is closed.
    Half(&'static str),
    /// The head comes, then nothing, for ever.
    Stall,
    Raw(&'static str),
    /// Closed without a word.
    Close,
    Hang,
}

/// Answers the first reply whose path the request's path begins with; others get a 404.
async fn daemon(replies: &'static [(&'static str, Reply)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, replies));
        }
    });
    addr
}

async fn serve(mut stream: TcpStream, replies: &'static [(&'static str, Reply)]) {
    let mut request = Vec::new();
    // The end of the head, or of a chunked body, whichever the request has.
    while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"}") {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let reply = replies
        .iter()
        .find(|(prefix, _)| path.starts_with(prefix))
        .map_or(
            Reply::Json(404, r#"{"message":"page not found"}"#),
            |found| found.1.clone(),
        );
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let text = match reply {
        Reply::Json(status, body) => head(status, body.len()) + body,
        Reply::Half(body) => head(200, body.len() + 100) + body,
        Reply::Stall => head(200, 100),
        Reply::Raw(text) => text.to_owned(),
        Reply::Close | Reply::Hang => String::new(),
    };
    let _ = stream.write_all(text.as_bytes()).await;
    if matches!(reply, Reply::Hang | Reply::Stall) {
        std::future::pending::<()>().await;
    }
    let _ = stream.shutdown().await;
}

fn engine(addr: SocketAddr, deadline: Duration) -> Engine {
    Engine::connect(addr, deadline).unwrap()
}

fn services() -> BTreeMap<String, String> {
    [("db_mariadb".to_owned(), "mariadb".to_owned())].into()
}

async fn view(replies: &'static [(&'static str, Reply)]) -> Result<View, ApiError> {
    let addr = daemon(replies).await;
    engine(addr, PATIENT).view(&services()).await
}

#[tokio::test]
async fn a_view_names_nodes_and_keeps_only_the_tasks_of_the_plan() {
    let view = view(&[
        ("/nodes", Reply::Json(200, NODES)),
        ("/services", Reply::Json(200, SERVICES)),
        ("/tasks", Reply::Json(200, TASKS)),
    ])
    .await
    .unwrap();
    insta::assert_json_snapshot!(view.nodes);
    insta::assert_json_snapshot!(view.tasks);
    assert_eq!(view.leader(), Some("server-3"));
    let live: Vec<_> = view.live("mariadb").map(|task| task.id.as_str()).collect();
    assert_eq!(live, ["t2"]);
}

#[tokio::test]
async fn without_services_only_nodes_are_asked_for() {
    let addr = daemon(&[("/nodes", Reply::Json(200, NODES))]).await;
    let view = engine(addr, PATIENT).view(&BTreeMap::new()).await.unwrap();
    assert_eq!((view.nodes.len(), view.tasks.len()), (3, 0));
}

#[tokio::test]
async fn a_refusal_keeps_the_engines_own_words() {
    const NO_LEADER: Reply = Reply::Json(
        503,
        "{\"message\":\"rpc error: code = Unknown desc = The swarm does not have a leader.\"}\n",
    );
    let error = view(&[
        ("/nodes", NO_LEADER),
        ("/services", NO_LEADER),
        ("/tasks", NO_LEADER),
    ])
    .await
    .unwrap_err();
    assert_eq!(
        error,
        ApiError::Refused {
            status: 503,
            message: "rpc error: code = Unknown desc = The swarm does not have a leader."
                .to_owned(),
        }
    );
}

#[rstest]
#[case::unknown_task_state(r#"[{"ID":"t","Status":{"State":"dreaming"}}]"#, "dreaming")]
#[case::no_state(
    r#"[{"ID":"t","Version":{"Index":1},"ServiceID":"s1","Status":{},"DesiredState":"running"}]"#,
    "task `t` has no `Status.State`"
)]
#[case::another_shape(r#"{"tasks":[]}"#, "expected a sequence")]
#[case::cut_off_inside(r#"[{"ID":"t","#, "EOF")]
#[tokio::test]
async fn tasks_that_make_no_sense_are_not_understood(
    #[case] tasks: &'static str,
    #[case] said: &str,
) {
    let replies: &'static [_] = Box::leak(Box::new([
        ("/nodes", Reply::Json(200, NODES)),
        ("/services", Reply::Json(200, SERVICES)),
        ("/tasks", Reply::Json(200, tasks)),
    ]));
    let error = view(replies).await.unwrap_err();
    let ApiError::NotUnderstood(why) = &error else {
        panic!("{error:?}");
    };
    assert!(why.contains(said), "{why}");
    assert!(why.starts_with("`nodes and tasks` at `127.0.0.1:"), "{why}");
}

#[rstest]
#[case::half_a_body(Reply::Half("[{\"ID\":\"n1\","))]
#[case::no_http(Reply::Raw("220 smtp.example ESMTP\r\n\r\n"))]
#[case::an_error_that_is_cut_off(Reply::Raw(
    "HTTP/1.1 500 x\r\nContent-Length: 99\r\n\r\n{\"mess"
))]
#[case::a_role_from_the_future(Reply::Json(200, r#"[{"ID":"n","Spec":{"Role":"witness"}}]"#))]
#[tokio::test]
async fn a_broken_answer_is_not_understood(#[case] reply: Reply) {
    let error = view_of(reply, PATIENT).await.unwrap_err();
    assert!(matches!(error, ApiError::NotUnderstood(_)), "{error:?}");
}

/// A view without services, from a daemon with one reply.
async fn view_of(reply: Reply, deadline: Duration) -> Result<View, ApiError> {
    let replies: &'static [_] = Box::leak(Box::new([("/", reply)]));
    let addr = daemon(replies).await;
    engine(addr, deadline).view(&BTreeMap::new()).await
}

#[tokio::test]
async fn an_early_close_is_unreachable() {
    // QEMU's port forwarder accepts, finds nobody in the guest, and closes.
    let error = view_of(Reply::Close, PATIENT).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_refused_connection_and_a_missing_socket_are_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let error = engine(addr, PATIENT).ping().await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable(_)), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
    let missing = Path::new("/nonexistent/docker.sock");
    let error = Engine::connect_unix(missing, PATIENT).unwrap_err();
    assert!(matches!(error, ApiError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_connection_reset_in_the_middle_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[")
            .await;
        // Wait until the client is done sending, then make the close a reset.
        let _ = stream.read(&mut [0; 1]).await;
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    });
    let error = engine(addr, PATIENT).view(&BTreeMap::new()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable(_)), "{error:?}");
}

#[rstest]
#[case::nothing_at_all(Reply::Hang)]
#[case::a_head_and_no_body(Reply::Stall)]
#[tokio::test]
async fn the_deadline_is_around_the_whole_call(#[case] reply: Reply) {
    let error = view_of(reply, SHORT).await.unwrap_err();
    let ApiError::TimedOut(what) = &error else {
        panic!("{error:?}");
    };
    assert!(
        what.starts_with("200ms (`nodes and tasks` at `127"),
        "{what}"
    );
}

#[tokio::test]
async fn a_log_that_never_ends_is_cut_off_too() {
    let addr = daemon(&[("/containers/c/logs", Reply::Stall)]).await;
    let error = engine(addr, SHORT).last_words("c", 5).await.unwrap_err();
    assert!(matches!(error, ApiError::TimedOut(_)), "{error:?}");
}

#[tokio::test]
async fn last_words_are_lines_without_control_characters() {
    let addr = daemon(&[(
        "/containers/c/logs",
        Reply::Raw(
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\
             \u{1}\0\0\0\0\0\0\u{8}starting\u{2}\0\0\0\0\0\0\u{d}\nerror \u{1b}[31m!\n",
        ),
    )])
    .await;
    let lines = engine(addr, PATIENT).last_words("c", 5).await.unwrap();
    assert_eq!(lines, ["starting", "error  [31m!"]);
}

#[tokio::test]
async fn containers_know_their_slot_and_a_paused_one_runs() {
    let addr = daemon(&[(
        "/containers/json?all=true",
        Reply::Json(
            200,
            r#"[
  {"Id":"c1","State":"paused","Labels":{"com.docker.swarm.task.id":"t1",
   "com.docker.swarm.service.name":"db_mariadb","com.docker.swarm.task.name":"db_mariadb.2.t1"}},
  {"Id":"c2","State":"exited","Labels":{"com.docker.swarm.task.id":"t2",
   "com.docker.swarm.service.name":"db_mariadb",
   "com.docker.swarm.task.name":"db_mariadb.iqujyrx1ss0n8jpwbwodk7fl8.t2"}},
  {"Id":"c3","State":"running","Labels":{"com.docker.swarm.task.id":"t3",
   "com.docker.swarm.service.name":"other","com.docker.swarm.task.name":"other.1.t3"}}]"#,
        ),
    )])
    .await;
    let seen = engine(addr, PATIENT).containers(&services()).await.unwrap();
    insta::assert_json_snapshot!(seen);
}

#[rstest]
#[case("db_mariadb.12.t9", Some(12))]
#[case("db_mariadb.iqujyrx1ss0n8jpwbwodk7fl8.t9", Some(0))]
#[case("db_mariadb.t9", None)]
#[case("db_mariadb..t9", None)]
#[case("db_mariadb.1.t8", None)]
#[case("other.1.t9", None)]
#[case("db_mariadb.1.2.t9", None)]
fn a_slot_is_read_only_from_a_name_of_the_right_shape(
    #[case] name: &str,
    #[case] slot: Option<u64>,
) {
    assert_eq!(seen::slot(name, "db_mariadb", "t9"), slot);
}

#[tokio::test]
async fn short_questions() {
    let addr = daemon(&[
        ("/_ping", Reply::Json(200, "OK")),
        (
            "/version",
            Reply::Json(
                200,
                r#"{"Version":"20.10.24","ApiVersion":"1.41","KernelVersion":"6.1.0"}"#,
            ),
        ),
        (
            "/info",
            Reply::Json(
                200,
                r#"{"Swarm":{"LocalNodeState":"active","ControlAvailable":true,"Error":""}}"#,
            ),
        ),
        ("/swarm/init", Reply::Json(200, "\"node1\"")),
        (
            "/swarm/join",
            Reply::Json(503, r#"{"message":"Timeout was reached"}"#),
        ),
        (
            "/swarm",
            Reply::Json(
                200,
                r#"{"JoinTokens":{"Worker":"SWMTKN-w","Manager":"SWMTKN-m"}}"#,
            ),
        ),
        (
            "/images/json",
            Reply::Json(
                200,
                r#"[{"Id":"sha256:a","ParentId":"","RepoTags":["nginx:1","web:1"],
                "RepoDigests":null,"Created":1,"Size":1,"SharedSize":-1,"Labels":null,
                "Containers":-1},
                {"Id":"sha256:b","ParentId":"","RepoTags":["<none>:<none>"],"RepoDigests":[],
                "Created":1,"Size":1,"SharedSize":-1,"Labels":{},"Containers":-1}]"#,
            ),
        ),
    ])
    .await;
    let engine = engine(addr, PATIENT);
    engine.ping().await.unwrap();
    assert_eq!(engine.version().await.unwrap().api, "1.41");
    let membership = engine.membership().await.unwrap();
    assert_eq!(
        (membership.state.as_str(), membership.manager),
        ("active", true)
    );
    assert_eq!(engine.swarm_init("192.168.150.3").await.unwrap(), "node1");
    let tokens = engine.join_tokens().await.unwrap();
    assert_eq!(
        (tokens.manager.as_str(), tokens.worker.as_str()),
        ("SWMTKN-m", "SWMTKN-w")
    );
    assert!(!format!("{tokens:?}").contains("SWMTKN"));
    let joined = engine
        .swarm_join(
            &["192.168.150.3:2377".to_owned()],
            "SWMTKN-w",
            "192.168.150.5",
        )
        .await;
    assert!(matches!(joined, Err(ApiError::Refused { status: 503, .. })));
    let images = engine.images().await.unwrap();
    assert_eq!(images.keys().collect::<Vec<_>>(), ["nginx:1", "web:1"]);
}

#[tokio::test]
async fn a_ping_that_says_something_else_is_not_understood() {
    let addr = daemon(&[("/_ping", Reply::Json(200, "<html>"))]).await;
    let error = engine(addr, PATIENT).ping().await.unwrap_err();
    assert!(matches!(error, ApiError::NotUnderstood(_)), "{error:?}");
}

#[tokio::test]
async fn an_archive_that_the_engine_cannot_read_is_refused_although_the_head_said_200() {
    let addr = daemon(&[
        (
            "/images/load",
            Reply::Json(
                200,
                r#"{"errorDetail":{"message":"invalid tar header"},"error":"invalid tar header"}"#,
            ),
        ),
        (
            "/images/create",
            Reply::Json(200, r#"{"status":"sha256:abc"}"#),
        ),
    ])
    .await;
    let tar = || futures_util::stream::iter([Ok(Bytes::from_static(b"}"))]);
    let engine = engine(addr, PATIENT);
    let error = engine.load_image(tar()).await.unwrap_err();
    assert_eq!(
        error,
        ApiError::Refused {
            status: 200,
            message: "invalid tar header".to_owned()
        }
    );
    let instructions = ["CMD [\"nginx\"]".to_owned()];
    engine
        .import_image("nginx:1", &instructions, tar())
        .await
        .unwrap();
}

/// Networks as engine 20.10 lists them, with fields that are null or of no day.
const NETWORKS: &str = r#"[
    {"Name":"shop_default","Id":"n1","Created":"2026-11-22T10:00:00.1Z","Scope":"swarm",
     "Driver":"overlay","EnableIPv6":false,"IPAM":{"Driver":"default","Options":null,
     "Config":[{"Subnet":"10.0.1.0/24","Gateway":"10.0.1.1"}]},"Internal":false,
     "Attachable":false,"Ingress":false,"ConfigFrom":{"Network":""},"ConfigOnly":false,
     "Containers":null,"Options":{"com.docker.network.driver.overlay.vxlanid_list":"4097"},
     "Labels":{"com.docker.stack.namespace":"shop"}},
    {"Name":"host","Id":"n2","Created":"0001-01-01T00:00:00Z","Scope":"local","Driver":"host",
     "EnableIPv6":false,"IPAM":{"Driver":"default","Options":null,"Config":[]},
     "Internal":false,"Attachable":false,"Ingress":false,"ConfigFrom":{"Network":""},
     "ConfigOnly":false,"Containers":{},"Options":{},"Labels":null}]"#;

#[tokio::test]
async fn what_is_left_of_a_service_is_asked_in_one_go() {
    const LEFT: &str = r#"[{"ID":"t1","ServiceID":"gone","Status":{"State":"running"}}]"#;
    let asked = daemon(&[
        ("/services", Reply::Json(200, "[]")),
        ("/tasks", Reply::Json(200, LEFT)),
        ("/networks", Reply::Json(200, NETWORKS)),
    ])
    .await;
    let left = engine(asked, PATIENT).remains("shop_web", "shop").await;
    let left = left.unwrap();
    assert_eq!((left.service, left.tasks), (false, 1));
    assert_eq!(left.networks, ["shop_default"]);
    let refused = daemon(&[
        (
            "/services",
            Reply::Json(503, r#"{"message":"This node is not a swarm manager."}"#),
        ),
        ("/tasks", Reply::Json(200, "[]")),
        ("/networks", Reply::Json(200, "[]")),
    ])
    .await;
    let left = engine(refused, PATIENT).remains("shop_web", "shop").await;
    assert!(matches!(left, Err(ApiError::Refused { .. })), "{left:?}");
    let half = daemon(&[
        ("/services", Reply::Json(200, "[]")),
        ("/tasks", Reply::Json(200, r#"[{"ID":"t1"}]"#)),
        ("/networks", Reply::Json(200, "[]")),
    ])
    .await;
    let left = engine(half, PATIENT).remains("shop_web", "shop").await;
    assert!(matches!(left, Err(ApiError::NotUnderstood(_))), "{left:?}");
}
