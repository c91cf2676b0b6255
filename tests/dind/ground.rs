//! The engine that `docker` would use, if swarms can run on it, for one test at a time.

use std::env::var_os;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use seatrial::substrate::dind::{DEFAULT_ENGINE, NodeImages, swarms};
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};

/// Two swarms at a time would have the same LAN.
static TURN: Mutex<()> = Mutex::const_new(());

/// The engine, and this test's turn to use it.
pub(crate) struct Ground {
    pub(crate) engine: String,
    pub(crate) cache: PathBuf,
    /// Where runs land.
    pub(crate) runs: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// Waits for this test's turn; nothing if it has to be left out.
pub(crate) async fn ground(test: &str) -> Option<Ground> {
    let turn = TURN.lock().await;
    match find().await {
        Ok((engine, cache)) => Some(Ground {
            engine,
            cache,
            runs: tempfile::tempdir().expect("a folder"),
            _turn: turn,
        }),
        Err(why) => {
            let required = var_os("SEATRIAL_REQUIRE_DIND").is_some_and(|value| value == "1");
            assert!(!required, "{why}, and `SEATRIAL_REQUIRE_DIND` is set");
            // Nobody is left to be told that this could not be written.
            let _ = writeln!(std::io::stderr(), "left out: {test}: because {why}");
            None
        }
    }
}

/// The engine and the cache, or what is missing.
async fn find() -> Result<(String, PathBuf), String> {
    let said = |name| var_os(name).filter(|value| !value.is_empty());
    let home = || Some(PathBuf::from(said("HOME")?).join(".cache/seatrial"));
    let cache = said("SEATRIAL_CACHE").map(PathBuf::from).or_else(home);
    let cache = cache.ok_or("there is no home folder; set `SEATRIAL_CACHE`")?;
    let engine = said("DOCKER_HOST").map(|host| host.to_string_lossy().into_owned());
    let engine = engine.unwrap_or_else(|| DEFAULT_ENGINE.to_owned());
    swarms(&engine).await?;
    if NodeImages::find(&cache).is_none() {
        let cache = cache.display();
        return Err(format!(
            "`{cache}` has no images for nodes; run `seatrial prepare --on dind`"
        ));
    }
    Ok((engine, cache))
}

/// A file of this repository.
pub(crate) fn at(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

impl Ground {
    /// The program, with this ground's engine and images.
    pub(crate) fn seatrial(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
        command
            .env("SEATRIAL_CACHE", &self.cache)
            .env("DOCKER_HOST", &self.engine)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// A run of a scenario on this engine.
    pub(crate) fn run(&self, scenario: &str) -> Command {
        let mut command = self.seatrial();
        command
            .arg("run")
            .arg(at(scenario))
            .args(["--on", "dind", "--runs"]);
        command.arg(self.runs.path());
        command
    }

    /// What harnesses have on the engine, a line each.
    pub(crate) async fn there(&self) -> Vec<String> {
        let swarms = swarms(&self.engine).await.expect("the engine answers");
        let things = swarms.into_values().flatten();
        things.map(|thing| thing.to_string()).collect()
    }
}

/// Runs a command to its end: its exit code, and all that it said.
pub(crate) async fn said(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().await.expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}
