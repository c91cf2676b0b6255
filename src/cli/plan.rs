//! `seatrial plan`: says what would happen, and changes nothing.

use seatrial::plan::{Outcome, text};

use super::ground::Ground;
use super::scenarios::Asked;
use super::{Exit, cache, output};

/// What `plan` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    asked: Asked,
}

/// Prints every plan.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let asked = &args.asked;
    let cache = cache::folder()?;
    let (on, why) = asked.on(&cache)?;
    let ground = asked.ground(on, &cache, false)?;
    let outcomes = asked.plan(&ground.options(asked.seed(), asked.no_faults))?;
    if let Some(why) = why {
        output::tell(why);
    }
    match ground {
        Ground::Unprepared { .. } => output::tell(
            "note: no image is built and nothing was measured: budgets are those of a quick \
             machine; see `seatrial prepare`",
        ),
        Ground::Untried => output::tell(
            "note: nobody knows what this engine and its kernel can do: the best is assumed, and \
             budgets are those of a quick machine; see `seatrial prepare --on dind`",
        ),
        _ => {}
    }
    let mut exit = Exit::NOTHING_RAN;
    let texts = outcomes.iter().map(|outcome| match outcome {
        Outcome::Ready(plan) => {
            exit = Exit::PASS;
            text(plan)
        }
        Outcome::Skipped { name, reason } => format!("{name}: skipped: {reason}\n"),
    });
    let texts: Vec<String> = texts.collect();
    output::print(&texts.join("\n"))?;
    Ok(exit)
}
