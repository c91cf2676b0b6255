//! The readers of what machines say, for those who feed them anything: the tests beside them, and
//! the targets in `fuzz`. Not in what users get.

use super::{agent, qmp, switch};

/// Reads a line of a monitor.
pub fn monitor(line: &str) {
    let _ = qmp::answer(line);
}

/// Reads a line of a guest's agent, as any answer and as what a command came to.
pub fn agent(line: &str) {
    if let Ok(message) = agent::parse(line) {
        agent::ran(&message);
        agent::ran(&message["return"]);
    }
}

/// Takes the frames of a stream that comes in reads of this size, and passes them on; none holds
/// more than was read.
pub fn frames(stream: &[u8], cut: usize) {
    let (taken, kept) = switch::swallow(stream, cut.max(1));
    let held: usize = taken.iter().map(|frame| 4 + frame.len()).sum();
    assert!(held + kept <= stream.len());
}
