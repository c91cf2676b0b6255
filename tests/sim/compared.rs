//! What `compare` says of simulated runs of one version, and of a version that is two seconds
//! slower: the noise there is, how often it is taken for a change, and how often a change for it.
//!
//! `cargo test --test sim compared -- --nocapture` prints the figures.

use std::sync::LazyLock;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use seatrial::check::check;
use seatrial::plan::Plan;
use seatrial::report::{Comparison, Figures, Outcome, compare};
use seatrial::substrate::sim::Sabotage;
use seatrial::verdict::Verdict;

use super::misdeeds::stopped;
use super::run_sim;

/// How many runs of each version there are to draw from.
const RUNS: usize = 24;

/// How many pairs are drawn.
const PAIRS: usize = 10;

/// How many of them must come out right.
const RIGHT: usize = 9;

/// Repeats a side.
const REPEATS: usize = 10;

/// What `src/report/compare/noise.rs` takes two simulated recoveries to differ by at the most.
const NOISE: f64 = 4.0;

/// Runs of the version there is, and of one that starts tasks two seconds later.
static RAN: LazyLock<[Vec<Figures>; 2]> =
    LazyLock::new(|| [None, Some(Sabotage::SlowerStarts)].map(|sabotage| ran(&sabotage)));

/// Runs of one version, each with a seed of its own.
fn ran(sabotage: &Option<Sabotage>) -> Vec<Figures> {
    let one = |seed: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        let plan = Plan { seed, ..stopped() };
        let run = run_sim(&plan, sabotage.clone());
        let history = runtime.expect("a runtime").block_on(run);
        let judgement = check(&history);
        assert_eq!(judgement.verdict, Verdict::Pass, "slower is no failure");
        Figures::of(&history, &judgement)
    };
    let mut seeds = ChaCha8Rng::seed_from_u64(u64::from(sabotage.is_some()));
    let seeds: Vec<u64> = (0..RUNS).map(|_| seeds.next_u64()).collect();
    let (first, second) = seeds.split_at(RUNS / 2);
    let all = |seeds: &[u64]| seeds.iter().map(|seed| one(*seed)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| all(second));
        let mut all = all(first);
        all.extend(other.join().expect("no panic"));
        all
    })
}

/// Pairs of so many runs a side, no run on both sides of a pair.
fn pairs(base: &[Figures], new: &[Figures], repeats: usize) -> Vec<Comparison> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let one_version = std::ptr::eq(base, new);
    let drawn = (0..PAIRS).map(|_| {
        let [mut base, mut new] = [base.to_vec(), new.to_vec()];
        base.shuffle(&mut rng);
        new.shuffle(&mut rng);
        if one_version {
            new = base.split_off(RUNS / 2);
        }
        compare(&base[..repeats], &new[..repeats]).expect("one scenario")
    });
    drawn.collect()
}

/// How many of the pairs came to this; the others are told.
fn came_to(pairs: &[Comparison], wanted: Outcome) -> usize {
    for other in pairs.iter().filter(|pair| pair.outcome() != wanted) {
        println!("not {wanted:?}: {}", other.sentence());
    }
    pairs.iter().filter(|pair| pair.outcome() == wanted).count()
}

/// Seconds from the fault to the steady state, of each run.
fn recoveries(runs: &[Figures]) -> Vec<f64> {
    let value = |run: &Figures| {
        let json = serde_json::to_value(run).expect("JSON");
        json["quantities"][0]["value"].as_f64().expect("a recovery")
    };
    let mut all: Vec<f64> = runs.iter().map(value).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// The middle of sorted values.
fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[sorted.len() / 2], sorted[(sorted.len() - 1) / 2])
}

#[test]
fn the_noise_of_a_recovery_is_what_it_is_said_to_be() {
    let [honest, slower] = RAN.each_ref().map(|runs| recoveries(runs));
    let spread = |all: &[f64]| all[all.len() - 1] - all[0];
    for (name, all) in [("honest", &honest), ("two seconds slower", &slower)] {
        let (middle, spread) = (median(all), spread(all));
        println!("{name}: {RUNS} recoveries, median {middle:.1}s, {spread:.1}s from least to most");
    }
    assert!(spread(&honest) <= NOISE && spread(&slower) <= NOISE);
    assert!(spread(&honest) > NOISE / 4.0, "seeds make no difference");
    let by = median(&slower) - median(&honest);
    assert!((1.0..=3.0).contains(&by), "slower by {by:.1}s");
}

#[test]
fn nine_of_ten_pairs_of_one_version_show_no_difference() {
    let [honest, slower] = &*RAN;
    for (version, repeats) in [
        (honest, 1),
        (honest, 3),
        (honest, REPEATS),
        (slower, REPEATS),
    ] {
        let pairs = pairs(version, version, repeats);
        let right = came_to(&pairs, Outcome::NoDifference);
        println!("one version, {repeats} a side: no difference in {right} of {PAIRS} pairs");
        assert!(right >= RIGHT, "{right} of {PAIRS}");
        let said = |one: &&Comparison| one.sentence().starts_with("no difference");
        assert!(pairs.iter().filter(said).count() >= RIGHT);
    }
}

#[test]
fn two_seconds_are_told_with_their_figure() {
    let [honest, slower] = &*RAN;
    let worse = pairs(honest, slower, REPEATS);
    let right = came_to(&worse, Outcome::Worse);
    println!("two seconds slower, {REPEATS} a side: worse in {right} of {PAIRS} pairs");
    println!("{}", worse[0].sentence());
    assert!(right >= RIGHT, "{right} of {PAIRS}");
    for pair in worse.iter().filter(|pair| pair.outcome() == Outcome::Worse) {
        let said = pair.sentence();
        assert!(
            said.contains("recovery from stop host_of: mariadb is "),
            "{said}"
        );
        assert!(said.contains("s longer (start: "), "{said}");
    }
    let better = came_to(&pairs(slower, honest, REPEATS), Outcome::Better);
    assert!(better >= RIGHT, "{better} of {PAIRS}");
    let one_each = pairs(honest, slower, 1);
    let unseen = came_to(&one_each, Outcome::NoDifference);
    // Two seconds and the noise together are sometimes more than the noise alone ever is.
    println!("two seconds slower, one a side: no difference in {unseen} of {PAIRS} pairs");
    assert!(unseen >= PAIRS / 2, "one run each says little: {unseen}");
    let said = one_each[0].sentence();
    assert!(
        said.contains("one run each: a change of a recovery under 4.0s"),
        "{said}"
    );
}
