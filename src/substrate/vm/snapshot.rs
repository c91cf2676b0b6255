//! Saved swarms: each machine's memory and disks, as they stood at one moment.
//!
//! A snapshot is never written to again, nor replaced: a restored machine writes to overlays of its
//! own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::accelerator::counter_khz;
use super::prepare::{Facts, make_folder};
use crate::plan::Plan;
use crate::substrate::Trouble;

/// The moments that are worth saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Every engine answers; there is no swarm yet.
    Booted,
    /// The swarm is formed; nothing is mounted or deployed.
    Formed,
    /// The plan's stack is deployed and its steady state holds.
    Steady,
}

/// One saved swarm, complete or about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Its key.
    pub(super) key: String,
    /// Its folder.
    pub(super) folder: PathBuf,
}

/// The last file of a snapshot to be written. Its time is when the snapshot was last used.
pub(super) const ABOUT: &str = "snapshot.json";

/// What a snapshot is: the first three are for people.
#[derive(Serialize, Deserialize)]
pub(super) struct About {
    moment: String,
    scenario: String,
    machines: Vec<String>,
    /// Drawn when it was saved: another snapshot of the same key has other disks.
    pub(super) id: u64,
    /// The snapshot on whose disks its own are overlays.
    pub(super) rests_on: Option<Base>,
    /// How often this computer's counter ticked in a millisecond, where it has one: the guests'
    /// clocks were told so when they booted.
    #[serde(default)]
    pub(super) khz: Option<u64>,
}

/// A snapshot that holds the disks below those of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Base {
    pub(super) key: String,
    pub(super) id: u64,
}

impl Snapshot {
    /// A machine's saved memory, compressed.
    pub(super) fn memory(&self, machine: &str) -> PathBuf {
        self.folder.join(format!("{machine}.memory.zst"))
    }

    /// A machine's disk: `system` or `state`.
    pub(super) fn disk(&self, machine: &str, disk: &str) -> PathBuf {
        self.folder.join(format!("{machine}.{disk}.qcow2"))
    }

    /// Makes room for it; what an interrupted save left is removed.
    pub(super) fn begin(&self) -> Result<(), Trouble> {
        let _ = std::fs::remove_dir_all(&self.folder);
        make_folder(&self.folder)
    }

    /// Marks it as whole.
    pub(super) fn finish(
        &self,
        plan: &Plan,
        moment: Moment,
        machines: Vec<String>,
        rests_on: Option<Base>,
    ) -> Result<(), Trouble> {
        let about = About {
            moment: format!("{moment:?}"),
            scenario: plan.name.clone(),
            machines,
            id: rand::random(),
            rests_on,
            khz: counter_khz(),
        };
        let path = self.folder.join(ABOUT);
        serde_json::to_vec_pretty(&about)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(&path, text))
            .map_err(|error| Trouble(format!("cannot write `{}`: {error}", path.display())))
    }
}

/// How machines are made and how a swarm is formed of them: a change of either makes every
/// snapshot stale.
const MADE_BY: [&str; 6] = [
    include_str!("machine/command.rs"),
    include_str!("assemble.rs"),
    include_str!("../nodes/file.rs"),
    include_str!("../nodes/form.rs"),
    include_str!("share.rs"),
    include_str!("../nodes/share.rs"),
];

/// How the other machines and the managers' API are set up, before the steady state is saved.
const PARTS_BY: [&str; 5] = [
    include_str!("api.rs"),
    include_str!("../nodes/api.rs"),
    include_str!("../nodes/balancer.rs"),
    include_str!("../nodes/certificate.rs"),
    include_str!("../nodes/registry.rs"),
];

