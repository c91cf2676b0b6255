//! How much of a change is noise, and how much of one matters at all.
//!
//! With enough runs the runs themselves say what is noise, by a test ([`super::rank`]). With few,
//! a change is called one only where it is larger than what runs of one version are known to
//! differ by, and every run of one side lies beyond every run of the other.

use crate::report::quantity::Kind;

/// How often chance may be taken for a change, over all quantities of a comparison together: one
/// comparison in twenty, half of what is allowed (one pair in ten).
pub(super) const CHANCE: f64 = 0.05;

/// What matters: as much as two looks at the steady state may lie apart (`run::steady`, `PACE`).
const LOOK: f64 = 1.0;

/// What two recoveries on the simulated place differ by at the most: a node is down after 13.5 s to
/// 16.5 s, by the seed (`substrate::sim::world`, `grace`), and is looked at once a second.
/// `tests/sim/compared.rs` measures it.
const SIMULATED: f64 = 4.0;

/// What two recoveries on machines may differ by and be the same to Swarm: 37.0 s to 53.0 s until a
/// node is down when the leader is lost (`report::breakdown`, `HEARTBEAT_OF_LEADER`), and a look.
const MACHINES: f64 = 17.0;

/// The same where guests are emulated: the clean stop of MariaDB's host took 59.1 s once
/// (README.md) and 76.6 s another time (scenarios/article/README.md, `09-mariadb-on-nfs`), of one
/// course.
const EMULATED: f64 = 20.0;

/// Twice the longest gap between answers for a page while nobody was without one for long: 0.4 s to
/// 1.1 s (scenarios/article/README.md).
const PAGE_GAP: f64 = 2.0;

/// More than the largest share of requests lost where one node or engine was struck: 23 of 1,248
/// (scenarios/acceptance/README.md, `worker-power-cut`).
const PAGES_MISSED: f64 = 0.02;

/// A share of rows or requests that matters: one second's worth of a load of a minute or two.
const SHARE: f64 = 0.005;

/// The time of an answer says little about another machine's day: no figures are known, so twice as
/// long counts, and with enough runs a fifth more.
const LATENCY: [f64; 2] = [1.0, 0.2];

/// What nobody notices of a single answer, in seconds.
const UNNOTICED: f64 = 0.01;

/// Bounds of what is called a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Floor {
    /// What one run each may differ by.
    pub(super) single: f64,
    /// Less than this is no change, however certain.
    pub(super) matters: f64,
}

impl Floor {
    /// The bounds for a kind of quantity where guests are executed so (`sim` for none), around a
    /// usual value.
    pub(super) fn of(kind: Kind, accelerator: &str, usual: f64) -> Self {
        let recovery = match accelerator {
            "sim" => SIMULATED,
            "tcg" => EMULATED,
            _ => MACHINES,
        };
        let (single, matters) = match kind {
            Kind::Recovery | Kind::Part | Kind::RowGap => (recovery, LOOK),
            Kind::PageGap => (PAGE_GAP, LOOK),
            Kind::PagesMissed => (PAGES_MISSED, SHARE),
            // As much of the load as the gap may be noise, of a load of a minute and more.
            Kind::RowsMissed => (recovery / 60.0, SHARE),
            // An acknowledged row that is gone is no noise.
            Kind::RowsLost => (0.0, 0.0),
            Kind::Latency => {
                let [single, matters] = LATENCY.map(|share| (usual * share).max(UNNOTICED));
                (single, matters)
            }
        };
        Self { single, matters }
    }

    /// What the medians of so many runs a side may differ by: the noise of a median shrinks with
    /// the root of their number. Never less than what matters.
    pub(super) fn of_runs(self, runs: usize) -> f64 {
        let shrunk = self.single / (runs.max(1) as f64).sqrt();
        shrunk.max(self.matters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_runs_have_less_noise_and_never_less_than_matters() {
        let floor = Floor::of(Kind::Recovery, "tcg", 60.0);
        assert_eq!(floor.of_runs(1), 20.0);
        assert_eq!(floor.of_runs(4), 10.0);
        assert_eq!(floor.of_runs(10_000), 1.0);
        assert_eq!(Floor::of(Kind::Recovery, "kvm", 60.0).of_runs(1), 17.0);
        // Containers, and hosts that somebody else owns.
        assert_eq!(Floor::of(Kind::Recovery, "none", 60.0).of_runs(1), 17.0);
        assert_eq!(Floor::of(Kind::Recovery, "sim", 60.0).of_runs(1), 4.0);
        assert_eq!(Floor::of(Kind::RowsLost, "kvm", 0.0).of_runs(1), 0.0);
    }

    #[test]
    fn an_answer_must_be_twice_as_slow_and_slow_enough_to_be_noticed() {
        assert_eq!(Floor::of(Kind::Latency, "tcg", 0.2).of_runs(1), 0.2);
        assert_eq!(Floor::of(Kind::Latency, "tcg", 0.001).of_runs(1), 0.01);
    }
}
