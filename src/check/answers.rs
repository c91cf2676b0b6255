//! `answers`: a `get` workload was answered on every node that we did not break.
//!
//! A node is excused from the injection's start until it was seen to be healed and has given its
//! first right answer after that; and so is one that an action had leave the swarm, until it was
//! seen to be back.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::timeline::Timeline;
use crate::journal::{Answer, Entry, Event, History, Phase};
use crate::plan::Workload;
use crate::scenario::Target;
use crate::verdict::wording::{count, counted, seconds};
use crate::verdict::{Finding, Requests, Verdict};
use excuse::{Excuse, excuses};

mod excuse;
mod unsent;

/// Fewer requests than this on one node say nothing about it.
const FEWEST: usize = 10;

/// What the workload may miss.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// The least share of requests that must be answered, on each node.
    pub(super) share: f64,
    /// The longest time on one node without an answer.
    pub(super) gap: Duration,
    /// The longest time until a node that was healed answers right again.
    pub(super) again: Duration,
}

/// One request.
struct Request<'a> {
    seq: u64,
    began: Duration,
    ended: Duration,
    answer: &'a Answer,
}

/// What one node came to.
struct OnNode<'a> {
    node: &'a str,
    judged: usize,
    right: usize,
    /// Requests that it owed an answer, had the harness sent them.
    unsent: usize,
    gap: Gap,
    wrong: Option<(u64, &'a str)>,
    first_failed: Option<u64>,
    silences: Vec<Silent>,
}

/// The time from a node's heal to its next right answer.
struct Silent {
    length: Duration,
    /// False if the load ended before it.
    answered: bool,
    /// True if we broke the node before that.
    cut_short: bool,
    seq: u64,
}

/// The longest time without a right answer.
#[derive(Default)]
struct Gap {
    length: Duration,
    from: Duration,
    /// Requests that were made in it; none means that nobody asked.
    asked: Vec<u64>,
}

/// Judges one `get` workload.
pub(super) fn check(
    history: &History,
    timeline: &Timeline,
    workload: &str,
    bounds: Bounds,
) -> Finding {
    let requests = requests(history, workload);
    let Some(load) = timeline.phase(Phase::Load).filter(|_| !requests.is_empty()) else {
        let said = format!("`{workload}` was never asked for");
        return Finding::new("answers", Verdict::Unknown, said, Vec::new());
    };
    // Requests go on for as long as the workload lives, which may be longer than the phase.
    let ends = requests
        .values()
        .flat_map(|list| list.iter().map(|request| request.ended));
    let last = ends.max().unwrap_or(load.at);
    let next = timeline.phases.iter().find(|(_, mark)| mark.seq > load.seq);
    let over = next.map_or(timeline.end, |(_, mark)| mark.at).max(last);
    let unsent = unsent::of(history, workload);
    let empty = Vec::new();
    let nodes: Vec<OnNode> = asked_nodes(history, workload, &requests)
        .into_iter()
        .map(|node| {
            let list = requests.get(node).unwrap_or(&empty);
            let excuses = excuses(timeline, node, list, last);
            OnNode {
                unsent: unsent::owed(unsent.get(node), &excuses),
                ..on_node(node, list, &excuses, (load.at, last))
            }
        })
        .collect();
    let mut finding = judge(&nodes, bounds, over.saturating_sub(last));
    finding.requests = Some(totals(&nodes));
    finding
}

/// Judges what the nodes came to; `idle` is how long nobody asked at the end.
fn judge(nodes: &[OnNode], bounds: Bounds, idle: Duration) -> Finding {
    if let Some(finding) = broken_promise(nodes, bounds) {
        return finding;
    }
    let finding =
        |said: String, evidence| Finding::new("answers", Verdict::Unknown, said, evidence);
    if let Some(few) = nodes.iter().find(|one| one.judged < FEWEST) {
        let asked = counted(few.judged as u64, "request");
        return finding(
            format!("only {asked} on {} while it was not broken", few.node),
            Vec::new(),
        );
    }
    if let Some(one) = nodes.iter().find(|one| one.gap.length > bounds.gap) {
        let (node, length) = (one.node, seconds(one.gap.length));
        return finding(
            format!(
                "nobody asked {node} for {length} from [{}]",
                seconds(one.gap.from)
            ),
            Vec::new(),
        );
    }
    if let Some((node, silent)) = silent(nodes, bounds.gap).find(|(_, one)| !one.answered) {
        let length = seconds(silent.length);
        let said = format!("{node} was back, and the load ended {length} later without an answer");
        return finding(said, vec![silent.seq]);
    }
    if let Some(said) = unsent::doubt(nodes, bounds) {
        return finding(said, Vec::new());
    }
    if idle > bounds.gap {
        let idle = seconds(idle);
        return finding(
            format!("nobody asked in the last {idle} of the load"),
            Vec::new(),
        );
    }
    kept(nodes, bounds)
}

