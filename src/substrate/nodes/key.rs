//! Keys for SSH, made for one swarm.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::substrate::Trouble;

/// How long a key may take to be made.
const KEY: Duration = Duration::from_secs(30);

/// Makes a key pair without a passphrase, in a file that is not there yet and one beside it that
/// ends in `.pub`; returns its public half without a comment.
///
/// # Errors
/// In the words of `ssh-keygen`.
pub async fn key_pair(path: &Path) -> Result<String, Trouble> {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "seatrial", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = timeout(KEY, command.output()).await;
    let ended = ended
        .map_err(|_| Trouble(format!("`ssh-keygen` did not end within {KEY:?}")))?
        .map_err(|error| {
            Trouble(format!(
                "cannot run `ssh-keygen`: {error}: run `seatrial doctor`"
            ))
        })?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        return Err(Trouble(format!(
            "`ssh-keygen`: {}: {}",
            ended.status,
            said.trim()
        )));
    }
    let public = path.with_added_extension("pub");
    let text = std::fs::read_to_string(&public)
        .map_err(|error| Trouble(format!("cannot read `{}`: {error}", public.display())))?;
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_ssh_keygen_says_is_passed_on() {
        let nowhere = Path::new("/nowhere/at/all/key");
        let said = key_pair(nowhere).await.expect_err("no such folder").0;
        assert!(said.starts_with("`ssh-keygen`: exit status: 1: "), "{said}");
    }
}
