//! The timeline as a drawing: lanes over one time axis.
//!
//! Each state has a pattern of its own and its word, in the drawing where there is room and always
//! in the text that shows when it is pointed at. Whoever cannot see it reads the same in tables.

use std::ops::Range;
use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;

use super::bars::Bars;
use super::cited::Cited;
use crate::journal::timeline::{Timeline, Window};
use crate::report::clients::Client;
use crate::report::lanes::{Lane, State, Stretch};
use crate::report::legible::line;
use crate::verdict::wording::{count, seconds};

/// Where the axis begins and ends, in the units of the drawing; its template has the same.
const LEFT: f64 = 160.0;
const RIGHT: f64 = 1190.0;

/// Room above the first lane, for the times.
const TOP: f64 = 24.0;

/// The height of a lane, and of one with bars.
const LANE: f64 = 22.0;
const TALL: f64 = 40.0;

/// About how wide a letter is.
const LETTER: f64 = 6.4;

/// How many shapes are drawn; what is beyond is only in the tables and the journal.
const SHAPES_MAX: usize = 3_000;

/// How many lanes of slots and clients are drawn.
const LANES_MAX: usize = 80;

/// The drawing.
#[derive(Template)]
#[template(path = "timeline.svg")]
pub(super) struct Chart {
    height: String,
    ticks: Vec<Tick>,
    bands: Vec<Range<String>>,
    rows: Vec<Row>,
    /// What there was no room for.
    pub(super) left_out: Option<String>,
}

/// What it shows of a journal is escaped by its own template.
impl HtmlSafe for Chart {}

/// A time on the axis.
struct Tick {
    x: String,
    label: String,
}

/// One lane.
struct Row {
    name: String,
    y: String,
    shapes: Vec<Shape>,
    bars: Option<Bars>,
}

/// One stretch of a lane, or of what went wrong in it.
pub(super) struct Shape {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) class: &'static str,
    pub(super) title: String,
    pub(super) label: Option<Label>,
    pub(super) entry: Option<u64>,
}

/// A text in a lane.
pub(super) struct Label {
    /// Whether it stands in its box, or beside it.
    class: &'static str,
    x: String,
    y: String,
    text: String,
}

/// The axis of time.
#[derive(Clone)]
pub(super) struct Axis {
    pub(super) drawn: Range<Duration>,
}

impl Axis {
    /// Where a moment is, at the ends if it lies outside.
    pub(super) fn x(&self, at: Duration) -> f64 {
        let whole = self
            .drawn
            .end
            .saturating_sub(self.drawn.start)
            .as_secs_f64();
        let part = at.saturating_sub(self.drawn.start).as_secs_f64() / whole.max(1e-6);
        LEFT + (RIGHT - LEFT) * part.min(1.0)
    }

    /// The middle of one of so many slices, and how wide each is.
    pub(super) fn slice(&self, index: usize, of: usize) -> Range<f64> {
        let width = (RIGHT - LEFT) / of.max(1) as f64;
        let start = LEFT + width * index as f64;
        start..start + width
    }

    /// Times at round numbers, a dozen at the most.
    fn ticks(&self) -> Vec<Tick> {
        const STEPS: [f64; 15] = [
            0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
            86_400.0,
        ];
        let (from, to) = (self.drawn.start.as_secs_f64(), self.drawn.end.as_secs_f64());
        let fits = |step: &&f64| (to - from) / **step <= 12.0;
        let step = STEPS
            .iter()
            .find(fits)
            .copied()
            .unwrap_or((to - from).max(1.0));
        let first = (from / step).ceil();
        let times = (0..=12).map(|index| (first + f64::from(index)) * step);
        let ticks = times.take_while(|time| *time <= to).map(|time| Tick {
            x: px(self.x(Duration::from_secs_f64(time))),
            label: if step < 1.0 {
                format!("{time:.1}s")
            } else {
                format!("{time:.0}s")
            },
        });
        ticks.collect()
    }
}

