//! What a person sees while a run is under way: lines that stay, and on a terminal below them a few
//! that are drawn anew. Both are made of the journal's entries alone.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use seatrial::journal::Entry;
use seatrial::plan::Plan;
use seatrial::report::Board;

use super::output;

/// How often the lines are drawn at the most.
const PACE: Duration = Duration::from_millis(200);

/// Lines of the terminal that are left alone, so that what happens can be read above the board.
const ABOVE: usize = 4;

/// Standard error: lines alone, or lines and a board. Clones write to the same.
#[derive(Clone, Default)]
pub(super) struct Screen(Option<Arc<Mutex<Drawn>>>);

/// A board on a terminal.
#[derive(Default)]
struct Drawn {
    board: Option<Board>,
    /// The lines that are on the terminal, the last thing on it.
    lines: Vec<String>,
    last: Option<Instant>,
}

impl Screen {
    /// With a board only on a terminal that can draw lines anew.
    pub(super) fn of_this_process() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if dumb || !io::stderr().is_terminal() {
            return Self::default();
        }
        Self(Some(Arc::default()))
    }

    /// A run begins.
    pub(super) fn begin(&self, plan: &Plan) {
        if let Some(mut drawn) = self.lock() {
            drawn.board = Some(Board::of(plan));
        }
    }

    /// An entry was written, of which this line stays.
    pub(super) fn show(&self, entry: &Entry, line: Option<String>) {
        let Some(mut drawn) = self.lock() else {
            line.into_iter().for_each(output::tell);
            return;
        };
        if let Some(board) = &mut drawn.board {
            board.note(entry);
        }
        let over = drawn.board.as_ref().is_none_or(|board| !board.is_live());
        let due = drawn.last.is_none_or(|last| last.elapsed() >= PACE);
        if over || due || line.is_some() {
            drawn.draw(over || due, line);
        }
    }

    /// Writes a line that stays.
    pub(super) fn tell(&self, line: impl fmt::Display) {
        match self.lock() {
            Some(mut drawn) => drawn.draw(false, Some(line.to_string())),
            None => output::tell(line),
        }
    }

    /// The run is over: nothing is drawn any more.
    pub(super) fn end(&self) {
        if let Some(mut drawn) = self.lock() {
            drawn.board = None;
            drawn.draw(true, None);
        }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Drawn>> {
        let drawn = self.0.as_ref()?;
        Some(drawn.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drawn {
    /// Puts a line that stays above the board, and draws that again: as it is now, or as it was
    /// when it is too soon for more. A terminal that cannot be written to is not worth an error.
    fn draw(&mut self, anew: bool, stays: Option<String>) {
        let (columns, rows) = size();
        let mut out = wipe(&self.lines, columns);
        if let Some(line) = stays {
            out += &format!("{line}\n");
        }
        if anew {
            let board = self.board.as_ref();
            let room = (columns.saturating_sub(1), rows.saturating_sub(ABOVE));
            self.lines = board.map_or_else(Vec::new, |board| board.lines(room.0, room.1));
            self.last = (!self.lines.is_empty()).then(Instant::now);
        }
        for line in &self.lines {
            out += &format!("{line}\n");
        }
        let _ = io::stderr().write_all(out.as_bytes());
    }
}

/// Columns and rows of the terminal as it is now; the usual ones of one that does not tell.
fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    let known = size.filter(|(columns, rows)| *columns > 0 && *rows > 0);
    known.unwrap_or((80, 24))
}

/// What takes these lines off a terminal: up to the first (`CUU`), and everything below it (`ED`;
/// ECMA-48, 8.3.22 and 8.3.39). One that became narrower has wrapped them.
fn wipe(lines: &[String], columns: usize) -> String {
    let rows = lines
        .iter()
        .map(|line| line.chars().count().div_ceil(columns).max(1));
    match rows.sum::<usize>() {
        0 => String::new(),
        rows => format!("\r\x1b[{rows}A\x1b[J"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_is_wiped_also_where_the_terminal_became_narrower() {
        let lines = ["x".repeat(90), "y".repeat(10), String::new()];
        assert_eq!(wipe(&lines, 100), "\r\x1b[3A\x1b[J");
        assert_eq!(wipe(&lines, 40), "\r\x1b[5A\x1b[J");
        assert_eq!(wipe(&[], 100), "");
    }
}
