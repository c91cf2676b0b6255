//! Every way to misbehave leaves its mark in the journal and is noticed by the finding that is
//! named beside it; an honest run of the same plan leaves no mark and passes.
//!
//! `cargo test --test sim sabotage -- --nocapture` prints the table.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;
use seatrial::check::check;
use seatrial::journal::{Event, History};
use seatrial::plan::Plan;
use seatrial::substrate::sim::Sabotage;
use seatrial::verdict::Finding;
use seatrial::verdict::Verdict::{self, Fail, Pass, Unknown};

use super::misdeeds::{self, Misdeed, headless, isolated, stopped};
use super::{count, damage, marks, outline, run_sim};

/// The least number of lines that the table has.
const LEAST: usize = 40;

/// One line of the table: what it comes to is the verdict, or why it is not as it must be.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) noticed_by: &'static str,
    pub(crate) act: Box<dyn Fn() -> Verdict + Send + Sync>,
}

impl From<Misdeed> for Line {
    fn from(misdeed: Misdeed) -> Self {
        Self {
            name: misdeed.name,
            verdict: misdeed.verdict,
            noticed_by: misdeed.noticed_by,
            act: Box::new(move || act(&misdeed)),
        }
    }
}

/// Runs a plan on a place that misbehaves, and once more on one that does not.
fn act(misdeed: &Misdeed) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        let Misdeed { plan, mark, .. } = misdeed;
        let history = run_sim(plan, Some(misdeed.sabotage.clone())).await;
        assert!(history.ended(), "{}", outline(&history));
        assert!(mark(&history), "no mark:\n{}", outline(&history));
        let verdict = is_judged(&history, misdeed.verdict, misdeed.noticed_by);
        let honest = run_sim(plan, None).await;
        assert!(!mark(&honest), "an honest run:\n{}", outline(&honest));
        is_judged(&honest, Pass, "exercised");
        verdict
    })
}

/// The run comes to this verdict, by this finding, and whatever fails says where it is seen.
pub(crate) fn is_judged(history: &History, verdict: Verdict, noticed_by: &str) -> Verdict {
    let judgement = check(history);
    let told: String = judgement
        .findings
        .iter()
        .map(|one| format!("{} {}: {}\n", one.verdict, one.check, one.summary))
        .collect();
    assert_eq!(judgement.verdict, verdict, "{told}");
    let noticed = |one: &&Finding| one.check == noticed_by && one.verdict == verdict;
    assert!(judgement.findings.iter().any(|one| noticed(&one)), "{told}");
    for finding in &judgement.findings {
        let blind = finding.verdict == Fail && finding.evidence.is_empty();
        assert!(!blind, "without evidence: {told}");
    }
    judgement.verdict
}

/// What each line comes to, in the table's order; none where it was not as it must be.
fn come_to(lines: &[Line]) -> Vec<Option<Verdict>> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(vec![None; lines.len()]);
    let work = || {
        while let Some((at, line)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            lines.get(at).map(|line| (at, line))
        } {
            let verdict = catch_unwind(AssertUnwindSafe(|| (line.act)()));
            all.lock().expect("no panic")[at] = verdict.ok();
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..workers).for_each(|_| drop(scope.spawn(work)));
    });
    all.into_inner().expect("no panic")
}

#[test]
fn no_sabotage_ends_in_pass() {
    let misdeeds = misdeeds::all().into_iter().map(Line::from);
    let lines: Vec<Line> = misdeeds.chain(damage::all()).collect();
    let verdicts = come_to(&lines);
    let mut wrong = Vec::new();
    for (line, verdict) in lines.iter().zip(&verdicts) {
        let (name, expected, by) = (line.name, line.verdict, line.noticed_by);
        let told = match verdict {
            Some(verdict) if *verdict == expected => verdict.to_string(),
            other => {
                wrong.push(name);
                format!("NOT {expected}: {other:?}")
            }
        };
        println!("{name:<42} {told:<8} {by}");
    }
    let of = |wanted| verdicts.iter().filter(|one| **one == Some(wanted)).count();
    let (total, fail, unknown, pass) = (lines.len(), of(Fail), of(Unknown), of(Pass));
    println!("{total} sabotages: {fail} fail, {unknown} unknown, {pass} pass");
    assert!(wrong.is_empty(), "not as they must be: {wrong:?}");
    assert_eq!(pass, 0);
    assert!(total >= LEAST, "only {total} sabotages");
}

#[tokio::test(start_paused = true)]
async fn a_database_without_shared_storage_loses_its_rows() {
    let mut plan = stopped();
    plan.topology.storage = None;
    let history = run_sim(&plan, None).await;
    assert!(marks::no_table(&history), "{}", outline(&history));
    is_judged(&history, Fail, "nothing_lost");
}

#[rstest]
#[case(stopped())]
#[case(isolated())]
#[case(headless())]
#[tokio::test(start_paused = true)]
async fn slow_engines_are_no_second_task(#[case] plan: Plan) {
    let history = run_sim(&plan, Some(Sabotage::SlowEngines)).await;
    let slow = |e: &Event| {
        matches!(e, Event::Containers(look)
            if look.ended_us.zip(look.began_us).is_some_and(|(e, b)| e - b > 2_000_000))
    };
    assert!(count(&history, slow) > 10, "{}", outline(&history));
    is_judged(&history, Pass, "exercised");
}
