//! What executes the guests' code: hardware where a boot probe proves that it works, else
//! software emulation.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// How long a kernel may take to start its first process under hardware acceleration. A `/dev/kvm`
/// that opens may still hang a guest, so opening it proves nothing.
const PROBE: Duration = Duration::from_secs(10);

/// How many ticks of a counter are told in time at once.
const TICKS: u64 = 1_000_000_000_000;

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

    /// QEMU's `-cpu`. What real processors are quicker with only slows emulated ones down, so they
    /// have neither five-level page tables nor wide vectors, nor strings that are moved byte by
    /// byte, nor guards around a kernel's every look at a program's memory.
    pub(super) fn cpu(self) -> &'static str {
        match self {
            Self::Kvm | Self::Hvf => "host",
            Self::Tcg => {
                "max,la57=off,avx=off,avx2=off,xsave=off,erms=off,\
                 smap=off,smep=off,pku=off,umip=off"
            }
        }
    }

    /// Words for a guest's kernel that an emulated processor is quicker with.
    ///
    /// Translated code is found again by its address: with programs at random places each start of
    /// one is translated anew. A container that took 7.7 s to start takes 3.6 s so, on two emulated
    /// processors; `clearcpuid` goes with `erms=off` above, and the others leave out what hardens a
    /// kernel, as `mitigations=off` does.
    pub(super) fn quick_words(self) -> &'static str {
        match self {
            Self::Kvm | Self::Hvf => "",
            Self::Tcg => {
                "norandmaps clearcpuid=rep_good init_on_alloc=0 hardened_usercopy=off \
                 randomize_kstack_offset=off"
            }
        }
    }

    /// A word for a guest's kernel, so that it need not find out itself how fast its processor
    /// counts: on a computer that is busy, 2 of 60 that were emulated came to a seventh to a tenth
    /// of the truth, and their clocks ran that much too fast from then on.
    pub(super) fn counter_word(self) -> String {
        let pace = match self {
            Self::Kvm | Self::Hvf => None,
            Self::Tcg => counter_khz(),
        };
        pace.map_or(String::new(), |khz| format!("tsc_early_khz={khz}"))
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

/// How often this computer's counter ticks in a millisecond, which QEMU's emulated processors have
/// as theirs (`cpu_get_host_ticks`, `include/qemu/timer.h`). Nothing where that is not so.
pub(super) fn counter_khz() -> Option<u64> {
    static PACE: OnceLock<Option<u64>> = OnceLock::new();
    let measure = || {
        let counts = cfg!(target_arch = "x86_64");
        counts.then(|| khz(quanta::Clock::new().delta_as_nanos(0, TICKS)))?
    };
    *PACE.get_or_init(measure)
}

/// The pace of a counter by what its ticks take. One that ticks once in a nanosecond is the
/// system's clock, in the place of a counter that cannot be relied on.
fn khz(nanos: u64) -> Option<u64> {
    let ticks = u128::from(TICKS) * 1_000_000;
    let khz = ticks.checked_div(u128::from(nanos))?;
    (nanos != TICKS).then(|| u64::try_from(khz).ok())?
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_told_from_the_clock_that_stands_for_it() {
        assert_eq!(khz(TICKS), None);
        assert_eq!(khz(0), None);
        assert_eq!(khz(TICKS / 2), Some(2_000_000));
    }

    #[test]
    fn a_real_processor_is_left_as_it_is() {
        assert_eq!(Accelerator::Kvm.cpu(), "host");
        assert_eq!(Accelerator::Kvm.quick_words(), "");
        assert!(Accelerator::Tcg.quick_words().contains("norandmaps"));
    }

    #[test]
    fn only_an_emulated_kernel_is_told_how_fast_its_processor_counts() {
        assert_eq!(Accelerator::Kvm.counter_word(), "");
        let told = Accelerator::Tcg.counter_word();
        let khz = told.strip_prefix("tsc_early_khz=");
        let khz = khz.map(|khz| khz.parse::<u64>().expect("a number"));
        assert!(
            khz.is_none_or(|khz| (100_000..10_000_000).contains(&khz)),
            "{told}"
        );
    }
}
