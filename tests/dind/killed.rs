//! A harness that is killed leaves its containers; another process finds them by their labels.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use seatrial::wait::{Look, until};
use tokio::process::Child;

use super::ground::{Ground, ground, said};

/// How long a swarm may take to be there.
const START: Duration = Duration::from_secs(180);

/// The pace of looking.
const PACE: Duration = Duration::from_millis(100);

/// Starts a run, and returns once its journal says this.
async fn begun(ground: &Ground, word: &str) -> (Child, PathBuf) {
    let mut command = ground.run("tests/dind/faults.yaml");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let harness = command.spawn().expect("it starts");
    let runs = ground.runs.path();
    let look = || async {
        let entries = std::fs::read_dir(runs).expect("a folder").flatten();
        let journals = entries.map(|run| run.path().join("journal.jsonl"));
        let said = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.contains(word) && !path.parent().is_some_and(|run| run.ends_with("latest"))
        };
        match journals.into_iter().find(said) {
            Some(journal) => Look::Holds(journal),
            None => Look::NotYet("the journal does not say so".to_owned()),
        }
    };
    let journal = until(format!("`{word}` in a journal"), START, PACE, look).await;
    (harness, journal.unwrap_or_else(|late| panic!("{late}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_harness_leaves_nothing_that_heal_does_not_find() {
    let name = "a_killed_harness_leaves_nothing_that_heal_does_not_find";
    let Some(ground) = ground(name).await else {
        return;
    };
    let (mut harness, journal) = begun(&ground, "\"phase\":\"deploy\"").await;
    let heal = || ground.seatrial();
    let (code, told) = said(
        heal()
            .args(["heal", "--all", "--runs"])
            .arg(ground.runs.path()),
    )
    .await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("left alone"), "a living harness: {told}");
    harness.kill().await.expect("it ends");
    assert!(
        ground.there().await.len() >= 10,
        "containers, networks and volumes"
    );
    let (code, told) = said(heal().arg("heal").arg(&journal)).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("removed container"), "{told}");
    assert_eq!(ground.there().await, Vec::<String>::new());
    let (code, told) = said(heal().arg("heal").arg(&journal)).await;
    assert_eq!(
        (code, told.contains("nothing is left")),
        (Some(0), true),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_journal_tells_of_is_found_by_its_labels() {
    let Some(ground) = ground("what_no_journal_tells_of_is_found_by_its_labels").await else {
        return;
    };
    // Killed between the announcement and the first answer of an engine.
    let (mut harness, journal) = begun(&ground, "\"labelled\"").await;
    let look = || async {
        match ground.there().await {
            none if none.is_empty() => Look::NotYet("nothing is there".to_owned()),
            _ => Look::Holds(()),
        }
    };
    let made = until("the first container", START, PACE, look).await;
    made.unwrap_or_else(|late| panic!("{late}"));
    harness.kill().await.expect("it ends");
    std::fs::remove_file(&journal).expect("a journal");
    let mut heal = ground.seatrial();
    let (code, told) = said(
        heal.args(["heal", "--all", "--runs"])
            .arg(ground.runs.path()),
    )
    .await;
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(ground.there().await, Vec::<String>::new(), "{told}");
}
