//! What a run leaves on this computer: what is there after its tear-down and was not before.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::heal;
use crate::journal::{Event, Journal, JournalError, Phase, read};
use crate::substrate::{Place, Trouble};
use crate::wait::{self, Look};

/// How long what was ended may take to be gone: tasks that were told to end close their sockets a
/// moment later.
const ENDING: Duration = Duration::from_secs(5);

/// The pace of looking.
const PACE: Duration = Duration::from_millis(50);

/// What is there before anything is made; none where nobody could tell, which is journaled.
pub(super) async fn before(
    place: &dyn Place,
    journal: &Journal,
) -> Result<Option<BTreeSet<String>>, JournalError> {
    match place.inventory().await {
        Ok(there) => {
            journal.record(Event::Inventory(there.iter().cloned().collect()))?;
            Ok(Some(there))
        }
        Err(why) => {
            let what = format!("nobody saw what was there before the run: {why}");
            journal.record(Event::Trouble { what })?;
            Ok(None)
        }
    }
}

/// Journals what is left, once everything was removed.
pub(super) async fn after(
    place: &dyn Place,
    journal: &Journal,
    before: &BTreeSet<String>,
) -> Result<(), JournalError> {
    let left = || async {
        let there = place.inventory().await?;
        Ok::<_, Trouble>(there.difference(before).cloned().collect::<Vec<_>>())
    };
    let look = || async {
        match left().await {
            Ok(left) if left.is_empty() => Look::Holds(()),
            Ok(left) => Look::NotYet(left.join("; ")),
            Err(why) => Look::CannotTell(why.to_string()),
        }
    };
    // What it came to is looked at once more: the last look counts, not how long it took.
    let _ = wait::until("nothing to be left", ENDING, PACE, look).await;
    let event = match left().await {
        Ok(left) => Event::Residue(left),
        Err(why) => Event::Trouble {
            what: format!("nobody can tell what the run left; see `seatrial heal`: {why}"),
        },
    };
    journal.record(event).map(drop)
}

/// Removes what was announced of a lab that was given up half made.
pub(super) async fn give_up(journal: &Journal) -> Result<(), JournalError> {
    let what = "the run was interrupted while its lab was made; what follows is its clean-up";
    journal.record(Event::Trouble {
        what: what.to_owned(),
    })?;
    journal.record(Event::Phase(Phase::TearDown))?;
    let history = read(&journal.folder().join("journal.jsonl"))?;
    // It is our own journal, so the inventory in it is the one that we were given.
    let lent = heal::lent(&history).next();
    let inventory = lent.map(|lent| std::path::PathBuf::from(&lent.inventory));
    for what in heal::clear(&history, inventory.as_deref()).await.failed {
        journal.record(Event::Trouble { what })?;
    }
    Ok(())
}
