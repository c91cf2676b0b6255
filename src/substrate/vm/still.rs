//! A swarm that stands still: saved whole, gone on from, or one machine of it frozen.

use std::path::PathBuf;
use std::time::Duration;

use super::assemble;
use super::lab::{BOOT, VmLab, all};
use super::snapshot::{Moment, Snapshot};
use crate::substrate::Trouble;

impl VmLab {
    /// Saves a moment, unless it was saved before: disks of a restored swarm are overlays on those
    /// of its snapshot, which must never be replaced. Machines of another size are never saved.
    /// True if it was saved now.
    pub(super) async fn keep(&self, moment: Moment) -> Result<bool, Trouble> {
        if self.vm.memory.is_some() {
            return Ok(false);
        }
        let shelf = &self.vm.shelf;
        match shelf.place(&self.plan, &self.vm.images.facts, moment) {
            kept if shelf.complete(&kept) => Ok(false),
            _ => self.save(moment).await.map(|()| true),
        }
    }

    /// Saves the whole swarm, which stands still meanwhile and then goes on.
    async fn save(&self, moment: Moment) -> Result<(), Trouble> {
        let snapshot = self
            .vm
            .shelf
            .place(&self.plan, &self.vm.images.facts, moment);
        let step = self
            .vm
            .progress
            .step(format!("save the swarm ({moment:?}, {})", snapshot.key));
        snapshot.begin()?;
        all(self.machines.values().map(|machine| machine.pause())).await?;
        let saves = self.machines.iter().map(|(name, machine)| {
            let memory = snapshot.memory(name);
            async move { machine.save(&memory).await }
        });
        all(saves).await?;
        for name in self.machines.keys() {
            for disk in ["system", "state"] {
                let written = self.disk(name, disk);
                std::fs::copy(&written, snapshot.disk(name, disk)).map_err(|error| {
                    Trouble(format!("cannot copy `{}`: {error}", written.display()))
                })?;
            }
        }
        let machines: Vec<String> = self.machines.keys().cloned().collect();
        let rests_on = match machines.first() {
            Some(name) => self.vm.shelf.below(&snapshot.disk(name, "system")).await?,
            None => None,
        };
        snapshot.finish(&self.plan, moment, machines, rests_on)?;
        self.vm.shelf.make_room(&snapshot);
        self.go_on().await?;
        step.done();
        Ok(())
    }

    /// Goes on from a saved swarm. Every machine must be off.
    pub(super) async fn restore(&self, snapshot: &Snapshot) -> Result<(), Trouble> {
        let step = self
            .vm
            .progress
            .step(format!("restore the swarm ({})", snapshot.key));
        self.vm.shelf.used(snapshot);
        let starts = self.machines.iter().map(|(name, machine)| async move {
            for disk in ["system", "state"] {
                assemble::overlay(&snapshot.disk(name, disk), &self.disk(name, disk)).await?;
            }
            machine.power_on(Some(&snapshot.memory(name))).await
        });
        all(starts).await?;
        self.go_on().await?;
        step.done();
        Ok(())
    }

    /// Lets machines that stand still go on, and waits until their engines answer.
    async fn go_on(&self) -> Result<(), Trouble> {
        all(self.machines.values().map(|machine| machine.resume())).await?;
        all(self
            .machines
            .values()
            .map(|machine| machine.agent.set_time(Duration::ZERO)))
        .await?;
        let nodes = self.nodes();
        all(self
            .plan
            .node_names()
            .map(|node| nodes.engine_answers(node)))
        .await?;
        Ok(())
    }

    /// A disk that a machine writes to: `system` or `state`.
    fn disk(&self, machine: &str, disk: &str) -> PathBuf {
        self.folders.disks.join(format!("{machine}.{disk}.qcow2"))
    }

    /// Freezes one machine, or lets it go on with its clock set right: it stood still too.
    pub(super) async fn freeze(&self, machine: &str, paused: bool) -> Result<(), Trouble> {
        let machine = self.machine(machine)?;
        if machine.paused().await? == paused {
            return Ok(());
        }
        if paused {
            return machine.pause().await;
        }
        machine.resume().await?;
        let ready = machine.agent.ready(BOOT).await;
        ready.map_err(|late| Trouble(late.to_string()))?;
        machine.agent.set_time(Duration::ZERO).await
    }
}
