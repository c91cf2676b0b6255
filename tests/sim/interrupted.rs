//! Runs that end early: told to stop, no lab, no steady state, a panic. Nothing stays broken.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use seatrial::check::check;
use seatrial::heal;
use seatrial::journal::{Event, History, Membership, Phase, read};
use seatrial::run::{self, Options};
use seatrial::scenario::FaultAction;
use seatrial::substrate::Lab;
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::verdict::Verdict;
use seatrial::wait;
use tokio_util::sync::CancellationToken;

use super::plans::{self, with_fault};
use super::{count, outline, run_sim, run_until, seq};

/// Every fault that was begun was healed, and the clean-up was reached.
fn left_nothing_behind(history: &History) {
    assert!(history.ended(), "{}", outline(history));
    assert!(
        heal::outstanding(history).is_empty(),
        "{}",
        outline(history)
    );
    seq(history, "tear-down", |e| {
        *e == Event::Phase(Phase::TearDown)
    });
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_at_any_time_heals_and_ends() {
    let action = FaultAction::Kill(plans::database_host());
    let plan = with_fault(plans::database(), 10, action);
    for step in 0..30 {
        let stop = CancellationToken::new();
        let token = stop.clone();
        tokio::spawn(async move {
            wait::pause(Duration::from_millis(1_900 * step)).await;
            token.cancel();
        });
        let history = run_until(&plan, None, stop.clone()).await;
        let stopped = stop.is_cancelled();
        left_nothing_behind(&history);
        let said = count(
            &history,
            |e| matches!(e, Event::Trouble { what } if what.contains("interrupted")),
        );
        // Whoever is told to stop once all is over is told nothing else.
        assert_eq!(said == 1, stopped, "{}", outline(&history));
        let judgement = check(&history);
        assert_eq!(judgement.verdict != Verdict::Pass, stopped);
    }
}

/// Not even once all was seen: whoever ends a run early gets no verdict.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_in_its_tear_down_does_not_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let token = stop.clone();
    let options = Options {
        folder: folder.path().to_owned(),
        command_line: Vec::new(),
        listener: Some(Arc::new(move |entry| {
            if entry.event == Event::Phase(Phase::TearDown) {
                token.cancel();
            }
        })),
        stop,
    };
    let ended = run::run(&Sim::new(), &plans::web(), options).await;
    let ended = ended.expect("a run");
    assert!(ended.interrupted);
    let history = read(&ended.journal).expect("a journal");
    left_nothing_behind(&history);
    assert_eq!(check(&history).verdict, Verdict::Unknown);
}

