//! A machine's way from power to a guest agent that answers.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::Machine;
use crate::substrate::Trouble;
use crate::substrate::nodes::BOOT;

/// How long a kernel may take to its first program before it is looked at: fifteen times what each
/// of three took that booted beside a compilation on two emulated cores (5 to 6 s).
const STUCK: Duration = Duration::from_secs(90);

impl Machine {
    /// Gives it power and waits until its guest agent answers.
    ///
    /// An emulated kernel may stand still for good in its second second, before it has looked at
    /// a disk (Linux 6.1 on QEMU 7.2: 2 of some 70 boots on two busy cores). Such a machine is
    /// turned off and on again, once.
    pub(in crate::substrate::vm) async fn boot(&self) -> Result<(), Trouble> {
        let console = &self.spec.console;
        let before = std::fs::metadata(console).map_or(0, |file| file.len());
        self.power_on(None).await?;
        if self.agent.ready(STUCK).await.is_err() && !runs_programs(console, before) {
            self.cut().await?;
            self.power_on(None).await?;
        }
        let ready = self.agent.ready(BOOT).await;
        ready.map_err(|late| Trouble(late.to_string()))
    }
}

/// Whether a console has, from some byte on, a line that is not the kernel's own.
fn runs_programs(console: &Path, from: u64) -> bool {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(console)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // One that cannot be read says nothing against it.
    let Ok(bytes) = read() else { return true };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| !line.is_empty() && !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_stands_still_is_told_from_one_that_is_slow() {
        let folder = tempfile::tempdir().expect("a folder");
        let console = folder.path().join("console.log");
        let earlier = "Loading, please wait...\n";
        let stuck = "[    0.044000] tsc: Unable to calibrate against PIT\r\n\
            [    1.389174] acpi PNP0A03:00: fail to add MMCONFIG information\r\n";
        std::fs::write(&console, format!("{earlier}{stuck}")).expect("written");
        let from = earlier.len() as u64;
        assert!(!runs_programs(&console, from));
        assert!(runs_programs(&console, 0));
        let slow = format!("{earlier}{stuck}Loading, please wait...\n");
        std::fs::write(&console, slow).expect("written");
        assert!(runs_programs(&console, from));
        assert!(runs_programs(&folder.path().join("none"), 0));
    }
}