/// A length, to a tenth of a unit.
pub(super) fn px(length: f64) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Draws.
pub(super) fn draw(
    axis: &Axis,
    timeline: &Timeline,
    lanes: &[Lane],
    clients: &[Client],
    cited: &mut Cited,
) -> Chart {
    let (mut rows, mut y, mut room) = (Vec::new(), TOP, SHAPES_MAX);
    let beyond = |all: usize| all.saturating_sub(LANES_MAX);
    let mut left_out = beyond(lanes.len()) + beyond(clients.len());
    for lane in lanes.iter().take(LANES_MAX) {
        let row = lane_row(axis, lane, y, &mut room, cited);
        left_out += usize::from(room == 0);
        rows.push(row);
        y += LANE;
    }
    for client in clients.iter().take(LANES_MAX) {
        let bars = Bars::of(axis, client, clients, (y, TALL), cited);
        rows.push(Row {
            name: line(&format!("{} {}", client.workload, client.via)),
            y: px(y + 14.0),
            shapes: Vec::new(),
            bars: Some(bars),
        });
        y += TALL;
    }
    let bands = timeline
        .faults
        .iter()
        .filter_map(|window| band(axis, window));
    Chart {
        height: px(y + 4.0),
        ticks: axis.ticks(),
        bands: bands.collect(),
        rows,
        left_out: (left_out > 0).then(|| count(left_out as u64)),
    }
}

/// While a fault was in force, behind all lanes.
fn band(axis: &Axis, window: &Window) -> Option<Range<String>> {
    let from = axis.x(window.struck()?.at);
    let over = window.healing.or(window.healed);
    let to = axis.x(over.map_or(Duration::MAX, |mark| mark.at));
    Some(px(from)..px(to - from))
}

fn lane_row(axis: &Axis, lane: &Lane, y: f64, room: &mut usize, cited: &mut Cited) -> Row {
    let mut shapes: Vec<Shape> = Vec::new();
    let mut painted = f64::MIN;
    for stretch in &lane.stretches {
        let drawn = &axis.drawn;
        let outside = stretch.to.is_some_and(|to| to < drawn.start) || stretch.from > drawn.end;
        let to = axis.x(stretch.to.unwrap_or(Duration::MAX));
        // What is narrower than can be seen, beside what was painted already, is left out.
        if outside || to < painted + 0.4 || *room == 0 {
            continue;
        }
        *room -= 1;
        painted = to;
        shapes.push(shape(axis, lane, stretch, y, cited));
    }
    Row {
        name: line(&lane.name),
        y: px(y + 14.0),
        shapes,
        bars: None,
    }
}

/// One stretch as a box, with its words in it, or beside it where it is too short for them.
fn shape(axis: &Axis, lane: &Lane, stretch: &Stretch, y: f64, cited: &mut Cited) -> Shape {
    let from = axis.x(stretch.from);
    let width = (axis.x(stretch.to.unwrap_or(Duration::MAX)) - from).max(1.5);
    let text = line(&words(stretch));
    let long = text.chars().count() as f64 * LETTER + 8.0;
    let beside = matches!(stretch.state, State::Acts | State::InForce);
    let place = if long <= width {
        Some(("label inside", from + 4.0))
    } else if beside && from + width + long <= RIGHT {
        Some(("label", from + width + 4.0))
    } else if beside && from - long >= LEFT {
        Some(("label", from - long + 4.0))
    } else {
        None
    };
    let end = stretch.to.map_or("the end".to_owned(), seconds);
    let from_to = format!("{} to {end}", seconds(stretch.from));
    let title = format!("{}: {}, {from_to}", lane.name, stretch.told());
    Shape {
        x: px(from),
        y: px(y + 2.0),
        width: px(width),
        height: px(LANE - 4.0),
        class: class(stretch.state),
        title: line(&title),
        label: place.map(|(class, x)| Label {
            class,
            x: px(x),
            y: px(y + 15.0),
            text,
        }),
        entry: cited.one(stretch.entry).first(),
    }
}

/// What is written in a box.
fn words(stretch: &Stretch) -> String {
    match stretch.state {
        State::Unsure => stretch.told(),
        State::Phase | State::Acts | State::InForce | State::Leads | State::Runs => {
            stretch.said.clone()
        }
        state => state.words().to_owned(),
    }
}

/// How a state looks: its pattern, and its colour.
fn class(state: State) -> &'static str {
    match state {
        State::Phase => "phase",
        State::Holds | State::Ready => "good",
        State::NotYet | State::Down => "bad",
        State::CannotTell | State::NoLeader | State::Unsure => "doubt",
        State::Acts => "act",
        State::InForce => "fault",
        State::Healing => "heal",
        State::Leads => "lead",
        State::NoPower | State::Paused => "void",
        State::Isolated => "cut",
        State::Runs => "run",
    }
}
