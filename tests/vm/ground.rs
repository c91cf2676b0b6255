//! This machine, if swarms can run on it, for one test at a time.

use std::env::{split_paths, var_os};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use seatrial::plan::{Options, Outcome, Plan, plan};
use seatrial::scenario::load;
use seatrial::substrate::Place;
use seatrial::substrate::vm::{Images, Progress, Vm};
use tokio::sync::{Mutex, MutexGuard};

/// Two swarms at a time would be slow enough to fail for want of time.
static TURN: Mutex<()> = Mutex::const_new(());

/// What cannot be done without.
const PROGRAMS: [&str; 2] = ["qemu-system-x86_64", "qemu-img"];

/// The place, and this test's turn to use it.
pub(crate) struct Ground {
    pub(crate) vm: Vm,
    /// Where images and snapshots are.
    pub(crate) cache: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

/// When the first of them had its turn.
static BEGAN: OnceLock<Instant> = OnceLock::new();

/// Waits for this test's turn; nothing if it has to be left out.
///
/// `SEATRIAL_VM_MINUTES` is how long all of them may take: on a computer that is far slower than
/// others, whoever has not begun by then is left out, and named.
pub(crate) async fn ground(test: &str) -> Option<Ground> {
    let turn = TURN.lock().await;
    if let Some(why) = too_late() {
        leave_out(test, &why);
        return None;
    }
    match find() {
        Ok((vm, cache)) => Some(Ground {
            vm,
            cache,
            _turn: turn,
        }),
        Err(why) => {
            let required = var_os("SEATRIAL_REQUIRE_VM").is_some_and(|value| value == "1");
            assert!(!required, "{why}, and `SEATRIAL_REQUIRE_VM` is set");
            leave_out(test, &why);
            None
        }
    }
}

/// Why there is no time left for another test, if there is none.
fn too_late() -> Option<String> {
    let minutes = std::env::var("SEATRIAL_VM_MINUTES").ok()?;
    let minutes: u64 = minutes.parse().expect("a number of minutes");
    let spent = BEGAN.get_or_init(Instant::now).elapsed();
    let over = spent >= Duration::from_secs(minutes * 60);
    over.then(|| format!("the {minutes} minutes for machines are spent (`SEATRIAL_VM_MINUTES`)"))
}

/// Says that a test, or a part of one, is left out.
pub(crate) fn leave_out(what: &str, why: &str) {
    say(&format!("left out: {what}: because {why}"));
}

/// Tells whoever started the tests, also of tests that pass.
pub(crate) fn say(what: &str) {
    // Nobody is left to be told that this could not be written.
    let _ = writeln!(std::io::stderr(), "{}", what.trim_end());
}

/// The machines of this computer, or what is missing.
fn find() -> Result<(Vm, PathBuf), String> {
    let path = var_os("PATH").unwrap_or_default();
    for program in PROGRAMS {
        if !split_paths(&path).any(|folder| folder.join(program).is_file()) {
            return Err(format!(
                "`{program}` is not installed; run `seatrial doctor`"
            ));
        }
    }
    let cache = cache().ok_or("there is no home folder; set `SEATRIAL_CACHE`")?;
    let images = Images::find(&cache).ok_or_else(|| {
        let cache = cache.display();
        format!("`{cache}` has no images for this version; run `seatrial prepare`")
    })?;
    let vm = Vm::new(images, &cache, Progress::terminal(), false);
    Ok((vm, cache))
}

/// Where the command line keeps images.
fn cache() -> Option<PathBuf> {
    let said = |name| {
        var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    said("SEATRIAL_CACHE")
        .or_else(|| {
            Some(
                said("XDG_CACHE_HOME")
                    .filter(|p| p.is_absolute())?
                    .join("seatrial"),
            )
        })
        .or_else(|| Some(said("HOME")?.join(".cache").join("seatrial")))
}

/// A file of this repository.
fn at(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The file of a scenario that comes with Seatrial.
pub(crate) fn scenario(name: &str) -> PathBuf {
    at(&format!("scenarios/{name}.yaml"))
}

impl Ground {
    /// The plan of a scenario that comes with Seatrial.
    pub(crate) fn plan(&self, name: &str) -> Plan {
        self.planned(&scenario(name), false)
    }

    /// The plan of a scenario file, by its path in this repository.
    pub(crate) fn plan_of(&self, file: &str) -> Plan {
        self.planned(&at(file), false)
    }

    /// The same without its faults.
    pub(crate) fn plan_without_faults(&self, name: &str) -> Plan {
        self.planned(&scenario(name), true)
    }

    /// The plan of a scenario that comes with Seatrial, for this place.
    pub(crate) fn plan_on(&self, vm: &Vm, name: &str) -> Plan {
        planned(vm, &scenario(name), false)
    }

    fn planned(&self, file: &Path, no_faults: bool) -> Plan {
        planned(&self.vm, file, no_faults)
    }
}

fn planned(vm: &Vm, file: &Path, no_faults: bool) -> Plan {
    let loaded = load(file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let options = Options {
        place: "vm".to_owned(),
        capabilities: vm.capabilities(),
        patience: vm.patience(),
        seed: 7,
        no_faults,
        environment: vm.variables(),
        nodes: None,
    };
    match plan(&loaded, &options).unwrap_or_else(|mistakes| panic!("{mistakes}")) {
        Outcome::Ready(plan) => *plan,
        Outcome::Skipped { reason, .. } => panic!("skipped: {reason}"),
    }
}
