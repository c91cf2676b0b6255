//! The real program on a terminal: what is drawn on it, what Ctrl-C does, and what stays.
//!
//! `script` of util-linux is the terminal's other end, `vt100` what is seen on it.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{Desk, SCENARIO};

/// Rows and columns: tall enough for all that the runs say.
const SIZE: (u16, u16) = (200, 150);

/// Runs one after the other, so that Ctrl-C does not come too late: one takes less than a second.
const RUNS: usize = 60;

/// A line of the board, and of nothing else.
const BOARD: &str = "       nodes ";

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("some")
}

/// A program on a terminal.
struct Terminal {
    process: Child,
    out: ChildStdout,
    screen: vt100::Parser,
    /// All that was written.
    written: Vec<u8>,
    /// True once the board was on the screen.
    drawn: bool,
}

impl Terminal {
    /// Runs this many runs with these variables set.
    fn start(desk: &Desk, runs: usize, variables: &[(&str, &str)]) -> Self {
        let program = env!("CARGO_BIN_EXE_seatrial");
        let (folder, (rows, columns)) = (desk.path("runs"), SIZE);
        let command = format!(
            "stty rows {rows} cols {columns}; \
             exec '{program}' run --on sim --seed 7 --runs '{}' --repeat {runs} {SCENARIO}",
            folder.display()
        );
        let mut process = Command::new("script");
        // Where these are set, even a terminal that cannot draw gets colours.
        for variable in ["CI", "CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"] {
            process.env_remove(variable);
        }
        let mut process = process
            .args(["--quiet", "--return", "--flush", "--command", &command])
            .arg("/dev/null")
            .env("TERM", "xterm")
            .env("SEATRIAL_CACHE", desk.path("cache"))
            .envs(variables.iter().copied())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script` of util-linux starts");
        let out = process.stdout.take().expect("piped");
        Self {
            process,
            out,
            screen: vt100::Parser::new(size(rows), size(columns), 0),
            written: Vec::new(),
            drawn: false,
        }
    }

    /// Takes in what is written next; false at the end.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = self.out.read(&mut bytes).expect("bytes");
        for byte in &bytes[..read] {
            self.screen.process(std::slice::from_ref(byte));
            // A board is drawn whole, and stays for a moment.
            self.drawn |= *byte == b'\n' && self.shown().contains(BOARD);
        }
        self.written.extend(&bytes[..read]);
        read > 0
    }

    /// The screen as a person sees it.
    fn shown(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads to the end; returns the exit code.
    fn end(&mut self) -> Option<i32> {
        while self.read() {}
        self.process.wait().expect("it ended").code()
    }

    fn press_control_c(&mut self) {
        let keys = self.process.stdin.as_mut().expect("piped");
        keys.write_all(b"\x03").expect("pressed");
        keys.flush().expect("pressed");
    }

    /// True if a colour was ever set (`SGR`; ECMA-48, 8.3.117).
    fn coloured(&self) -> bool {
        let text = String::from_utf8_lossy(&self.written);
        let orders = text.split("\x1b[").skip(1);
        let letter = |order: &str| order.chars().find(char::is_ascii_alphabetic);
        orders.into_iter().any(|order| letter(order) == Some('m'))
    }
}

#[test]
fn a_board_is_drawn_and_nothing_of_it_stays() {
    let desk = Desk::new();
    let mut terminal = Terminal::start(&desk, 1, &[]);
    assert_eq!(terminal.end(), Some(0), "{}", terminal.shown());
    let shown = terminal.shown();
    assert!(terminal.drawn, "never: {shown}");
    assert!(!shown.contains(BOARD), "{shown}");
    // What stays is whole: the first line of the run, its progress, and the report.
    for line in ["         RUN ", "      HEALED [", "        PASS never_two "] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(terminal.coloured());
    assert!(!terminal.screen.screen().hide_cursor());
}

#[test]
fn a_terminal_without_colour_gets_none() {
    let desk = Desk::new();
    let mut terminal = Terminal::start(&desk, 1, &[("NO_COLOR", "1")]);
    assert_eq!(terminal.end(), Some(0), "{}", terminal.shown());
    assert!(terminal.drawn && !terminal.coloured());
}

#[test]
fn a_terminal_that_cannot_draw_gets_lines_alone() {
    let desk = Desk::new();
    let mut terminal = Terminal::start(&desk, 1, &[("TERM", "dumb")]);
    assert_eq!(terminal.end(), Some(0), "{}", terminal.shown());
    assert!(!terminal.drawn && terminal.shown().contains("      HEALED ["));
    assert!(!String::from_utf8_lossy(&terminal.written).contains('\x1b'));
}

#[test]
fn control_c_on_the_board_heals_and_leaves_nothing_of_it() {
    let desk = Desk::new();
    let mut terminal = Terminal::start(&desk, RUNS, &[]);
    while !terminal.drawn {
        assert!(terminal.read(), "no board: {}", terminal.shown());
    }
    terminal.press_control_c();
    assert_eq!(terminal.end(), Some(130), "{}", terminal.shown());
    let shown = terminal.shown();
    assert!(
        shown.contains("interrupted: healing and cleaning up"),
        "{shown}"
    );
    assert!(!shown.contains(BOARD), "{shown}");
}
