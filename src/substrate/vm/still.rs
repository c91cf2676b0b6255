//! A swarm that stands still: saved whole, gone on from, or one machine of it frozen.

use std::path::PathBuf;

use super::assemble;
use super::clock::{keeps_time, set_right};
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
        self.saved.lock().await.push(snapshot);
        if let Err(trouble) = self.go_on().await {
            self.distrust_saved().await;
            return Err(trouble);
        }
        step.done();
        Ok(())
    }

    /// Goes on from a saved swarm. Every machine must be off. What does not come back whole is not
    /// gone on from again, or every run of this plan would end like this one.
    pub(super) async fn restore(&self, moment: Moment, saved: Snapshot) -> Result<(), Trouble> {
        let whole = async {
            self.come_back(&saved).await?;
            match moment {
                Moment::Booted => Ok(()),
                Moment::Formed | Moment::Steady => self.nodes().settled().await,
            }
        };
        let whole = whole.await;
        let key = saved.key.clone();
        self.saved.lock().await.push(saved);
        let Err(trouble) = whole else { return Ok(()) };
        self.distrust_saved().await;
        Err(Trouble(format!(
            "the saved swarm `{key}` did not come back whole and is not used again; \
             run once more to start without it: {trouble}"
        )))
    }

    /// Starts no run again from what this one went on from or saved.
    pub(super) async fn distrust_saved(&self) {
        for snapshot in self.saved.lock().await.drain(..) {
            let say = format!("use the saved swarm {} never again", snapshot.key);
            let step = self.vm.progress.step(say);
            self.vm.shelf.distrust(&snapshot);
            step.done();
        }
    }

    /// Starts every machine from a saved swarm.
    async fn come_back(&self, snapshot: &Snapshot) -> Result<(), Trouble> {
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

    /// Lets machines that stand still go on, and waits until their engines answer and their clocks
    /// were seen to keep our time.
    async fn go_on(&self) -> Result<(), Trouble> {
        all(self.machines.values().map(|machine| machine.resume())).await?;
        let nodes = self.nodes();
        let gone_on = self.machines.values().map(|machine| async {
            let set = set_right(&machine.agent).await?;
            if machine.spec.role == "node" {
                nodes.engine_answers(&machine.spec.name).await?;
            }
            keeps_time(&machine.agent, set).await
        });
        all(gone_on).await.map(drop)
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
        set_right(&machine.agent).await.map(drop)
    }
}
