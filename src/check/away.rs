//! Whether the managers called a node down that had no power.

use std::time::Duration;

use crate::journal::timeline::Window;
use crate::journal::{Entry, Event, History};

/// Where somebody leads, a node without power for so long is called down. It misses three
/// heartbeats of 5 s (swarmkit: `manager/dispatcher/dispatcher.go`), and longer where a new leader
/// must be found first: 47 s at the most in 32 such faults on machines and in containers.
const LONG: Duration = Duration::from_secs(90);

/// Every node that the managers went on to call ready while it was off; none where the fault was
/// too short, or nobody led all the while who could have said so.
pub(super) fn unnoticed(history: &History, window: &Window) -> Vec<String> {
    let (Some((off, _)), Some(struck), Some(healing)) =
        (window.power_cut(), window.struck(), window.healing)
    else {
        return Vec::new();
    };
    let meanwhile = |entry: &&Entry| entry.seq < healing.seq;
    let last = history.entries.iter().take_while(meanwhile);
    let last = last.filter(|entry| entry.at() + LONG >= healing.at);
    let led = last.filter_map(|entry| match &entry.event {
        Event::Poll(poll) => Some(poll.leader().is_some()),
        _ => None,
    });
    let led: Vec<bool> = led.collect();
    if healing.at < off + LONG || led.is_empty() || led.contains(&false) {
        return Vec::new();
    }
    let is_node = |name: &&String| history.plan.node_names().any(|node| node == name.as_str());
    let called_down = |name: &&String| {
        let (mut down, mut since) = (false, false);
        for entry in history.entries.iter().take_while(meanwhile) {
            if let Event::Node(node) = &entry.event
                && node.name == **name
            {
                down = node.state == "down";
                since |= down && entry.seq > struck.seq;
            }
        }
        // Of what was before the fault only the last counts, unless they took it back.
        down || since
    };
    let nodes = window.targets.iter().filter(is_node);
    let unnoticed = nodes.filter(|name| !called_down(name));
    let said = |name: &String| format!("no manager called `{name}` down in {LONG:?}");
    unnoticed.map(said).collect()
}
