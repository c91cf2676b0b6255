//! What a matrix came to, a line for each kind of entry.

use super::healed::Healed;
use super::kinds::KINDS;

/// What was tried so far.
#[derive(Default)]
pub(crate) struct Tally {
    lines: Vec<Line>,
    /// Everything that is not as it must be.
    pub(crate) wrong: Vec<String>,
}

/// One kind of entry.
struct Line {
    kind: &'static str,
    points: usize,
    left: usize,
    leaks: usize,
}

impl Tally {
    /// Counts one kill at an entry of this kind.
    pub(crate) fn add(&mut self, kind: &'static str, at: &str, healed: Healed) {
        let found = self.lines.iter().position(|line| line.kind == kind);
        let place = found.unwrap_or_else(|| {
            self.lines.push(Line {
                kind,
                points: 0,
                left: 0,
                leaks: 0,
            });
            self.lines.len() - 1
        });
        let line = &mut self.lines[place];
        line.points += 1;
        line.left += healed.left;
        line.leaks += healed.leaks.len();
        let leaks = healed.leaks.into_iter().map(|leak| format!("left: {leak}"));
        let all = leaks.chain(healed.wrong);
        self.wrong
            .extend(all.map(|what| format!("killed at {at}: {what}")));
    }

    /// The kinds without a point.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let has = |kind: &str| self.lines.iter().any(|line| line.kind == kind);
        KINDS.iter().copied().filter(|kind| !has(kind)).collect()
    }

    /// How many kills there were.
    pub(crate) fn points(&self) -> usize {
        self.lines.iter().map(|line| line.points).sum()
    }

    /// How many things the killed harnesses had left.
    pub(crate) fn left(&self) -> usize {
        self.lines.iter().map(|line| line.left).sum()
    }

    /// For people: kills, what they left, and what `heal` did not remove.
    pub(crate) fn table(&self, place: &str) -> String {
        let mut text = format!("{:<24} points   left  leaks\n", "killed at");
        let rank = |line: &&Line| KINDS.iter().position(|kind| *kind == line.kind);
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by_key(rank);
        for Line {
            kind,
            points,
            left,
            leaks,
        } in lines
        {
            text += &format!("{kind:<24} {points:>6} {left:>6} {leaks:>6}\n");
        }
        let leaks: usize = self.lines.iter().map(|line| line.leaks).sum();
        let (points, left) = (self.points(), self.left());
        let kinds = KINDS.len() - self.missing().len();
        text + &format!(
            "crash matrix on {place}: {points} points, {kinds} of {} kinds of entry, \
             {left} things left by the kills, {leaks} leaks\n",
            KINDS.len()
        )
    }
}
