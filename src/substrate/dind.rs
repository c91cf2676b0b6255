//! Containers of a Docker engine, each with an engine of its own: a swarm in seconds, wherever an
//! engine grants enough and its kernel can do what a scenario needs.
//!
//! What the engine and its kernel can do is tried, never assumed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{Stream, TryStreamExt};
use tokio_util::codec::{BytesCodec, FramedRead};

use crate::capability::{Capabilities, Capability};
use crate::journal::Journal;
use crate::plan::Plan;
use crate::substrate::workspace::{here, take_turn};
use crate::substrate::{Identity, Lab, Place, Progress, Trouble};
use crate::swarm::engine::{Engine, Rights};

mod ability;
mod address;
mod assemble;
mod evidence;
mod flow;
mod image;
mod inward;
mod lab;
mod left;
mod machine;
mod part;
mod power;
mod rights;
mod service;
mod way;

pub use ability::{Ability, forget};
pub use image::{NodeImages, prepare};
pub use lab::DindLab;
pub use left::{clear, give_up, swarms, user};

/// Where an engine listens if nobody says otherwise.
pub const DEFAULT_ENGINE: &str = "unix:///var/run/docker.sock";

/// How long a call to the engine may take that makes or removes something.
const CALL: Duration = Duration::from_secs(60);

/// How long the question whether there is an engine may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Seconds from a container's start to an answer of its engine that need no patience: 1.5 to 3 s
/// on two quiet cores.
const PROMPT_BOOT_SECONDS: f64 = 4.0;

/// As for `vm`: Swarm's own timers are not stretched.
const PATIENCE_MAX: f64 = 2.5;

/// A Docker engine, as a place where swarms of containers can run.
#[derive(Clone)]
pub struct Dind {
    images: NodeImages,
    address: String,
    host: Engine,
    cache: PathBuf,
    progress: Progress,
    rights: Rights,
    ability: Ability,
}

impl Dind {
    /// The place, as far as it was tried before; none if it has to be tried first.
    ///
    /// # Errors
    /// When no engine answers there.
    pub async fn known(
        images: &NodeImages,
        address: &str,
        cache: &Path,
        progress: &Progress,
    ) -> Result<Option<Self>, Trouble> {
        let (host, version) = greet(address).await?;
        let known = Ability::recall(cache, address, &version, images);
        Ok(known.map(|ability| Self {
            images: images.clone(),
            address: address.to_owned(),
            host,
            cache: cache.to_owned(),
            progress: progress.clone(),
            rights: ability.rights(),
            ability,
        }))
    }

    /// The place, tried now if it was not before: that takes a swarm of one node.
    ///
    /// # Errors
    /// When no engine answers there, or it grants too little for a node.
    pub async fn tried(
        images: &NodeImages,
        address: &str,
        cache: &Path,
        progress: &Progress,
    ) -> Result<Self, Trouble> {
        if let Some(known) = Self::known(images, address, cache, progress).await? {
            known.bring_image().await?;
            return Ok(known);
        }
        let (host, version) = greet(address).await?;
        let mut place = Self {
            images: images.clone(),
            address: address.to_owned(),
            host,
            cache: cache.to_owned(),
            progress: progress.clone(),
            rights: Rights::Usual,
            ability: Ability::of(&version, images),
        };
        place.bring_image().await?;
        place.rights = rights::widest(&place).await?;
        place.ability.granted(&place.rights);
        place.ability = ability::tried(&place).await?;
        place.ability.remember(cache, address)?;
        Ok(place)
    }

    /// What an engine can do whose kernel can do everything.
    pub fn at_best() -> Capabilities {
        let always = [
            Capability::CleanStop,
            Capability::SuddenEnd,
            Capability::Pause,
            Capability::Isolation,
            Capability::Flows,
            Capability::EngineEnd,
            Capability::RoutingMesh,
            Capability::Tokens,
            Capability::Storage,
            Capability::NfsV3,
            Capability::NfsV42,
            Capability::Balancer,
            Capability::Registry,
            Capability::Tls,
            Capability::PlainApi,
        ];
        always.into()
    }

    /// The engine that the containers are made by.
    fn host(&self) -> &Engine {
        &self.host
    }

    /// What was found out about the engine and its kernel.
    pub fn ability(&self) -> &Ability {
        &self.ability
    }

    /// What liveness budgets are multiplied by here: how many times longer than 4 s a node took
    /// to answer; at least 1, at most 2.5.
    pub fn patience(&self) -> f64 {
        let times = self.ability.boot_seconds / PROMPT_BOOT_SECONDS;
        (times.clamp(1.0, PATIENCE_MAX) * 10.0).round() / 10.0
    }

