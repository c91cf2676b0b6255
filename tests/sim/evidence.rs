//! The evidence bundle: it is there after every run, holds no secret, and holds up nothing.

use std::path::Path;

use seatrial::check::check;
use seatrial::journal::{Event, Exhibit, History, Phase};
use seatrial::plan::{FaultEnd, Plan};
use seatrial::run::{self, Options};
use seatrial::scenario::FaultAction;
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::units::Span;
use seatrial::verdict::Verdict;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::misdeeds::stopped;
use super::plans::{self, with_fault};
use super::seq;

/// Runs a plan with a database and keeps its folder.
async fn ran(folder: &Path, place: &Sim, stop: CancellationToken) -> History {
    ran_as(stopped(), folder, place, stop).await
}

/// The same of another plan.
async fn ran_as(mut plan: Plan, folder: &Path, place: &Sim, stop: CancellationToken) -> History {
    let options = Options {
        folder: folder.join("run"),
        command_line: vec!["seatrial".to_owned(), "run".to_owned()],
        listener: None,
        stop,
    };
    let stack = plan.stack.as_mut().expect("a stack");
    for service in &mut stack.services {
        service.root_password = Some("P@ssw0rd".to_owned());
    }
    let ended = run::run(place, &plan, options).await.expect("a journal");
    seatrial::journal::read(&ended.journal).expect("a journal that can be read")
}

/// What was kept, with the numbers of its entries.
fn exhibits(history: &History) -> Vec<(u64, &Exhibit)> {
    let all = history
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Exhibit(exhibit) => Some((entry.seq, exhibit)),
            _ => None,
        });
    all.collect()
}

/// Every file of a folder that is text.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(texts(&path));
        } else {
            let text = std::fs::read_to_string(&path).expect("text");
            all.push((path.display().to_string(), text));
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn what_machines_have_to_show_is_kept_before_they_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = ran(folder.path(), &Sim::new(), CancellationToken::new()).await;
    let healed = seq(&history, "heal", |e| matches!(e, Event::Healed { .. }));
    let over = seq(&history, "end", |e| *e == Event::Phase(Phase::TearDown));
    let machines: Vec<&str> = history.plan.topology.machines().collect();
    let exhibits = exhibits(&history);
    assert_eq!(exhibits.len(), machines.len());
    for (seq, exhibit) in exhibits {
        assert!((healed..over).contains(&seq), "{exhibit:?}");
        let Ok(kept) = &exhibit.kept else {
            assert_eq!(exhibit.path, "evidence/storage/engine.log");
            continue;
        };
        let text = std::fs::read(folder.path().join("run").join(&exhibit.path)).expect("a file");
        assert_eq!(text.len() as u64, kept.bytes);
        assert_eq!(format!("{:x}", Sha256::digest(&text)), kept.sha256);
        assert!(!kept.cut);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_interrupted_has_it_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    stop.cancel();
    let history = ran(folder.path(), &Sim::new(), stop.clone()).await;
    assert!(exhibits(&history).is_empty(), "it had no machines yet");
    let stop = CancellationToken::new();
    let later = stop.clone();
    tokio::spawn(async move {
        seatrial::wait::pause(std::time::Duration::from_secs(30)).await;
        later.cancel();
    });
    let folder = tempfile::tempdir().expect("a folder");
    let history = ran(folder.path(), &Sim::new(), stop).await;
    assert_eq!(check(&history).verdict, Verdict::Unknown);
    assert!(exhibits(&history).len() > 3);
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Sim::with(Sabotage::EvidenceTells);
    let killed = FaultAction::KillTask(plans::database_host());
    let mut killed = with_fault(plans::database(), 10, killed);
    // Sooner than Swarm starts another: whoever ended is quoted where recovery is overdue.
    let deadline = Span::secs(2);
    killed.faults[0].end = FaultEnd::Recovery { deadline };
    let history = ran_as(killed, folder.path(), &place, CancellationToken::new()).await;
    assert!(exhibits(&history).iter().any(|(_, one)| one.kept.is_ok()));
    let hidden = |line: &String| line.contains("[redacted]");
    let quoted = |e: &Event| matches!(e, Event::Excerpt { lines, .. } if lines.iter().any(hidden));
    seq(&history, "container's last words", quoted);
    let texts = texts(&folder.path().join("run"));
    for (path, text) in &texts {
        for secret in ["SWMTKN", "0planted", "P@ssw0rd", "PRIVATE KEY", "IPLANTED"] {
            assert!(!text.contains(secret), "{secret} is in {path}");
        }
    }
    let hidden = texts
        .iter()
        .filter(|(_, text)| text.matches("[redacted]").count() == 3);
    assert!(hidden.count() > 3, "nothing was planted: {texts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_shows_nothing_holds_up_nothing_and_is_not_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let silent = "server-2";
    let place = Sim::with(Sabotage::EvidenceHangs(silent.to_owned()));
    let history = ran(folder.path(), &place, CancellationToken::new()).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:?}", judgement.findings);
    let all = exhibits(&history);
    let of = |exhibit: &Exhibit| exhibit.path.contains(silent);
    let (_, why) = all.iter().find(|(_, one)| of(one)).expect("an exhibit");
    assert_eq!(why.kept, Err("no answer within 30s".to_owned()));
    let others = all.iter().filter(|(_, one)| !of(one) && one.kept.is_ok());
    assert!(others.count() > 2, "{all:?}");
    let at = |seq: u64| history.entries[seq as usize].at();
    let over = seq(&history, "end", |e| *e == Event::Phase(Phase::TearDown));
    assert!((at(over) - at(all[0].0)).as_secs() <= 30);
}
