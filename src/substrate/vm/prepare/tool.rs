//! Runs what images are built with: `mmdebstrap`, and small scripts.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::release::Release;
use super::{Builder, cannot};
use crate::substrate::Trouble;

/// A tool and all that it started. When nobody waits for it any more it is asked to end, not
/// killed: `mmdebstrap` has a root file system in the folder of temporary files, and removes it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let group = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = group.and_then(Pid::from_raw) {
            // One that has just ended needs nobody to ask.
            let _ = kill_process_group(group, Signal::TERM);
        }
    }
}

impl Builder<'_> {
    /// Makes a root file system as a tar file.
    pub(in crate::substrate) async fn mmdebstrap(
        &self,
        name: &str,
        release: Release,
        packages: &str,
        hooks: &[String],
    ) -> Result<(), Trouble> {
        let mut args = vec![
            "--variant=minbase".to_owned(),
            format!("--include={packages}"),
        ];
        for useless in ["doc", "man", "locale", "info"] {
            args.push(format!("--dpkgopt=path-exclude=/usr/share/{useless}/*"));
        }
        args.extend_from_slice(hooks);
        let source = self.source(release).await?;
        args.extend(source.options);
        args.extend([release.name().to_owned(), format!("{name}.tar")]);
        args.extend(source.lines);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.tool(name, "mmdebstrap", &args).await
    }

    /// Writes a script into the folder and returns its path.
    pub(in crate::substrate) fn script(&self, name: &str, text: &str) -> Result<String, Trouble> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join(name);
        std::fs::write(&path, text)
            .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)))
            .map_err(|error| cannot("write", &path, &error))?;
        Ok(path.display().to_string())
    }

    /// Runs a tool in the folder; its output goes to a log, whose end is told when it fails.
    pub(super) async fn tool(
        &self,
        step: &str,
        program: &str,
        args: &[&str],
    ) -> Result<(), Trouble> {
        let path = self.folder.join(format!("{step}.log"));
        let log = std::fs::File::create(&path).map_err(|error| cannot("write", &path, &error))?;
        let copy = log
            .try_clone()
            .map_err(|error| cannot("write", &path, &error))?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM", "--", program])
            .args(args)
            .current_dir(self.folder);
        command.stdin(Stdio::null()).stdout(log).stderr(copy);
        let cannot_run = |error| {
            Trouble(format!(
                "step `{step}`: cannot run `{program}`: {error}; run `ci/setup`"
            ))
        };
        let mut running = Running(command.process_group(0).spawn().map_err(cannot_run)?);
        let ended = running.0.wait().await.map_err(cannot_run)?;
        if ended.success() {
            return Ok(());
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let end = lines[lines.len().saturating_sub(10)..].join("\n  ");
        Err(Trouble(format!(
            "step `{step}` failed ({ended}); the end of its log:\n  {end}\n"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::substrate::Progress;
    use crate::wait::{Look, until};

    /// As when the build is interrupted.
    #[tokio::test]
    async fn a_tool_that_nobody_waits_for_cleans_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let (silent, release) = (Progress::silent(), Release::default());
        let builder = Builder {
            folder: folder.path(),
            release,
            progress: &silent,
        };
        let is_there = async |name: &str| {
            let path = folder.path().join(name);
            let look = || async {
                match path.exists() {
                    true => Look::Holds(()),
                    false => Look::NotYet("not there".into()),
                }
            };
            let (long, pace) = (Duration::from_secs(20), Duration::from_millis(20));
            until(name.to_owned(), long, pace, look).await
        };
        let script = "trap 'touch cleaned; exit 1' TERM; touch begun; sleep 60 & wait";
        let args = ["-c", script];
        tokio::select! {
            ended = builder.tool("script", "bash", &args) => panic!("it ended: {ended:?}"),
            begun = is_there("begun") => begun.expect("it began"),
        }
        is_there("cleaned").await.expect("it was asked to end");
    }
}
