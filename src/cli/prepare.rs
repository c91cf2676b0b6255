//! `seatrial prepare`: builds what machines start from, and says what there is.

use std::path::Path;

use anyhow::Context;
use seatrial::substrate::Place;
use seatrial::substrate::vm::{self, Images, Progress, Release, Vm};
use tokio::runtime::Runtime;

use super::interrupt::Interrupts;
use super::{Exit, cache, output, up};

/// What `prepare` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The Debian release that the engine comes from: `bookworm`, `trixie` or `forky`; may be given
    /// several times
    #[arg(long = "engine", value_name = "RELEASE", default_value = "bookworm")]
    engines: Vec<Release>,
}

/// Builds what is not there yet. What an interrupted build left is built anew the next time.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let cache = cache::folder()?;
    let progress = Progress::terminal();
    let prepared = Runtime::new().context("cannot start")?.block_on(async {
        let mut interrupts = Interrupts::catch()?;
        tokio::select! {
            built = build(args, &cache, &progress) => anyhow::Ok(Some(built?)),
            () = interrupts.next() => Ok(None),
        }
    })?;
    let Some(prepared) = prepared else {
        output::tell("interrupted: nothing was kept; `seatrial prepare` starts again");
        return Ok(Exit::INTERRUPTED);
    };
    let tables = prepared.into_iter().map(|images| {
        let vm = Vm::new(images, &cache, progress.clone(), false);
        facts(&vm)
    });
    let tables: Vec<String> = tables.collect::<anyhow::Result<_>>()?;
    output::print(&tables.join("\n"))?;
    Ok(Exit::PASS)
}

/// Builds one release after the other.
async fn build(args: &Args, cache: &Path, progress: &Progress) -> anyhow::Result<Vec<Images>> {
    let mut built = Vec::new();
    for release in &args.engines {
        built.push(vm::prepare_release(cache, *release, progress).await?);
    }
    Ok(built)
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
