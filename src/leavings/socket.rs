//! The Unix sockets of this computer, as Linux tells them in `/proc/net/unix`.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Where Linux tells them.
const TABLE: &str = "/proc/self/net/unix";

/// The sockets with a path in a folder, a line each. Who has one is not gone: a process that dies
/// loses its command line first, and closes its files later.
pub(super) fn inside(folder: &Path) -> io::Result<BTreeSet<String>> {
    let table = std::fs::read_to_string(TABLE)?;
    let paths = table.lines().filter_map(path);
    let ours = paths.filter(|path| Path::new(path).starts_with(folder));
    Ok(ours.map(named).collect())
}

/// The sockets with one of these inodes on which somebody listens, a line each.
pub(super) fn listening(inodes: &BTreeSet<String>) -> io::Result<BTreeSet<String>> {
    let table = std::fs::read_to_string(TABLE)?;
    Ok(table
        .lines()
        .filter_map(|line| listener(line, inodes))
        .collect())
}

/// The socket of a line that is about a listening one with one of these inodes.
fn listener(line: &str, inodes: &BTreeSet<String>) -> Option<String> {
    let mut fields = line.split_whitespace().skip(3);
    let (flags, inode) = (fields.next()?, fields.nth(2)?);
    let path = path(line).unwrap_or("without a name");
    // `__SO_ACCEPTCON` of Linux, `include/uapi/linux/net.h`.
    (flags == "00010000" && inodes.contains(inode)).then(|| named(path))
}

/// The path of a line: its last column, alone in having such signs, and it may have blanks.
fn path(line: &str) -> Option<&str> {
    line.find(['/', '@']).map(|from| &line[from..])
}

fn named(path: &str) -> String {
    format!("socket `{path}`")
}
