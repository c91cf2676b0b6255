//! A node gets another engine: off, another system disk, on.
//!
//! All that makes it a member of its swarm is on its state disk. What the lab set up on the old
//! system disk is carried over, as whoever looks after real machines has it written down somewhere.

use super::assemble::overlay;
use super::lab::{COMMAND, SHUTDOWN, VmLab};
use super::machine::Start;
use super::prepare::Images;
use crate::journal::{ApiError, Engine, Rule};
use crate::plan::Direction;
use crate::substrate::nodes::Nodes;
use crate::substrate::{Lab, PowerOff, Trouble};
use crate::units::Port;

/// How the engine that nodes are upgraded to is spoilt on purpose, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// Its kernel does not load `ip_vs`: nothing balances what comes to a published port.
    NoIpVs,
    /// The LAN drops its VXLAN: no task elsewhere is reached.
    NoVxlan,
}

/// The images that nodes are upgraded to.
#[derive(Clone)]
pub(super) struct Next {
    pub(super) images: Images,
    pub(super) spoil: Option<Spoil>,
}

/// Packs what the lab set up: mounts of the share, and how the managers' API listens. Paths that
/// are not there are left out, and so are masks, which the new system has of its own.
const CARRY: &str = "cd / && find etc/systemd/system/*.mount \
    etc/systemd/system/multi-user.target.wants/*.mount etc/systemd/system/seatrial-engine.* \
    etc/systemd/system/sockets.target.wants/seatrial-engine.socket \
    etc/systemd/system/docker.service.d/lan.conf etc/docker/tls root/.docker \
    \\( -type f -o -type l ! -lname /dev/null \\) 2> /dev/null | tar -cz -T - | base64 -w 0";

/// Unpacks it and has it count: mounts, then the engine if it is to listen elsewhere. `sync`, for a
/// power cut may come soon.
const SETTLE: &str = "set -e; base64 -d | tar -xz -C /; systemctl daemon-reload; \
    for unit in /etc/systemd/system/multi-user.target.wants/*.mount; do test ! -e \"$unit\" || \
    systemctl start \"${unit##*/}\"; done; \
    if test -e /etc/systemd/system/docker.service.d/lan.conf; then \
    systemctl stop docker.socket docker.service; \
    if test -e /etc/systemd/system/seatrial-engine.socket; then \
    systemctl start seatrial-engine.socket; fi; systemctl start docker.service; fi; sync";

/// Rules of spoilt nodes count from here, far beyond the faults of any plan.
const RULES: usize = 1 << 24;

/// VXLAN's port, as Swarm has it (moby: `libnetwork/drivers/overlay/overlayutils/utils.go`).
const VXLAN: Port = Port::udp(4789);

impl VmLab {
    /// Turns a node off, exchanges its system disk, and turns it on; returns when its engine
    /// answers.
    pub(super) async fn next_engine(&self, node: &str) -> Result<(), Trouble> {
        let Some(next) = &self.vm.next else {
            return Err(Trouble(
                "the place was told of no engine to upgrade to".into(),
            ));
        };
        let machine = self.machine(node)?;
        let carried = machine.agent.sh(CARRY, COMMAND).await?;
        self.power_off(node, PowerOff::Shutdown).await?;
        let disk = machine
            .spec
            .disks
            .first()
            .ok_or_else(|| Trouble(format!("`{node}` has no system disk")))?;
        std::fs::remove_file(disk)
            .map_err(|error| Trouble(format!("cannot remove `{}`: {error}", disk.display())))?;
        overlay(&next.images.system(), disk).await?;
        machine.start_from(start(next)).await;
        machine.boot().await?;
        if next.spoil == Some(Spoil::NoVxlan) {
            self.set_rule(
                RULES + usize::from(machine.spec.number),
                &no_vxlan(node),
                true,
            )?;
        }
        machine
            .agent
            .sh_with(SETTLE, carried.trim().as_bytes(), SHUTDOWN)
            .await?;
        self.nodes().engine_answers(node).await
    }

    /// What a node's engine says of itself.
    pub(super) async fn version_of(&self, node: &str) -> Result<Engine, ApiError> {
        let version = self.engine(node).await?.version().await?;
        Ok(Engine {
            engine: version.engine,
            kernel: version.kernel,
        })
    }
}

/// What a machine boots with the next engine's system disk.
fn start(next: &Next) -> Start {
    // A word of the kernel's own: no `modprobe` that names the module gets round it (Linux:
    // `Documentation/admin-guide/kernel-parameters.txt`, `module_blacklist`).
    let words = match next.spoil {
        Some(Spoil::NoIpVs) => "module_blacklist=ip_vs",
        Some(Spoil::NoVxlan) | None => "",
    };
    Start {
        kernel: next.images.kernel(),
        initrd: next.images.initrd(),
        words,
    }
}

/// No VXLAN to or from a node.
fn no_vxlan(node: &str) -> Rule {
    Rule {
        node: node.to_owned(),
        from: Vec::new(),
        direction: Direction::Both,
        port: Some(VXLAN),
        slow: None,
        witness: node.to_owned(),
    }
}
