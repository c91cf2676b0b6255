//! The processes of this computer, as Linux tells them in `/proc`.

use std::fmt;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// A process.
pub(super) struct Process {
    pid: u32,
    /// What its command line begins with, without folders.
    program: String,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} (`{}`)", self.pid, self.program)
    }
}

impl Process {
    /// Ends it at once.
    pub(super) fn kill(&self) -> io::Result<()> {
        let pid = number(self.pid).ok_or(Errno::SRCH)?;
        Ok(kill_process(pid, Signal::KILL)?)
    }
}

/// A process number as the kernel takes it.
fn number(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// True while there is a process of this number.
pub(super) fn lives(pid: u32) -> bool {
    // Somebody else's process may not be signalled, and lives.
    number(pid).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// The machines, and what starts or prepares one, whose command line mentions something in a
/// folder. Whoever merely reads in it, such as a pager, is none.
pub(super) fn machines(folder: &Path) -> io::Result<Vec<Process>> {
    let ours = std::process::id();
    let all = numbers()?.into_iter().filter(|pid| *pid != ours);
    let found = all.filter_map(|pid| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).into_owned();
        let program = command.split('\0').next()?.rsplit('/').next()?.to_owned();
        let machine = program.starts_with("qemu-") || program == "setpriv";
        (machine && mentions(&command, folder)).then_some(Process { pid, program })
    });
    Ok(found.collect())
}

/// True if a command line mentions something in a folder. QEMU doubles the commas of a path.
fn mentions(command: &str, folder: &Path) -> bool {
    let inside = format!("{}/", folder.display());
    command.contains(&inside) || command.contains(&inside.replace(',', ",,"))
}

/// The number of every process.
pub(super) fn numbers() -> io::Result<Vec<u32>> {
    let entries = std::fs::read_dir("/proc")?.flatten();
    let names = entries.map(|entry| entry.file_name());
    Ok(names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_name_is_another_folder() {
        let folder = Path::new("/c/w/seatrial-1-aa");
        assert!(mentions(
            "qemu\0-drive\0file=/c/w/seatrial-1-aa/a.qcow2,if=none",
            folder
        ));
        assert!(!mentions(
            "qemu\0-drive\0file=/c/w/seatrial-1-aab/a.qcow2",
            folder
        ));
        let comma = Path::new("/a,b/seatrial-1-aa");
        assert!(mentions("qemu\0file=/a,,b/seatrial-1-aa/disk", comma));
    }

    #[test]
    fn the_living_are_told_from_the_dead() {
        assert!(lives(std::process::id()) && lives(1));
        assert!(!lives(4_194_305) && !lives(0) && !lives(u32::MAX));
    }
}
