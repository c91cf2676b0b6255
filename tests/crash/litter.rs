//! The simulated place with real things on this computer beside it, announced, made and removed as
//! the place of virtual machines does it.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use seatrial::capability::Capabilities;
use seatrial::journal::{Clock, Event, Journal, Resource};
use seatrial::leavings;
use seatrial::plan::Plan;
use seatrial::substrate::sim::Sim;
use seatrial::substrate::{Identity, Lab, Place, Trouble};

/// The place, and what it made.
#[derive(Clone)]
pub(crate) struct Littering {
    pub(crate) sim: Sim,
    /// Where the folder of disks and that of sockets are.
    pub(crate) places: [PathBuf; 2],
    pub(crate) made: Arc<Mutex<Vec<Litter>>>,
}

/// Two folders, a socket and a machine.
pub(crate) struct Litter {
    folders: [PathBuf; 2],
    held: Vec<File>,
    socket: UnixListener,
    machine: Child,
}

impl Litter {
    /// Makes all of it; announces what it makes if there is a journal to do so in.
    pub(crate) fn make(places: &[PathBuf; 2], journal: Option<&Journal>) -> Result<Self, Trouble> {
        let announce = |resource| match journal {
            Some(journal) => journal.record(Event::Creating(resource)).map(drop),
            None => Ok(()),
        };
        let trouble =
            |error: std::io::Error| Trouble(format!("cannot make what is to be left: {error}"));
        let name = leavings::name();
        let folders = places.each_ref().map(|place| place.join(&name));
        for folder in &folders {
            let path = folder.display().to_string();
            announce(Resource::Folder { path })?;
        }
        for folder in &folders {
            std::fs::create_dir_all(folder).map_err(trouble)?;
        }
        let held = folders.iter().filter_map(|folder| leavings::hold(folder));
        let held = held.collect();
        let socket = UnixListener::bind(folders[1].join("server-3.lan")).map_err(trouble)?;
        let name = "server-3".to_owned();
        announce(Resource::Machine { name })?;
        let machine = machine(&folders[0].join("server-3.system.qcow2")).map_err(trouble)?;
        Ok(Self {
            folders,
            held,
            socket,
            machine,
        })
    }

    /// Removes it, as a tear-down does.
    fn remove(mut self) {
        self.machine.kill().expect("it ends");
        self.machine.wait().expect("it ended");
        drop((self.socket, self.held));
        for folder in &self.folders {
            std::fs::remove_dir_all(folder).expect("removed");
        }
    }
}

impl Littering {
    /// Removes whatever is there.
    pub(crate) fn tear_down(&self) {
        let made = std::mem::take(&mut *self.made.lock().expect("no panic"));
        made.into_iter().for_each(Litter::remove);
    }
}

/// A process that passes for a machine with this disk. It does not end with the harness: that the
/// real ones do is not what `heal` may rely on.
fn machine(disk: &Path) -> std::io::Result<Child> {
    std::fs::write(disk, "x")?;
    Command::new("tail")
        .arg0("qemu-system-x86_64")
        .arg("-f")
        .arg(disk)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

#[async_trait]
impl Place for Littering {
    fn capabilities(&self) -> Capabilities {
        self.sim.capabilities()
    }

    fn identity(&self, plan: &Plan) -> Identity {
        self.sim.identity(plan)
    }

    async fn bring_up(&self, plan: &Plan, journal: &Journal) -> Result<Arc<dyn Lab>, Trouble> {
        let litter = Litter::make(&self.places, Some(journal))?;
        self.made.lock().expect("no panic").push(litter);
        self.sim.bring_up(plan, journal).await
    }

    async fn inventory(&self) -> Result<BTreeSet<String>, Trouble> {
        leavings::inventory(&self.places).map_err(|error| Trouble(error.to_string()))
    }

    fn clock(&self) -> Clock {
        self.sim.clock()
    }
}