#[tokio::test(start_paused = true)]
async fn no_lab_is_trouble_and_no_verdict() {
    let history = run_sim(&plans::web(), Some(Sabotage::BringUpFails)).await;
    assert!(history.ended());
    insta::assert_snapshot!(outline(&history));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_broken_before_the_steady_state_held() {
    let plan = with_fault(
        plans::database(),
        10,
        FaultAction::Kill(plans::database_host()),
    );
    let history = run_sim(&plan, Some(Sabotage::SteadyNeverHolds)).await;
    left_nothing_behind(&history);
    assert_eq!(
        count(&history, |e| matches!(
            e,
            Event::Intent(_) | Event::Insert { .. }
        )),
        0
    );
    let steady = |e: &Event| matches!(e, Event::Steady(s) if !s.holds);
    assert!(count(&history, steady) > 5, "at least every 5 s");
    assert_eq!(count(&history, |e| matches!(e, Event::Trouble { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_clean_up_is_journaled() {
    let history = run_sim(&plans::web(), Some(Sabotage::TearDownFails)).await;
    assert!(history.ended());
    let said = |e: &Event| matches!(e, Event::Trouble { what } if what.contains("server-1"));
    assert_eq!(count(&history, said), 1);
}

#[rstest]
#[case::nothing_to_heal(0, 0)]
#[case::before_the_injection(1, 1)]
#[case::while_it_lasts(2, 1)]
#[case::after_the_heal(3, 0)]
#[tokio::test(start_paused = true)]
async fn another_process_heals_a_run_that_was_killed(#[case] cut: usize, #[case] left: usize) {
    let plan = with_fault(
        plans::database(),
        10,
        FaultAction::Kill(plans::database_host()),
    );
    let whole = run_sim(&plan, None).await;
    let wanted = |e: &Event| match cut {
        0 => matches!(e, Event::Intent(_)),
        1 => matches!(e, Event::Injecting { .. }),
        2 => matches!(e, Event::Confirmed { .. }),
        _ => matches!(e, Event::Healed { .. }),
    };
    let end = seq(&whole, "the cut", wanted) as usize;
    let killed = History {
        entries: whole.entries[..=end].to_vec(),
        ..whole
    };
    let intents = heal::outstanding(&killed);
    assert_eq!(intents.len(), left);
    let lab = Sim::new().lab(&plan);
    lab.deploy().await.expect("deployed");
    for intent in &intents {
        lab.power_off(&intent.targets[0], seatrial::substrate::PowerOff::Cut)
            .await
            .expect("off");
    }
    let told = std::sync::Mutex::new(Vec::new());
    let tell = |event| told.lock().expect("no panic").push(event);
    let errors = heal::heal(&*lab, &plan, &Membership::of(&plan), &intents, &tell).await;
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(told.lock().expect("no panic").len(), 2 * left);
    for node in plan.node_names() {
        assert!(Lab::powered(&*lab, node).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_journal_is_never_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = || Options {
        folder: folder.path().to_owned(),
        command_line: Vec::new(),
        listener: None,
        stop: CancellationToken::new(),
    };
    let plan = plans::web();
    let first = run::run(&Sim::new(), &plan, options())
        .await
        .expect("a run");
    let text = std::fs::read_to_string(&first.journal).expect("a journal");
    let again = run::run(&Sim::new(), &plan, options())
        .await
        .expect_err("it is there already");
    assert!(again.to_string().contains("journal.jsonl"), "{again}");
    assert_eq!(
        std::fs::read_to_string(&first.journal).expect("a journal"),
        text
    );
}

#[tokio::test(start_paused = true)]
async fn a_listener_is_told_of_every_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options = Options {
        folder: folder.path().to_owned(),
        command_line: Vec::new(),
        listener: Some(Arc::new(move |entry| {
            heard.lock().expect("no panic").push(entry.seq);
        })),
        stop: CancellationToken::new(),
    };
    let summary = run::run(&Sim::new(), &plans::web(), options)
        .await
        .expect("a run");
    assert!(!summary.interrupted);
    let written = read(Path::new(&summary.journal))
        .expect("a journal")
        .entries
        .len() as u64;
    assert_eq!(
        *told.lock().expect("no panic"),
        (0..written).collect::<Vec<_>>()
    );
}

#[rstest]
#[case::in_a_fault("confirmed")]
#[case::before_the_injection("injecting")]
#[case::in_an_observer("steady")]
#[case::in_the_course("load")]
#[case::in_a_workload("inserted")]
#[tokio::test(start_paused = true)]
async fn a_panic_anywhere_ends_in_heal_and_trouble(#[case] at: &'static str) {
    let folder = tempfile::tempdir().expect("a folder");
    let fused = std::sync::atomic::AtomicBool::new(true);
    let options = Options {
        folder: folder.path().to_owned(),
        command_line: Vec::new(),
        listener: Some(Arc::new(move |entry| {
            let text = serde_json::to_string(&entry.event).expect("an event");
            let hit =
                text.starts_with(&format!("{{\"{at}\"")) || text.ends_with(&format!("\"{at}\"}}"));
            if hit && fused.swap(false, std::sync::atomic::Ordering::Relaxed) {
                panic!("the listener fails at {at}");
            }
        })),
        stop: CancellationToken::new(),
    };
    let plan = with_fault(
        plans::database(),
        10,
        FaultAction::Kill(plans::database_host()),
    );
    let summary = run::run(&Sim::new(), &plan, options).await.expect("a run");
    let history = read(&summary.journal).expect("a journal");
    left_nothing_behind(&history);
    let said = |e: &Event| matches!(e, Event::Trouble { what } if what.contains("panicked"));
    assert_eq!(count(&history, said), 1, "{}", outline(&history));
    assert!(!summary.interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_while_its_lab_is_made_gives_it_up() {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        wait::pause(Duration::from_secs(60)).await;
        token.cancel();
    });
    let history = run_until(&plans::web(), Some(Sabotage::BringUpHangs), stop).await;
    left_nothing_behind(&history);
    let said = |e: &Event| matches!(e, Event::Trouble { what } if what.contains("interrupted"));
    assert_eq!(count(&history, said), 1, "{}", outline(&history));
    let judgement = seatrial::check::check(&history);
    assert_eq!(judgement.verdict, seatrial::verdict::Verdict::Unknown);
}
