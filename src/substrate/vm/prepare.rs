//! Builds the disks and images that machines start from, once, and keeps them in the cache.
//!
//! Nothing here needs a registry, an engine on the host, or more rights than `mmdebstrap` does:
//! the engine that takes in the service images runs in a machine of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::accelerator::Accelerator;
use super::archive::{self, ServiceImage};
use super::shelf::Shelf;
use crate::substrate::workspace::take_build;
use crate::substrate::{Progress, Trouble};

mod load;
mod release;
mod service;
mod source;
mod tool;

pub use release::Release;
pub(in crate::substrate) use service::{SERVICES, Service, config};

/// The release that the services come from, whatever engine runs them: what differs between two
/// runs shall be the engine.
pub(in crate::substrate) const SERVICES_FROM: Release = Release::Bookworm;

const SYSTEM_RECIPE: &str = include_str!("recipe/system.sh");
const INITRAMFS_RECIPE: &str = include_str!("recipe/initramfs.sh");
pub(in crate::substrate) const SERVICE_RECIPE: &str = include_str!("recipe/service.sh");

/// Has an engine begin anew with the images that another has loaded: what that one wrote down of
/// its networks is left out.
const TAKE_OVER: &str = include_str!("recipe/take-over.sh");

/// Everything that machines start from.
#[derive(Clone, Debug)]
pub struct Images {
    /// The folder that holds it.
    pub(super) folder: PathBuf,
    /// What it is.
    pub(super) facts: Facts,
}

/// What the images are; the last file that `prepare` writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    /// The hash of the recipes.
    pub(super) key: String,
    /// The engine's version.
    pub(super) engine: String,
    /// The guests' kernel.
    pub(super) kernel: String,
    /// QEMU's version.
    pub(super) qemu: String,
    /// What was proven to execute guests here.
    pub(super) accelerator: Accelerator,
    /// Seconds from power to an answer of the engine, one machine alone.
    pub(super) boot_seconds: f64,
    /// Image name to identity.
    pub(super) images: BTreeMap<String, String>,
    /// Variable of stack files to image name.
    pub(super) variables: BTreeMap<String, String>,
}

impl Images {
    /// The read-only base of every system disk.
    pub(super) fn system(&self) -> PathBuf {
        self.folder.join("system.qcow2")
    }

    /// The read-only base of a node's state disk, with all service images in it.
    pub(super) fn node_state(&self) -> PathBuf {
        self.folder.join("node.qcow2")
    }

    /// The read-only base of the storage machine's disk.
    pub(super) fn storage_state(&self) -> PathBuf {
        self.folder.join("storage.qcow2")
    }

    /// The guests' kernel.
    pub(super) fn kernel(&self) -> PathBuf {
        self.folder.join("vmlinuz")
    }

    /// Its initial RAM disk.
    pub(super) fn initrd(&self) -> PathBuf {
        self.folder.join("initrd.img")
    }

    /// What was built earlier from the very recipes of this program, if it is whole.
    pub fn find(cache: &Path) -> Option<Self> {
        Self::of(cache, Release::default())
    }

    /// The same of any release.
    pub fn of(cache: &Path, release: Release) -> Option<Self> {
        let key = key(release);
        let folder = cache.join("images").join(&key);
        let facts = std::fs::read(folder.join("facts.json")).ok()?;
        let facts: Facts = serde_json::from_slice(&facts).ok()?;
        (facts.key == key).then_some(Self { folder, facts })
    }

    /// The version of their engine.
    pub fn engine(&self) -> &str {
        &self.facts.engine
    }
}

/// The hash of everything that decides what the images hold. Services are of one release, but the
/// disks that hold them are not.
fn key(release: Release) -> String {
    let mut digest = Sha256::new();
    for part in [
        release.name(),
        &release.packages(),
        SYSTEM_RECIPE,
        INITRAMFS_RECIPE,
        SERVICE_RECIPE,
    ] {
        digest.update(part);
    }
    if release != SERVICES_FROM {
        digest.update(TAKE_OVER);
    }
    for service in &SERVICES {
        digest.update(service.packages);
        digest.update(service.entry_point);
        digest.update(config(service).to_string());
    }
    format!("{:x}", digest.finalize())[..16].to_owned()
}

/// Returns a release's images, building them if they are not there yet. The services of another
/// release than the first are taken over from that one's images, which are built before.
///
/// # Errors
/// The step that failed, with the end of its log. Nothing that looks whole is left behind.
pub async fn prepare(
    cache: &Path,
    release: Release,
    progress: &Progress,
) -> Result<Images, Trouble> {
    if let Some(images) = Images::of(cache, release) {
        return Ok(images);
    }
    let _turn = take_build(cache, progress).await?;
    make(cache, release, progress).await
}

