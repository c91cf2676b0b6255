//! `seatrial exec`: runs a command in a machine of the kept swarm.

use std::io::Write;

use anyhow::{Context, bail};
use tokio::runtime::Runtime;

use super::kept::{Kept, Reply, Request};
use super::{Exit, cache, output};

/// What `exec` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The machine, such as `server-3` or `storage`
    node: String,

    /// The command and its arguments; two minutes at the most. For a pipe: `sh -c 'a | b'`
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Runs it and ends as it ended.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let kept = Kept::of(&cache::folder()?);
    kept.refuse_without(&args.node)?;
    let words: Vec<String> = args.command.iter().map(|word| quoted(word)).collect();
    let request = Request::Exec {
        node: args.node.clone(),
        command: words.join(" "),
    };
    let reply = Runtime::new()
        .context("cannot start")?
        .block_on(kept.ask(&request))?;
    match reply {
        Reply::Ran { code, out, err } => {
            output::print_verbatim(&out)?;
            let _ = std::io::stderr().write_all(err.as_bytes());
            Ok(Exit(u8::try_from(code).unwrap_or(u8::MAX)))
        }
        Reply::Trouble(what) => bail!("{what}"),
        other => bail!("the keeper answered something else: {other:?}"),
    }
}

/// A word as a POSIX shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_every_word() {
        for word in [
            "",
            "plain",
            "two words",
            "it's",
            "$HOME `id` \\ \" ; *",
            "a\nb",
            "é",
        ] {
            let out = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(word))])
                .output()
                .expect("a shell");
            assert_eq!(String::from_utf8_lossy(&out.stdout), word);
        }
        assert_eq!(quoted("/proc/1/comm"), "/proc/1/comm");
    }
}
