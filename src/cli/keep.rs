//! `seatrial keep`: the background process that `up` starts; machines live as long as it does.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use seatrial::plan::{Plan, Probe};
use seatrial::substrate::Lab;
use seatrial::substrate::vm::{Images, VmLab};
use seatrial::wait::{Look, until};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::foreign::Keys;
use super::ground::Ground;
use super::interrupt::Interrupts;
use super::kept::{Kept, Node, Reply, Request, State, json_line};
use super::{Exit, cache, output, power, up};

/// An engine's port.
const API: u16 = 2375;

/// The pace of looking at a swarm that starts its services.
const PACE: Duration = Duration::from_secs(1);

/// Keeps a swarm until it is told to end.
pub(super) fn run(args: &up::Args) -> anyhow::Result<Exit> {
    // A session of its own: closing the terminal must not end the machines. It fails only for a
    // process that leads its group, which has what it needs.
    let _ = rustix::process::setsid();
    let cache = cache::folder()?;
    Runtime::new()
        .context("cannot start")?
        .block_on(keep(args, &cache))?;
    Ok(Exit::PASS)
}

/// Holds the lock, makes the swarm, answers, and removes everything in the end.
async fn keep(args: &up::Args, cache: &Path) -> anyhow::Result<()> {
    let mut interrupts = Interrupts::catch()?;
    let kept = Kept::of(cache);
    kept.make()?;
    let _lock = lock(&kept).await?;
    let images = Images::of(cache, args.engine).context("no images: run `seatrial prepare`")?;
    let ground = args.sized(Ground::of(images, cache, false));
    let plan = up::planned(args, &ground)?;
    let mut state = State {
        pid: std::process::id(),
        name: plan.name.clone(),
        ready: false,
        nodes: Vec::new(),
        storage: plan.topology.storage.as_ref().map(|one| one.name.clone()),
        folders: Vec::new(),
    };
    kept.write(&state)?;
    let (lab, end) = (Arc::new(OnceCell::new()), CancellationToken::new());
    let names = plan.node_names().chain(state.storage.as_deref());
    let names = names.map(str::to_owned).collect();
    serve(&kept, names, &lab, &end)?;
    let ssh = args.ssh.then_some((&kept, cache));
    let told = tokio::select! {
        made = make(&ground, &plan, &lab, ssh) => made,
        () = interrupts.next() => Err(anyhow::anyhow!("told to end")),
        () = end.cancelled() => Err(anyhow::anyhow!("told to end")),
    };
    let ended = match told {
        Ok(nodes) => {
            state.nodes = nodes;
            state.folders = kept.folders(state.pid);
            state.ready = true;
            kept.write(&state)?;
            tokio::select! {
                () = interrupts.next() => {}
                () = end.cancelled() => {}
            }
            Ok(())
        }
        Err(_) if end.is_cancelled() => Ok(()),
        Err(error) => Err(error),
    };
    output::tell("removing the machines");
    let torn_down = match lab.get() {
        Some(lab) => lab.tear_down().await,
        None => Ok(()),
    };
    kept.clean(&state)?;
    torn_down?;
    ended
}

