//! What this process has on this computer now: children, folders and listening sockets.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use super::owner;
use super::process::numbers;
use super::socket;

/// One line each: the child processes of this process, its folders in these places, and the sockets
/// that it listens on.
///
/// # Errors
/// When the kernel does not tell, as on systems without `/proc`.
pub fn inventory(places: &[PathBuf]) -> io::Result<BTreeSet<String>> {
    let mut all = children()?;
    all.extend(folders(places));
    all.extend(listeners()?);
    Ok(all)
}

/// The children that have not ended yet.
fn children() -> io::Result<BTreeSet<String>> {
    let ours = std::process::id().to_string();
    let named = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything, parentheses too; what follows it never does.
        let (before, after) = stat.rsplit_once(')')?;
        let (_, name) = before.split_once('(')?;
        let mut fields = after.split_whitespace();
        let (state, parent) = (fields.next()?, fields.next()?);
        let counts = parent == ours && !matches!(state, "Z" | "X");
        counts.then(|| format!("process {pid} (`{name}`)"))
    };
    Ok(numbers()?.into_iter().filter_map(named).collect())
}

/// The folders of our name in these places.
fn folders(places: &[PathBuf]) -> BTreeSet<String> {
    let entries = places
        .iter()
        .flat_map(std::fs::read_dir)
        .flatten()
        .flatten();
    let ours = entries.filter(|entry| owner(&entry.path()) == Some(std::process::id()));
    let named = ours.map(|entry| format!("folder `{}`", entry.path().display()));
    named.collect()
}

/// The sockets that this process listens on.
fn listeners() -> io::Result<BTreeSet<String>> {
    let mut inodes = BTreeSet::new();
    for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
        let Ok(target) = std::fs::read_link(entry.path()) else {
            continue;
        };
        let target = target.to_string_lossy();
        let inode = target
            .strip_prefix("socket:[")
            .and_then(|rest| rest.strip_suffix(']'));
        inodes.extend(inode.map(str::to_owned));
    }
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        // A computer without IPv6 has no such table.
        let text = std::fs::read_to_string(format!("/proc/self/net/{table}")).unwrap_or_default();
        found.extend(text.lines().filter_map(|line| tcp_port(line, &inodes)));
    }
    found.extend(socket::listening(&inodes)?);
    Ok(found)
}

/// The port of a line of `/proc/net/tcp` that is about a listening socket of ours.
fn tcp_port(line: &str, inodes: &BTreeSet<String>) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (_, port) = local.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (*state == "0A" && inodes.contains(*inode)).then(|| format!("listening TCP port {port}"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// What is new since a moment, of what this test made: others run beside it.
    fn new(places: &[PathBuf], part: &str) -> bool {
        let all = inventory(places).expect("the kernel tells");
        all.iter().any(|line| line.contains(part))
    }

    #[test]
    fn a_child_counts_until_it_has_ended() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("a child");
        let line = format!("process {} (", child.id());
        assert!(new(&[], &line));
        child.kill().expect("it ends");
        child.wait().expect("it ended");
        assert!(!new(&[], &line));
    }

    #[test]
    fn a_listener_counts_until_it_is_closed() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("a.sock");
        let line = format!("socket `{}`", path.display());
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("it listens");
        assert!(new(&[], &line));
        let client = std::os::unix::net::UnixStream::connect(&path).expect("connected");
        drop((listener, client));
        assert!(!new(&[], &line), "the file alone is a matter of its folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("it listens");
        let port = listener.local_addr().expect("an address").port();
        assert!(new(&[], &format!("listening TCP port {port}")));
    }

    #[test]
    fn a_folder_counts_if_its_name_is_ours() {
        let place = tempfile::tempdir().expect("a folder");
        let places = [place.path().to_owned(), place.path().join("none")];
        let ours = place.path().join(crate::leavings::name());
        std::fs::create_dir(&ours).expect("a folder");
        std::fs::create_dir(place.path().join("seatrial-1-0a1b2c3d")).expect("a folder");
        assert!(new(&places, &format!("folder `{}`", ours.display())));
        assert!(!new(&places, "seatrial-1-"));
    }
}
