//! What executes the guests' code: hardware where a boot probe proves that it works, else
//! software emulation.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// How long a kernel may take to start its first process under hardware acceleration. A `/dev/kvm`
/// that opens may still hang a guest, so opening it proves nothing.
const PROBE: Duration = Duration::from_secs(10);

/// What executes the guests' code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Accelerator {
    /// Linux's hypervisor.
    Kvm,
    /// macOS's hypervisor.
    Hvf,
    /// Software emulation, on as many threads as there are machines.
    Tcg,
}

impl Accelerator {
    /// QEMU's `-accel`.
    pub(super) fn qemu(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Hvf => "hvf",
            Self::Tcg => "tcg,thread=multi",
        }
    }

    /// QEMU's `-cpu`. Five-level page tables and wide vectors only slow emulation down: without
    /// AVX the engine took service images in 1.6 times quicker.
    pub(super) fn cpu(self) -> &'static str {
        match self {
            Self::Kvm | Self::Hvf => "host",
            Self::Tcg => "max,la57=off,avx=off,avx2=off",
        }
    }

    /// Boots a kernel under hardware acceleration, and settles for emulation if that fails.
    pub(super) async fn probe(kernel: &Path, initrd: &Path) -> Self {
        let hardware = if cfg!(target_os = "macos") {
            Self::Hvf
        } else {
            Self::Kvm
        };
        if hardware == Self::Kvm && !Path::new("/dev/kvm").exists() {
            return Self::Tcg;
        }
        if boots(hardware, kernel, initrd).await {
            hardware
        } else {
            Self::Tcg
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "kvm",
            Self::Hvf => "hvf",
            Self::Tcg => "tcg",
        })
    }
}

/// True if the kernel gets as far as its first process in time.
async fn boots(accelerator: Accelerator, kernel: &Path, initrd: &Path) -> bool {
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig",
        "KILL",
        "--",
        "qemu-system-x86_64",
        "-nodefaults",
        "-no-reboot",
    ]);
    command.args(["-display", "none", "-machine", "pc", "-m", "512"]);
    command.args(["-accel", accelerator.qemu(), "-cpu", accelerator.cpu()]);
    command
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd);
    command.args(["-append", "console=ttyS0 panic=-1", "-serial", "stdio"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let Ok(mut process) = command.spawn() else {
        return false;
    };
    let Some(out) = process.stdout.take() else {
        return false;
    };
    let mut lines = BufReader::new(out).lines();
    let seen = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("Run /init as init process") {
                return true;
            }
        }
        false
    };
    let booted = timeout(PROBE, seen).await.unwrap_or(false);
    let _ = process.kill().await;
    booted
}
