//! `running`: a service has so many live tasks on nodes that we did not break.

use std::collections::BTreeSet;

use crate::swarm::View;
use crate::wait::Look;

/// Counts live tasks; the managers' own count is wrong after a node dies.
pub(super) fn observe(
    service: &str,
    replicas: u32,
    sight: &Look<View>,
    broken: &BTreeSet<String>,
) -> Look<String> {
    let view = match sight {
        Look::Holds(view) => view,
        Look::NotYet(why) => return Look::NotYet(format!("running {service}: {why}")),
        Look::CannotTell(why) => return Look::CannotTell(format!("running {service}: {why}")),
    };
    let on_unbroken = |node: &Option<String>| {
        node.as_ref()
            .is_some_and(|name| !broken.contains(name.as_str()))
    };
    let live = view
        .live(service)
        .filter(|task| on_unbroken(&task.node))
        .count();
    let seen = format!("running {service}: {live} of {replicas} live");
    if live == replicas as usize {
        Look::Holds(seen)
    } else {
        Look::NotYet(seen)
    }
}
