//! What an engine and its kernel can do: tried once with a swarm of one node, then remembered for
//! as long as both stay what they are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::image::NodeImages;
use super::lab::{DindLab, ELSEWHERE};
use super::part::EXPORTS;
use super::{Dind, assemble};
use crate::capability::Capability;
use crate::journal::Answer;
use crate::plan::{Options, Outcome, Plan, plan};
use crate::scenario::parse;
use crate::substrate::nodes::COMMAND;
use crate::substrate::nodes::share::rehearsal;
use crate::substrate::vm::prepare::{cannot, make_folder};
use crate::substrate::{Lab, PageRequest, Trouble};
use crate::swarm::engine::{EngineVersion, Rights};
use crate::wait::{Look, until};

/// A swarm of one node with one published port. A fault and its judge are there because none is
/// refused without; the plan leaves both out.
const SCENARIO: &str = "scenario: A published port is answered\nbecause: It may not be.\n\
    cluster: { managers: 1, workers: 0 }\ndeploy: mesh.stack.yaml\n\
    steady: [ { running: { service: web, replicas: 1 } } ]\n\
    faults: [ { at: 1s, do: { isolate: leader } } ]\nexpect: [ { control: kept } ]\n\
    allow: [ quorum_loss ]\n";
const STACK: &str = "version: \"3.7\"\nservices:\n  web:\n    image: ${HTTPD_IMAGE}\n    \
    ports: [ \"80:80\" ]\n";

/// The page of that service, as `recipe/service.sh` makes it.
const PAGE: &str = "<html><body><h1>It works!</h1></body></html>\n";

/// How long the task may take to run.
const RUNNING: Duration = Duration::from_secs(120);

/// How long its published port may then take to be answered. A mesh is there a second or two
/// after the task.
const MESH: Duration = Duration::from_secs(20);

/// How long the storage machine may take to serve: a second, where it can.
const SERVED: Duration = Duration::from_secs(20);

/// Mounts, or gives up: what a kernel cannot do it may try for long.
const MOUNT: &str = "timeout 30 mount";

/// What was found out, or why it is not so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ability {
    /// The engine's version.
    pub engine: String,
    /// Its kernel's release.
    pub kernel: String,
    /// The images that it was tried with.
    pub images: String,
    /// Capabilities that containers are granted; none where `--privileged` is.
    pub capabilities: Option<Vec<String>>,
    /// Whether a published port was answered.
    pub mesh: Result<(), String>,
    /// Whether the kernel delays frames.
    pub netem: Result<(), String>,
    /// Whether a share was mounted by NFS.
    pub nfs: Result<(), String>,
    /// Seconds from nothing to an answer of the one node's engine in a swarm.
    pub boot_seconds: f64,
}

impl Ability {
    /// Nothing is known yet.
    pub(super) fn of(version: &EngineVersion, images: &NodeImages) -> Self {
        let untried = || Err("it was not tried".to_owned());
        Self {
            engine: version.engine.clone(),
            kernel: version.kernel.clone(),
            images: images.facts.key.clone(),
            capabilities: None,
            mesh: untried(),
            netem: untried(),
            nfs: untried(),
            boot_seconds: 0.0,
        }
    }

    /// What was remembered of this very engine, kernel and images.
    pub(super) fn recall(
        cache: &Path,
        address: &str,
        version: &EngineVersion,
        images: &NodeImages,
    ) -> Option<Self> {
        let text = std::fs::read(file(cache, address)).ok()?;
        let known: Self = serde_json::from_slice(&text).ok()?;
        let same = known.engine == version.engine
            && known.kernel == version.kernel
            && known.images == images.facts.key;
        same.then_some(known)
    }

    /// Remembers it.
    pub(super) fn remember(&self, cache: &Path, address: &str) -> Result<(), Trouble> {
        let path = file(cache, address);
        make_folder(&cache.join("dind"))?;
        let text = serde_json::to_vec_pretty(self).map_err(|e| Trouble(e.to_string()))?;
        std::fs::write(&path, text).map_err(|error| cannot("write", &path, &error))
    }

    /// Notes what containers are granted.
    pub(super) fn granted(&mut self, rights: &Rights) {
        self.capabilities = match rights {
            Rights::Wide(capabilities) => Some(capabilities.clone()),
            Rights::Usual | Rights::Privileged => None,
        };
    }

    /// What containers are granted.
    pub(super) fn rights(&self) -> Rights {
        match &self.capabilities {
            Some(capabilities) => Rights::Wide(capabilities.clone()),
            None => Rights::Privileged,
        }
    }
}

