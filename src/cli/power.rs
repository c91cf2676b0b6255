//! `seatrial power`: turns a machine of the kept swarm off or on, as a foreign swarm's owner would.

use std::fmt;

use anyhow::{Context, bail};
use clap::ValueEnum;
use seatrial::substrate::{Lab, PowerOff, Trouble};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::kept::{Kept, Reply, Request};
use super::{Exit, cache, output};

/// What `power` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The machine, such as `server-3` or `storage`
    node: String,

    /// What to do; what is so already is done
    #[arg(value_enum)]
    act: Act,
}

/// What can be done to a machine's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Act {
    /// Print `on`, `off` or `paused`; the exit code is 1 for `off`
    Status,
    /// Turn it on, and wait until it does what it is there for
    On,
    /// Have it shut down, and wait until it has
    Off,
    /// Cut the power: whatever was not flushed is gone
    Cut,
    /// Freeze it with its power on
    Pause,
    /// Let it go on
    Resume,
}

impl Act {
    /// Its word on the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::On => "on",
            Self::Off => "off",
            Self::Cut => "cut",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// What a machine has, as seen from outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Power {
    /// It runs.
    On,
    /// It has none.
    Off,
    /// It has power, and stands still.
    Paused,
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Paused => "paused",
        })
    }
}

impl Power {
    /// How a question for it ends: as programs ask that only want to know whether there is any.
    fn exit(self) -> Exit {
        match self {
            Self::On | Self::Paused => Exit::PASS,
            Self::Off => Exit(1),
        }
    }
}

/// Has the keeper do it.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let kept = Kept::of(&cache::folder()?);
    kept.refuse_without(&args.node)?;
    let request = Request::Power {
        node: args.node.clone(),
        act: args.act,
    };
    let reply = Runtime::new()
        .context("cannot start")?
        .block_on(kept.ask(&request))?;
    match (reply, args.act) {
        (Reply::Power(power), Act::Status) => {
            output::print(&format!("{power}\n"))?;
            Ok(power.exit())
        }
        (Reply::Power(_), _) => Ok(Exit::PASS),
        (Reply::Trouble(what), _) => bail!("{what}"),
        (other, _) => bail!("the keeper answered something else: {other:?}"),
    }
}

/// Does it, and says what the machine has then.
pub(super) async fn turn(lab: &dyn Lab, node: &str, act: Act) -> Result<Power, Trouble> {
    let before = look(lab, node).await;
    match (act, before) {
        (Act::Status, _) => return Ok(before),
        // Neither would end: it can do nothing.
        (Act::On | Act::Off, Power::Paused) => {
            let first = format!("`seatrial power {node} resume` first");
            return Err(Trouble(format!("`{node}` stands still: {first}")));
        }
        (Act::Pause | Act::Resume, Power::Off) => {
            return Err(Trouble(format!(
                "`{node}` has no power: `seatrial power {node} on` first"
            )));
        }
        (Act::On, _) => lab.power_on(node).await?,
        (Act::Off, _) => lab.power_off(node, PowerOff::Shutdown).await?,
        (Act::Cut, _) => lab.power_off(node, PowerOff::Cut).await?,
        (Act::Pause, _) => lab.pause(node, true).await?,
        (Act::Resume, _) => lab.pause(node, false).await?,
    }
    let wanted = match act {
        Act::On | Act::Resume => Power::On,
        Act::Off | Act::Cut => Power::Off,
        Act::Pause => Power::Paused,
        Act::Status => before,
    };
    match look(lab, node).await {
        after if after == wanted => Ok(after),
        after => Err(Trouble(format!("`{node}` is {after}, not {wanted}"))),
    }
}

/// What it has now. One that cannot say whether it stands still has power all the same.
async fn look(lab: &dyn Lab, node: &str) -> Power {
    if !lab.powered(node).await {
        Power::Off
    } else if matches!(lab.paused(node).await, Ok(true)) {
        Power::Paused
    } else {
        Power::On
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use seatrial::substrate::sim::{Sabotage, Sim};

    use super::super::ground::Ground;
    use super::super::up;
    use super::*;

    /// A swarm of a few lines of memory.
    fn lab(sim: &Sim) -> Arc<dyn Lab> {
        let ground = Ground::Sim(sim.clone());
        sim.lab(&up::plain(&ground).expect("a plan"))
    }

    #[tokio::test(start_paused = true)]
    async fn every_act_is_done_once_and_may_be_asked_twice() {
        let lab = lab(&Sim::new());
        for (act, after) in [
            (Act::Status, Power::On),
            (Act::On, Power::On),
            (Act::Pause, Power::Paused),
            (Act::Pause, Power::Paused),
            (Act::Status, Power::Paused),
            (Act::Resume, Power::On),
            (Act::Resume, Power::On),
            (Act::Off, Power::Off),
            (Act::Off, Power::Off),
            (Act::Status, Power::Off),
            (Act::Cut, Power::Off),
            (Act::On, Power::On),
            (Act::Pause, Power::Paused),
            (Act::Cut, Power::Off),
        ] {
            let done = turn(&*lab, "server-3", act).await;
            assert_eq!(done.expect("done"), after, "{act:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_done_is_said() {
        let lab = lab(&Sim::new());
        let refused = async |act| turn(&*lab, "server-3", act).await.expect_err("refused").0;
        turn(&*lab, "server-3", Act::Pause).await.expect("paused");
        let still = "`server-3` stands still: `seatrial power server-3 resume` first";
        assert_eq!(refused(Act::On).await, still);
        assert_eq!(refused(Act::Off).await, still);
        turn(&*lab, "server-3", Act::Cut).await.expect("off");
        let off = "`server-3` has no power: `seatrial power server-3 on` first";
        assert_eq!(refused(Act::Pause).await, off);
        assert_eq!(refused(Act::Resume).await, off);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_only_promised_is_not_done() {
        let liar = Sim::with(Sabotage::FaultDoesNotBite);
        let lab = lab(&liar);
        let said = turn(&*lab, "server-3", Act::Off).await.expect_err("on").0;
        assert_eq!(said, "`server-3` is on, not off");
    }

    #[test]
    fn programs_learn_from_the_exit_code_whether_there_is_power() {
        let ends = [Power::On, Power::Paused, Power::Off].map(|power| power.exit().0);
        assert_eq!(ends, [0, 0, 1]);
    }

    #[test]
    fn the_words_of_an_inventory_are_those_of_the_command_line() {
        for act in Act::value_variants() {
            let value = act.to_possible_value().expect("a word");
            assert_eq!(value.get_name(), act.word());
        }
    }
}
