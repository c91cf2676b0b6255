//! Runs what images are built with: `mmdebstrap`, and small scripts.

use std::process::Stdio;

use tokio::process::Command;

use super::release::Release;
use super::{Builder, cannot};
use crate::substrate::Trouble;

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
        command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(copy)
            .kill_on_drop(true);
        let ended = command.status().await;
        let ended = ended.map_err(|error| {
            Trouble(format!(
                "step `{step}`: cannot run `{program}`: {error}; run `ci/setup`"
            ))
        })?;
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
