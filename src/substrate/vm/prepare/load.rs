//! The machine that takes the service images in, so that every node has them from the start.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::service::SERVICES;
use super::{Builder, Facts, key, qemu_version};
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

impl Builder<'_> {
    /// Boots one machine, has its engine take in the images, and keeps its state disk.
    pub(super) async fn load(
        &self,
        images: &[ServiceImage],
        identities: BTreeMap<String, String>,
    ) -> Result<Facts, Trouble> {
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
        let machine = self.machine(accelerator, sockets.path());
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
        let boot_seconds = started.elapsed().as_secs_f64();
        step.done();
        let step = self
            .progress
            .step("load the service images into the engine");
        let load = "docker load -q -i /dev/vdc";
        machine.agent.sh(load, COMMAND).await?;
        let kernel = machine.agent.sh("uname -r", COMMAND).await?;
        machine.shut_down(SHUTDOWN).await?;
        step.done();
        let _ = std::fs::remove_file(self.folder.join("builder.qcow2"));
        let variables = SERVICES
            .iter()
            .zip(images)
            .map(|(service, image)| (service.variable.to_owned(), image.name.clone()))
            .collect();
        Ok(Facts {
            key: key(),
            engine,
            kernel: kernel.trim().to_owned(),
            qemu: qemu_version().await.unwrap_or_else(|| "unknown".into()),
            accelerator,
            boot_seconds: (boot_seconds * 10.0).round() / 10.0,
            images: identities,
            variables,
        })
    }

    /// A machine without a LAN, on the very disks that nodes will start from.
    fn machine(&self, accelerator: Accelerator, sockets: &Path) -> Machine {
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
            disks: ["builder.qcow2", "node.qcow2", "services.tar"]
                .map(file)
                .into(),
            sockets: sockets.into(),
            console: file("builder.log"),
        })
    }
}
