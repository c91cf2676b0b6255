//! What a machine has to show when a run is over: its logs, its tables, its console.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::lab::VmLab;
use crate::substrate::Evidence;
use crate::substrate::nodes::evidence::{BYTES_MAX, evidence};
use crate::substrate::nodes::part::part;

impl VmLab {
    /// All that a machine has to show of so long a time; of one without power, its console.
    pub(super) async fn shown(&self, name: &str, since: Duration) -> Vec<Evidence> {
        let machine = match self.machine(name) {
            Ok(machine) => machine,
            Err(trouble) => return vec![evidence("console.log", Err(trouble.0))],
        };
        let mut shown = vec![evidence("console.log", tail(&machine.spec.console))];
        let node = part(name).is_none();
        shown.extend(self.nodes().shown(name, node, since).await);
        shown
    }
}

/// The end of a file.
fn tail(path: &Path) -> Result<String, String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| format!("cannot read it: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_file_the_end_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("console.log");
        assert!(
            tail(&path)
                .expect_err("not there")
                .starts_with("cannot read it: ")
        );
        std::fs::write(&path, "x".repeat(300 * 1024) + "end\n").expect("written");
        let text = tail(&path).expect("text");
        assert!(text.ends_with("xend\n"));
        assert_eq!(text.len() as u64, BYTES_MAX);
    }
}
