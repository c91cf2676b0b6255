//! What a run leaves behind without a word in its journal is reported by its audit.

use std::cell::RefCell;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use seatrial::leavings;
use seatrial::verdict::Verdict;

use super::ground::ground;
use super::trial::{Scene, run_disturbed};

#[tokio::test(flavor = "multi_thread")]
async fn what_no_journal_knows_of_is_reported() {
    let Some(ground) = ground("what_no_journal_knows_of_is_reported").await else {
        return;
    };
    let plan = ground.plan_without_faults("nginx-nfs-answers-on-every-node");
    let folder = std::env::temp_dir().join(leavings::name());
    let planted = RefCell::new(None);
    let told = run_disturbed(&ground, &plan, async |_: Scene| {
        let text = |error: std::io::Error| error.to_string();
        std::fs::create_dir_all(&folder).map_err(text)?;
        let socket = UnixListener::bind(folder.join("lan")).map_err(text)?;
        let mut process = Command::new("tail");
        let process = process.args(["-f", "/dev/null"]).stdin(Stdio::null());
        *planted.borrow_mut() = Some((socket, process.spawn().map_err(text)?));
        Ok(())
    })
    .await;
    let (socket, mut process) = planted.into_inner().expect("planted");
    process.kill().expect("it ends");
    process.wait().expect("it ended");
    std::fs::remove_dir_all(&folder).expect("removed");
    drop(socket);
    let residue = told.finding("residue");
    assert_eq!(residue.verdict, Verdict::Fail, "{}", residue.summary);
    for kind in ["folder `", "process ", "socket `"] {
        assert!(residue.summary.contains(kind), "{}", residue.summary);
    }
    assert_eq!(told.finding("undisturbed").verdict, Verdict::Pass);
}
