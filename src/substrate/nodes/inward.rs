//! What is done to a machine from inside of it, and how it says how it is, whatever it is made of.

use jiff::{SignedDuration, Timestamp};

use crate::substrate::{Trouble, Vitals};

/// Sends SIGKILL to the first process of a container, behind its engine's back.
pub(in crate::substrate) fn kill(container: &str) -> Result<String, Trouble> {
    if container.is_empty() || !container.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let what = format!("`{container}` is no identity of a container");
        return Err(Trouble(what));
    }
    Ok(format!(
        "p=$(docker inspect -f '{{{{.State.Pid}}}}' {container}) && test \"$p\" -gt 1 && \
         kill -9 \"$p\""
    ))
}

/// Reads four lines, at this time of ours: what runs as the engine, the time in nanoseconds, the
/// free bytes of the engine's disk, and whether a file could be written there.
pub(in crate::substrate) fn vitals(said: &str, ours: Timestamp) -> Option<Vitals> {
    let mut lines = said.lines().map(str::trim);
    let engine = lines.next()?;
    let theirs = Timestamp::from_nanosecond(lines.next()?.parse().ok()?).ok()?;
    let free = lines.next()?.parse().ok()?;
    let writes = match lines.next()? {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    let runs = engine.split_once(' ').is_some();
    Some(Vitals {
        engine: runs.then(|| engine.to_owned()),
        ahead: SignedDuration::from_nanos(0).saturating_add(theirs.duration_since(ours)),
        free,
        writes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-02T03:04:05Z";

    fn read(said: &str) -> Option<Vitals> {
        vitals(said, NOW.parse().expect("a time"))
    }

    #[test]
    fn a_machine_says_how_it_is() {
        let theirs: Timestamp = "2026-01-02T04:04:05Z".parse().expect("a time");
        let said = format!("412 9001\n{}\n 1024\nyes\n", theirs.as_nanosecond());
        let expected = Vitals {
            engine: Some("412 9001".to_owned()),
            ahead: SignedDuration::from_hours(1),
            free: 1024,
            writes: true,
        };
        assert_eq!(read(&said), Some(expected));
        let without = read(&said.replace("412 9001", "0 ")).expect("understood");
        assert_eq!(without.engine, None);
        let full = read(&said.replace("yes", "no")).expect("understood");
        assert!(!full.writes);
    }

    #[test]
    fn half_an_answer_is_not_understood() {
        for said in [
            "",
            "412 9001\n",
            "412 9001\nsoon\n5\nyes\n",
            "1 2\n5\n5\n",
            "1 2\n5\n-1\nyes",
        ] {
            assert_eq!(read(said), None, "{said}");
        }
    }

    #[test]
    fn no_shell_reads_what_is_no_container() {
        assert!(kill("").is_err());
        assert!(kill("ab; reboot").is_err());
        assert!(kill("0123abcd").is_ok_and(|said| said.contains(" 0123abcd)")));
    }
}
