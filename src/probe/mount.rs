//! `mount`: what every live task's container has mounted, as its node's kernel says.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::scenario::MountKind;
use crate::substrate::{Lab, MountSeen};
use crate::swarm::View;
use crate::wait::Look;

/// What must be mounted.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) at: &'a str,
    pub(super) read_only: Option<bool>,
    pub(super) kind: Option<MountKind>,
}

/// Asks the kernel below each live task on a node that we did not break.
pub(super) async fn observe(
    lab: &dyn Lab,
    service: &str,
    wanted: Wanted<'_>,
    sight: &Look<View>,
    broken: &BTreeSet<String>,
) -> Look<String> {
    let what = format!("mount {service} {}", wanted.at);
    let view = match super::said(&what, sight) {
        Ok(view) => view,
        Err(look) => return look,
    };
    let mut places: Vec<(u64, &str, &str)> = view
        .live(service)
        .filter_map(|task| {
            let node = task.node.as_deref()?;
            let container = task.container.as_deref().unwrap_or_default();
            Some((task.slot, node, container))
        })
        .filter(|(_, node, _)| !broken.contains(*node))
        .collect();
    places.sort_unstable();
    if places.is_empty() {
        return Look::NotYet(format!("{what}: no live task"));
    }
    let asked = places.iter().map(|(slot, node, container)| async move {
        let mounts = super::in_time(lab.mounts(node, container)).await;
        (format!("{service}.{slot} on `{node}`"), mounts)
    });
    let (mut wrong, mut untold, mut right) = (Vec::new(), Vec::new(), Vec::new());
    for (place, mounts) in join_all(asked).await {
        match mounts {
            Ok(mounts) => match judge(&mounts, wanted) {
                Ok(seen) => right.push(format!("{place}: {seen}")),
                Err(seen) => wrong.push(format!("{place}: {seen}")),
            },
            Err(why) => untold.push(format!("{place}: {why}")),
        }
    }
    if !wrong.is_empty() {
        Look::NotYet(format!("{what}: {}", wrong.join("; ")))
    } else if !untold.is_empty() {
        Look::CannotTell(format!("{what}: {}", untold.join("; ")))
    } else {
        Look::Holds(format!("{what}: {}", right.join("; ")))
    }
}

/// What is mounted there, as `Err` when it is not what is wanted.
fn judge(mounts: &[MountSeen], wanted: Wanted<'_>) -> Result<String, String> {
    // A later mount covers an earlier one on the same point.
    let Some(mount) = mounts.iter().rfind(|mount| mount.at == wanted.at) else {
        return Err("nothing is mounted there".to_owned());
    };
    let access = if mount.read_only {
        "read-only"
    } else {
        "writable"
    };
    let seen = format!("{}, {access}", mount.kind);
    let nfs = matches!(mount.kind.as_str(), "nfs" | "nfs4");
    let kind = wanted
        .kind
        .is_none_or(|kind| (kind == MountKind::Nfs) == nfs);
    let access = wanted
        .read_only
        .is_none_or(|read_only| read_only == mount.read_only);
    if kind && access { Ok(seen) } else { Err(seen) }
}
