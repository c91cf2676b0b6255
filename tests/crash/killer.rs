//! Ends a harness as SIGKILL does, as soon as an entry is written and before its writer goes on.

use std::env;
use std::sync::Mutex;

use rustix::process::{Signal, getpid, kill_process};
use seatrial::journal::Entry;

use super::kinds::{Point, kind};

/// Where a harness is told that it is to be killed.
pub(crate) const POINT: &str = "SEATRIAL_CRASH_AT";

/// Where this harness is to be killed, if anywhere.
pub(crate) fn point() -> Option<Point> {
    let point = env::var(POINT).ok()?;
    Some(Point::parse(&point).unwrap_or_else(|| panic!("`{point}` is no point")))
}

/// Is told of every entry, and does not return from that of the point.
pub(crate) fn killer(point: Option<Point>) -> impl Fn(&Entry) + Send + Sync {
    let seen = Mutex::new(0);
    move |entry| {
        if point.is_none_or(|point| point.kind != kind(&entry.event)) {
            return;
        }
        let mut seen = seen.lock().expect("no panic");
        *seen += 1;
        if point.is_some_and(|point| point.nth == *seen) {
            let _ = kill_process(getpid(), Signal::KILL);
            unreachable!("nobody outlives SIGKILL");
        }
    }
}
