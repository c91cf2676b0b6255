//! `write`: a page on the share is changed, and seen on every node, on some only, or by nobody.

use rstest::rstest;
use seatrial::check::check;
use seatrial::journal::timeline::Timeline;
use seatrial::journal::{ActionStep, Event, History};
use seatrial::plan::{Change, Check, Plan, Probe};
use seatrial::scenario::{FaultAction, Part, Target};
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::{Order, PageRequest, PowerOff};
use seatrial::verdict::Verdict;

use super::plans::{self, with_action, with_fault};
use super::{outline, passed, run_sim};

const PAGE: &str = "pages/index.html";

fn write(content: &str) -> Change {
    Change::Write {
        path: PAGE.to_owned(),
        content: content.to_owned(),
    }
}

/// The web plan, whose page is a file of the share.
fn shared() -> Plan {
    let mut plan = plans::web();
    plan.topology.storage = plans::database().topology.storage;
    plan.share = [("pages/", ""), (PAGE, "hello")]
        .map(|(path, content)| (path.to_owned(), content.to_owned()))
        .into();
    plan
}

/// Its page is another one in the end, and nobody but the probes asks for it.
fn written() -> Plan {
    let mut plan = with_action(shared(), 10, write("hello again"));
    plan.workloads.clear();
    plan.checks = vec![Check::Exercised];
    plan.steady_after = plan.steady.clone();
    for probe in &mut plan.steady_after {
        if let Probe::Http { body, .. } = probe {
            "hello again".clone_into(body);
        }
    }
    plan
}

/// The words of the last step of the only action.
fn said(history: &History) -> String {
    let timeline = Timeline::of(history);
    timeline.actions[0].words.clone()
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_written_is_seen_on_every_node() {
    let history = run_sim(&written(), None).await;
    passed(&history);
    let all = "`server-1`, `server-2`, `server-3`, `server-4`, `server-5` read the new \
               `pages/index.html`";
    assert_eq!(said(&history), all);
    let before = history.entries.iter().find_map(|entry| match &entry.event {
        Event::Action(one) => match &one.step {
            ActionStep::Intent(intent) => intent.before.file.clone(),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(before.as_deref(), Some("hello"), "what undoes it by hand");
}

#[rstest]
#[case::nothing_is_written(Sabotage::OrderDoesNothing, "`server-1` still reads the old")]
#[case::one_node_is_behind(
    Sabotage::StaleFile("server-4".to_owned()),
    "last seen: `server-4` still reads the old `pages/index.html`"
)]
#[case::one_node_cannot_read(
    Sabotage::UnreadableFile("server-4".to_owned()),
    "last seen: `server-4` cannot read `pages/index.html`: Input/output error"
)]
#[tokio::test(start_paused = true)]
async fn a_page_that_one_node_does_not_see_is_not_seen(
    #[case] sabotage: Sabotage,
    #[case] why: &str,
) {
    let history = run_sim(&written(), Some(sabotage)).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Unknown, "{}", outline(&history));
    assert!(said(&history).contains(why), "{}", said(&history));
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_is_not_seen() {
    let plan = with_action(written(), 20, write("hello again"));
    let history = run_sim(&plan, None).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Unknown, "{}", outline(&history));
    let deed = Timeline::of(&history).actions[1].clone();
    assert_eq!(deed.words, "`pages/index.html` holds this already");
}

/// No manager is asked: while the swarm has no leader, the share can be written.
#[tokio::test(start_paused = true)]
async fn the_share_needs_no_manager() {
    let plan = written();
    let lab = Sim::new().lab(&plan);
    lab.deploy().await.expect("deployed");
    for manager in ["server-1", "server-2", "server-3"] {
        lab.power_off(manager, PowerOff::Cut).await.expect("off");
    }
    let order = Order::Write {
        path: PAGE.to_owned(),
        content: "hello again".to_owned(),
    };
    lab.order("storage", &order).await.expect("taken");
    let read = lab.shared_file("server-4", PAGE).await;
    assert_eq!(read, Ok(Some("hello again".to_owned())));
    lab.shared_file("server-1", PAGE)
        .await
        .expect_err("no power");
    lab.power_off("storage", PowerOff::Cut).await.expect("off");
    lab.order("storage", &order).await.expect_err("no power");
    lab.shared_file("server-4", PAGE)
        .await
        .expect_err("no answer");
}

/// A change on purpose excuses no wrong answer: whoever asks for the old page is told.
#[tokio::test(start_paused = true)]
async fn a_write_excuses_nothing() {
    let mut plan = written();
    plan.workloads = plans::web().workloads;
    plan.checks = vec![
        Check::Answers {
            workload: "get".to_owned(),
            share: seatrial::units::Share(0.1),
            gap: seatrial::units::Span::secs(600),
        },
        Check::Exercised,
    ];
    let history = run_sim(&plan, None).await;
    let judgement = check(&history);
    let answers = judgement.findings.iter().find(|one| one.check == "answers");
    let answers = answers.expect("judged");
    assert_eq!(answers.verdict, Verdict::Fail, "{}", answers.summary);
    let deed = Timeline::of(&history).actions[0].clone();
    assert!(deed.confirmed.is_some() && !deed.ends_tasks);
}

/// A fault waits until the page was seen, and the page is still the new one after it.
#[tokio::test(start_paused = true)]
async fn a_written_page_outlives_a_fault() {
    let mut plan = with_fault(written(), 11, FaultAction::Kill(Target::Worker));
    plan.checks = vec![plans::web().checks[0].clone(), Check::Exercised];
    passed(&run_sim(&plan, None).await);
    // The storage machine's own disk keeps it too.
    let target = Target::Part(Part::Storage);
    let mut plan = with_fault(written(), 11, FaultAction::Stop(target));
    plan.checks = vec![plans::web().checks[0].clone(), Check::Exercised];
    passed(&run_sim(&plan, None).await);
}

/// The page of a file that was changed is wrong for who expects the old one, and right for who
/// expects the new one; other pages are none of the share's.
#[tokio::test(start_paused = true)]
async fn a_page_is_what_the_file_is_now() {
    let plan = written();
    let lab = Sim::new().lab(&plan);
    lab.deploy().await.expect("deployed");
    seatrial::wait::pause(std::time::Duration::from_secs(10)).await;
    let right = |body: &str| {
        let ask = PageRequest {
            path: "/".to_owned(),
            body: body.to_owned(),
            within: std::time::Duration::from_secs(2),
        };
        let lab = lab.clone();
        async move { lab.get("server-4", 8080, &ask).await == seatrial::journal::Answer::Right }
    };
    assert!(right("hello").await && !right("hello again").await);
    let order = Order::Write {
        path: PAGE.to_owned(),
        content: "hello again".to_owned(),
    };
    lab.order("storage", &order).await.expect("taken");
    assert!(!right("hello").await && right("hello again").await && right("other").await);
}
