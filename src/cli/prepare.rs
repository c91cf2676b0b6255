//! `seatrial prepare`: builds what machines start from, and says what there is.

use anyhow::Context;
use seatrial::substrate::Place;
use seatrial::substrate::vm::{self, Progress, Vm};
use tokio::runtime::Runtime;

use super::interrupt::Interrupts;
use super::{Exit, cache, output, up};

/// Builds what is not there yet. What an interrupted build left is built anew the next time.
pub(super) fn run() -> anyhow::Result<Exit> {
    let cache = cache::folder()?;
    let progress = Progress::terminal();
    let prepared = Runtime::new().context("cannot start")?.block_on(async {
        let mut interrupts = Interrupts::catch()?;
        tokio::select! {
            images = vm::prepare(&cache, &progress) => anyhow::Ok(Some(images?)),
            () = interrupts.next() => Ok(None),
        }
    })?;
    let Some(images) = prepared else {
        output::tell("interrupted: nothing was kept; `seatrial prepare` starts again");
        return Ok(Exit::INTERRUPTED);
    };
    let vm = Vm::new(images, &cache, progress, false);
    output::print(&facts(&vm)?)?;
    Ok(Exit::PASS)
}

/// What there is, a line each.
fn facts(vm: &Vm) -> anyhow::Result<String> {
    let identity = vm.identity(&up::plan_of_a_swarm(vm)?);
    let versions = identity.versions.iter();
    let mut rows: Vec<[String; 2]> = versions
        .map(|(name, version)| [name.clone(), version.clone()])
        .collect();
    for (name, image) in &identity.images {
        rows.push(["image".to_owned(), format!("{name} is {image}")]);
    }
    rows.push(["accelerator".to_owned(), identity.accelerator]);
    rows.push(["patience".to_owned(), identity.patience.to_string()]);
    Ok(output::table(["what", "which"], rows))
}
