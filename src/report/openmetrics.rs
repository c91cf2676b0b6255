//! A run as OpenMetrics, for the textfile folder of a node exporter.
//!
//! Everything is a gauge: the file tells of one run and is replaced by the next, so nothing counts
//! up. Gauges alone also read the same to those who know only Prometheus's older format.

use std::collections::BTreeMap;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::legible::line;
use super::{aftermath, ledgers, pages};
use crate::journal::History;
use crate::journal::timeline::Timeline;
use crate::plan::Check;
use crate::verdict::{Judgement, Verdict};

/// A label's name and its value.
type Label = (&'static str, String);

/// One metric with its samples, by their labels.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    samples: BTreeMap<Vec<Label>, f64>,
}

/// All metrics of a run, in a fixed order.
#[derive(Debug)]
struct Metrics(Vec<Family>);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let (name, help) = (family.name, family.help);
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (labels, value) in &family.samples {
                ConstGauge::new(*value).encode(metric.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

/// Verdicts, recovery times, rows and requests. Ends with `# EOF` and a line end.
pub fn openmetrics(history: &History, judgement: &Judgement) -> String {
    let ours = Ours { history, judgement };
    let mut families = ours.verdicts();
    families.push(ours.recoveries());
    families.extend(ours.rows());
    families.extend(ours.requests());
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics(families)));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes all that is written");
    text
}

/// What the metrics are made from.
struct Ours<'a> {
    history: &'a History,
    judgement: &'a Judgement,
}

impl Ours<'_> {
    /// The labels of every sample, and these.
    fn labels<const N: usize>(&self, more: [(&'static str, &str); N]) -> Vec<Label> {
        let whose = [
            ("scenario", self.history.plan.name.as_str()),
            ("place", &self.history.header.place),
        ];
        let all = whose.into_iter().chain(more);
        all.map(|(name, value)| (name, line(value))).collect()
    }

    fn verdicts(&self) -> Vec<Family> {
        let mut run = family(
            "seatrial_run_verdict",
            "What the run came to: 0 pass, 1 unknown, 2 fail.",
        );
        run.set(self.labels([]), number(self.judgement.verdict));
        let mut took = family("seatrial_run_duration_seconds", "How long the run took.");
        let mut ended = family(
            "seatrial_run_end_timestamp_seconds",
            "When its last entry was written, in seconds since 1970.",
        );
        if let Some(last) = self.history.entries.last() {
            took.set(self.labels([]), last.at().as_secs_f64());
            ended.set(self.labels([]), last.wall.as_millisecond() as f64 / 1000.0);
        }
        let mut checks = family(
            "seatrial_check_verdict",
            "What a check came to, the worst of its name: 0 pass, 1 unknown, 2 fail.",
        );
        for finding in &self.judgement.findings {
            let labels = self.labels([("check", &finding.check)]);
            checks.set_worst(labels, number(finding.verdict));
        }
        vec![run, took, ended, checks]
    }

    fn recoveries(&self) -> Family {
        let mut family = family(
            "seatrial_recovery_seconds",
            "From the start of a fault to the steady state; missing where that was not seen.",
        );
        let timeline = Timeline::of(self.history);
        for (index, window) in timeline.faults.iter().enumerate() {
            if let Some((_, took)) = aftermath::recovered(self.history, window) {
                let fault = (index + 1).to_string();
                let labels = self.labels([("fault", &fault), ("what", &window.named())]);
                family.set(labels, took.as_secs_f64());
            }
        }
        family
    }

    fn rows(&self) -> [Family; 2] {
        let mut told = family(
            "seatrial_rows",
            "Rows of a ledger by what their client was told.",
        );
        for ledger in ledgers::of(self.history) {
            let outcomes = [
                ("acknowledged", ledger.acknowledged),
                ("refused", ledger.refused),
                ("unknown", ledger.unknown),
            ];
            for (outcome, rows) in outcomes {
                let labels = self.labels([("workload", &ledger.name), ("outcome", outcome)]);
                told.set(labels, rows as f64);
            }
        }
        let mut lost = family(
            "seatrial_rows_lost",
            "Acknowledged rows that were not read back; missing where nobody can tell.",
        );
        for (workload, finding) in self.about_workloads("nothing_lost") {
            if let Some(rows) = finding.rows {
                lost.set_worst(self.labels([("workload", workload)]), rows.lost as f64);
            }
        }
        [told, lost]
    }

    fn requests(&self) -> [Family; 4] {
        let mut told = family(
            "seatrial_requests",
            "Requests of a workload by what came back.",
        );
        for pages in pages::of(self.history) {
            let outcomes = [
                ("answered", pages.answered),
                ("wrong", pages.wrong),
                ("not_answered", pages.lost),
            ];
            for (outcome, requests) in outcomes {
                let labels = self.labels([("workload", &pages.name), ("outcome", outcome)]);
                told.set(labels, requests as f64);
            }
        }
        let mut owed = family(
            "seatrial_requests_owed",
            "Requests that owed an answer: those on nodes that nobody had broken.",
        );
        let mut lost = family(
            "seatrial_requests_lost",
            "Those of them without the right answer.",
        );
        let mut gap = family(
            "seatrial_requests_longest_gap_seconds",
            "The longest time on one such node without a right answer.",
        );
        for (workload, finding) in self.about_workloads("answers") {
            if let Some(requests) = finding.requests {
                let labels = || self.labels([("workload", workload)]);
                owed.set_worst(labels(), requests.made as f64);
                lost.set_worst(labels(), requests.lost as f64);
                gap.set_worst(labels(), requests.longest_gap_us as f64 / 1e6);
            }
        }
        [told, owed, lost, gap]
    }

    /// The findings of a check, each with the workload that it is about: they come in the order of
    /// the plan.
    fn about_workloads(&self, check: &str) -> Vec<(&str, &crate::verdict::Finding)> {
        let workloads = self.history.plan.checks.iter().filter_map(|one| match one {
            Check::NothingLost { workload } | Check::Answers { workload, .. } => {
                (one.name() == check).then_some(workload.as_str())
            }
            _ => None,
        });
        let findings = self.judgement.findings.iter();
        let findings = findings.filter(|finding| finding.check == check);
        workloads.zip(findings).collect()
    }
}

fn family(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        help,
        samples: BTreeMap::new(),
    }
}

impl Family {
    fn set(&mut self, labels: Vec<Label>, value: f64) {
        self.samples.insert(labels, value);
    }

    /// As [`Family::set`], but the higher of two of the same labels stays.
    fn set_worst(&mut self, labels: Vec<Label>, value: f64) {
        let sample = self.samples.entry(labels).or_insert(value);
        *sample = sample.max(value);
    }
}

/// A verdict as a number: the higher, the worse.
fn number(verdict: Verdict) -> f64 {
    match verdict {
        Verdict::Pass => 0.0,
        Verdict::Unknown => 1.0,
        Verdict::Fail => 2.0,
    }
}
