//! What a machine boots once its system disk was exchanged.

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::process::Command;

/// What is on the new system disk, and QEMU has to be given beside it.
#[derive(Clone, Debug)]
pub(in crate::substrate::vm) struct Start {
    /// The kernel and its initial RAM disk.
    pub(in crate::substrate::vm) kernel: PathBuf,
    /// See `kernel`.
    pub(in crate::substrate::vm) initrd: PathBuf,
    /// Further words of the kernel's command line.
    pub(in crate::substrate::vm) words: &'static str,
}

impl Start {
    /// Changes what QEMU is told. Of options that are given twice it heeds the last (QEMU:
    /// `qemu_init`, `system/vl.c`).
    pub(super) fn apply(&self, command: &mut Command) {
        let args = command.as_std().get_args();
        let line = args.skip_while(|arg| *arg != "-append").nth(1);
        let mut line = line.map(OsString::from).unwrap_or_default();
        line.push(" ");
        line.push(self.words);
        command.arg("-kernel").arg(&self.kernel);
        command.arg("-initrd").arg(&self.initrd);
        command.arg("-append").arg(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_last_is_of_the_new_disk() {
        let mut command = Command::new("qemu");
        command.args([
            "-kernel",
            "old",
            "-append",
            "root=/dev/vda seatrial.role=node",
        ]);
        let start = Start {
            kernel: "new".into(),
            initrd: "newer".into(),
            words: "module_blacklist=ip_vs",
        };
        start.apply(&mut command);
        let args: Vec<_> = command.as_std().get_args().collect();
        let last = |option: &str| {
            let at = args.iter().rposition(|arg| *arg == option).expect("given");
            args[at + 1].to_string_lossy().into_owned()
        };
        assert_eq!(
            (last("-kernel"), last("-initrd")),
            ("new".into(), "newer".into())
        );
        let words = "root=/dev/vda seatrial.role=node module_blacklist=ip_vs";
        assert_eq!(last("-append"), words);
    }
}
