//! The lease that a host gives: whatever is broken on it, it mends by itself as soon as the harness
//! is not heard any more, and when it boots.
//!
//! A unit of the host's systemd reads what the harness says. When that ends, or nothing comes for
//! [`TERM_S`] seconds, it undoes all faults. So nothing has to be done from here, and no clock of
//! the host is trusted. Whose the host is it forgets only when all was given back ([`mark`]).

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout;

use super::mark::{self, TAKEN, in_use};
use crate::substrate::Trouble;
use crate::substrate::nodes::ssh::Ssh;
use crate::substrate::nodes::systemd::{EMPTY, FULL, START};
use crate::substrate::nodes::wall::RAZE;
use crate::substrate::nodes::{COMMAND, quoted};
use crate::wait::pause;

/// Seconds without a word after which a host mends itself.
const TERM_S: u32 = 12;

/// How often a word is said: two may be lost.
const RENEWAL: Duration = Duration::from_secs(4);

/// What undoes every fault that may be in force on a host, right when none is. It removes itself
/// once everything was seen to be undone, and not before. It stays what it is while a run lasts, so
/// that no fault can be forgotten in it. What fills the disk may outlive the shell that began it.
fn undo() -> String {
    format!(
        "pkill -f '[s]eatrial-full' || true\n{RAZE}\n\
         for try in 1 2 3 4 5; do {EMPTY}; test -e {FULL} || break; done\n{START}\n\
         if nft list table inet seatrial > /dev/null 2>&1 || test -e {FULL} || \
         ! systemctl is-active --quiet docker.service; then echo 'not undone' >&2; exit 1; fi\n\
         rm -f /etc/systemd/system/multi-user.target.wants/seatrial-undo.service \
         /etc/systemd/system/seatrial-undo.service\n\
         rm -f /var/lib/seatrial/new /var/lib/seatrial/undo\n# whole\n"
    )
}

/// Puts the undo in place, also for the next boot, on a host that has the mark. Its standard input
/// is the script. No reload: systemd reads the link when it boots.
const INSTALL: &str = "\
    cat > /var/lib/seatrial/new; test \"$(tail -n 1 /var/lib/seatrial/new)\" = '# whole'; \
    mv /var/lib/seatrial/new /var/lib/seatrial/undo; \
    printf '[Unit]\\nDescription=undoes what a run of seatrial broke\\nAfter=docker.service\\n\
    [Service]\\nType=oneshot\\nExecStart=/bin/bash /var/lib/seatrial/undo\\n' \
    > /etc/systemd/system/seatrial-undo.service; \
    mkdir -p /etc/systemd/system/multi-user.target.wants; \
    ln -sf ../seatrial-undo.service \
    /etc/systemd/system/multi-user.target.wants/seatrial-undo.service; \
    sync /var/lib/seatrial/undo /var/lib/seatrial /etc/systemd/system/seatrial-undo.service \
    /etc/systemd/system/multi-user.target.wants";

/// What the unit says once it holds.
const HELD: &str = "held";

/// Undoes at once, whatever is there; first, what might undo beside it is ended. Nothing at all
/// where another run has the lease.
fn undo_of(owner: &str) -> String {
    format!(
        "now=$(cat /var/lib/seatrial/owner 2> /dev/null)\n\
         if test -n \"$now\" && test \"$now\" != {}; then echo \"$now\"; exit {TAKEN}; fi\n\
         systemctl stop seatrial-undo.service seatrial-lease.service 2> /dev/null\n\
         if test -e /var/lib/seatrial/undo || \
         nft list table inet seatrial > /dev/null 2>&1; then echo undone; fi\n{}",
        quoted(owner),
        undo()
    )
}

/// Holds the lease for as long as words come.
fn hold() -> String {
    let script = format!(
        "echo {HELD}; while read -r -t {TERM_S} word && test \"$word\" != end; do :; done; \
         exec /bin/bash /var/lib/seatrial/undo"
    );
    format!(
        "exec systemd-run --quiet --collect --pipe --wait --unit=seatrial-lease.service \
         --description='undoes what seatrial broke once it is not heard' /bin/bash -c '{script}'"
    )
}

/// The lease of one host.
#[derive(Default)]
pub(super) struct Lease {
    state: Mutex<State>,
}

/// What is known of it.
#[derive(Default)]
enum State {
    /// It was not taken, or was given up on purpose.
    #[default]
    None,
    /// The host has mended itself; why. It stays so until the lease is taken again.
    Lost(String),
    Held(Held),
}

/// The two ends of it.
struct Held {
    /// Says that the last word is to be said.
    end: oneshot::Sender<()>,
    /// Why the lease is over.
    over: oneshot::Receiver<Result<(), String>>,
}