/// The images, made by whoever has the turn to.
async fn make(cache: &Path, release: Release, progress: &Progress) -> Result<Images, Trouble> {
    if let Some(images) = Images::of(cache, release) {
        return Ok(images);
    }
    let services = match release {
        SERVICES_FROM => None,
        _ => Some(Box::pin(make(cache, SERVICES_FROM, progress)).await?),
    };
    let place = cache.join("images");
    let key = key(release);
    let partial = place.join(format!("{key}.partial"));
    let _ = std::fs::remove_dir_all(&partial);
    make_folder(&partial)?;
    let builder = Builder {
        folder: &partial,
        release,
        progress,
    };
    let built = match &services {
        None => builder.build().await,
        Some(services) => builder.build_with(services).await,
    };
    if let Err(trouble) = built {
        return Err(Trouble(format!(
            "{trouble}; what was built is in `{}`",
            partial.display()
        )));
    }
    Shelf::new(cache).clear(&key)?;
    let folder = place.join(key);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::rename(&partial, &folder).map_err(|error| cannot("rename", &partial, &error))?;
    Images::of(cache, release)
        .ok_or_else(|| Trouble("the images were built but are not whole".into()))
}

/// What is only needed while images are built.
const LEFTOVERS: [&str; 7] = [
    "services.tar",
    "system.tar",
    "mariadb.tar",
    "nginx.tar",
    "httpd.tar",
    "keys.tar",
    "builder.qcow2",
];

/// Builds into one folder, with progress.
pub(in crate::substrate) struct Builder<'a> {
    pub(in crate::substrate) folder: &'a Path,
    pub(in crate::substrate) release: Release,
    pub(in crate::substrate) progress: &'a Progress,
}

impl Builder<'_> {
    /// Builds everything; `facts.json` comes last.
    async fn build(&self) -> Result<(), Trouble> {
        let ((), images) = tokio::try_join!(self.disks(), self.services())?;
        let step = self.progress.step("pack the service images");
        let archive = self.folder.join("services.tar");
        let identities =
            archive::write(&archive, &images).map_err(|error| cannot("pack", &archive, &error))?;
        step.done();
        let facts = self.load(&images, identities).await?;
        self.finish(&facts)
    }

    /// The same with the services of other images, byte for byte.
    async fn build_with(&self, services: &Images) -> Result<(), Trouble> {
        self.system().await?;
        self.disk("storage", "4G").await?;
        let from = services.node_state();
        std::fs::copy(&from, self.folder.join("node.qcow2"))
            .map_err(|error| cannot("copy", &from, &error))?;
        let facts = self.take_over(&services.facts).await?;
        self.finish(&facts)
    }

    /// Removes what is no longer needed, and says what there is.
    fn finish(&self, facts: &Facts) -> Result<(), Trouble> {
        for leftover in LEFTOVERS {
            let _ = std::fs::remove_file(self.folder.join(leftover));
        }
        let text = serde_json::to_vec_pretty(facts).map_err(|error| Trouble(error.to_string()))?;
        let path = self.folder.join("facts.json");
        std::fs::write(&path, text).map_err(|error| cannot("write", &path, &error))
    }

    /// Every disk that machines start from.
    async fn disks(&self) -> Result<(), Trouble> {
        self.system().await?;
        self.disk("node", "6G").await?;
        self.disk("storage", "4G").await
    }

    /// Every service's root file system, one after the other: each is half a core's work.
    pub(in crate::substrate) async fn services(&self) -> Result<Vec<ServiceImage>, Trouble> {
        let mut images = Vec::new();
        for service in &SERVICES {
            images.push(self.service(service).await?);
        }
        Ok(images)
    }

    /// The system disk, the kernel and the initial RAM disk.
    async fn system(&self) -> Result<(), Trouble> {
        let step = self
            .progress
            .step(format!("Debian {} with its Docker engine", self.release));
        let (system, initramfs) = (
            self.script("system.sh", SYSTEM_RECIPE)?,
            self.script("initramfs.sh", INITRAMFS_RECIPE)?,
        );
        self.mmdebstrap(
            "system",
            self.release,
            &self.release.packages(),
            &[
                format!("--essential-hook={initramfs}"),
                format!("--customize-hook={system}"),
            ],
        )
        .await?;
        step.done();
        let step = self.progress.step("the system disk");
        let script = "set -e; mkdir root; tar -C root --numeric-owner -xpf system.tar \
            --exclude='./dev/*'; truncate -s 3G system.raw; \
            mkfs.ext4 -q -F -L system -d root system.raw; \
            cp root/boot/vmlinuz-* vmlinuz; cp root/boot/initrd.img-* initrd.img; \
            chmod 644 vmlinuz initrd.img; rm -rf root; \
            qemu-img convert -O qcow2 system.raw system.qcow2; rm system.raw";
        self.tool("system-disk", "fakeroot", &["sh", "-c", script])
            .await?;
        step.done();
        Ok(())
    }

    /// An empty disk.
    async fn disk(&self, name: &str, size: &str) -> Result<(), Trouble> {
        let script = format!(
            "set -e; truncate -s {size} {name}.raw; mkfs.ext4 -q -F -L state {name}.raw; \
             qemu-img convert -O qcow2 {name}.raw {name}.qcow2; rm {name}.raw"
        );
        self.tool(&format!("{name}-disk"), "sh", &["-c", &script])
            .await
    }

    /// One service's root file system.
    async fn service(&self, service: &Service) -> Result<ServiceImage, Trouble> {
        let step = self
            .progress
            .step(format!("{} from Debian {SERVICES_FROM}", service.name));
        let entry_point =
            self.script(&format!("{}-entrypoint", service.name), service.entry_point)?;
        let recipe = self.script("service.sh", SERVICE_RECIPE)?;
        self.mmdebstrap(
            service.name,
            SERVICES_FROM,
            service.packages,
            &[
                format!("--customize-hook=mkdir -p \"$1{}\"", service.folder),
                format!("--customize-hook=upload {entry_point} /entrypoint"),
                "--customize-hook=chmod 755 \"$1/entrypoint\"".to_owned(),
                format!("--customize-hook={recipe}"),
            ],
        )
        .await?;
        let root = self.folder.join(format!("{}.tar", service.name));
        let version = archive::package_version(&root, service.package)
            .map_err(|error| cannot("read", &root, &error))?
            .ok_or_else(|| Trouble(format!("`{}` is not in its image", service.package)))?;
        step.done();
        let name = format!("seatrial/{}:{version}", service.name);
        Ok(ServiceImage {
            name,
            root,
            config: config(service),
        })
    }
}

