//! How many rows a second the durability check judges, and how many entries a second become a page:
//! `cargo bench --bench check`.
//!
//! The numbers to reach are 1 million rows a second and 50,000 entries a second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seatrial::check::check;
use seatrial::journal::{Event, Outcome};
use seatrial::plan::Check;
use seatrial::report::html;

#[path = "../tests/story/mod.rs"]
#[expect(
    dead_code,
    reason = "the benchmarks need a sound run and its rows only"
)]
mod story;

use story::{NODES, Story, read_back};

/// Rows of the benchmark; each is two entries of the journal.
const ROWS: u64 = 1_000_000;

/// A run of many rows by four writers: every thousandth row is never settled.
fn history() -> seatrial::journal::History {
    let ledger = || "ledger".to_owned();
    let mut story = Story::kept("bench", &[Check::NothingLost { workload: ledger() }]);
    story.without(|_, event| {
        matches!(
            event,
            Event::Insert { .. } | Event::Inserted { .. } | Event::ReadBack { .. }
        )
    });
    for node in NODES {
        story.at(101.0, read_back(node, &[(1, ROWS)]));
    }
    let mut history = story.history();
    let place = history
        .entries
        .iter()
        .position(|entry| entry.at_us > 95_000_000)
        .expect("a place");
    let rest = history.entries.split_off(place);
    let mut add = |event| {
        let mut entry = rest[0].clone();
        (entry.seq, entry.event) = (history.entries.len() as u64, event);
        history.entries.push(entry);
    };
    for first in (1..=ROWS).step_by(NODES.len()) {
        // Four writers: their rows begin in order and are settled in another.
        let batch = first..first + NODES.len() as u64;
        for (row, via) in batch.clone().zip(NODES) {
            add(Event::Insert {
                workload: ledger(),
                row,
                via: via.to_owned(),
            });
        }
        for row in batch.rev().filter(|row| row % 1000 != 0) {
            add(Event::Inserted {
                workload: ledger(),
                row,
                outcome: Outcome::Acknowledged,
            });
        }
    }
    for mut entry in rest {
        entry.seq = history.entries.len() as u64;
        history.entries.push(entry);
    }
    history
}

fn durability(criterion: &mut Criterion) {
    let history = history();
    let judgement = check(&history);
    assert_eq!(
        judgement.findings[0].verdict.to_string(),
        "pass",
        "{:?}",
        judgement.findings
    );
    let mut group = criterion.benchmark_group("check");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    group.bench_function("nothing_lost", |bencher| bencher.iter(|| check(&history)));
    group.finish();
}

/// A page of a long run must open, and not be waited for: under 5 MB, whatever the length, and 2 s
/// to produce for each 100,000 entries.
fn page(criterion: &mut Criterion) {
    let history = history();
    let judgement = check(&history);
    let entries = history.entries.len() as u64;
    let bytes = html(&history, &judgement).len();
    println!("page of {entries} entries: {bytes} bytes");
    assert!(bytes < 5_000_000, "{bytes} bytes");
    let mut group = criterion.benchmark_group("report");
    group
        .throughput(Throughput::Elements(entries))
        .sample_size(10);
    group.bench_function("html", |bencher| {
        bencher.iter(|| html(&history, &judgement));
    });
    group.finish();
}

criterion_group!(benches, durability, page);
criterion_main!(benches);
