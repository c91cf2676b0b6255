//! The lease that a host gives: whatever is broken on it, it mends by itself as soon as the harness
//! is not heard any more, and when it boots.
//!
//! A unit of the host's systemd reads what the harness says. When that ends, or nothing comes for
//! [`TERM_S`] seconds, it undoes all faults. So nothing has to be done from here, and no clock of
//! the host is trusted.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout;

use super::ssh::Ssh;
use crate::substrate::Trouble;
use crate::substrate::nodes::COMMAND;
use crate::substrate::nodes::systemd::{EMPTY, START};
use crate::substrate::nodes::wall::RAZE;
use crate::wait::pause;

/// Seconds without a word after which a host mends itself.
const TERM_S: u32 = 12;

/// How often a word is said: two may be lost.
const RENEWAL: Duration = Duration::from_secs(4);

/// What undoes every fault that may be in force on a host, right when none is; then it removes
/// itself. It stays what it is while a run lasts, so that no fault can be forgotten in it.
fn undo() -> String {
    format!(
        "{RAZE}\n{EMPTY}\n{START}\n\
         rm -f /etc/systemd/system/multi-user.target.wants/seatrial-undo.service \
         /etc/systemd/system/seatrial-undo.service\nrm -rf /var/lib/seatrial\n"
    )
}

/// Puts the undo in place, also for the next boot; prints who has the lease if somebody has it.
/// Its standard input is the script. No reload: systemd reads the link when it boots.
const INSTALL: &str = "set -e; if test -e /var/lib/seatrial/undo; then \
    cat /var/lib/seatrial/owner; exit 9; fi; \
    mkdir -p /var/lib/seatrial; cat > /var/lib/seatrial/new; \
    printf '%s\\n' OWNER > /var/lib/seatrial/owner; \
    printf '[Unit]\\nDescription=undoes what a run of seatrial broke\\nAfter=docker.service\\n\
    [Service]\\nType=oneshot\\nExecStart=/bin/bash /var/lib/seatrial/undo\\n' \
    > /etc/systemd/system/seatrial-undo.service; \
    mkdir -p /etc/systemd/system/multi-user.target.wants; \
    ln -sf ../seatrial-undo.service \
    /etc/systemd/system/multi-user.target.wants/seatrial-undo.service; \
    mv /var/lib/seatrial/new /var/lib/seatrial/undo; \
    sync /var/lib/seatrial/undo /var/lib/seatrial /etc/systemd/system/seatrial-undo.service \
    /etc/systemd/system/multi-user.target.wants";

/// What a host that has the lease already ends with.
const TAKEN: i64 = 9;

/// Undoes at once, if there is anything to undo, and says so.
const UNDO: &str = "if test -e /var/lib/seatrial/undo; then \
    systemctl stop seatrial-lease.service 2> /dev/null || true; \
    if test -e /var/lib/seatrial/undo; then bash /var/lib/seatrial/undo; fi; echo undone; fi";

/// Holds the lease for as long as words come.
fn hold() -> String {
    let script = format!(
        "while read -r -t {TERM_S} word && test \"$word\" != end; do :; done; \
         exec /bin/bash /var/lib/seatrial/undo"
    );
    format!(
        "exec systemd-run --quiet --collect --pipe --wait --unit=seatrial-lease.service \
         --description='undoes what seatrial broke once it is not heard' /bin/bash -c '{script}'"
    )
}

/// A lease that is held, until it ends on purpose or is lost.
pub(super) struct Lease {
    held: Mutex<Option<Held>>,
}

/// The two ends of it.
struct Held {
    /// Says that the last word is to be said.
    end: oneshot::Sender<()>,
    /// Why the lease is over.
    over: oneshot::Receiver<Result<(), String>>,
}

impl Lease {
    /// None yet.
    pub(super) fn none() -> Self {
        Self {
            held: Mutex::default(),
        }
    }

    /// Takes it. `owner` is for whoever finds it taken.
    ///
    /// # Errors
    /// When another run has it, or the host gives none.
    pub(super) async fn take(&self, ssh: &Ssh, host: &str, owner: &str) -> Result<(), Trouble> {
        let mut held = self.held.lock().await;
        let install = INSTALL.replace("OWNER", &crate::substrate::nodes::quoted(owner));
        let ran = ssh.run(&install, undo().as_bytes(), COMMAND).await?;
        match ran.code {
            0 => {}
            TAKEN => {
                let other = ran.out.trim();
                return Err(Trouble(format!(
                    "`{host}` is in use by `{other}`; wait for its end, or `seatrial heal` that run"
                )));
            }
            _ => {
                let said = ran.err.trim().replace('\n', "; ");
                return Err(Trouble(format!("`{host}` gives no lease: {said}")));
            }
        }
        let child = ssh.command(&hold());
        let child = child.map_err(|error| Trouble(format!("`{host}` gives no lease: {error}")))?;
        let ((end, ended), (tell, over)) = (oneshot::channel(), oneshot::channel());
        tokio::spawn(async move {
            // Nobody who was told to hear it is left.
            let _ = tell.send(keep(child, ended).await);
        });
        *held = Some(Held { end, over });
        Ok(())
    }