/// The hash of everything that decides what a snapshot holds.
pub(super) fn key(plan: &Plan, facts: &Facts, moment: Moment) -> String {
    let mut digest = Sha256::new();
    let mut add = |text: String| {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    };
    MADE_BY.iter().for_each(|source| add((*source).to_owned()));
    add(format!(
        "{moment:?} {} {} {}",
        facts.key, facts.qemu, facts.accelerator
    ));
    let processor = facts.accelerator.cpu();
    add(format!("{processor} {}", facts.accelerator.quick_words()));
    for node in &plan.topology.nodes {
        let role = (moment != Moment::Booted).then_some(node.role);
        add(format!("{} {} {role:?}", node.name, node.address));
    }
    // Without these a key stays as it was before they could be asked for.
    let (balancer, registry) = (&plan.topology.balancer, &plan.topology.registry);
    if balancer.is_some() || registry.is_some() {
        add(format!("{balancer:?} {registry:?}"));
    }
    if moment == Moment::Steady {
        if balancer.is_some() || registry.is_some() || !plan.topology.api.is_closed() {
            add(format!("{:?}", plan.topology.api));
            // Later stacks too: their ports and images are taken in before.
            for service in plan.services() {
                add(format!("{} {:?}", service.image, service.published));
            }
            PARTS_BY.iter().for_each(|source| add((*source).to_owned()));
        }
        add(format!("{:?}", plan.topology.storage));
        if plan.topology.async_share {
            add(include_str!("export.rs").to_owned());
        }
        add(format!("{:?}", plan.share));
        add(format!("{:?} {:?}", plan.steady, facts.variables));
        if let Some(stack) = &plan.stack {
            add(format!("{} {}", stack.name, stack.text));
        }
    }
    format!("{:x}", digest.finalize())[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::Api;
    use crate::substrate::nodes::balancer::tests::article;
    use crate::substrate::vm::accelerator::Accelerator;

    fn facts() -> Facts {
        Facts {
            key: "images".into(),
            engine: "20.10.24".into(),
            kernel: "6.1".into(),
            qemu: "7.2".into(),
            accelerator: Accelerator::Tcg,
            boot_seconds: 20.0,
            images: BTreeMap::new(),
            variables: BTreeMap::new(),
        }
    }

    #[test]
    fn a_swarm_with_a_balancer_is_not_one_without() {
        let with = article("14-balancer");
        let mut without = with.clone();
        without.topology.balancer = None;
        for moment in [Moment::Booted, Moment::Formed, Moment::Steady] {
            let key = |plan: &Plan| key(plan, &facts(), moment);
            assert_ne!(key(&with), key(&without), "{moment:?}");
            assert_eq!(key(&with), key(&with.clone()));
        }
    }

    #[test]
    fn the_same_machines_boot_once_whatever_swarm_they_form() {
        let one = article("14-balancer");
        let mut other = one.clone();
        other.topology.nodes[2].role = crate::plan::Role::Worker;
        let key = |plan: &Plan, moment| key(plan, &facts(), moment);
        assert_eq!(key(&one, Moment::Booted), key(&other, Moment::Booted));
        assert_ne!(key(&one, Moment::Formed), key(&other, Moment::Formed));
    }

    #[test]
    fn a_share_mounted_without_locks_is_another_share() {
        let with = article("13-two-databases-with-locks");
        let mut without = with.clone();
        without.topology.storage = article("13-two-databases-without-locks").topology.storage;
        let key = |plan: &Plan, moment| key(plan, &facts(), moment);
        assert_eq!(key(&with, Moment::Formed), key(&without, Moment::Formed));
        assert_ne!(key(&with, Moment::Steady), key(&without, Moment::Steady));
        let storage = without.topology.storage.expect("a share");
        assert!(storage.options.ends_with(",nolock"), "{}", storage.options);
    }

    #[test]
    fn how_the_api_is_opened_is_decided_after_the_swarm_is_formed() {
        let tls = article("15-managers-api-tls");
        let mut plain = tls.clone();
        plain.topology.api = Api::Plain;
        let key = |plan: &Plan, moment| key(plan, &facts(), moment);
        assert_eq!(key(&tls, Moment::Formed), key(&plain, Moment::Formed));
        assert_ne!(key(&tls, Moment::Steady), key(&plain, Moment::Steady));
    }
}