/// Takes the keeper's lock; whoever only looks whether it is free has it for a moment.
async fn lock(kept: &Kept) -> anyhow::Result<std::fs::File> {
    let look = || async {
        match kept.lock() {
            Ok(Some(file)) => Look::Holds(file),
            Ok(None) => Look::NotYet("another swarm is up".to_owned()),
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let deadline = Duration::from_secs(2);
    Ok(until(
        "the keeper's lock",
        deadline,
        Duration::from_millis(50),
        look,
    )
    .await?)
}

/// Makes the swarm, deploys what there is to deploy, and says how to reach it.
async fn make(
    ground: &Ground,
    plan: &Plan,
    shared: &OnceCell<Arc<VmLab>>,
    ssh: Option<(&Kept, &Path)>,
) -> anyhow::Result<Vec<Node>> {
    let Ground::Vm(vm) = ground else {
        bail!("only machines can be kept");
    };
    // Before the machines: what is missing for it is said within a second.
    let keys = match ssh {
        Some((kept, cache)) => Some(Keys::make(&kept.ssh(), cache, plan).await?),
        None => None,
    };
    let lab = vm.lab(plan, None).await?;
    let lab = shared.get_or_init(|| async { lab }).await;
    lab.deploy().await?;
    if let Err(late) = services_run(lab, plan).await {
        output::tell(format_args!("note: {late}"));
    }
    if let Some(keys) = keys {
        keys.open(vm, plan, lab).await?;
    }
    let ports = plan.services();
    let ports: Vec<u16> = ports.flat_map(|one| one.published.clone()).collect();
    let mut nodes = Vec::new();
    for node in &plan.topology.nodes {
        let mut published = BTreeMap::new();
        for port in &ports {
            published.insert(*port, lab.address(&node.name, *port).await?);
        }
        nodes.push(Node {
            name: node.name.clone(),
            role: node.role,
            api: lab.address(&node.name, API).await?,
            published,
        });
    }
    Ok(nodes)
}

/// Waits until every service has the tasks that the plan's steady state asks for.
async fn services_run(lab: &VmLab, plan: &Plan) -> anyhow::Result<()> {
    let wanted: Vec<(&String, u32)> = plan
        .steady
        .iter()
        .filter_map(|probe| match probe {
            Probe::Running { service, replicas } => Some((service, *replicas)),
            _ => None,
        })
        .collect();
    let Some(manager) = plan.topology.nodes.first().filter(|_| !wanted.is_empty()) else {
        return Ok(());
    };
    let look = || async {
        let view = match lab.view(&manager.name).await {
            Ok(view) => view,
            Err(error) => return Look::CannotTell(error.to_string()),
        };
        let late = wanted.iter().find_map(|(service, replicas)| {
            let live = view.live(service).count();
            (live < *replicas as usize).then(|| format!("{service} has {live} of {replicas} tasks"))
        });
        late.map_or(Look::Holds(()), Look::NotYet)
    };
    until("the services", plan.deadlines.steady.0, PACE, look).await?;
    Ok(())
}

/// Answers on the control socket, each caller by itself.
fn serve(
    kept: &Kept,
    names: Vec<String>,
    lab: &Arc<OnceCell<Arc<VmLab>>>,
    end: &CancellationToken,
) -> anyhow::Result<()> {
    let socket = kept.socket();
    // One that is there is of a keeper that was killed: we hold the lock.
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket)
        .with_context(|| format!("cannot listen at `{}`", socket.display()))?;
    let (names, lab, end) = (Arc::new(names), Arc::clone(lab), end.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (names, lab, end) = (Arc::clone(&names), Arc::clone(&lab), end.clone());
            tokio::spawn(async move {
                if let Err(error) = talk(stream, &names, &lab, &end).await {
                    output::tell(format_args!("a caller went away: {error}"));
                }
            });
        }
    });
    Ok(())
}

/// Answers one request.
async fn talk(
    stream: UnixStream,
    names: &[String],
    lab: &OnceCell<Arc<VmLab>>,
    end: &CancellationToken,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let request = serde_json::from_str(&line);
    let down = matches!(request, Ok(Request::Down));
    let reply = match request {
        Ok(request) => answer(request, names, lab.get()).await,
        Err(error) => Reply::Trouble(format!("not understood: {error}")),
    };
    let sent = stream.write_all(&json_line(&reply)?).await;
    if down {
        end.cancel();
    }
    sent
}

/// What there is to say to a request.
async fn answer(request: Request, names: &[String], lab: Option<&Arc<VmLab>>) -> Reply {
    match (request, lab) {
        (Request::Down, _) => Reply::Ending,
        (Request::Status, None) => Reply::Status(BTreeMap::new()),
        (Request::Status, Some(lab)) => {
            let mut powered = BTreeMap::new();
            for name in names {
                powered.insert(name.clone(), lab.powered(name).await);
            }
            Reply::Status(powered)
        }
        (Request::Exec { .. } | Request::Power { .. }, None) => {
            Reply::Trouble("the swarm is not up yet".to_owned())
        }
        (Request::Power { node, act }, Some(lab)) => match power::turn(&**lab, &node, act).await {
            Ok(power) => Reply::Power(power),
            Err(trouble) => Reply::Trouble(trouble.0),
        },
        (Request::Exec { node, command }, Some(lab)) => match lab.exec(&node, &command).await {
            Ok(ran) => Reply::Ran {
                code: ran.code,
                out: ran.out,
                err: ran.err,
            },
            Err(trouble) => Reply::Trouble(trouble.0),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::power::Act;
    use super::*;

    #[tokio::test]
    async fn a_keeper_answers_while_its_swarm_is_made_and_ends_when_told() {
        let cache = tempfile::tempdir().expect("a folder");
        let kept = Kept::of(cache.path());
        kept.make().expect("made");
        let (lab, end) = (Arc::new(OnceCell::new()), CancellationToken::new());
        serve(&kept, vec!["server-3".to_owned()], &lab, &end).expect("it listens");
        let ask = async |request| kept.ask(&request).await.expect("an answer");
        assert_eq!(ask(Request::Status).await, Reply::Status(BTreeMap::new()));
        let exec = Request::Exec {
            node: "server-3".into(),
            command: "true".into(),
        };
        let not_yet = Reply::Trouble("the swarm is not up yet".into());
        assert_eq!(ask(exec).await, not_yet);
        for act in [Act::Status, Act::Cut] {
            let node = "server-3".into();
            assert_eq!(ask(Request::Power { node, act }).await, not_yet);
        }

        let mut stream = UnixStream::connect(kept.socket())
            .await
            .expect("it listens");
        stream.write_all(b"sink\n").await.expect("sent");
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .await
            .expect("an answer");
        assert!(line.contains("not understood"), "{line}");

        assert!(!end.is_cancelled());
        assert_eq!(ask(Request::Down).await, Reply::Ending);
        end.cancelled().await;
    }
}
