//! `seatrial heal`: removes what killed runs left, from another process, by their journals alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use seatrial::journal::{Cleared, Stored, read};
use seatrial::substrate::dind;
use seatrial::wait::{Look, until};
use seatrial::{heal, leavings};
use tokio::runtime::Runtime;

use super::record::Which;
use super::{Exit, cache, engine, output};

/// How long the lock of a harness that was killed a moment ago may still be held.
const DYING: Duration = Duration::from_secs(1);

/// The pace of trying it.
const PACE: Duration = Duration::from_millis(50);

/// What `heal` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,

    /// Every run, and whatever harnesses that are gone left in the cache and on the Docker engine
    #[arg(long, conflicts_with = "run")]
    all: bool,

    /// Give a swarm back that was lent to the run, by its inventory
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    inventory: Option<PathBuf>,
}

/// Heals, and says what was done, one line each.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let runtime = Runtime::new().context("cannot start")?;
    let whole = runtime.block_on(async {
        if args.all {
            all(&args.which).await
        } else {
            let journal = args.which.journal()?;
            match heal_run(&journal, args.inventory.as_deref()).await? {
                Healed::Alive(who) => {
                    let run = named(&journal);
                    bail!("{who} of `{run}` is alive; interrupt it, or wait for its end");
                }
                Healed::Over(cleared) => told(&named(&journal), &cleared, true),
            }
        }
    })?;
    Ok(if whole { Exit::PASS } else { Exit::UNKNOWN })
}

/// Heals every run, and removes every folder of a swarm that no living harness uses. True if
/// nothing is left of any.
async fn all(which: &Which) -> anyhow::Result<bool> {
    let (mut whole, mut quiet) = (true, true);
    for journal in which.all()? {
        let run = named(&journal);
        match heal_run(&journal, None).await {
            Ok(Healed::Over(cleared)) => {
                quiet &= cleared.as_ref().is_none_or(|one| one.done.is_empty());
                whole &= told(&run, &cleared, false)?;
            }
            Ok(Healed::Alive(who)) => {
                quiet = false;
                output::print(&format!("{run}: {who} is alive, so it is left alone\n"))?;
            }
            Err(error) => {
                whole = false;
                output::tell(format_args!("error: {run}: {error:#}"));
            }
        }
    }
    for folder in abandoned(&cache::folder()?)? {
        let Some(name) = folder.file_name() else {
            continue;
        };
        let path = folder.display().to_string();
        if leavings::in_use(&folder) {
            quiet = false;
            let said = format!("{path}: a living harness uses it, so it is left alone\n");
            output::print(&said)?;
            continue;
        }
        // Its sockets are under the same name, where paths are short.
        let sockets = std::env::temp_dir().join(name);
        let leavings::Outcome { done, failed } = leavings::clear(&[folder, sockets]).await;
        quiet = false;
        let torn = None;
        whole &= told(&path, &Some(Cleared { done, failed, torn }), false)?;
    }
    let (removed, idle) = on_engine().await?;
    (whole, quiet) = (whole && removed, quiet && idle);
    if whole && quiet {
        output::print("nothing is left of any run\n")?;
    }
    Ok(whole)
}

/// Removes every swarm that no living harness uses from the engine of `dind`, if one answers.
/// Whether nothing is left, and whether nothing was.
async fn on_engine() -> anyhow::Result<(bool, bool)> {
    // Whoever has no engine that `dind` could use has nothing there.
    let Ok(engine) = engine::address() else {
        return Ok((true, true));
    };
    let swarms = match dind::swarms(&engine).await {
        Ok(swarms) => swarms,
        Err(_) if is_none(&engine) => return Ok((true, true)),
        Err(why) => {
            output::tell(format_args!(
                "error: nobody can tell what is left there: {why}"
            ));
            return Ok((false, false));
        }
    };
    let (mut whole, quiet) = (true, swarms.is_empty());
    for (swarm, things) in swarms {
        let named = format!("{engine}: {swarm}");
        if let Some(who) = dind::user(&things) {
            output::print(&format!("{named}: {who} uses it, so it is left alone\n"))?;
            continue;
        }
        let leavings::Outcome { done, failed } = dind::clear(&engine, &swarm).await;
        let torn = None;
        whole &= told(&named, &Some(Cleared { done, failed, torn }), false)?;
    }
    Ok((whole, quiet))
}

/// True for the socket of an engine that is not installed here.
fn is_none(engine: &str) -> bool {
    let socket = engine.strip_prefix("unix://");
    socket.is_some_and(|socket| !Path::new(socket).exists())
}

/// What became of one run.
enum Healed {
    /// Its harness lives; who that is.
    Alive(String),
    /// It is over, and this was done now; none if it was seen to before and nothing is left.
    Over(Option<Cleared>),
}

/// Heals one run, and writes down what was done.
async fn heal_run(journal: &Path, inventory: Option<&Path>) -> anyhow::Result<Healed> {
    let look = || async {
        match Stored::take(journal) {
            Ok(Some(stored)) => Look::Holds(Ok(stored)),
            Ok(None) => Look::NotYet("its harness holds it".to_owned()),
            Err(error) => Look::Holds(Err(error)),
        }
    };
    let taken = until("the journal", DYING, PACE, look).await;
    let Ok(taken) = taken else {
        return Ok(Healed::Alive(holder(journal)));
    };
    let mut stored = taken?;
    if stored.is_blank()? {
        return Ok(Healed::Over(None));
    }
    let history = read(journal).context("this run cannot be healed")?;
    let cleared = heal::clear(&history, inventory).await;
    let idle = cleared.done.is_empty() && cleared.failed.is_empty();
    if idle && heal::is_settled(&history) {
        return Ok(Healed::Over(None));
    }
    if let Err(error) = stored.append(&history, cleared.clone()) {
        // What was done is done, whether or not it can be written down.
        told(&named(journal), &Some(cleared), true)?;
        return Err(error.into());
    }
    Ok(Healed::Over(Some(cleared)))
}

/// Whoever holds a journal, as its header says.
fn holder(journal: &Path) -> String {
    let pid = read(journal).ok().and_then(|history| history.header.pid);
    pid.map_or("the harness".to_owned(), |pid| {
        format!("the harness, process {pid},")
    })
}

/// Says what was done about a run. True if nothing is left of it.
fn told(run: &str, cleared: &Option<Cleared>, always: bool) -> anyhow::Result<bool> {
    let idle = Cleared::default();
    let Cleared { done, failed, .. } = cleared.as_ref().unwrap_or(&idle);
    let mut text: String = done.iter().map(|one| format!("{run}: {one}\n")).collect();
    if failed.is_empty() && done.is_empty() && (always || cleared.is_some()) {
        text = format!("{run}: nothing is left\n");
    }
    output::print(&text)?;
    for one in failed {
        output::tell(format_args!("error: {run}: {one}"));
    }
    Ok(failed.is_empty())
}

/// A run by its folder.
fn named(journal: &Path) -> String {
    let folder = journal
        .parent()
        .filter(|_| journal.ends_with("journal.jsonl"));
    folder.unwrap_or(journal).display().to_string()
}

/// The folders of swarms in a cache, and those of sockets that have none there any more.
fn abandoned(cache: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let work = cache.join(leavings::WORK);
    let entries = match std::fs::read_dir(&work) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        other => Some(other.with_context(|| format!("cannot read `{}`", work.display()))?),
    };
    let entries = entries.into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = paths
        .filter(|path| leavings::owner(path).is_some())
        .collect();
    folders.extend(leavings::strays(&std::env::temp_dir(), &work));
    folders.sort();
    Ok(folders)
}
