//! The mark of a run on a host: whose the host is, from before its first change until everything
//! was given back.
//!
//! Hosts undo faults by themselves, but nodes, stacks and settings are restored from here alone. So
//! the mark outlives the undo: nobody takes a swarm for whole that is still to be restored.

use crate::substrate::Trouble;
use crate::substrate::nodes::ssh::Ssh;
use crate::substrate::nodes::{COMMAND, quoted};

/// What a host ends with that another run has.
pub(super) const TAKEN: i64 = 9;

/// What a host says that had no mark.
const NEW: &str = "new";

/// Makes the mark where there is none; prints whose it is where it is another's. A link is made
/// whole or not at all, so no mark is without an owner. Nothing is written where it is there
/// already: the disk may be full.
const CLAIM: &str = "if test \"$(cat /var/lib/seatrial/owner 2> /dev/null)\" != OWNER; then \
    mkdir -p /var/lib/seatrial; new=/var/lib/seatrial/new-owner.$$; \
    printf '%s\\n' OWNER > $new; sync $new; \
    if ln $new /var/lib/seatrial/owner 2> /dev/null; then \
    rm -f /var/lib/seatrial/stack-*; sync /var/lib/seatrial; echo new; fi; rm -f $new; \
    now=$(cat /var/lib/seatrial/owner); \
    if test \"$now\" != OWNER; then echo \"$now\"; exit 9; fi; fi";

/// Removes this run's mark, where no fault is left to be undone.
const RELEASE: &str = "test \"$(cat /var/lib/seatrial/owner 2> /dev/null)\" = OWNER || exit 0; \
    if test -e /var/lib/seatrial/undo; then echo 'it has an undo left' >&2; exit 1; fi; \
    rm -f /var/lib/seatrial/stack-* /var/lib/seatrial/new /var/lib/seatrial/new-owner.*; \
    rm /var/lib/seatrial/owner && { rmdir /var/lib/seatrial 2> /dev/null; echo released; }";

/// Says whose a host is.
const ASK: &str = "test -e /var/lib/seatrial/owner || exit 0; \
    echo \"run $(cat /var/lib/seatrial/owner)\"";

/// The commands that make the mark, for others to follow; any failure ends them all.
pub(super) fn claims(owner: &str) -> String {
    format!("set -e; {}", CLAIM.replace("OWNER", &quoted(owner)))
}

fn releases(owner: &str) -> String {
    RELEASE.replace("OWNER", &quoted(owner))
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// The host had no mark, and has that of this run now.
    New,
    /// It was this run's already.
    Ours,
    /// Another run has it.
    Others(String),
}

/// Makes the mark of a run on a host, if it has none.
///
/// # Errors
/// When the host cannot be asked, or nothing can be written there.
pub(super) async fn claim(ssh: &Ssh, host: &str, owner: &str) -> Result<Claim, Trouble> {
    let ran = ssh.run(&claims(owner), b"", COMMAND).await?;
    let said = ran.out.trim();
    match ran.code {
        0 if said == NEW => Ok(Claim::New),
        0 => Ok(Claim::Ours),
        TAKEN => Ok(Claim::Others(said.to_owned())),
        _ => Err(about(host, "it takes no mark", &ran.err)),
    }
}

/// Removes the mark of a run, once everything was given back. True if there was one.
///
/// # Errors
/// When the host cannot be asked, or has faults left to be undone.
pub(super) async fn release(ssh: &Ssh, host: &str, owner: &str) -> Result<bool, Trouble> {
    let ran = ssh.run(&releases(owner), b"", COMMAND).await?;
    match ran.code {
        0 => Ok(ran.out.contains("released")),
        _ => Err(about(host, "it keeps its mark", &ran.err)),
    }
}

/// Whoever has a host now, if anybody has.
///
/// # Errors
/// When the host cannot be asked.
pub(super) async fn owner_of(ssh: &Ssh, host: &str) -> Result<Option<String>, Trouble> {
    let ran = ssh.run(ASK, b"", COMMAND).await?;
    if ran.code != 0 {
        return Err(about(host, "it does not say whose it is", &ran.err));
    }
    let owner = ran.out.trim().strip_prefix("run");
    Ok(owner.map(|owner| owner.trim().to_owned()))
}

/// What to say of a host that another run has.
pub(super) fn in_use(host: &str, owner: &str) -> String {
    let owner = owner.trim();
    format!(
        "`{host}` is in use by the run `{owner}`: wait for its end; if it is gone for good, \
         `seatrial heal` it with its inventory, or as the last resort remove \
         `/var/lib/seatrial` there"
    )
}

fn about(host: &str, what: &str, said: &str) -> Trouble {
    let said = said.trim().replace('\n', "; ");
    Trouble(format!("`{host}`: {what}: {said}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What a command says here, with a folder of ours for that of the hosts.
    fn said(folder: &Path, command: &str) -> (Option<i32>, String) {
        let there = folder.join("seatrial").display().to_string();
        let command = command.replace("/var/lib/seatrial", &there);
        let ran = std::process::Command::new("sh")
            .args(["-c", &command])
            .output();
        let ran = ran.expect("a shell");
        let out = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
        (ran.status.code(), out)
    }

    fn ok(words: &str) -> (Option<i32>, String) {
        (Some(0), words.to_owned())
    }

    #[test]
    fn a_host_is_of_one_run_until_that_lets_it_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = |command: &str| said(folder.path(), command);
        let taken = (Some(9), "it's me".to_owned());
        assert_eq!(said(ASK), ok(""));
        assert_eq!(said(&claims("it's me")), ok(NEW));
        assert_eq!(said(&claims("it's me")), ok(""));
        assert_eq!(said(&claims("another")), taken);
        assert_eq!(said(ASK), ok("run it's me"));
        // Another's is not removed, nor its own while there is something to be undone.
        assert_eq!(said(&releases("another")), ok(""));
        let undo = folder.path().join("seatrial/undo");
        std::fs::write(&undo, "# whole").expect("written");
        assert_eq!(said(&releases("it's me")).0, Some(1));
        assert_eq!(said(&claims("another")), taken);
        std::fs::remove_file(undo).expect("removed");
        assert_eq!(said(&releases("it's me")), ok("released"));
        assert!(!folder.path().join("seatrial").exists());
        assert_eq!(said(&claims("another")), ok(NEW));
    }

    #[test]
    fn a_new_mark_knows_no_stack_of_another_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let marks = folder.path().join("seatrial");
        std::fs::create_dir(&marks).expect("a folder");
        let stack = marks.join("stack-shop");
        std::fs::write(&stack, "").expect("written");
        assert_eq!(said(folder.path(), &claims("me")), ok(NEW));
        assert!(!stack.exists());
        std::fs::write(&stack, "").expect("written");
        assert_eq!(said(folder.path(), &claims("me")), ok(""));
        assert!(stack.exists(), "it is this run's");
        assert_eq!(std::fs::read_dir(&marks).expect("a folder").count(), 2);
    }
}
