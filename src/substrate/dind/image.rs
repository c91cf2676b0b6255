//! Builds what nodes are made of, once: a Debian root file system with an engine, and the service
//! images, each as an archive that `docker load` takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::substrate::vm::archive::{self, ServiceImage};
use crate::substrate::vm::prepare::{
    Builder, SERVICE_RECIPE, SERVICES, SERVICES_FROM, cannot, config, make_folder,
};
use crate::substrate::workspace::take_build;
use crate::substrate::{Progress, Trouble};

/// What a machine holds besides Debian's minimum: any of them may be a node or one of the others.
const PACKAGES: &str = "docker.io,iptables,nftables,iproute2,socat,procps,ca-certificates,\
    haproxy,docker-registry,openssh-server,rpcbind,nfs-common,nfs-ganesha,nfs-ganesha-vfs";

const NODE_RECIPE: &str = include_str!("recipe/node.sh");
const EXPORTS: &str = include_str!("recipe/ganesha.conf");

/// What nodes are made of.
#[derive(Clone, Debug)]
pub struct NodeImages {
    pub(super) folder: PathBuf,
    pub(super) facts: NodeFacts,
}

/// What the images are; the last file that is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeFacts {
    /// The hash of the recipes.
    pub(super) key: String,
    /// The name of a node's image.
    pub(super) node: String,
    /// The engine's version.
    pub(super) engine: String,
    /// The version of the NFS server, which is a process: the kernel's would be everybody's.
    pub(super) nfs: String,
    /// Image name to identity.
    pub(super) images: BTreeMap<String, String>,
    /// Variable of stack files to image name.
    pub(super) variables: BTreeMap<String, String>,
}

impl NodeImages {
    /// What was built earlier from the very recipes of this program, if it is whole.
    pub fn find(cache: &Path) -> Option<Self> {
        let folder = cache.join("dind").join(key());
        let facts = std::fs::read(folder.join("facts.json")).ok()?;
        let facts: NodeFacts = serde_json::from_slice(&facts).ok()?;
        (facts.key == key()).then_some(Self { folder, facts })
    }

    /// A node's root file system.
    pub(super) fn node(&self) -> PathBuf {
        self.folder.join("node.tar")
    }

    /// The archive of a service image, by its whole name.
    pub(super) fn service(&self, image: &str) -> Option<PathBuf> {
        let known = self.facts.images.contains_key(image);
        let name = image.strip_prefix("seatrial/")?.split(':').next()?;
        known.then(|| self.folder.join(format!("{name}.image.tar")))
    }
}

/// The hash of everything that decides what the images hold.
fn key() -> String {
    let mut digest = Sha256::new();
    for part in [
        SERVICES_FROM.name(),
        PACKAGES,
        NODE_RECIPE,
        EXPORTS,
        SERVICE_RECIPE,
    ] {
        digest.update(part);
    }
    for service in &SERVICES {
        digest.update(service.packages);
        digest.update(service.entry_point);
        digest.update(config(service).to_string());
    }
    format!("{:x}", digest.finalize())[..16].to_owned()
}

/// Returns the images, building them if they are not there yet.
///
/// # Errors
/// The step that failed, with the end of its log. Nothing that looks whole is left behind.
pub async fn prepare(cache: &Path, progress: &Progress) -> Result<NodeImages, Trouble> {
    if let Some(images) = NodeImages::find(cache) {
        return Ok(images);
    }
    let _turn = take_build(cache, progress).await?;
    // Whoever had it may have built them.
    if let Some(images) = NodeImages::find(cache) {
        return Ok(images);
    }
    let place = cache.join("dind");
    let partial = place.join(format!("{}.partial", key()));
    let _ = std::fs::remove_dir_all(&partial);
    make_folder(&partial)?;
    let folder = &partial;
    let builder = Builder {
        folder,
        release: SERVICES_FROM,
        progress,
    };
    build(&builder).await?;
    let whole = place.join(key());
    let _ = std::fs::remove_dir_all(&whole);
    std::fs::rename(&partial, &whole).map_err(|error| cannot("rename", &partial, &error))?;
    NodeImages::find(cache).ok_or_else(|| Trouble("the images were built but are not whole".into()))
}