/// The numbers over all nodes: a request that a broken node owed to nobody is none.
fn totals(nodes: &[OnNode]) -> Requests {
    let made: usize = nodes.iter().map(|one| one.judged).sum();
    let right: usize = nodes.iter().map(|one| one.right).sum();
    let gap = nodes.iter().map(|one| one.gap.length).max();
    Requests {
        made: made as u64,
        lost: (made - right) as u64,
        longest_gap_us: u64::try_from(gap.unwrap_or_default().as_micros()).unwrap_or(u64::MAX),
    }
}

/// "2 of 130 requests lost".
fn lost(requests: &Requests) -> String {
    format!(
        "{} of {} lost",
        count(requests.lost),
        counted(requests.made, "request")
    )
}

/// Requests of a workload, by node. One that the harness did not make is none.
fn requests<'a>(history: &'a History, wanted: &str) -> BTreeMap<&'a str, Vec<Request<'a>>> {
    let mut requests: BTreeMap<&str, Vec<Request>> = BTreeMap::new();
    for entry in &history.entries {
        if let Event::Got {
            workload,
            via,
            began_us,
            answer,
        } = &entry.event
            && workload == wanted
            && !matches!(answer, Answer::Unasked(_) | Answer::Unsent(_))
        {
            let began = Duration::from_micros(*began_us).min(entry.at());
            let request = Request {
                seq: entry.seq,
                began,
                ended: Entry::at(entry),
                answer,
            };
            requests.entry(via).or_default().push(request);
        }
    }
    requests
}

/// The nodes that the plan asks, as far as it names them, and those that were asked.
fn asked_nodes<'a>(
    history: &'a History,
    workload: &str,
    requests: &BTreeMap<&'a str, Vec<Request>>,
) -> Vec<&'a str> {
    let via = history.plan.workloads.iter().find_map(|one| match one {
        Workload::Get { name, via, .. } if name == workload => Some(via),
        _ => None,
    });
    match via {
        Some(Target::EveryNode) => history.plan.node_names().collect(),
        Some(Target::Node(name)) => vec![name],
        Some(Target::Part(part)) => vec![part.name()],
        _ => requests.keys().copied().collect(),
    }
}

/// Judges one node's requests over the load.
fn on_node<'a>(
    node: &'a str,
    list: &[Request<'a>],
    excuses: &[Excuse],
    (start, end): (Duration, Duration),
) -> OnNode<'a> {
    // The first right answer after a heal is the node's own merit: it ends the excuse.
    let excused = |r: &Request| excuses.iter().any(|one| one.covers(r.began, r.ended));
    let judged: Vec<&Request> = list.iter().filter(|r| !excused(r)).collect();
    let mut gap = Gap::default();
    let mut from = start;
    for excuse in excuses.iter().filter(|excuse| excuse.from < end) {
        longest_gap(&judged, from, excuse.from, &mut gap);
        from = from.max(excuse.to);
    }
    longest_gap(&judged, from, end, &mut gap);
    let silences = excuses.iter().filter_map(|excuse| excuse.silence.as_ref());
    let silences = silences.map(|one| Silent {
        length: one
            .to
            .map_or(end, |to| to.min(end))
            .saturating_sub(one.from),
        answered: one.to.is_some_and(|to| to <= end),
        cut_short: one.cut_short,
        seq: one.seq,
    });
    OnNode {
        node,
        judged: judged.len(),
        right: judged.iter().filter(|r| *r.answer == Answer::Right).count(),
        unsent: 0,
        gap,
        wrong: judged.iter().find_map(|r| match r.answer {
            Answer::Wrong(body) => Some((r.seq, body.as_str())),
            _ => None,
        }),
        first_failed: judged
            .iter()
            .find(|r| *r.answer != Answer::Right)
            .map(|r| r.seq),
        silences: silences.collect(),
    }
}

/// Looks for a longer gap between right answers within one piece of the load.
fn longest_gap(judged: &[&Request], start: Duration, end: Duration, longest: &mut Gap) {
    let inside = judged.iter().filter(|r| r.ended >= start && r.ended <= end);
    let rights = inside.clone().filter(|r| *r.answer == Answer::Right);
    let mut from = start;
    for to in rights.map(|r| r.ended).chain([end]) {
        let length = to.saturating_sub(from);
        if length > longest.length {
            let within = inside.clone().filter(|r| r.ended > from && r.ended <= to);
            let unanswered = within.filter(|r| *r.answer != Answer::Right);
            let asked = unanswered.map(|r| r.seq).collect();
            *longest = Gap {
                length,
                from,
                asked,
            };
        }
        from = from.max(to);
    }
}