/// The file of an engine's abilities.
pub(super) fn file(cache: &Path, address: &str) -> PathBuf {
    let digest = format!("{:x}", Sha256::digest(address));
    cache
        .join("dind")
        .join(format!("ability-{}.json", &digest[..16]))
}

/// Forgets what an engine was seen to do, so that it is tried anew.
pub fn forget(cache: &Path, address: &str) {
    // What was never remembered is forgotten.
    let _ = std::fs::remove_file(file(cache, address));
}

/// Tries everything with a swarm of one node, and removes it.
pub(super) async fn tried(place: &Dind) -> Result<Ability, Trouble> {
    let plan = probe(place)?;
    let turn = place.turn().await?;
    let began = Instant::now();
    let lab = assemble::make(place, &plan, None, turn).await?;
    let boot_seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let step = place.progress.step("try what its kernel can do");
    let found = look(&lab).await;
    let gone = lab.tear_down().await;
    let (mesh, netem, nfs) = found?;
    gone?;
    step.done();
    Ok(Ability {
        mesh,
        netem,
        nfs,
        boot_seconds,
        ..place.ability.clone()
    })
}

type Found = Result<(), String>;

async fn look(lab: &DindLab) -> Result<(Found, Found, Found), Trouble> {
    let node = &lab.plan.topology.nodes[0].name;
    let says = async |command: &str| {
        let ran = lab.nodes().run(node, command, b"", COMMAND).await?;
        Ok::<Found, Trouble>(match ran.code {
            0 => Ok(()),
            _ => Err(ran
                .err
                .trim()
                .lines()
                .last()
                .unwrap_or("it failed")
                .to_owned()),
        })
    };
    let netem = says("tc qdisc add dev lo root netem delay 1ms && tc qdisc del dev lo root");
    let netem = netem.await?;
    let nfs = match served(lab).await {
        Ok(()) => says(&rehearsal(MOUNT)).await?,
        Err(why) => Err(why),
    };
    lab.deploy().await?;
    let pace = Duration::from_millis(500);
    let running = || async {
        match lab.containers(node).await {
            Ok(all) if all.iter().any(|one| one.running) => Look::Holds(()),
            Ok(_) => Look::NotYet("no container runs".to_owned()),
            Err(error) => Look::CannotTell(error.to_string()),
        }
    };
    let ran = until("a task of the probe", RUNNING, pace, running).await;
    ran.map_err(|late| Trouble(late.to_string()))?;
    let ask = PageRequest {
        path: "/".into(),
        body: PAGE.into(),
        within: Duration::from_secs(2),
    };
    let answered = || async {
        match lab.get(node, 80, &ask).await {
            Answer::Right => Look::Holds(()),
            Answer::Wrong(what)
            | Answer::Failed(what)
            | Answer::Unasked(what)
            | Answer::Unsent(what) => Look::NotYet(what),
        }
    };
    let mesh = until("a published port", MESH, pace, answered).await;
    Ok((mesh.map_err(|late| late.last), netem, nfs))
}

/// Whether the storage machine serves; what its server said last if not.
async fn served(lab: &DindLab) -> Found {
    let pace = Duration::from_millis(500);
    let look = || async {
        match lab.nodes().sh(ELSEWHERE, EXPORTS, COMMAND).await {
            Ok(_) => Look::Holds(()),
            Err(trouble) => Look::NotYet(trouble.0),
        }
    };
    let served = until("the NFS server", SERVED, pace, look).await;
    served.map_err(|late| format!("its server does not serve: {}", late.last))
}

/// The plan of the swarm that is tried.
fn probe(place: &Dind) -> Result<Plan, Trouble> {
    let folder = tempfile::tempdir().map_err(|error| Trouble(error.to_string()))?;
    let (scenario, stack) = (
        folder.path().join("mesh.yaml"),
        folder.path().join("mesh.stack.yaml"),
    );
    std::fs::write(&stack, STACK).map_err(|error| cannot("write", &stack, &error))?;
    let options = Options {
        place: "dind".into(),
        capabilities: [Capability::CleanStop, Capability::RoutingMesh].into(),
        patience: 1.0,
        seed: 0,
        no_faults: true,
        environment: place.variables(),
        nodes: None,
    };
    let planned = parse(&scenario, SCENARIO).and_then(|loaded| plan(&loaded, &options));
    match planned {
        Ok(Outcome::Ready(plan)) => Ok(*plan),
        Ok(Outcome::Skipped { reason, .. }) => Err(Trouble(reason)),
        Err(mistakes) => Err(Trouble(mistakes.to_string())),
    }
}
