//! The power of hosts, switched by commands of this computer that their owner wrote down.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::substrate::Trouble;

/// How long such a command may take: some wait until the machine has shut down, or has booted.
const SWITCH: Duration = Duration::from_secs(600);

/// How long the question may take whether there is power.
const STATUS: Duration = Duration::from_secs(20);

/// Runs one, which must succeed.
pub(super) async fn switch(host: &str, words: &[String]) -> Result<(), Trouble> {
    match ended(words, SWITCH).await {
        Ok((Some(0), _)) => Ok(()),
        Ok((code, said)) => {
            let code = code.map_or("by a signal".to_owned(), |code| format!("with {code}"));
            Err(Trouble(format!(
                "`{}` for `{host}` ended {code}: {said}",
                words.join(" ")
            )))
        }
        Err(why) => Err(Trouble(format!(
            "`{}` for `{host}`: {why}",
            words.join(" ")
        ))),
    }
}

/// Whether a host has power; none if nobody can tell.
pub(super) async fn status(words: &[String]) -> Option<bool> {
    match ended(words, STATUS).await {
        Ok((Some(0), _)) => Some(true),
        Ok((Some(1), _)) => Some(false),
        _ => None,
    }
}

/// The exit code of a command, and what it said last.
async fn ended(words: &[String], within: Duration) -> Result<(Option<i32>, String), String> {
    let (program, arguments) = words.split_first().ok_or("it names no program")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(within, output).await;
    let output = output.map_err(|_| format!("no end within {within:?}"))?;
    let output = output.map_err(|error| error.to_string())?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let last = text.trim().lines().last().unwrap_or_default().to_owned();
    Ok((output.status.code(), last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).into()
    }

    #[tokio::test]
    async fn what_a_command_comes_to_is_taken_by_its_word_only_where_it_has_one() {
        assert_eq!(status(&words("exit 0")).await, Some(true));
        assert_eq!(status(&words("exit 1")).await, Some(false));
        assert_eq!(status(&words("exit 2")).await, None);
        assert_eq!(status(&["/no/such/program".to_owned()]).await, None);
        switch("server-3", &words("true"))
            .await
            .expect("it succeeds");
        let trouble = switch("server-3", &words("echo no such domain; exit 3")).await;
        let said = trouble.expect_err("it fails").0;
        assert!(
            said.ends_with("for `server-3` ended with 3: no such domain"),
            "{said}"
        );
    }
}
