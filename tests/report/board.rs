//! The board that a terminal shows while a run is under way, at some moments of a run.

use seatrial::journal::{Entry, Event, Phase};
use seatrial::report::Board;

use super::{failing, whole};

/// The board right after each of these entries.
fn boards(entries: &[Entry], wanted: impl Fn(&Event) -> bool) -> String {
    let Some(Event::Plan(plan)) = entries.get(1).map(|entry| &entry.event) else {
        panic!("no plan");
    };
    let mut board = Board::of(plan);
    let mut text = String::new();
    for entry in entries {
        board.note(entry);
        if wanted(&entry.event) {
            text += &format!("{}\n\n", board.lines(100, 20).join("\n"));
        }
    }
    text
}

#[test]
fn the_board_follows_a_fault_from_its_choice_to_its_heal() {
    let history = whole("mariadb-nfs-survives-node-stop").history();
    insta::assert_snapshot!(boards(&history.entries, |event| matches!(
        event,
        Event::Intent(_)
            | Event::Confirmed { .. }
            | Event::Recovered { .. }
            | Event::Healed { .. }
            | Event::Phase(Phase::ReadBack)
    )));
}

#[test]
fn the_board_says_what_went_wrong_last() {
    let history = failing().history();
    let text = boards(&history.entries, |event| {
        matches!(event, Event::Phase(Phase::SteadyAfter))
    });
    assert!(text.contains("       error ["), "{text}");
}

#[test]
fn the_board_is_never_larger_than_its_terminal_and_steers_nothing() {
    let mut history = failing().history();
    let mut board = Board::of(&history.plan);
    let what = "\u{1b}[2J\nmore".to_owned();
    if let Some(last) = history.entries.last_mut() {
        last.event = Event::Trouble { what };
    }
    let mut seen = 0;
    for entry in &history.entries {
        board.note(entry);
        for (width, height) in [
            (200, 50),
            (100, 3),
            (40, 6),
            (20, 1),
            (19, 9),
            (0, 0),
            (80, 0),
        ] {
            let lines = board.lines(width, height);
            assert!(lines.len() <= height, "{lines:?}");
            for line in &lines {
                assert!(line.chars().count() <= width, "{line}");
                assert!(!line.contains(char::is_control), "{line:?}");
            }
            seen += lines.len();
        }
    }
    assert!(seen > 100, "only {seen} lines");
}

#[test]
fn there_is_no_board_while_machines_are_made_or_removed() {
    let history = whole("mariadb-nfs-survives-node-stop").history();
    let mut board = Board::of(&history.plan);
    assert_eq!(board.lines(100, 20), [""; 0]);
    let mut live = false;
    for entry in &history.entries {
        board.note(entry);
        live |= !board.lines(100, 20).is_empty();
        if let Event::Phase(Phase::BringUp | Phase::Deploy | Phase::TearDown) = entry.event {
            assert_eq!(board.lines(100, 20), [""; 0]);
        }
    }
    assert!(live, "never");
}
