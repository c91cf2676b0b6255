//! What the harness holds of each host: its lease and its packet filter, also where the host is
//! turned off or frozen on purpose.

use std::time::Duration;

use futures_util::future::join_all;

use super::lab::HostsLab;
use super::restore::answers;
use super::{lease, mark, power};
use crate::journal::Event;
use crate::substrate::nodes::residents::STOP;
use crate::substrate::nodes::{COMMAND, Nodes, SHUTDOWN};
use crate::substrate::{Lab, PowerOff, Trouble};
use crate::wait::{Look, until};

impl HostsLab {
    fn set_away(&self, node: &str, away: bool) {
        let all = self.away.lock();
        let mut all = all.unwrap_or_else(std::sync::PoisonError::into_inner);
        match away {
            true => all.insert(node.to_owned()),
            false => all.remove(node),
        };
    }

    /// Takes the lease of a host, and raises its packet filter.
    pub(super) async fn hold(&self, node: &str) -> Result<(), Trouble> {
        let keep = self.keep(node)?;
        let owner = &self.lent.owner;
        keep.lease.take(self.fleet.ssh(node)?, node, owner).await?;
        if self.walls {
            keep.guard.raise(self.nodes()).await?;
        }
        self.set_away(node, false);
        Ok(())
    }

    /// Takes them again once a host is back that was away. It has mended itself when it booted, or
    /// when it was not spoken to.
    async fn hold_again(&self, node: &str) -> Result<(), Trouble> {
        answers(&self.fleet, node).await?;
        lease::undo_now(self.fleet.ssh(node)?, node, &self.lent.owner).await?;
        self.hold(node).await
    }

    /// Gives up before anything was changed, where not every host could be had: another run may
    /// have one, and the swarm is its to restore. What is left behind, if anything is.
    pub(super) async fn withdraw(&self) -> Option<String> {
        join_all(self.keeps.values().map(|keep| keep.lease.end())).await;
        let gone = self.fleet.names().map(|name| self.give_up(name));
        let gone = join_all(gone).await.into_iter().filter_map(Result::err);
        let mut left: Vec<String> = gone.map(|trouble| trouble.0).collect();
        self.fleet.close().await;
        left.extend(self.folders.remove());
        (!left.is_empty()).then(|| left.join("; "))
    }

    /// Takes what this run put on a host off it again. A lease that was not had may have left its
    /// undo.
    async fn give_up(&self, node: &str) -> Result<(), Trouble> {
        let (ssh, owner) = (self.fleet.ssh(node)?, &self.lent.owner);
        if mark::owner_of(ssh, node).await?.as_ref() != Some(owner) {
            return Ok(());
        }
        lease::undo_now(ssh, node, owner).await?;
        mark::release(ssh, node, owner).await.map(drop)
    }

    /// Lets a host go that is about to be turned off or frozen. Its lease is not ended: then it
    /// would start the engine again that it is about to lose.
    async fn let_go(&self, node: &str) -> Result<(), Trouble> {
        if self.walls {
            // What was counted goes with the machine.
            self.keep(node)?.guard.counted(self.nodes()).await;
        }
        self.set_away(node, true);
        Ok(())
    }

    pub(super) fn is_away(&self, node: &str) -> bool {
        let away = self.away.lock();
        let away = away.unwrap_or_else(std::sync::PoisonError::into_inner);
        away.contains(node)
    }

    /// A lease that was lost on the way is trouble: that host has undone what the plan broke.
    pub(super) async fn held(&self, node: &str) -> Result<(), Trouble> {
        if self.is_away(node) {
            return Ok(());
        }
        match self.keep(node)?.lease.lost().await {
            None => Ok(()),
            Some(why) => {
                let what = format!("`{node}` lost its lease and undid its faults: {why}");
                self.journal.record(Event::Trouble { what: what.clone() })?;
                Err(Trouble(what))
            }
        }
    }

    /// Turns a host off, and returns when its switch says that it is.
    pub(super) async fn turn_off(&self, node: &str, how: PowerOff) -> Result<(), Trouble> {
        if how == PowerOff::Shutdown && self.powered(node).await {
            self.keep(node)?.residents.stopping(true);
            self.nodes().sh(node, STOP, SHUTDOWN).await?;
        }
        self.let_go(node).await?;
        self.switch_off(node, how).await?;
        let look = || async {
            match self.powered(node).await {
                false => Look::Holds(()),
                true => Look::NotYet("it has power".to_owned()),
            }
        };
        let off = until(
            format!("the end of `{node}`"),
            SHUTDOWN,
            Duration::from_secs(1),
            look,
        );
        off.await.map_err(|late| Trouble(late.to_string()))?;
        self.keep(node)?.lease.forget().await;
        Ok(())
    }

    /// Turns a host on that is off, takes its lease again, and waits for its engine.
    pub(super) async fn turn_on(&self, node: &str) -> Result<(), Trouble> {
        if !self.powered(node).await {
            let power = self.fleet.host(node)?.power.as_ref();
            let power = power.ok_or_else(|| Trouble(format!("`{node}` has no switch")))?;
            power::switch(node, &power.on).await?;
        }
        self.hold_again(node).await?;
        self.keep(node)?.residents.stopping(false);
        self.nodes().engine_answers(node).await
    }

    /// Freezes a host, or lets it go on and takes its lease again.
    pub(super) async fn freeze(&self, machine: &str, paused: bool) -> Result<(), Trouble> {
        let power = self.fleet.host(machine)?.power.as_ref();
        let verbs = power.and_then(|power| Some((power.pause.as_ref()?, power.resume.as_ref()?)));
        let (pause, resume) = verbs.ok_or_else(|| {
            let what = format!("nobody can freeze `{machine}`");
            Trouble(what)
        })?;
        if paused {
            self.let_go(machine).await?;
            return power::switch(machine, pause).await;
        }
        power::switch(machine, resume).await?;
        self.hold_again(machine).await
    }

    async fn switch_off(&self, node: &str, how: PowerOff) -> Result<(), Trouble> {
        let host = self.fleet.host(node)?;
        let power = host.power.as_ref();
        let power = power.ok_or_else(|| Trouble(format!("`{node}` has no switch")))?;
        match (how, &power.off, &power.cut) {
            (PowerOff::Shutdown, Some(off), _) => power::switch(node, off).await,
            (PowerOff::Shutdown, None, _) => {
                // It may end before it has said that it was told.
                let told = self.run(node, "systemctl --no-block poweroff", b"", COMMAND);
                let _ = told.await;
                Ok(())
            }
            (PowerOff::Cut, _, Some(cut)) => power::switch(node, cut).await,
            (PowerOff::Cut, ..) => Err(Trouble(format!("nobody can cut the power of `{node}`"))),
        }
    }
}
