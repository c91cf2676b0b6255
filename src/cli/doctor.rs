//! `seatrial doctor`: what can run here, what is missing, and the command that mends it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use seatrial::substrate::Place;
use seatrial::substrate::vm::{Images, Progress, Vm, weigh};

use super::{Exit, abilities, cache, output, up};

/// A program that machines need, and the Debian package that has it.
struct Tool {
    program: &'static str,
    package: &'static str,
    need: Need,
}

/// What a program is needed for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Running machines.
    Run,
    /// Building images only.
    Prepare,
    /// A swarm that is reached by SSH; everything else does without.
    Ssh,
}

impl Need {
    fn told(self) -> &'static str {
        match self {
            Self::Run => "needed to run",
            Self::Prepare => "needed to prepare",
            Self::Ssh => "needed for SSH to nodes",
        }
    }
}

const TOOLS: [Tool; 9] = [
    tool("qemu-system-x86_64", "qemu-system-x86", Need::Run),
    tool("qemu-img", "qemu-utils", Need::Run),
    tool("setpriv", "util-linux", Need::Run),
    tool("zstd", "zstd", Need::Run),
    tool("mmdebstrap", "mmdebstrap", Need::Prepare),
    tool("fakeroot", "fakeroot", Need::Prepare),
    tool("mkfs.ext4", "e2fsprogs", Need::Prepare),
    tool("newuidmap", "uidmap", Need::Prepare),
    tool("ssh-keygen", "openssh-client", Need::Ssh),
];

const fn tool(program: &'static str, package: &'static str, need: Need) -> Tool {
    Tool {
        program,
        package,
        need,
    }
}

/// Images take about 1 GiB, the saved swarms of all scenarios about 16.
const DISK_WANTED: u64 = 20 * GIB;

/// Four nodes of 1.5 GiB and a storage machine of 0.5 GiB.
const MEMORY_WANTED: u64 = 6 * GIB + GIB / 2;

const GIB: u64 = 1 << 30;

/// What `doctor` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Look at the swarm of this inventory too (`--on hosts=FILE`); changes nothing there
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
}

/// Prints the tables; succeeds if `vm` can run, or the swarm that was asked for.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let cache = cache::folder()?;
    let (mut text, mut can_run) = here(&cache)?;
    if let Some(inventory) = &args.inventory {
        let (told, willing) = abilities::of_hosts(inventory, &cache);
        text += &format!("\n{told}");
        can_run = willing;
    }
    output::print(&text)?;
    Ok(if can_run {
        Exit::PASS
    } else {
        Exit::NOTHING_RAN
    })
}

/// The tables of this computer, and whether `vm` can run.
fn here(cache: &Path) -> anyhow::Result<(String, bool)> {
    let images = Images::find(cache);
    let mut rows = Vec::new();
    let (lacking, to_run, to_build) = tools(&mut rows);
    rows.push(disk(cache));
    rows.push(memory());
    let can_run = to_run && (images.is_some() || to_build);
    match images {
        Some(images) => {
            let vm = Vm::new(images, cache, Progress::silent(), false);
            let about = vm.identity(&up::plan_of_a_swarm(&vm)?);
            rows.push(row("images", "ok", "prepared", ""));
            let found = format!("{}, patience {}", about.accelerator, about.patience);
            rows.push(accelerator(&about.accelerator, found, cache));
        }
        None => {
            rows.push(row("images", "none", "not built yet", "seatrial prepare"));
            let mend = "seatrial prepare";
            rows.push(row("accelerator", "unknown", "proven by a boot", mend));
        }
    }
    rows.push(snapshots(cache));
    let (places, dind_runs) = abilities::table(cache)?;
    let mut text = output::table(["what", "state", "found", "mend with"], rows);
    text += &format!("\ncache: {}\n", cache.display());
    if !lacking.is_empty() {
        let packages = lacking.into_iter().collect::<Vec<_>>().join(" ");
        text += &format!("to mend all that is missing: apt-get install {packages}\n");
    }
    text += if can_run {
        "`vm` can run here\n"
    } else {
        "`vm` cannot run here yet\n"
    };
    text += if dind_runs {
        "`dind` can run here\n"
    } else {
        "`dind` cannot run here yet\n"
    };
    text += &format!("\n{places}");
    Ok((text, can_run))
}

