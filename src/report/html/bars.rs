//! How one client fared, as bars: above what it was not given, below how long answers took.

use std::time::Duration;

use super::chart::{Axis, Shape, px};
use super::cited::Cited;
use crate::report::clients::{Client, Slice, Word};
use crate::report::legible::line;
use crate::verdict::wording::{count, seconds};

/// Into how many slices the axis is cut.
pub(super) const SLICES: usize = 180;

/// How high the part is that shows what was not answered.
const STRIP: f64 = 12.0;

/// The bars of one client: outlines of all bars of a kind, as paths.
#[derive(Default)]
pub(super) struct Bars {
    pub(super) good: String,
    pub(super) failed: String,
    pub(super) wrong: String,
    pub(super) unknown: String,
    /// The highest bar's time, and where that is written.
    pub(super) scale: String,
    pub(super) scale_y: String,
    pub(super) base: String,
    /// Times in which something was not answered, to be pointed at.
    pub(super) outages: Vec<Shape>,
}

impl Bars {
    /// Draws them into so much room. All clients of a workload share one scale, a logarithm, so
    /// that the usual answer shows beside one that took as long as a deadline.
    pub(super) fn of(
        axis: &Axis,
        client: &Client,
        all: &[Client],
        (y, tall): (f64, f64),
        cited: &mut Cited,
    ) -> Self {
        let alike = all.iter().filter(|one| one.workload == client.workload);
        let slowest = alike.flat_map(|one| one.slices.iter().map(|slice| slice.slowest));
        let slowest = slowest.max().unwrap_or_default();
        let base = y + tall - 3.0;
        let mut bars = Self {
            scale: if slowest.is_zero() {
                String::new()
            } else {
                format!("to {}", short(slowest))
            },
            scale_y: px(base - 2.0),
            base: px(base),
            ..Self::default()
        };
        for (index, slice) in client.slices.iter().enumerate() {
            let here = axis.slice(index, client.slices.len());
            let height = (tall - STRIP - 6.0) * level(slice.slowest, slowest);
            if slice.counts[0] > 0 {
                bars.good += &bar(here.start, here.end, base - height.max(1.0), base);
            }
            let told = slice.counts[0] + slice.bad();
            let mut top = y + 2.0;
            for word in [Word::Failed, Word::Wrong, Word::Unknown] {
                let count = slice.counts[word as usize];
                let part = STRIP * f64::from(count) / f64::from(told.max(1));
                if count > 0 {
                    let path = match word {
                        Word::Wrong => &mut bars.wrong,
                        Word::Unknown => &mut bars.unknown,
                        _ => &mut bars.failed,
                    };
                    *path += &bar(here.start, here.end, top, top + part);
                    top += part;
                }
            }
        }
        bars.outages = outages(axis, client, y, cited);
        bars
    }
}

/// The outline of one bar.
fn bar(left: f64, right: f64, top: f64, bottom: f64) -> String {
    format!(
        "M{} {}V{}H{}V{}z",
        px(left),
        px(bottom),
        px(top),
        px(right),
        px(bottom)
    )
}

/// How high a bar is, as a part of the highest.
fn level(took: Duration, slowest: Duration) -> f64 {
    let millis = |took: Duration| (1.0 + took.as_secs_f64() * 1000.0).ln();
    millis(took) / millis(slowest).max(1e-6)
}

/// A time as it fits beside a lane: `12ms`, `1.5s`.
fn short(took: Duration) -> String {
    if took < Duration::from_secs(1) {
        format!("{}ms", took.as_millis().max(1))
    } else {
        seconds(took)
    }
}

/// Slices in a row in which something was not answered, as one shape each.
fn outages(axis: &Axis, client: &Client, y: f64, cited: &mut Cited) -> Vec<Shape> {
    let slices: Vec<(usize, &Slice)> = client.slices.iter().enumerate().collect();
    let runs = slices.chunk_by(|(_, one), (_, next)| (one.bad() > 0) == (next.bad() > 0));
    let outages = runs.filter_map(|run| {
        let first_bad = run.iter().find_map(|(_, slice)| slice.first_bad)?;
        let (first, last) = (run.first()?.0, run.last()?.0);
        let of = client.slices.len();
        let (left, right) = (axis.slice(first, of).start, axis.slice(last, of).end);
        let sum = |word: Word| {
            run.iter()
                .map(|(_, s)| u64::from(s.counts[word as usize]))
                .sum()
        };
        let parts = [
            (Word::Good, "good"),
            (Word::Failed, "refused or not answered"),
            (Word::Wrong, "wrong"),
            (Word::Unknown, "unknown"),
        ];
        let said = parts.map(|(word, named)| format!("{} {named}", count(sum(word))));
        let time = |part: usize| {
            let whole = axis.drawn.end.saturating_sub(axis.drawn.start);
            seconds(axis.drawn.start + whole.mul_f64(part as f64 / of as f64))
        };
        let (from, to) = (time(first), time(last + 1));
        let who = format!("{} through {}", client.workload, client.via);
        Some(Shape {
            x: px(left),
            y: px(y + 1.0),
            width: px(right - left),
            height: px(STRIP + 2.0),
            class: "point",
            title: line(&format!("{who}, {from} to {to}: {}", said.join(", "))),
            label: None,
            entry: cited.one(first_bad).first(),
        })
    });
    outages.collect()
}
