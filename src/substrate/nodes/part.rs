//! The machines that are no nodes: whether they do what they are there for.

use std::time::Duration;

use super::certificate::Certificates;
use super::file::File;
use super::{BOOT, COMMAND, Nodes};
use crate::journal::{Answer, ApiError};
use crate::plan::Node;
use crate::remote::page;
use crate::scenario::{Api, Part, Target};
use crate::substrate::{PageRequest, Trouble};
use crate::wait::{Look, until};

/// What an engine is given that listens on the LAN.
pub(in crate::substrate) type Listens = fn(&Node, Api, Option<&Certificates>) -> Vec<File>;

/// How a place keeps the servers of such machines, and its engines: shell commands for the most.
#[derive(Clone, Copy, Debug)]
pub(in crate::substrate) struct Servers {
    /// Has the storage machine export its folder; right also when it does already.
    pub(in crate::substrate) export: &'static str,
    /// Succeeds while it exports something.
    pub(in crate::substrate) exports: &'static str,
    /// Has HAProxy start anew, with the configuration that is there.
    pub(in crate::substrate) balancer: &'static str,
    /// The same for the registry.
    pub(in crate::substrate) registry: &'static str,
    /// The files by which a manager's engine listens on the LAN.
    pub(in crate::substrate) listens: Listens,
    /// Has that engine start anew, with the files that are there.
    pub(in crate::substrate) engine: &'static str,
}

/// What a machine is, if it is no node.
pub(in crate::substrate) fn part(machine: &str) -> Option<Part> {
    match Target::from_word(machine) {
        Target::Part(part) => Some(part),
        _ => None,
    }
}

impl dyn Nodes + '_ {
    /// The commands of this place, if it makes such machines.
    pub(in crate::substrate) fn kept(&self) -> Result<Servers, Trouble> {
        let none = || Trouble("this place sets up no servers".to_owned());
        self.servers().ok_or_else(none)
    }

    /// Whether it answers, on a path that no fault of the LAN cuts.
    pub(in crate::substrate) async fn part_answers(
        &self,
        machine: &str,
        part: Part,
    ) -> Result<(), ApiError> {
        let port = self.plan().topology.registry.as_ref().map(|one| one.port);
        match part {
            Part::Balancer => self.balancer_serves(machine).await,
            Part::Registry => {
                self.registry_serves(machine, port.unwrap_or_default())
                    .await
            }
            Part::Storage => {
                let unreachable = |trouble: Trouble| ApiError::Unreachable(trouble.0);
                let exports = self.kept().map_err(unreachable)?.exports;
                if !self.is_on(machine).await {
                    return Err(ApiError::Unreachable(format!("`{machine}` has no power")));
                }
                let ran = self.run(machine, exports, b"", COMMAND).await;
                match ran.map(|ran| ran.code) {
                    Ok(0) => Ok(()),
                    Ok(_) => Err(ApiError::Unreachable("nothing is exported".to_owned())),
                    Err(trouble) => Err(ApiError::TimedOut(trouble.0)),
                }
            }
        }
    }

    /// Waits until it answers, after it was turned on.
    pub(in crate::substrate) async fn part_serves(
        &self,
        machine: &str,
        part: Part,
    ) -> Result<(), Trouble> {
        self.takes_commands(machine).await?;
        if part == Part::Storage {
            self.sh(machine, self.kept()?.export, COMMAND).await?;
        }
        self.until_it_answers(machine, part, BOOT).await
    }

    /// Waits until it answers, once it was told to work.
    pub(in crate::substrate) async fn until_it_answers(
        &self,
        machine: &str,
        part: Part,
        within: Duration,
    ) -> Result<(), Trouble> {
        let look = || async {
            match self.part_answers(machine, part).await {
                Ok(()) => Look::Holds(()),
                Err(error) => Look::NotYet(error.to_string()),
            }
        };
        let pace = Duration::from_millis(250);
        until(format!("`{machine}` to answer"), within, pace, look)
            .await
            .map_err(|late| Trouble(late.to_string()))
    }

    /// Whether a machine answers a page with this body, on a path that no fault of the LAN cuts.
    pub(in crate::substrate) async fn page_is(
        &self,
        machine: &str,
        port: u16,
        path: &str,
        body: &str,
    ) -> Result<(), ApiError> {
        let address = self.address(machine, port).await;
        let address = address.map_err(|trouble| ApiError::Unreachable(trouble.0))?;
        let ask = PageRequest {
            path: path.to_owned(),
            body: body.to_owned(),
            within: Duration::from_secs(5),
        };
        match page::get(address, &ask).await {
            Answer::Right => Ok(()),
            Answer::Wrong(what) => Err(ApiError::NotUnderstood(what)),
            Answer::Failed(why) | Answer::Unasked(why) | Answer::Unsent(why) => {
                Err(ApiError::Unreachable(why))
            }
        }
    }
}
