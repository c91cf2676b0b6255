//! Pages are asked for at the plan's rate, whatever becomes of the requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatrial::journal::{self, Answer, Clock, Event, Journal};
use seatrial::plan::{Check, Plan};
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::{PageRequest, PowerOff};
use seatrial::units::{Rate, Share};
use seatrial::wait;
use seatrial::workload::Context;
use seatrial::workload::get::{self, Asker};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::marks::silent_pages;
use super::misdeeds::{Misdeed, fail, unprobed};
use super::plans;

/// What a node that hangs does wrong.
pub(crate) fn misdeeds() -> Vec<Misdeed> {
    let (plan, hang) = (
        mostly_answered(),
        Sabotage::PagesHang("server-1".to_owned()),
    );
    let name = "pages that hang for a while";
    vec![fail(name, plan, hang, silent_pages, "answers")]
}

/// The page, of which three of five requests must be answered: with only a few under way at once,
/// a node that hangs would be asked too seldom to miss that.
fn mostly_answered() -> Plan {
    let mut plan = unprobed();
    for check in &mut plan.checks {
        if let Check::Answers { share, .. } = check {
            *share = Share(0.6);
        }
    }
    plan
}

/// How long the page is asked for; the node hangs for the first 20 s of it.
const ASKED: Duration = Duration::from_secs(40);

/// What became of each request to a node that hangs for a while, with when it began.
async fn asked(per_second: f64) -> Vec<(u64, Answer)> {
    let plan = plans::web();
    let lab = Sim::with(Sabotage::PagesHang("server-1".to_owned())).lab(&plan);
    lab.deploy().await.expect("deployed");
    wait::pause(Duration::from_secs(5)).await;
    // Whatever is struck starts the sabotage.
    lab.power_off("server-5", PowerOff::Cut).await.expect("off");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let journal = Journal::create(&path, Clock::start()).expect("a journal");
    let stop = CancellationToken::new();
    let (_kept, broken) = watch::channel(BTreeSet::new());
    let context = Context {
        served: watch::Sender::default(),
        lab,
        journal,
        nodes: plan.node_names().map(str::to_owned).collect(),
        broken,
        stop: stop.clone(),
    };
    let asker = Asker {
        workload: "get".to_owned(),
        via: "server-1".to_owned(),
        port: 8080,
        page: PageRequest {
            path: "/".to_owned(),
            body: "hello".to_owned(),
            within: Duration::from_secs(2),
        },
        rate: Rate { per_second },
    };
    let over = async {
        wait::pause(ASKED).await;
        stop.cancel();
    };
    let (driven, ()) = tokio::join!(get::drive(context, asker), over);
    driven.expect("a journal");
    requests(&path)
}

/// The requests of a journal that is only of them.
fn requests(path: &std::path::Path) -> Vec<(u64, Answer)> {
    let text = std::fs::read_to_string(path).expect("a journal");
    let entries = text.lines().map(serde_json::from_str);
    let entries = entries.map(|entry: Result<journal::Entry, _>| entry.expect("an entry"));
    let got = entries.filter_map(|entry| match entry.event {
        Event::Got {
            began_us, answer, ..
        } => Some((began_us, answer)),
        _ => None,
    });
    got.collect()
}

#[tokio::test(start_paused = true)]
async fn every_request_that_is_due_is_made_while_a_node_hangs() {
    let requests = asked(10.0).await;
    let lost = |(_, answer): &&(u64, Answer)| matches!(answer, Answer::Failed(_));
    let lost = requests.iter().filter(lost).count();
    assert!((399..=401).contains(&requests.len()), "{}", requests.len());
    assert!((198..=201).contains(&lost), "{lost}");
    let unsent = |(_, answer): &(u64, Answer)| matches!(answer, Answer::Unsent(_));
    assert!(!requests.iter().any(unsent));
    // And never faster than the plan says, when it answers again.
    let mut a_second = BTreeMap::<u64, usize>::new();
    for (began, _) in &requests {
        *a_second.entry(began / 1_000_000).or_default() += 1;
    }
    assert!(a_second.values().all(|count| *count <= 11), "{a_second:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_due_and_not_sent_is_told() {
    let requests = asked(200.0).await;
    let unsent = |(_, answer): &&(u64, Answer)| matches!(answer, Answer::Unsent(_));
    let unsent = requests.iter().filter(unsent).count();
    assert!(
        (7_990..=8_001).contains(&requests.len()),
        "{}",
        requests.len()
    );
    // Of the 400 requests that are due in 2 s, 256 are made.
    assert!((1_300..=1_500).contains(&unsent), "{unsent}");
}
