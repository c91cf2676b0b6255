//! A harness with machines is killed at the entries that hold something, and `seatrial heal`, from
//! another process, leaves nothing behind.
//!
//! `SEATRIAL_CRASH_ON_VM` says at how many points (2); each takes as long as a run up to there.

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use seatrial::leavings;
use seatrial::run::{self, Options};
use tokio_util::sync::CancellationToken;

use super::ground::{ground, say};

#[path = "../crash/healed.rs"]
mod healed;
#[path = "../crash/killer.rs"]
mod killer;
#[path = "../crash/kinds.rs"]
mod kinds;
#[path = "../crash/left.rs"]
mod left;
#[path = "../crash/tally.rs"]
mod tally;

use killer::{POINT, killer, point};
use kinds::Point;
use tally::Tally;

/// Where the harness of the run is told to put it.
const RUN: &str = "SEATRIAL_CRASH_RUN";

/// A scenario with a fault that turns a machine off, and on again.
const SCENARIO: &str = "mariadb-nfs-survives-node-stop";

/// Where the harness is killed, the points first at which most is there or half made.
const POINTS: &[&str] = &[
    "creating machine 3",
    "confirmed 1",
    "creating folder 2",
    "healing 1",
    "phase tear_down 1",
    "creating folder 1",
    "creating machine 1",
    "injecting 1",
    "phase load 1",
    "insert 100",
    "phase checkpoint 1",
    "phase deploy 1",
    "intent 1",
    "injected 1",
    "recovered 1",
    "healed 1",
    "creating machine 5",
    "phase bring_up 1",
    "phase steady_before 1",
    "phase steady_after 1",
    "phase read_back 1",
    "read_back 2",
    "inserted 50",
    "steady 1",
    "poll 5",
    "task 1",
    "node 1",
    "containers 4",
    "inventory 1",
    "plan 1",
    "header 1",
    "residue 1",
    "seal 1",
    "end 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_harness_killed_with_its_machines_leaves_nothing() {
    let Some(ground) = ground("a_harness_killed_with_its_machines_leaves_nothing").await else {
        return;
    };
    let asked = env::var("SEATRIAL_CRASH_ON_VM").ok();
    let asked = asked.map_or(2, |asked| asked.parse().expect("a number of points"));
    let places = [ground.cache.join(leavings::WORK), env::temp_dir()];
    let mut tally = Tally::default();
    for at in POINTS.iter().take(asked) {
        let point = Point::parse(at).expect("a point");
        let desk = tempfile::tempdir().expect("a folder");
        let before = left::there(&places);
        let harness = Command::new(env::current_exe().expect("this program"))
            .args(["--ignored", "--exact", "crash::harness", "--nocapture"])
            .env(POINT, at)
            .env(RUN, desk.path().join("run"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let ended = harness.expect("it starts");
        let journal = desk.path().join("run/journal.jsonl");
        let mut healed = healed::heal(&journal, &ground.cache, &places, &before);
        if ended.signal() != Some(9) {
            healed
                .wrong
                .push(format!("it was not killed there: {ended}"));
        }
        say(&format!("killed at {at}: {healed:?}"));
        tally.add(point.kind, at, healed);
    }
    print!("{}", tally.table("vm"));
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    assert!(
        asked == 0 || tally.left() > 0,
        "the kills left nothing to heal"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the harness that the test beside it starts and kills"]
async fn harness() {
    let ground = ground("crash::harness").await.expect("images");
    let options = Options {
        folder: PathBuf::from(env::var_os(RUN).expect("started by the test beside it")),
        command_line: env::args().collect(),
        listener: Some(Arc::new(killer(point()))),
        stop: CancellationToken::new(),
    };
    let ran = run::run(&ground.vm, &ground.plan(SCENARIO), options).await;
    ran.expect("a journal");
}