/// The worst way in which the promise was broken, if it was.
fn broken_promise(nodes: &[OnNode], bounds: Bounds) -> Option<Finding> {
    let requests = totals(nodes);
    let fail = |said: String, evidence| {
        let (lost, gap) = (
            lost(&requests),
            Duration::from_micros(requests.longest_gap_us),
        );
        let said = format!("{said}; {lost}, longest gap {}", seconds(gap));
        Some(Finding::new("answers", Verdict::Fail, said, evidence))
    };
    if let Some((one, (seq, body))) = nodes.iter().find_map(|one| Some((one, one.wrong?))) {
        let start: String = body.chars().take(60).collect();
        return fail(
            format!("wrong answer on {}: `{}`", one.node, start.escape_debug()),
            vec![seq],
        );
    }
    if let Some((node, silent)) = silent(nodes, bounds.again).max_by_key(|(_, one)| one.length) {
        let (length, allowed) = (seconds(silent.length), seconds(bounds.again));
        return fail(
            format!("{node} was back and did not answer again for {length}, allowed {allowed}"),
            vec![silent.seq],
        );
    }
    let long = nodes
        .iter()
        .filter(|one| one.gap.length > bounds.gap && !one.gap.asked.is_empty());
    if let Some(one) = long.max_by_key(|one| one.gap.length) {
        let (length, from) = (seconds(one.gap.length), seconds(one.gap.from));
        let said = format!(
            "no answer on {} for {length} from [{from}], allowed {}",
            one.node,
            seconds(bounds.gap)
        );
        let (first, last) = (one.gap.asked.first(), one.gap.asked.last());
        return fail(said, first.into_iter().chain(last).copied().collect());
    }
    let low = nodes
        .iter()
        .filter(|one| one.judged >= FEWEST && unsent::best(one) < bounds.share);
    let worst = low.min_by(|a, b| share(a).total_cmp(&share(b)))?;
    let said = format!(
        "{} of {} requests on {} were answered, {} must be",
        count(worst.right as u64),
        count(worst.judged as u64),
        worst.node,
        percent(bounds.share)
    );
    fail(said, worst.first_failed.into_iter().collect())
}

/// Every time that a node was silent for longer than so after a heal.
fn silent<'a>(
    nodes: &'a [OnNode<'a>],
    than: Duration,
) -> impl Iterator<Item = (&'a str, &'a Silent)> {
    let each = |one: &'a OnNode| one.silences.iter().map(|silent| (one.node, silent));
    let all = nodes.iter().flat_map(each);
    all.filter(move |(_, silent)| silent.length > than)
}

/// The finding when every node kept the promise.
fn kept(nodes: &[OnNode], bounds: Bounds) -> Finding {
    let worst = nodes.iter().min_by(|a, b| share(a).total_cmp(&share(b)));
    let requests = totals(nodes);
    let evidence = nodes.iter().filter_map(|one| one.first_failed).collect();
    let said = format!(
        "{}; at least {} answered on each of {}; longest gap {} of {}",
        lost(&requests),
        percent(worst.map_or(1.0, share)),
        counted(nodes.len() as u64, "node"),
        seconds(Duration::from_micros(requests.longest_gap_us)),
        seconds(bounds.gap)
    );
    let answered = silent(nodes, bounds.gap).filter(|(_, one)| !one.cut_short);
    let longest = answered.max_by_key(|(_, one)| one.length);
    let back = longest.map_or(String::new(), |(node, silent)| {
        format!(
            "; {node} answered again {} after it was back",
            seconds(silent.length)
        )
    });
    let said = said + &back;
    Finding::new("answers", Verdict::Pass, said, evidence)
}

/// The least share of what a node owed that was answered.
fn share(one: &OnNode) -> f64 {
    part(one.right, one)
}

/// So many requests as a part of all that a node owed an answer.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of requests are far below 2^52"
)]
fn part(of: usize, one: &OnNode) -> f64 {
    of as f64 / ((one.judged + one.unsent) as f64).max(1.0)
}

/// A share, rounded down, so that 99.96% never reads as 100%.
fn percent(share: f64) -> String {
    format!("{}%", (share * 1000.0).floor() / 10.0)
}