    /// The variables that stack files take their images from.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.images.facts.variables.clone()
    }

    /// Gives the engine the image of a node, if it has none.
    async fn bring_image(&self) -> Result<(), Trouble> {
        let about = |error| Trouble(format!("the engine `{}`: {error}", self.address));
        let node = &self.images.facts.node;
        if self.host.has_image(node).await.map_err(about)? {
            return Ok(());
        }
        let step = self
            .progress
            .step(format!("load `{node}` into `{}`", self.address));
        let patient = self.host.with_deadline(Duration::from_secs(600));
        let path = self.images.node();
        let unreadable = |error| Trouble(format!("cannot read `{}`: {error}", path.display()));
        let file = tokio::fs::File::open(&path).await.map_err(unreadable)?;
        let about_it = image::NODE.map(str::to_owned);
        let taken = patient.import_image(node, &about_it, stream(file)).await;
        taken.map_err(about)?;
        step.done();
        Ok(())
    }

    /// Waits for the one place where a swarm may run there. Machines and an engine of this computer
    /// would be in each other's way; an engine that is reached by a network may be anywhere.
    async fn turn(&self) -> Result<std::fs::File, Trouble> {
        let folder = match self.address.starts_with("unix:") {
            true => self.cache.clone(),
            false => ability::file(&self.cache, &self.address).with_extension("turn"),
        };
        take_turn(&folder, &self.progress).await
    }

    /// What of this process is on the engine.
    async fn made(&self) -> Result<BTreeSet<String>, String> {
        let swarms = left::swarms(&self.address).await?;
        let ours = swarms.iter().filter(|(name, has)| left::is_own(name, has));
        let things = ours.flat_map(|(_, things)| things);
        Ok(things.map(ToString::to_string).collect())
    }
}

/// Connects to an engine that must answer.
async fn greet(address: &str) -> Result<(Engine, crate::swarm::engine::EngineVersion), Trouble> {
    let silent = |error| {
        Trouble(format!(
            "no Docker engine answers at `{address}`: {error}; start one, or set `DOCKER_HOST`"
        ))
    };
    let engine = Engine::at(address, ANSWER).map_err(silent)?;
    let version = engine.version().await.map_err(silent)?;
    Ok((engine.with_deadline(CALL), version))
}

/// The version of the engine that answers at an address.
///
/// # Errors
/// When none does, and what to do.
pub async fn engine_version(address: &str) -> Result<String, Trouble> {
    let (_, version) = greet(address).await?;
    Ok(version.engine)
}

/// Gives an engine an archive of images.
async fn load(engine: &Engine, archive: &Path) -> Result<(), Trouble> {
    let about = |error: String| Trouble(format!("cannot load `{}`: {error}", archive.display()));
    let file = tokio::fs::File::open(archive).await;
    let file = file.map_err(|error| about(error.to_string()))?;
    let loaded = engine.load_image(stream(file)).await;
    loaded.map_err(|error| about(error.to_string()))
}

/// A file in pieces.
fn stream(file: tokio::fs::File) -> impl Stream<Item = std::io::Result<bytes::Bytes>> {
    let pieces = FramedRead::with_capacity(file, BytesCodec::new(), 64 * 1024);
    pieces.map_ok(bytes::BytesMut::freeze)
}

#[async_trait]
impl Place for Dind {
    fn capabilities(&self) -> Capabilities {
        let able = |one: &Capability| match one {
            Capability::RoutingMesh => self.ability.mesh.is_ok(),
            Capability::NfsV3 | Capability::NfsV42 => self.ability.nfs.is_ok(),
            _ => true,
        };
        Self::at_best().into_iter().filter(able).collect()
    }

    fn identity(&self, _plan: &Plan) -> Identity {
        let facts = &self.images.facts;
        let versions = [
            ("docker", &facts.engine),
            ("docker around the nodes", &self.ability.engine),
            ("linux", &self.ability.kernel),
            ("nfs-ganesha", &facts.nfs),
        ];
        Identity {
            place: "dind".into(),
            accelerator: "none".into(),
            patience: self.patience(),
            versions: versions
                .map(|(name, version)| (name.into(), version.clone()))
                .into(),
            images: facts.images.clone(),
            started_from: "cold".into(),
        }
    }

    async fn bring_up(&self, plan: &Plan, journal: &Journal) -> Result<Arc<dyn Lab>, Trouble> {
        let lab: Arc<dyn Lab> = assemble::bring_up(self, plan, Some(journal)).await?;
        Ok(lab)
    }

    async fn inventory(&self) -> Result<BTreeSet<String>, Trouble> {
        let mut all = here(&self.cache)?;
        all.extend(self.made().await.map_err(Trouble)?);
        Ok(all)
    }
}