/// What images were built with is used as long as they are kept.
fn accelerator(used: &str, found: String, cache: &Path) -> [String; 4] {
    let device = Path::new("/dev/kvm");
    let ours = OpenOptions::new().write(true).open(device).is_ok();
    if used != "tcg" || ours || !device.exists() {
        return row("accelerator", "ok", found, "");
    }
    let images = cache.join("images");
    let mend = format!(
        "have the right to write /dev/kvm; rm -r {}; seatrial prepare",
        images.display()
    );
    row("accelerator", "slow", found, &mend)
}

/// A row of the table.
fn row(what: &str, state: &str, found: impl Into<String>, mend: &str) -> [String; 4] {
    [what.into(), state.into(), found.into(), mend.into()]
}

/// Looks for every program. What is lacking, and whether machines can run and be built.
fn tools(rows: &mut Vec<[String; 4]>) -> (BTreeSet<&'static str>, bool, bool) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (mut lacking, mut to_run, mut to_build) = (BTreeSet::new(), true, true);
    for tool in &TOOLS {
        // Root maps its users without help.
        if tool.program == "newuidmap" && rustix::process::geteuid().is_root() {
            continue;
        }
        match find(tool.program, &path) {
            Some(found) => {
                rows.push(row(tool.program, "ok", found.display().to_string(), ""));
            }
            None => {
                let mend = format!("apt-get install {}", tool.package);
                rows.push(row(tool.program, "missing", tool.need.told(), &mend));
                lacking.insert(tool.package);
                to_run &= tool.need != Need::Run;
                to_build &= tool.need != Need::Prepare;
            }
        }
    }
    (lacking, to_run, to_build)
}

/// A program in a search path, or in the administrator's folders, which few users search.
fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| {
            file.metadata()
                .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
        })
}

/// Room in the cache, or in the nearest folder above it that exists.
fn disk(cache: &Path) -> [String; 4] {
    let folder = cache.ancestors().find(|folder| folder.exists());
    let stat = folder.and_then(|folder| rustix::fs::statvfs(folder).ok());
    let free = stat.map(|stat| stat.f_bavail * stat.f_frsize);
    let mend = format!("free some space, or set {}", cache::VARIABLE);
    amount("free disk", free, DISK_WANTED, &mend)
}

/// Memory that programs could get now.
fn memory() -> [String; 4] {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let mend = "end something, or use fewer nodes";
    amount("free memory", available(&text), MEMORY_WANTED, mend)
}

/// What `/proc/meminfo` says is available, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// A row about something of which there should be enough; too little is only a warning.
fn amount(what: &str, there: Option<u64>, wanted: u64, mend: &str) -> [String; 4] {
    match there {
        None => row(what, "unknown", "cannot be seen here", ""),
        Some(bytes) if bytes < wanted => {
            let found = format!("{}, {} wanted", size(bytes), size(wanted));
            row(what, "warn", found, mend)
        }
        Some(bytes) => row(what, "ok", size(bytes), ""),
    }
}

/// Saved swarms: how many are whole, and what they all take.
fn snapshots(cache: &Path) -> [String; 4] {
    let found = match weigh(cache) {
        (0, _) => "none saved; the first run saves one".to_owned(),
        (count, bytes) => format!("{count} saved, {}", size(bytes)),
    };
    row("snapshots", "ok", found, "")
}

/// Bytes for people: `20.0 GiB`.
fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown to one decimal")]
    let gibibytes = bytes as f64 / GIB as f64;
    format!("{gibibytes:.1} GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_the_kernel_says_is_available() {
        let text = "MemTotal:  24 kB\nMemAvailable:    2 kB\n";
        assert_eq!(available(text), Some(2048));
        assert_eq!(available("MemTotal: 24 kB\n"), None);
        assert_eq!(available("MemAvailable: many kB\n"), None);
    }

    #[test]
    fn too_little_is_a_warning_and_what_cannot_be_seen_is_no_praise() {
        assert_eq!(amount("x", Some(GIB), 2 * GIB, "mend")[1], "warn");
        assert_eq!(amount("x", Some(2 * GIB), 2 * GIB, "mend")[1], "ok");
        assert_eq!(amount("x", None, 2 * GIB, "mend")[1], "unknown");
    }
}