/// QEMU's version: `7.2.22`.
pub(super) async fn qemu_version() -> Option<String> {
    let out = Command::new("qemu-system-x86_64")
        .arg("--version")
        .output()
        .await
        .ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.split_whitespace().nth(3).map(str::to_owned)
}

/// The trouble of a file that cannot be used.
pub(in crate::substrate) fn cannot(verb: &str, path: &Path, error: &std::io::Error) -> Trouble {
    Trouble(format!("cannot {verb} `{}`: {error}", path.display()))
}

/// Creates a folder and those above it.
pub(in crate::substrate) fn make_folder(path: &Path) -> Result<(), Trouble> {
    std::fs::create_dir_all(path).map_err(|error| cannot("create", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saved swarms depend on it: whoever has images of the first release keeps them.
    #[test]
    fn the_first_release_is_hashed_as_when_there_was_no_other() {
        let mut digest = Sha256::new();
        digest.update("bookworm");
        digest.update(
            "systemd,systemd-sysv,udev,dbus,linux-image-cloud-amd64,initramfs-tools,zstd,docker.io,\
             nfs-common,nfs-kernel-server,rpcbind,qemu-guest-agent,iproute2,iptables,\
             nftables,kmod,ca-certificates,procps,haproxy,docker-registry,openssh-server",
        );
        for recipe in [SYSTEM_RECIPE, INITRAMFS_RECIPE, SERVICE_RECIPE] {
            digest.update(recipe);
        }
        for service in &SERVICES {
            digest.update(service.packages);
            digest.update(service.entry_point);
            digest.update(config(service).to_string());
        }
        let then = format!("{:x}", digest.finalize())[..16].to_owned();
        assert_eq!(key(Release::Bookworm), then);
    }

    #[test]
    fn each_release_has_images_of_its_own() {
        let keys = Release::ALL.map(key);
        let different: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        let cli = |release: Release| release.packages().ends_with(",docker-cli");
        assert_eq!(Release::ALL.map(cli), [false, true, true]);
        let wrong = "sid".parse::<Release>().expect_err("no such engine");
        assert!(wrong.contains("`bookworm`, `trixie`, `forky`"), "{wrong}");
    }
}
