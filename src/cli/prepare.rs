//! `seatrial prepare`: builds what machines or containers start from, and says what there is.

use std::path::Path;

use anyhow::Context;
use seatrial::substrate::Place;
use seatrial::substrate::Progress;
use seatrial::substrate::dind::{self, Dind};
use seatrial::substrate::vm::{self, Release, Vm};
use tokio::runtime::Runtime;

use super::ground::{Engines, On};
use super::interrupt::Interrupts;
use super::{Exit, cache, engine, output, up};

/// What `prepare` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// For what place; for `dind` its engine is tried too
    #[arg(long, value_enum, default_value_t = On::Vm)]
    on: On,

    /// The Debian release that the engine comes from: `bookworm`, `trixie` or `forky`; may be given
    /// several times
    #[arg(long = "engine", value_name = "RELEASE", default_value = "bookworm")]
    engines: Vec<Release>,
}

/// Builds what is not there yet. What an interrupted build left is built anew the next time.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let cache = cache::folder()?;
    for engine in &args.engines {
        let engines = Engines {
            engine: *engine,
            ..Engines::default()
        };
        engines.fit(args.on)?;
    }
    let prepared = Runtime::new().context("cannot start")?.block_on(async {
        let mut interrupts = Interrupts::catch()?;
        tokio::select! {
            built = build(args, &cache) => return anyhow::Ok(Some(built?)),
            () = interrupts.next() => {}
        }
        if args.on == On::Dind {
            output::tell("interrupted: removing what was tried; once more to end at once");
            tokio::select! {
                () = engine::give_up() => {}
                () = interrupts.next() => {
                    output::tell("interrupted again: `seatrial heal --all` removes what is left");
                }
            }
        }
        Ok(None)
    })?;
    let Some(tables) = prepared else {
        output::tell("interrupted: nothing was kept; `seatrial prepare` starts again");
        return Ok(Exit::INTERRUPTED);
    };
    output::print(&tables.join("\n"))?;
    Ok(Exit::PASS)
}

/// Builds one release after the other, and says what there is of each.
async fn build(args: &Args, cache: &Path) -> anyhow::Result<Vec<String>> {
    let progress = Progress::terminal();
    if args.on == On::Dind {
        let address = engine::address()?;
        // Somebody who asks may have mended something.
        dind::forget(cache, &address);
        let images = dind::prepare(cache, &progress).await?;
        let dind = Dind::tried(&images, &address, cache, &progress).await?;
        return Ok(vec![abilities(&dind)]);
    }
    let mut tables = Vec::new();
    for release in &args.engines {
        let images = vm::prepare(cache, *release, &progress).await?;
        tables.push(facts(&Vm::new(images, cache, progress.clone(), false))?);
    }
    Ok(tables)
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

/// What an engine and its kernel were seen to do, a line each.
fn abilities(dind: &Dind) -> String {
    let seen = dind.ability();
    let told = |found: &Result<(), String>| match found {
        Ok(()) => "yes".to_owned(),
        Err(why) => format!("no: {why}"),
    };
    let rights = match &seen.capabilities {
        None => "privileged".to_owned(),
        Some(granted) => format!("{} capabilities, not privileged", granted.len()),
    };
    let rows = [
        ("docker around the nodes", seen.engine.clone()),
        ("linux", seen.kernel.clone()),
        ("rights", rights),
        ("routing mesh", told(&seen.mesh)),
        ("netem", told(&seen.netem)),
        ("NFS", told(&seen.nfs)),
        ("patience", dind.patience().to_string()),
    ];
    let rows = rows.map(|(what, which)| [what.to_owned(), which]);
    output::table(["what", "which"], rows)
}
