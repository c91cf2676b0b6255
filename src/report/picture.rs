//! The run as a picture made of text: what each node, task and workload did, side by side.

use std::ops::Range;
use std::time::Duration;

use super::Style;
use super::aftermath::{Told, told};
use super::clients::Word;
use super::lanes::{self, State, Stretch};
use crate::journal::timeline::Timeline;
use crate::journal::{Deed, History, Phase};
use crate::verdict::wording::seconds;

/// The least columns that a picture can be drawn in.
const NARROWEST: usize = 60;

/// The stretch of time that is drawn, and the columns that it gets.
struct Canvas {
    from: Duration,
    to: Duration,
    columns: usize,
}

impl Canvas {
    /// The middle of a column.
    fn time(&self, column: usize) -> Duration {
        let whole = self.to.saturating_sub(self.from);
        let part = (column as f64 + 0.5) / self.columns as f64;
        self.from.saturating_add(whole.mul_f64(part))
    }

    /// The column of a moment; none outside of the picture.
    fn column(&self, at: Duration) -> Option<usize> {
        if at < self.from || at > self.to {
            return None;
        }
        let part = (at.saturating_sub(self.from)).as_secs_f64()
            / self.to.saturating_sub(self.from).as_secs_f64().max(1e-6);
        Some(((part * self.columns as f64) as usize).min(self.columns - 1))
    }

    /// One mark a column.
    fn lane(&self, mark: impl Fn(Duration) -> char) -> String {
        (0..self.columns)
            .map(|column| mark(self.time(column)))
            .collect()
    }

    /// Writes a text into a lane, as far as it fits into these columns.
    fn label(lane: &mut [char], columns: Range<usize>, text: &str) {
        let end = columns.end.min(lane.len());
        for (place, letter) in lane[columns.start.min(end)..end]
            .iter_mut()
            .zip(text.chars())
        {
            *place = letter;
        }
    }
}

/// Draws the run from the start of the load to the read-back; empty when there was no load.
pub(super) fn draw(history: &History, timeline: &Timeline, style: Style) -> String {
    let Some(load) = timeline.phase(Phase::Load) else {
        return String::new();
    };
    let end = timeline
        .phase(Phase::ReadBack)
        .map_or(timeline.end, |mark| mark.at);
    if end <= load.at {
        return String::new();
    }
    let mut lanes: Vec<(String, String)> = Vec::new();
    let names = history.plan.node_names().map(str::len);
    let names = names.chain(history.plan.workloads.iter().map(|one| one.name().len()));
    let slots = lanes::slots(history);
    let names = names.chain(slots.iter().map(|slot| slot.name.len()));
    let gutter = names.max().unwrap_or(0).clamp(12, 24);
    let columns = style.width.max(NARROWEST) - gutter - 1;
    let canvas = Canvas {
        from: load.at,
        to: end,
        columns,
    };
    for (index, deed) in timeline.actions.iter().enumerate() {
        let band = action_band(&canvas, deed);
        let band = band.unwrap_or_else(|| format!("{} never began", deed.named()));
        lanes.push((format!("action {}", index + 1), band));
    }
    for (index, window) in timeline.faults.iter().enumerate() {
        if let Some(band) = fault_band(&canvas, timeline, index) {
            lanes.push((format!("fault {}", index + 1), band));
        } else {
            lanes.push((
                format!("fault {}", index + 1),
                format!("{} never began", window.named()),
            ));
        }
    }
    for node in history.plan.node_names() {
        let stretches = lanes::node(history, timeline, node);
        lanes.push((node.to_owned(), node_lane(&canvas, &stretches)));
    }
    for slot in slots {
        let band = slot_lane(&canvas, &slot.stretches);
        lanes.push((slot.name, band));
    }
    let told = told(history);
    for workload in &history.plan.workloads {
        lanes.push((
            workload.name().to_owned(),
            workload_lane(&canvas, &told, workload.name()),
        ));
    }
    let mut text = format!("{:>gutter$} {}\n", "", axis(&canvas));
    for (name, lane) in lanes {
        let lane: String = lane.chars().take(columns).collect();
        let name: String = name.chars().take(gutter).collect();
        text += format!("{name:>gutter$} {lane}").trim_end();
        text.push('\n');
    }
    text += &legend(gutter, style.width.max(NARROWEST));
    text
}

/// What the marks mean, in as many lines as it takes.
fn legend(gutter: usize, width: usize) -> String {
    const MARKS: [&str; 10] = [
        "= ready",
        "- down to the managers",
        "? not certain",
        ". no power",
        "z paused",
        "x isolated",
        "# answered",
        "+ in part",
        "! not answered",
        "W wrong",
    ];
    let mut lines = vec![String::new()];
    for mark in MARKS {
        let last = lines.len() - 1;
        if gutter + 1 + lines[last].len() + 2 + mark.len() > width {
            lines.push(mark.to_owned());
        } else {
            let comma = if lines[last].is_empty() { "" } else { ", " };
            lines[last] += &format!("{comma}{mark}");
        }
    }
    lines
        .iter()
        .map(|line| format!("{:>gutter$} {line}\n", ""))
        .collect()
}

