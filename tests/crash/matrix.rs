//! The matrix: every kind of entry, in several runs.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use seatrial::journal;
use seatrial::verdict::Verdict;

use super::harness::Desk;
use super::healed::{Healed, heal};
use super::kinds::{Point, kind};
use super::runs::{self, Run};
use super::tally::Tally;
use super::torn;

/// How many points the table has at the least.
const LEAST: usize = 200;

/// Places within a line at which the program itself is ended, as shares of its journal.
const WITHIN: [f64; 8] = [0.001, 0.013, 0.03, 0.11, 0.3, 0.6, 0.9, 0.99];

/// A run, and where it is killed.
struct Kill {
    run: &'static str,
    point: Point,
}

/// How many entries of a kind are tried in a run.
fn at_most() -> usize {
    let asked = std::env::var("SEATRIAL_CRASH_POINTS").ok();
    asked.map_or(1, |asked| asked.parse().expect("a number of points"))
}

/// The points of a run: of each kind so many, from the first to the last of them.
fn points(run: &'static str) -> Vec<Kill> {
    let desk = Desk::new();
    assert!(
        desk.start(run, None, false).success(),
        "`{run}` does not run"
    );
    let history = journal::read(&desk.journal()).expect("a journal that can be read");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &history.entries {
        *counts.entry(kind(&entry.event)).or_default() += 1;
    }
    let spread = |(kind, count): (&'static str, usize)| {
        let tried = at_most().clamp(1, count);
        let nth = move |at| match tried {
            1 => count.div_ceil(2),
            _ => 1 + at * (count - 1) / (tried - 1),
        };
        (0..tried).map(move |at| Kill {
            run,
            point: Point { kind, nth: nth(at) },
        })
    };
    counts.into_iter().flat_map(spread).collect()
}

/// Kills one harness, and heals its run.
fn kill(kill: &Kill) -> Healed {
    let desk = Desk::new();
    let ended = desk.start(kill.run, Some(kill.point), false);
    let (cache, places) = (desk.path("cache"), desk.places());
    let mut healed = heal(&desk.journal(), &cache, &places, &BTreeSet::new());
    // It broke no promise before it was killed, so being killed must not look like it.
    if Run::named(kill.run).keeps && healed.verdict == Some(Verdict::Fail) {
        healed.wrong.push("a killed run fails".to_owned());
    }
    if ended.signal() != Some(9) {
        healed
            .wrong
            .push(format!("it was not killed there: {ended}"));
    }
    healed
}

/// Does something for each of many, on all processors.
fn each<T: Sync>(all: &[T], act: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            act(one);
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..workers).for_each(|_| drop(scope.spawn(work)));
    });
}

#[test]
fn the_matrix_has_no_leak() {
    let all = Mutex::new(Vec::new());
    each(&runs::all(), |run| {
        let points = points(run.name);
        all.lock().expect("no panic").extend(points);
    });
    let (all, tally) = (
        all.into_inner().expect("no panic"),
        Mutex::new(Tally::default()),
    );
    let add = |kind, at: &str, healed| tally.lock().expect("no panic").add(kind, at, healed);
    each(&all, |one| {
        let at = format!("{} of `{}`", one.point, one.run);
        add(one.point.kind, &at, kill(one));
    });
    let length = torn::length() as f64;
    each(&WITHIN, |share| {
        let size = (length * share) as u64;
        let at = format!("byte {size} of a journal");
        add("within a line", &at, torn::run(size));
    });
    add("cleared", "the entry of a heal", torn::heal_of("node down"));
    let tally = tally.into_inner().expect("no panic");
    print!("{}", tally.table("sim"));
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    assert_eq!(tally.missing(), [""; 0], "kinds of entry without a point");
    assert!(tally.points() >= LEAST, "only {} points", tally.points());
    assert!(
        tally.left() >= LEAST,
        "the kills left next to nothing to heal"
    );
}
