//! What QEMU is told: a machine's command line.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::{Machine, Spec, lan_socket};

impl Machine {
    /// The command line. `setpriv` makes the kernel kill the machine when the harness dies.
    pub(super) fn command(&self, forwards: &BTreeMap<u16, u16>, incoming: bool) -> Command {
        let spec = &self.spec;
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "KILL",
            "--",
            "qemu-system-x86_64",
            "-nodefaults",
        ]);
        // A machine that boots alone, after a fault, is a third quicker with a second processor
        // (24 s instead of 36 s to an engine, emulated on two cores).
        command.args(["-display", "none", "-machine", "pc", "-smp", "2"]);
        command.args([
            "-accel",
            spec.accelerator.qemu(),
            "-cpu",
            spec.accelerator.cpu(),
        ]);
        command.args(["-m", &spec.memory.to_string()]);
        command
            .arg("-kernel")
            .arg(&spec.kernel)
            .arg("-initrd")
            .arg(&spec.initrd);
        command.args(["-append", &self.kernel_command_line()]);
        for (index, disk) in spec.disks.iter().enumerate() {
            command.args(drive(index, disk));
        }
        if !spec.lan.is_empty() {
            let socket = escaped(&lan_socket(&spec.sockets, &spec.name));
            let netdev = format!("stream,id=l0,server=off,addr.type=unix,addr.path={socket}");
            let card = format!(
                "virtio-net-pci,netdev=l0,mac=52:54:00:5e:00:{:02x}",
                spec.number
            );
            command.args(["-netdev", &netdev, "-device", &card]);
        }
        let mut netdev = "user,id=m0,restrict=on".to_owned();
        for (guest, host) in forwards {
            netdev.push_str(&format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}"));
        }
        let card = format!(
            "virtio-net-pci,netdev=m0,mac=52:54:00:0a:00:{:02x}",
            spec.number
        );
        command.args(["-netdev", &netdev, "-device", &card]);
        self.channels(&mut command);
        if incoming {
            command.args(["-S", "-incoming", "defer"]);
        }
        let log =
            std::fs::File::create(self.socket("log")).map_or_else(|_| Stdio::null(), Into::into);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        command
    }

    /// The monitor, the guest agent, the console and the sources of randomness.
    fn channels(&self, command: &mut Command) {
        let path = |what: &str| escaped(&self.socket(what));
        let console = escaped(&self.spec.console);
        command.args([
            "-qmp",
            &format!("unix:{},server=on,wait=off", path("monitor")),
        ]);
        command.args([
            "-chardev",
            &format!("socket,path={},server=on,wait=off,id=a0", path("agent")),
        ]);
        command.args(["-device", "virtio-serial-pci"]);
        command.args([
            "-device",
            "virtserialport,chardev=a0,name=org.qemu.guest_agent.0",
        ]);
        command.args(["-chardev", &format!("file,path={console},append=on,id=c0")]);
        command.args(["-serial", "chardev:c0"]);
        command.args(["-device", "virtio-rng-pci", "-device", "vmgenid,guid=auto"]);
    }

    /// What the guest reads of itself.
    fn kernel_command_line(&self) -> String {
        let Spec {
            name,
            role,
            lan,
            hosts,
            accelerator,
            ..
        } = &self.spec;
        let (quick, counter) = (accelerator.quick_words(), accelerator.counter_word());
        format!(
            "root=/dev/vda rw console=ttyS0 loglevel=5 apparmor=0 selinux=0 net.ifnames=0 \
             mitigations=off random.trust_cpu=on tsc=reliable nowatchdog {quick} {counter} \
             systemd.show_status=0 seatrial.name={name} seatrial.role={role} \
             seatrial.lan={lan} seatrial.hosts={hosts}"
        )
    }
}

/// A disk: the first two are written to, the others hold what is to be read.
fn drive(index: usize, disk: &Path) -> [String; 4] {
    // A machine that is killed loses nothing that reached the host's page cache, so the guest's
    // flushes need not wait for the host's disk; QEMU still hands its own cached metadata over
    // (`bdrv_co_flush`, block/io.c of QEMU).
    let kind = if index < 2 {
        "qcow2,cache=unsafe,discard=unmap"
    } else {
        "raw,readonly=on"
    };
    let file = escaped(disk);
    [
        "-drive".to_owned(),
        format!("file={file},if=none,id=d{index},format={kind}"),
        "-device".to_owned(),
        format!("virtio-blk-pci,drive=d{index}"),
    ]
}

/// A path as QEMU's options want it.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