/// Times along the top, one every 20 columns or so.
fn axis(canvas: &Canvas) -> String {
    let mut line = vec![' '; canvas.columns];
    let mut column = 0;
    while column + 9 <= canvas.columns {
        let text = format!("|{}", seconds(canvas.time(column)));
        Canvas::label(&mut line, column..canvas.columns, &text);
        column += 20;
    }
    line.into_iter().collect::<String>().trim_end().to_owned()
}

/// From the injection to the moment that it was seen to be gone.
fn fault_band(canvas: &Canvas, timeline: &Timeline, index: usize) -> Option<String> {
    let window = &timeline.faults[index];
    let from = window.injecting?.at;
    let to = window.healed.map_or(canvas.to, |mark| mark.at);
    let start = canvas.column(from.max(canvas.from))?;
    let end = canvas.column(to.min(canvas.to))?;
    let mut lane = vec![' '; canvas.columns];
    lane[start..=end].fill('~');
    if let Some(healing) = window.healing.and_then(|mark| canvas.column(mark.at)) {
        // What lies after this mark is our cure at work.
        lane[healing] = '^';
    }
    let band = window
        .healing
        .and_then(|mark| canvas.column(mark.at))
        .unwrap_or(end);
    Canvas::label(
        &mut lane,
        start..band.max(start),
        &format!("{} ", window.named()),
    );
    Some(lane.into_iter().collect())
}

/// From the first order to the moment that it was seen.
fn action_band(canvas: &Canvas, deed: &Deed) -> Option<String> {
    let from = deed.acting?.at;
    let over = deed.confirmed.or(deed.not_confirmed);
    let to = over.map_or(canvas.to, |mark| mark.at);
    let start = canvas.column(from.max(canvas.from))?;
    let end = canvas.column(to.min(canvas.to))?;
    let mut lane = vec![' '; canvas.columns];
    lane[start..=end].fill('~');
    lane[end] = if deed.confirmed.is_some() { '^' } else { '!' };
    // What it is about fits beside a band that is too short for it.
    let name = deed.named();
    let (beside, length) = (end + 2, name.chars().count());
    if length < end - start {
        Canvas::label(&mut lane, start..end, &format!("{name} "));
    } else if beside + length > canvas.columns && length < start {
        Canvas::label(&mut lane, start - length - 1..start, &name);
    } else {
        Canvas::label(&mut lane, beside..canvas.columns.max(beside), &name);
    }
    Some(lane.into_iter().collect())
}

/// Whether the node was up, and else what the managers thought of it.
fn node_lane(canvas: &Canvas, stretches: &[Stretch]) -> String {
    canvas.lane(|at| {
        let now = stretches.iter().rev().find(|stretch| stretch.from <= at);
        match now.map(|stretch| stretch.state) {
            Some(State::Ready) => '=',
            Some(State::Down) => '-',
            Some(State::NoPower) => '.',
            Some(State::Paused) => 'z',
            Some(State::Isolated) => 'x',
            Some(_) => '?',
            None => ' ',
        }
    })
}

/// A slot's stretches, each with the name of its node.
fn slot_lane(canvas: &Canvas, stretches: &[Stretch]) -> String {
    let mut lane = vec![' '; canvas.columns];
    for stretch in stretches {
        let to = stretch.to.unwrap_or(canvas.to).min(canvas.to);
        let ends = (
            canvas.column(stretch.from.max(canvas.from)),
            canvas.column(to),
        );
        if let (Some(start), Some(end)) = ends
            && start <= end
        {
            lane[start..=end].fill('=');
            let node = stretch.said.trim_start_matches("on ");
            Canvas::label(&mut lane, start..end + 1, &format!("{node} "));
        }
    }
    lane.into_iter().collect()
}

/// How a workload fared, column by column.
fn workload_lane(canvas: &Canvas, all: &[Told<'_>], wanted: &str) -> String {
    let mut columns = vec![[false; 4]; canvas.columns];
    for told in all {
        if told.workload == wanted
            && let Some(column) = canvas.column(told.entry.at())
        {
            columns[column][Word::of(told.entry) as usize] = true;
        }
    }
    columns.into_iter().map(mark).collect()
}

/// The mark of a column in which these words were said, in the order of [`Word::ALL`].
fn mark([good, failed, wrong, unknown]: [bool; 4]) -> char {
    match (good, failed, unknown) {
        _ if wrong => 'W',
        (true, false, false) => '#',
        (true, ..) => '+',
        (false, true, _) => '!',
        (false, false, true) => '?',
        (false, false, false) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_of_is_not_drawn_as_lost() {
        let drawn = |words: &[Word]| mark(Word::ALL.map(|word| words.contains(&word)));
        assert_eq!(drawn(&[]), ' ');
        assert_eq!(drawn(&[Word::Good]), '#');
        assert_eq!(drawn(&[Word::Unknown]), '?');
        assert_eq!(drawn(&[Word::Good, Word::Unknown]), '+');
        assert_eq!(drawn(&[Word::Failed, Word::Unknown]), '!');
        assert_eq!(drawn(&[Word::Good, Word::Failed]), '+');
        assert_eq!(drawn(&[Word::Good, Word::Failed, Word::Wrong]), 'W');
    }
}
