//! The machine that takes the service images in, so that every node has them from the start.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use super::service::SERVICES;
use super::{Builder, Facts, TAKE_OVER, key, qemu_version};
use crate::substrate::Trouble;
use crate::substrate::vm::accelerator::Accelerator;
use crate::substrate::vm::archive::ServiceImage;
use crate::substrate::vm::machine::{Machine, Spec};

/// From power to an answer of the guest agent.
const BOOT: Duration = Duration::from_secs(300);

/// How long a command in the machine may take.
const COMMAND: Duration = Duration::from_secs(600);

/// How long the guest may take to shut down.
const SHUTDOWN: Duration = Duration::from_secs(120);

/// A machine whose engine answered.
struct Booted {
    machine: Machine,
    accelerator: Accelerator,
    engine: String,
    /// From power to the answer.
    seconds: f64,
    /// Holds the machine's sockets.
    _sockets: TempDir,
}

impl Builder<'_> {
    /// Boots one machine, has its engine take in the images, and keeps its state disk.
    pub(super) async fn load(
        &self,
        images: &[ServiceImage],
        identities: BTreeMap<String, String>,
    ) -> Result<Facts, Trouble> {
        let disks = ["builder.qcow2", "node.qcow2", "services.tar"];
        let booted = self.boot(&disks).await?;
        let (machine, engine) = (&booted.machine, booted.engine);
        let step = self
            .progress
            .step("load the service images into the engine");
        let load = "docker load -q -i /dev/vdc";
        machine.agent.sh(load, COMMAND).await?;
        let kernel = machine.agent.sh("uname -r", COMMAND).await?;
        machine.shut_down(SHUTDOWN).await?;
        step.done();
        let variables = SERVICES
            .iter()
            .zip(images)
            .map(|(service, image)| (service.variable.to_owned(), image.name.clone()))
            .collect();
        Ok(Facts {
            key: key(self.release),
            engine,
            kernel: kernel.trim().to_owned(),
            qemu: qemu_version().await.unwrap_or_else(|| "unknown".into()),
            accelerator: booted.accelerator,
            boot_seconds: booted.seconds,
            images: identities,
            variables,
        })
    }

    /// Boots one machine on a state disk that another engine loaded images into, has its own engine
    /// take them over, and sees that they are the same.
    pub(super) async fn take_over(&self, from: &Facts) -> Result<Facts, Trouble> {
        let booted = self.boot(&["builder.qcow2", "node.qcow2"]).await?;
        let machine = &booted.machine;
        let step = self.progress.step("take the service images over");
        let script = TAKE_OVER.as_bytes();
        let said = machine.agent.sh_with("sh -s", script, COMMAND).await?;
        let kernel = machine.agent.sh("uname -r", COMMAND).await?;
        machine.shut_down(SHUTDOWN).await?;
        all_there(&from.images, &said).map_err(Trouble)?;
        step.done();
        Ok(Facts {
            key: key(self.release),
            engine: booted.engine,
            kernel: kernel.trim().to_owned(),
            qemu: qemu_version().await.unwrap_or_else(|| "unknown".into()),
            accelerator: booted.accelerator,
            boot_seconds: booted.seconds,
            images: from.images.clone(),
            variables: from.variables.clone(),
        })
    }

    /// Boots the system disk, and waits for an answer of its engine.
    async fn boot(&self, disks: &[&str]) -> Result<Booted, Trouble> {
        let step = self.progress.step("probe the accelerator");
        let (kernel, initrd) = (self.folder.join("vmlinuz"), self.folder.join("initrd.img"));
        let accelerator = Accelerator::probe(&kernel, &initrd).await;
        step.done();
        let overlay = [
            "create",
            "-q",
            "-f",
            "qcow2",
            "-b",
            "system.qcow2",
            "-F",
            "qcow2",
            "builder.qcow2",
        ];
        self.tool("overlay", "qemu-img", &overlay).await?;
        let sockets = tempfile::Builder::new()
            .prefix("seatrial-")
            .tempdir()
            .map_err(|error| Trouble(format!("no folder for sockets: {error}")))?;
        let machine = self.machine(accelerator, sockets.path(), disks);
        let step = self
            .progress
            .step(format!("boot an engine ({accelerator})"));
        let started = Instant::now();
        machine.power_on(None).await?;
        machine
            .agent
            .ready(BOOT)
            .await
            .map_err(|e| Trouble(e.to_string()))?;
        let wait = "systemctl start docker && docker version -f '{{.Server.Version}}'";
        let engine = machine.agent.sh(wait, COMMAND).await?.trim().to_owned();
        let seconds = started.elapsed().as_secs_f64();
        step.done();
        Ok(Booted {
            machine,
            accelerator,
            engine,
            seconds: (seconds * 10.0).round() / 10.0,
            _sockets: sockets,
        })
    }

    /// A machine without a LAN, on the very disks that nodes will start from.
    fn machine(&self, accelerator: Accelerator, sockets: &Path, disks: &[&str]) -> Machine {
        let file = |name: &str| self.folder.join(name);
        Machine::new(Spec {
            name: "builder".into(),
            role: "node",
            lan: String::new(),
            number: 1,
            hosts: "127.0.1.1=builder".into(),
            memory: 1536,
            accelerator,
            kernel: file("vmlinuz"),
            initrd: file("initrd.img"),
            disks: disks.iter().map(|disk| file(disk)).collect(),
            sockets: sockets.into(),
            console: file("builder.log"),
        })
    }
}

/// Whether an engine lists all these images, by name and identity.
fn all_there(wanted: &BTreeMap<String, String>, said: &str) -> Result<(), String> {
    for (name, identity) in wanted {
        let line = format!("{name} {identity}");
        if !said.lines().any(|one| one.trim() == line) {
            return Err(format!("the engine does not list `{name}` as {identity}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_were_taken_over_are_the_same() {
        let wanted = [("seatrial/nginx:1".to_owned(), "sha256:a".to_owned())].into();
        let said = "26.1.5\nseatrial/nginx:1 sha256:a\n";
        assert_eq!(all_there(&wanted, said), Ok(()));
        for said in [
            "",
            "seatrial/nginx:1 sha256:b\n",
            "seatrial/nginx:2 sha256:a\n",
        ] {
            assert!(all_there(&wanted, said).is_err(), "{said}");
        }
    }
}
