//! Standard output and standard error, with colours where they are wanted.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use comfy_table::{Row, Table, presets};
use seatrial::report::Style;

/// Writes a result for people.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    write(&mut anstream::stdout(), text)
}

/// Writes a result for programs, to the letter.
pub(super) fn print_verbatim(text: &str) -> anyhow::Result<()> {
    write(&mut io::stdout(), text)
}

/// A reader that has gone away is no error: a verdict is in the exit code too.
fn write(out: &mut impl Write, text: &str) -> anyhow::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// Writes a result into a file.
pub(super) fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    let saved = std::fs::write(path, text);
    saved.with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes a line for people; one that cannot be written is not worth an error.
pub(super) fn tell(line: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// How a report on standard output looks; its colours are taken out where they are not wanted.
pub(super) fn style() -> Style {
    let out = io::stdout();
    let size = out
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(&out).ok());
    let width = size.flatten().map(|size| usize::from(size.ws_col));
    Style {
        colour: true,
        width: width
            .filter(|width| *width > 0)
            .unwrap_or(Style::default().width),
    }
}

/// A table without lines, its columns aligned. Ends with a line end.
pub(super) fn table<R: Into<Row>>(
    header: impl Into<Row>,
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    let text = table.to_string();
    text.lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}
