//! What a run puts on the share that the hosts have mounted, and takes off it again: never what was
//! there before. A marker says whose it is.

use std::collections::BTreeMap;

use super::fleet::Fleet;
use crate::journal::Lent;
use crate::plan::MOUNT;
use crate::substrate::Trouble;
use crate::substrate::nodes::file::pack;
use crate::substrate::nodes::share::files;
use crate::substrate::nodes::{COMMAND, quoted};

/// Goes to the share, where there is one: what is below its mount is none.
fn go() -> String {
    format!("cd {MOUNT} && grep -q ' {MOUNT} nfs' /proc/mounts")
}

/// What a share ends with on which something is already.
const THERE: i64 = 9;

/// Looks for what a scenario would put there; changes nothing.
///
/// # Errors
/// When any of it is there already, or nobody can tell.
pub(super) async fn look(fleet: &Fleet, tops: &[String]) -> Result<(), Trouble> {
    let Some(name) = fleet.names().next().filter(|_| !tops.is_empty()) else {
        return Ok(());
    };
    told(fleet, name, &looks(tops), b"").await.map(drop)
}

/// Puts it there, with a marker of this run.
///
/// # Errors
/// When any of it is there already, or it cannot be put there.
pub(super) async fn fill(
    fleet: &Fleet,
    share: &BTreeMap<String, String>,
    lent: &Lent,
) -> Result<(), Trouble> {
    let Some(name) = fleet.names().next().filter(|_| !share.is_empty()) else {
        return Ok(());
    };
    let (look, owner) = (looks(&lent.share), quoted(&lent.owner));
    let command = format!("{look} && (set -C; echo {owner} > .seatrial) && tar -x");
    told(fleet, name, &command, &pack(&files(share))?)
        .await
        .map(drop)
}

/// Takes it off again, if the marker is this run's. True if it was.
pub(super) async fn empty(fleet: &Fleet, lent: &Lent) -> Result<bool, String> {
    let within = fleet.within();
    let Some(name) = within.first().filter(|_| !lent.share.is_empty()) else {
        return Ok(false);
    };
    // A journal is a file that anybody may have written.
    if let Some(odd) = lent.share.iter().find(|top| !is_top(top)) {
        return Err(format!(
            "`{odd}` is no name at the top of the share, so it is left alone"
        ));
    }
    let (tops, owner) = (words(&lent.share), quoted(&lent.owner));
    let command = format!(
        "{} || exit 1; test \"$(cat .seatrial 2> /dev/null)\" = {owner} || exit 0; \
         rm -rf -- {tops} && rm .seatrial && echo removed",
        go()
    );
    let said = told(fleet, name, &command, b"").await;
    said.map(|said| said.contains("removed"))
        .map_err(|trouble| trouble.0)
}

/// A command that fails if any of these is there.
fn looks(tops: &[String]) -> String {
    format!(
        "{} && for top in .seatrial {}; do if test -e \"$top\"; then echo \"$top\" >&2; \
         exit {THERE}; fi; done",
        go(),
        words(tops)
    )
}

fn words(tops: &[String]) -> String {
    let words: Vec<String> = tops.iter().map(|top| quoted(top)).collect();
    words.join(" ")
}

async fn told(fleet: &Fleet, name: &str, command: &str, input: &[u8]) -> Result<String, Trouble> {
    let ran = fleet.run(name, command, input, COMMAND).await?;
    let said = ran.err.trim().replace('\n', "; ");
    match ran.code {
        0 => Ok(ran.out),
        THERE => Err(Trouble(format!(
            "`{MOUNT}/{said}` is on the share already, and is left alone"
        ))),
        code => Err(Trouble(format!("the share on `{name}` ({code}): {said}"))),
    }
}

/// True for a plain name, with no way out of its folder.
fn is_top(top: &str) -> bool {
    !top.is_empty() && top != "." && top != ".." && !top.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_is_removed_from_the_share() {
        assert!(is_top("nginx-01") && is_top("mariadb service"));
        for odd in ["", ".", "..", "../etc", "/etc", "a/b"] {
            assert!(!is_top(odd), "{odd}");
        }
    }

    #[test]
    fn what_is_there_is_never_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let look = |tops: &[&str]| {
            let tops: Vec<String> = tops.iter().map(|top| (*top).to_owned()).collect();
            let at = format!("cd {}", quoted(&folder.path().display().to_string()));
            let mut shell = std::process::Command::new("sh");
            let ran = shell
                .args(["-c", &looks(&tops).replace(&go(), &at)])
                .output();
            ran.expect("a shell").status.code()
        };
        assert_eq!(look(&["nginx-01", "it's"]), Some(0));
        std::fs::create_dir(folder.path().join("it's")).expect("a folder");
        assert_eq!(look(&["nginx-01", "it's"]), Some(9));
        std::fs::remove_dir(folder.path().join("it's")).expect("removed");
        std::fs::write(folder.path().join(".seatrial"), "another").expect("a marker");
        assert_eq!(look(&["nginx-01", "it's"]), Some(9));
    }
}