    /// Why it was lost, if it was: then the host has mended itself. Said once.
    pub(super) async fn lost(&self) -> Option<String> {
        let mut held = self.held.lock().await;
        let over = held.as_mut()?.over.try_recv();
        let why = match over {
            Err(oneshot::error::TryRecvError::Empty) => return None,
            Err(oneshot::error::TryRecvError::Closed) => "its keeper is gone".to_owned(),
            Ok(Ok(())) => "the host ended it".to_owned(),
            Ok(Err(why)) => why,
        };
        *held = None;
        Some(why)
    }

    /// Lets it go without a word: the host is turned off or frozen, and does not hear one.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    /// Ends it; returns once the host has undone everything.
    ///
    /// # Errors
    /// When it did not say so; then it does by itself.
    pub(super) async fn end(&self, ssh: &Ssh, host: &str) -> Result<(), Trouble> {
        if let Some(Held { end, over }) = self.held.lock().await.take() {
            let _ = end.send(());
            if let Ok(Ok(Ok(()))) = timeout(COMMAND, over).await {
                return Ok(());
            }
        }
        undo_now(ssh, host).await.map(drop)
    }
}

/// Says a word again and again, and the last one when told to.
async fn keep(mut child: Child, ended: oneshot::Receiver<()>) -> Result<(), String> {
    let stdin = child.stdin.take();
    let mut stdin = stdin.ok_or("it has no input")?;
    let words = async {
        loop {
            say(&mut stdin, "go\n").await?;
            pause(RENEWAL).await;
        }
    };
    let said: Result<(), String> = tokio::select! {
        said = words => said,
        status = child.wait() => Err(format!("it ended ({status:?})")),
        end = ended => match end {
            Ok(()) => say(&mut stdin, "end\n").await,
            Err(_) => Err("it was given up".to_owned()),
        },
    };
    said?;
    drop(stdin);
    match timeout(COMMAND, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        other => Err(format!("it did not end well ({other:?})")),
    }
}

async fn say(stdin: &mut ChildStdin, word: &str) -> Result<(), String> {
    let said = async {
        stdin.write_all(word.as_bytes()).await?;
        stdin.flush().await
    };
    said.await
        .map_err(|error| format!("it is not heard: {error}"))
}

/// Has a host undo everything now, whoever broke it. True if there was anything.
///
/// # Errors
/// When the host cannot be asked, or could not.
pub(super) async fn undo_now(ssh: &Ssh, host: &str) -> Result<bool, Trouble> {
    let ran = ssh.run(UNDO, b"", COMMAND).await?;
    match ran.code {
        0 => Ok(ran.out.contains("undone")),
        code => {
            let said = ran.err.trim().replace('\n', "; ");
            Err(Trouble(format!(
                "`{host}` could not undo its faults ({code}): {said}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_what_to_undo_before_anything_is_broken() {
        insta::assert_snapshot!("undo", undo());
        insta::assert_snapshot!("hold", hold());
        assert!(INSTALL.contains("OWNER") && INSTALL.ends_with("multi-user.target.wants"));
    }

    /// The loop of a lease, with something else than an undo at its end.
    fn loop_of(words: &str) -> (bool, Duration) {
        use std::io::Write as _;
        let script = hold();
        let script = script
            .split_once("-c '")
            .expect("a script")
            .1
            .trim_end_matches('\'');
        let script = script.replace("exec /bin/bash /var/lib/seatrial/undo", "echo undone");
        let began = std::time::Instant::now();
        let mut shell = std::process::Command::new("bash")
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut stdin = shell.stdin.take().expect("an input");
        stdin.write_all(words.as_bytes()).expect("said");
        // What ends without its last word ends as a harness does that was killed.
        drop(stdin);
        let said = shell.wait_with_output().expect("an end").stdout;
        (said == b"undone\n", began.elapsed())
    }

    #[test]
    fn a_lease_ends_with_the_last_word_or_with_the_harness() {
        let term = Duration::from_secs(TERM_S.into());
        for words in ["go\ngo\nend\ngo\n", "go\n", ""] {
            let (undone, took) = loop_of(words);
            assert!(undone && took < term, "{words}: {took:?}");
        }
    }
}
