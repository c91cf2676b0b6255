//! Builds the disks and images that machines start from, once, and keeps them in the cache.
//!
//! Nothing here needs a registry, an engine on the host, or more rights than `mmdebstrap` does:
//! the engine that takes in the service images runs in a machine of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::accelerator::Accelerator;
use super::archive::{self, ServiceImage};
use crate::substrate::{Progress, Trouble};

mod load;
mod service;

pub(in crate::substrate) use service::{SERVICES, Service, config};

/// The Debian release that engines and services come from.
pub(in crate::substrate) const SUITE: &str = "bookworm";

/// What the system disk of a machine holds besides Debian's minimum.
const SYSTEM_PACKAGES: &str = "systemd,systemd-sysv,udev,dbus,linux-image-cloud-amd64,\
    initramfs-tools,zstd,docker.io,nfs-common,nfs-kernel-server,rpcbind,qemu-guest-agent,\
    iproute2,iptables,kmod,ca-certificates,procps,haproxy,docker-registry";

const SYSTEM_RECIPE: &str = include_str!("recipe/system.sh");
const INITRAMFS_RECIPE: &str = include_str!("recipe/initramfs.sh");
pub(in crate::substrate) const SERVICE_RECIPE: &str = include_str!("recipe/service.sh");

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
        let folder = cache.join("images").join(key());
        let facts = std::fs::read(folder.join("facts.json")).ok()?;
        let facts: Facts = serde_json::from_slice(&facts).ok()?;
        (facts.key == key()).then_some(Self { folder, facts })
    }
}

/// The hash of everything that decides what the images hold.
fn key() -> String {
    let mut digest = Sha256::new();
    for part in [
        SUITE,
        SYSTEM_PACKAGES,
        SYSTEM_RECIPE,
        INITRAMFS_RECIPE,
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
pub async fn prepare(cache: &Path, progress: &Progress) -> Result<Images, Trouble> {
    if let Some(images) = Images::find(cache) {
        return Ok(images);
    }
    let place = cache.join("images");
    let partial = place.join(format!("{}.partial", key()));
    let _ = std::fs::remove_dir_all(&partial);
    make_folder(&partial)?;
    let built = build(&partial, progress).await;
    if let Err(trouble) = built {
        return Err(Trouble(format!(
            "{trouble}; what was built is in `{}`",
            partial.display()
        )));
    }
    let folder = place.join(key());
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::rename(&partial, &folder).map_err(|error| cannot("rename", &partial, &error))?;
    Images::find(cache).ok_or_else(|| Trouble("the images were built but are not whole".into()))
}

/// Builds everything into a folder; `facts.json` comes last.
async fn build(folder: &Path, progress: &Progress) -> Result<(), Trouble> {
    let builder = Builder { folder, progress };
    let ((), images) = tokio::try_join!(builder.disks(), builder.services())?;
    let step = progress.step("pack the service images");
    let archive = folder.join("services.tar");
    let identities =
        archive::write(&archive, &images).map_err(|error| cannot("pack", &archive, &error))?;
    step.done();
    let facts = builder.load(&images, identities).await?;
    for leftover in [
        "services.tar",
        "system.tar",
        "mariadb.tar",
        "nginx.tar",
        "httpd.tar",
    ] {
        let _ = std::fs::remove_file(folder.join(leftover));
    }
    let text = serde_json::to_vec_pretty(&facts).map_err(|error| Trouble(error.to_string()))?;
    let path = folder.join("facts.json");
    std::fs::write(&path, text).map_err(|error| cannot("write", &path, &error))
}

/// Builds into one folder, with progress.
pub(in crate::substrate) struct Builder<'a> {
    pub(in crate::substrate) folder: &'a Path,
    pub(in crate::substrate) progress: &'a Progress,
}

impl Builder<'_> {
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
            .step(format!("Debian {SUITE} with its Docker engine"));
        let (system, initramfs) = (
            self.script("system.sh", SYSTEM_RECIPE)?,
            self.script("initramfs.sh", INITRAMFS_RECIPE)?,
        );
        self.mmdebstrap(
            "system",
            SYSTEM_PACKAGES,
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
            .step(format!("{} from Debian {SUITE}", service.name));
        let entry_point =
            self.script(&format!("{}-entrypoint", service.name), service.entry_point)?;
        let recipe = self.script("service.sh", SERVICE_RECIPE)?;
        self.mmdebstrap(
            service.name,
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

    /// Makes a root file system as a tar file.
    pub(in crate::substrate) async fn mmdebstrap(
        &self,
        name: &str,
        packages: &str,
        hooks: &[String],
    ) -> Result<(), Trouble> {
        let mut args = vec![
            "--variant=minbase".to_owned(),
            format!("--include={packages}"),
        ];
        for useless in ["doc", "man", "locale", "info"] {
            args.push(format!("--dpkgopt=path-exclude=/usr/share/{useless}/*"));
        }
        args.extend_from_slice(hooks);
        args.extend([SUITE.to_owned(), format!("{name}.tar")]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.tool(name, "mmdebstrap", &args).await
    }

    /// Writes a script into the folder and returns its path.
    pub(in crate::substrate) fn script(&self, name: &str, text: &str) -> Result<String, Trouble> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join(name);
        std::fs::write(&path, text)
            .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)))
            .map_err(|error| cannot("write", &path, &error))?;
        Ok(path.display().to_string())
    }

    /// Runs a tool in the folder; its output goes to a log, whose end is told when it fails.
    async fn tool(&self, step: &str, program: &str, args: &[&str]) -> Result<(), Trouble> {
        let path = self.folder.join(format!("{step}.log"));
        let log = std::fs::File::create(&path).map_err(|error| cannot("write", &path, &error))?;
        let copy = log
            .try_clone()
            .map_err(|error| cannot("write", &path, &error))?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM", "--", program])
            .args(args)
            .current_dir(self.folder);
        command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(copy)
            .kill_on_drop(true);
        let ended = command.status().await;
        let ended = ended.map_err(|error| {
            Trouble(format!(
                "step `{step}`: cannot run `{program}`: {error}; run `ci/setup`"
            ))
        })?;
        if ended.success() {
            return Ok(());
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let end = lines[lines.len().saturating_sub(10)..].join("\n  ");
        Err(Trouble(format!(
            "step `{step}` failed ({ended}); the end of its log:\n  {end}\n"
        )))
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