impl Lease {
    /// Takes it, and returns once the host holds. `owner` is the run, for whoever finds it taken.
    ///
    /// # Errors
    /// When another run has it, or the host gives none.
    pub(super) async fn take(&self, ssh: &Ssh, host: &str, owner: &str) -> Result<(), Trouble> {
        let mut state = self.state.lock().await;
        let none = |why: &dyn std::fmt::Display| Trouble(format!("`{host}` gives no lease: {why}"));
        let install = format!("{}; {INSTALL}", mark::claims(owner));
        let ran = ssh.run(&install, undo().as_bytes(), COMMAND).await?;
        match ran.code {
            0 => {}
            TAKEN => return Err(Trouble(in_use(host, &ran.out))),
            _ => return Err(none(&ran.err.trim().replace('\n', "; "))),
        }
        let mut child = ssh.command(&hold()).map_err(|error| none(&error))?;
        let stdout = child.stdout.take().ok_or_else(|| none(&"no output"))?;
        let mut lines = BufReader::new(stdout).lines();
        match timeout(COMMAND, lines.next_line()).await {
            Ok(Ok(Some(line))) if line == HELD => {}
            said => return Err(none(&format_args!("it said {said:?}"))),
        }
        let ((end, ended), (tell, over)) = (oneshot::channel(), oneshot::channel());
        tokio::spawn(async move {
            // Nobody who was told to hear it is left.
            let _ = tell.send(keep(child, ended).await);
        });
        *state = State::Held(Held { end, over });
        Ok(())
    }

    /// Why it was lost, if it was: then the host has mended itself.
    pub(super) async fn lost(&self) -> Option<String> {
        let mut state = self.state.lock().await;
        let State::Held(held) = &mut *state else {
            return match &*state {
                State::Lost(why) => Some(why.clone()),
                _ => None,
            };
        };
        let why = match held.over.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => return None,
            Err(oneshot::error::TryRecvError::Closed) => "its keeper is gone".to_owned(),
            Ok(Ok(())) => "the host ended it".to_owned(),
            Ok(Err(why)) => why,
        };
        *state = State::Lost(why.clone());
        Some(why)
    }

    /// Lets it go without a word: the host is off or frozen, and does not hear one.
    pub(super) async fn forget(&self) {
        *self.state.lock().await = State::None;
    }

    /// Ends it, if it is held; returns once the host has undone everything, or will by itself.
    pub(super) async fn end(&self) {
        let state = std::mem::take(&mut *self.state.lock().await);
        if let State::Held(Held { end, over }) = state {
            let _ = end.send(());
            let _ = timeout(COMMAND, over).await;
        }
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

/// Has a host undo everything now that this run broke. True if there was anything.
///
/// # Errors
/// When another run has the host, it cannot be asked, or could not.
pub(super) async fn undo_now(ssh: &Ssh, host: &str, owner: &str) -> Result<bool, Trouble> {
    let script = undo_of(owner);
    let ran = ssh.run("exec bash -s", script.as_bytes(), COMMAND).await?;
    match ran.code {
        0 => Ok(ran.out.contains("undone")),
        TAKEN => Err(Trouble(in_use(host, &ran.out))),
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
    use std::path::Path;

    use super::*;

    #[test]
    fn a_host_is_told_what_to_undo_before_anything_is_broken() {
        insta::assert_snapshot!("undo", undo());
        insta::assert_snapshot!("hold", hold());
        insta::assert_snapshot!("undo-of", undo_of("seatrial-7-0a1b2c3d"));
        assert!(undo().ends_with("\n# whole\n"));
        assert!(INSTALL.ends_with("multi-user.target.wants"));
    }

    /// What a script says here, with a folder of ours for the root, and nothing for what would
    /// touch this computer.
    fn said(root: &Path, script: &str, input: &str) -> (Option<i32>, String) {
        use std::io::Write as _;
        const NOTHING: &str = "systemctl() { return 0; }; nft() { return 1; }; \
            pkill() { return 0; }; ";
        let root = root.display().to_string();
        let mut script = script.to_owned();
        for there in ["/var/lib/", "/etc/"] {
            script = script.replace(there, &format!("{root}{there}"));
        }
        let mut shell = std::process::Command::new("bash")
            .args(["-c", &format!("{NOTHING}{script}")])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut stdin = shell.stdin.take().expect("an input");
        // One that has no use for it may have ended.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let ended = shell.wait_with_output().expect("an end");
        let out = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
        (ended.status.code(), out)
    }

    #[test]
    fn a_host_that_has_undone_its_faults_is_still_its_runs() {
        let root = tempfile::tempdir().expect("a folder");
        for folder in ["etc/systemd/system", "var/lib"] {
            std::fs::create_dir_all(root.path().join(folder)).expect("a folder");
        }
        let there = |file: &str| root.path().join(file).exists();
        let install = |owner: &str| {
            let install = format!("{}; {INSTALL}", mark::claims(owner));
            said(root.path(), &install, &undo())
        };
        let undone = |owner: &str| said(root.path(), &undo_of(owner), "");
        let (undo, link) = (
            "var/lib/seatrial/undo",
            "etc/systemd/system/multi-user.target.wants/seatrial-undo.service",
        );
        assert_eq!(install("me"), (Some(0), "new".to_owned()));
        assert!(there(undo) && there(link));
        assert_eq!(undone("another"), (Some(9), "me".to_owned()));
        assert!(there(undo) && there(link));
        assert_eq!(undone("me"), (Some(0), "undone".to_owned()));
        assert!(!there(undo) && !there(link));
        // By nobody else, and by its run again once a host is back that was away.
        assert_eq!(install("another"), (Some(9), "me".to_owned()));
        assert!(!there(undo) && there("var/lib/seatrial/owner"));
        assert_eq!(undone("me"), (Some(0), String::new()));
        assert_eq!(install("me"), (Some(0), String::new()));
        assert!(there(undo) && there(link));
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
        (said == b"held\nundone\n", began.elapsed())
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