/// Builds everything into the builder's folder; `facts.json` comes last.
async fn build(builder: &Builder<'_>) -> Result<(), Trouble> {
    let (node, services) = tokio::try_join!(node(builder), builder.services())?;
    let version = |package: &str| {
        let found = archive::package_version(&node, package);
        let found = found.map_err(|error| cannot("read", &node, &error))?;
        found.ok_or_else(|| Trouble(format!("`{package}` is not in the node's image")))
    };
    let (engine, nfs) = (version("docker.io")?, version("nfs-ganesha")?);
    let step = builder.progress.step("pack the images");
    let (mut images, mut variables) = (BTreeMap::new(), BTreeMap::new());
    for (service, image) in SERVICES.iter().zip(services) {
        variables.insert(service.variable.to_owned(), image.name.clone());
        images.extend(pack(builder.folder, service.name, image)?);
    }
    step.done();
    let facts = NodeFacts {
        key: key(),
        node: format!("seatrial/node:{}", key()),
        engine,
        nfs,
        images,
        variables,
    };
    let text = serde_json::to_vec_pretty(&facts).map_err(|error| Trouble(error.to_string()))?;
    let path = builder.folder.join("facts.json");
    std::fs::write(&path, text).map_err(|error| cannot("write", &path, &error))
}

/// Writes the archive of one image, in place of its root file system.
fn pack(
    folder: &Path,
    name: &str,
    image: ServiceImage,
) -> Result<BTreeMap<String, String>, Trouble> {
    let archive = folder.join(format!("{name}.image.tar"));
    let root = image.root.clone();
    let packed = archive::write(&archive, &[image]);
    let packed = packed.map_err(|error| cannot("pack", &archive, &error))?;
    let _ = std::fs::remove_file(root);
    Ok(packed)
}

/// A node's root file system.
async fn node(builder: &Builder<'_>) -> Result<PathBuf, Trouble> {
    let step = builder.progress.step(format!(
        "Debian {SERVICES_FROM} with its Docker engine, for containers"
    ));
    let script = builder.script("seatrial-node", NODE_RECIPE)?;
    let exports = builder.script("ganesha.conf", EXPORTS)?;
    let hooks = [
        "--customize-hook=mkdir -p \"$1/etc/ganesha\" \"$1/etc/seatrial\"".to_owned(),
        format!("--customize-hook=upload {exports} /etc/ganesha/seatrial.conf"),
        format!("--customize-hook=upload {script} /usr/local/sbin/seatrial-node"),
        "--customize-hook=chmod 755 \"$1/usr/local/sbin/seatrial-node\"".to_owned(),
        "--customize-hook=rm -rf \"$1/var/lib/apt/lists\" \"$1/var/cache/apt\"".to_owned(),
    ];
    builder
        .mmdebstrap("node", SERVICES_FROM, PACKAGES, &hooks)
        .await?;
    step.done();
    Ok(builder.folder.join("node.tar"))
}

/// What an engine is told of that root file system when it takes it in.
pub(super) const NODE: [&str; 3] = [
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV HOME=/root",
    "ENTRYPOINT [\"/usr/local/sbin/seatrial-node\"]",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_their_last_file_are_not_whole() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = cache.path().join("dind").join(key());
        std::fs::create_dir_all(&folder).expect("a folder");
        assert!(NodeImages::find(cache.path()).is_none());
        let mut facts = NodeFacts {
            key: key(),
            node: "seatrial/node:1".into(),
            engine: "20.10".into(),
            nfs: "4.3".into(),
            images: [("seatrial/nginx:1".to_owned(), "sha256:0".to_owned())].into(),
            variables: BTreeMap::new(),
        };
        let write = |facts: &NodeFacts| {
            let text = serde_json::to_vec(facts).expect("text");
            std::fs::write(folder.join("facts.json"), text).expect("written");
        };
        write(&facts);
        let found = NodeImages::find(cache.path()).expect("whole");
        assert_eq!(
            found.service("seatrial/nginx:1"),
            Some(folder.join("nginx.image.tar"))
        );
        for unknown in ["seatrial/nginx:2", "nginx:1", "seatrial/../x:1"] {
            assert_eq!(found.service(unknown), None, "{unknown}");
        }
        facts.key = "other".into();
        write(&facts);
        assert!(NodeImages::find(cache.path()).is_none(), "of other recipes");
    }
}
