//! Ctrl-C and SIGTERM: the first asks for an orderly end, the second gets any end at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use seatrial::journal::{Event, Resource};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Exit;
use super::screen::Screen;

/// What the second interrupt leaves behind, for people.
#[derive(Clone, Default)]
pub(super) struct Left(Arc<Mutex<Option<Leavings>>>);

/// What a run under way has on this computer.
#[derive(Default)]
struct Leavings {
    /// The run's folder.
    run: PathBuf,
    /// The folders that it announced.
    folders: Vec<PathBuf>,
    /// The swarms on Docker engines that it announced, in words.
    swarms: Vec<String>,
    /// The inventory of a swarm that was lent to it.
    inventory: Option<String>,
    /// Its faults by index: what, and whether it was begun and not seen to be healed.
    faults: BTreeMap<usize, (String, bool)>,
}

impl Left {
    /// From now on, whatever this run has would be left.
    pub(super) fn begin(&self, run: &Path) {
        *self.lock() = Some(Leavings {
            run: run.into(),
            ..Leavings::default()
        });
    }

    /// From now on, nothing would be.
    pub(super) fn end(&self) {
        *self.lock() = None;
    }

    /// Takes in an entry of the run's journal.
    pub(super) fn note(&self, event: &Event) {
        if let Some(left) = self.lock().as_mut() {
            left.note(event);
        }
    }

    /// What is left now, and what to do about it.
    fn told(&self) -> Option<String> {
        self.lock().as_ref().map(Leavings::told)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Leavings>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leavings {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Creating(Resource::Folder { path }) => self.folders.push(path.into()),
            Event::Creating(Resource::Labelled { engine, swarm }) => {
                self.swarms
                    .push(format!("what `{engine}` has with the label of `{swarm}`"));
            }
            Event::Creating(Resource::Lent(lent)) => {
                let (stacks, inventory) = (lent.stacks.join("`, `"), &lent.inventory);
                self.swarms.push(format!(
                    "the stacks `{stacks}` in the swarm of `{inventory}`"
                ));
                self.inventory = Some(lent.inventory.clone());
            }
            Event::Intent(intent) => {
                let named = format!("{} {}", intent.verb, intent.targets.join(", "));
                let named = format!("fault {} ({named})", intent.fault + 1);
                self.faults.insert(intent.fault, (named, false));
            }
            Event::Injecting { fault } => self.set(*fault, true),
            Event::Healed { fault, .. } => self.set(*fault, false),
            _ => {}
        }
    }

    fn set(&mut self, fault: usize, in_force: bool) {
        if let Some(known) = self.faults.get_mut(&fault) {
            known.1 = in_force;
        }
    }

    fn told(&self) -> String {
        let in_force = self.faults.values().filter(|(_, in_force)| *in_force);
        let mut all: Vec<String> = in_force.map(|(named, _)| named.clone()).collect();
        let there = self.folders.iter().filter(|folder| folder.exists());
        all.extend(there.map(|folder| format!("`{}`", folder.display())));
        if self.folders.iter().any(|folder| folder.exists()) {
            all.extend(self.swarms.iter().cloned());
        }
        let mut run = self.run.display().to_string();
        if let Some(inventory) = &self.inventory {
            run += &format!(" --inventory {inventory}");
        }
        match all.is_empty() {
            true => format!("nothing is left but the journal; `seatrial heal {run}` makes sure"),
            false => format!("left: {}; `seatrial heal {run}` removes it", all.join(", ")),
        }
    }
}

/// Both signals that ask a command to end.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on, neither ends the process by itself.
    pub(super) fn catch() -> anyhow::Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    /// Waits for the next of either.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Cancels the token at the first, and ends the process at the second.
pub(super) fn watch(stop: &CancellationToken, left: &Left, screen: &Screen) -> anyhow::Result<()> {
    let mut interrupts = Interrupts::catch()?;
    let (stop, left, screen) = (stop.clone(), left.clone(), screen.clone());
    tokio::spawn(async move {
        interrupts.next().await;
        screen.tell("interrupted: healing and cleaning up; once more to end at once");
        stop.cancel();
        interrupts.next().await;
        screen.end();
        match left.told() {
            Some(what) => screen.tell(format_args!("interrupted again: {what}")),
            None => screen.tell("interrupted again: `seatrial heal --all` removes what is left"),
        }
        end_at_once();
    });
    Ok(())
}

/// Ends the process without any clean-up.
#[expect(
    clippy::exit,
    reason = "the user asked twice; machines die with this process"
)]
fn end_at_once() -> ! {
    std::process::exit(Exit::INTERRUPTED.0.into())
}

#[cfg(test)]
mod tests {
    use seatrial::journal::Intent;

    use super::*;

    #[test]
    fn what_is_left_is_named_with_the_command_that_removes_it() {
        let left = Left::default();
        assert_eq!(left.told(), None);
        left.begin(Path::new("runs/one"));
        let nothing = "nothing is left but the journal; `seatrial heal runs/one` makes sure";
        assert_eq!(left.told().as_deref(), Some(nothing));
        let there = tempfile::tempdir().expect("a folder");
        for path in [there.path(), Path::new("/nowhere/at/all")] {
            let path = path.display().to_string();
            left.note(&Event::Creating(Resource::Folder { path }));
        }
        let intent = |fault| Intent {
            fault,
            verb: "kill".to_owned(),
            targets: vec!["server-3".to_owned()],
            chosen: "worker".to_owned(),
            rule: None,
            witness: None,
            inside: None,
        };
        (0..3).for_each(|fault| left.note(&Event::Intent(intent(fault))));
        (1..3).for_each(|fault| left.note(&Event::Injecting { fault }));
        let evidence = "it is on".to_owned();
        left.note(&Event::Healed { fault: 1, evidence });
        let path = there.path().display();
        let all =
            format!("left: fault 3 (kill server-3), `{path}`; `seatrial heal runs/one` removes it");
        assert_eq!(left.told(), Some(all));
        left.end();
        assert_eq!(left.told(), None);
    }
}
