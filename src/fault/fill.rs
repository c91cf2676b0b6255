//! `fill`: the disk of a node's engine is full; healed by removing what filled it.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{Fault, visited, watch};
use crate::journal::Intent;
use crate::substrate::{Inward, Lab, Trouble, Vitals};
use crate::wait::Look;

/// What may be free on a disk that is as good as full, in bytes: an engine that rotates a log may
/// win back a little.
const SCARCE: u64 = 16 << 20;

/// A full disk.
pub(super) struct Fill;

#[async_trait]
impl Fault for Fill {
    fn verb(&self) -> &'static str {
        "fill"
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        let ends = intent.targets.iter();
        let ends = ends.map(|node| lab.inward(node, &Inward::FillDisk));
        visited(join_all(ends).await)
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        watch::each(intent, |node| {
            let what = format!("the disk of `{node}` to be full");
            watch::seen(what, deadline, move || look_full(lab, node))
        })
        .await
    }

    async fn lasted(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), String> {
        for node in &intent.targets {
            let free = lab.vitals(node).await?.free;
            if free > SCARCE {
                let said = format!("{free} bytes are free on `{node}`");
                return Err(format!("it did not last: {said}"));
            }
        }
        Ok(())
    }

    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        watch::each(intent, |node| async move {
            // An engine may have ended for want of room, and whoever starts it may have given up.
            for act in [Inward::EmptyDisk, Inward::StartEngine] {
                let done = lab.inward(node, &act).await;
                done.map_err(|trouble| trouble.0)?;
            }
            let what = format!("room on the disk of `{node}`");
            watch::seen(what, deadline, || look_free(lab, node)).await
        })
        .await
    }
}

/// One look at a disk that must be full.
async fn look_full(lab: &dyn Lab, node: &str) -> Look<String> {
    match lab.vitals(node).await {
        Ok(now) => full(node, &now),
        Err(why) => Look::CannotTell(why),
    }
}

/// Whether a disk is as good as full.
fn full(node: &str, now: &Vitals) -> Look<String> {
    let free = now.free;
    match (free > SCARCE, now.writes) {
        (true, _) => Look::NotYet(format!("{free} bytes are free on `{node}`")),
        (_, true) => Look::NotYet(format!("a file can still be written on `{node}`")),
        _ => Look::Holds(format!(
            "{free} bytes are free on the disk of `{node}`, and no file can be written"
        )),
    }
}

/// One look at a disk that must have room again.
async fn look_free(lab: &dyn Lab, node: &str) -> Look<String> {
    match lab.vitals(node).await {
        Ok(now) => roomy(node, &now),
        Err(why) => Look::CannotTell(why),
    }
}

/// Whether a disk has room.
fn roomy(node: &str, now: &Vitals) -> Look<String> {
    let said = format!("{} bytes are free on the disk of `{node}`", now.free);
    match now.writes && now.free > SCARCE {
        true => Look::Holds(said),
        false => Look::NotYet(said),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The most that is as good as nothing: 16 MiB.
    const LITTLE: u64 = 16 * 1024 * 1024;

    #[rstest]
    #[case::full(LITTLE, false, [true, false])]
    #[case::a_file_fits(LITTLE, true, [false, false])]
    #[case::nobody_writes(LITTLE + 1, false, [false, false])]
    #[case::room(LITTLE + 1, true, [false, true])]
    fn a_disk_is_full_or_has_room_or_neither(
        #[case] free: u64,
        #[case] writes: bool,
        #[case] expected: [bool; 2],
    ) {
        let now = Vitals {
            free,
            writes,
            ..Vitals::default()
        };
        let looks = [full("server-2", &now), roomy("server-2", &now)];
        let holds = looks.map(|look| matches!(look, Look::Holds(_)));
        assert_eq!(holds, expected);
    }
}
