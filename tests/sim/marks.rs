//! What each way to misbehave leaves in the journal, and an honest run does not.

use seatrial::journal::{
    ActionStep, Answer, ApiError, ContainerSeen, Event, History, Outcome, Rows,
};

use super::count;

pub(crate) fn holds(ranges: &[(u64, u64)], row: u64) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&row))
}

pub(crate) fn running_in(containers: &[ContainerSeen]) -> usize {
    containers.iter().filter(|one| one.running).count()
}

pub(crate) fn any(history: &History, wanted: impl Fn(&Event) -> bool) -> bool {
    count(history, wanted) > 0
}

pub(crate) fn found(
    history: &History,
) -> impl Iterator<Item = (&Vec<(u64, u64)>, &Vec<u64>, &Vec<String>)> {
    history
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::ReadBack {
                rows:
                    Rows::Found {
                        ranges,
                        duplicates,
                        strange,
                    },
                ..
            } => Some((ranges, duplicates, strange)),
            _ => None,
        })
}

pub(crate) fn acknowledged_is_missing(history: &History) -> bool {
    let is_there = |row: u64| found(history).all(|(ranges, ..)| holds(ranges, row));
    any(history, |e| match e {
        Event::Inserted { row, outcome, .. } => {
            *outcome == Outcome::Acknowledged && !is_there(*row)
        }
        _ => false,
    })
}

pub(crate) fn duplicate(history: &History) -> bool {
    found(history).any(|(_, duplicates, _)| duplicates == &[7])
}

pub(crate) fn strange(history: &History) -> bool {
    found(history).any(|(.., strange)| !strange.is_empty())
}

pub(crate) fn never_load(history: &History) -> bool {
    trouble(history)
        && !any(history, |e| {
            matches!(e, Event::Got { .. } | Event::Insert { .. })
        })
}

pub(crate) fn two_of_a_slot(history: &History) -> bool {
    let mut running = std::collections::BTreeMap::<String, usize>::new();
    history.entries.iter().any(|entry| {
        if let Event::Containers(seen) = &entry.event {
            let here = seen.seen.as_ref().map_or(0, |all| running_in(all));
            running.insert(seen.node.clone(), here);
        }
        running.values().sum::<usize>() > 1
    })
}

pub(crate) fn not_confirmed(history: &History) -> bool {
    any(history, |e| matches!(e, Event::NotConfirmed { .. }))
        && !any(history, |e| {
            matches!(e, Event::Confirmed { .. } | Event::Recovered { .. })
        })
}

pub(crate) fn gone_early(history: &History) -> bool {
    any(history, |e| matches!(e, Event::Confirmed { .. }))
        && any(history, |e| matches!(e, Event::NotConfirmed { .. }))
}

pub(crate) fn nothing_acknowledged(history: &History) -> bool {
    any(history, |e| matches!(e, Event::Inserted { .. }))
        && !any(history, |e| {
            matches!(
                e,
                Event::Inserted {
                    outcome: Outcome::Acknowledged,
                    ..
                }
            )
        })
}

pub(crate) fn unreadable(history: &History) -> bool {
    any(history, |e| match e {
        Event::ReadBack { via, rows, .. } => {
            via == "server-2" && matches!(rows, Rows::Unreadable(_))
        }
        _ => false,
    })
}

pub(crate) fn complaint(history: &History) -> bool {
    any(history, |e| match e {
        Event::TableCheck(one) => matches!(&one.said, Ok(words)
            if words.iter().any(|word| word.text != "OK")),
        _ => false,
    })
}

pub(crate) fn unchecked(history: &History) -> bool {
    any(
        history,
        |e| matches!(e, Event::TableCheck(one) if one.said.is_err()),
    )
}

pub(crate) fn task_failed(history: &History) -> bool {
    any(
        history,
        |e| matches!(e, Event::Task(task) if task.state == "failed"),
    )
}

pub(crate) fn managers_said(history: &History, wanted: impl Fn(&ApiError) -> bool) -> bool {
    let all = |e: &Event| {
        matches!(e, Event::Poll(poll)
            if poll.managers.iter().all(|m| m.error.as_ref().is_some_and(&wanted)))
    };
    any(history, all) && not_recovered(history)
}

pub(crate) fn silent_managers(history: &History) -> bool {
    managers_said(history, |e| matches!(e, ApiError::TimedOut(_)))
}

pub(crate) fn babbling_managers(history: &History) -> bool {
    managers_said(history, |e| matches!(e, ApiError::NotUnderstood(_)))
}

pub(crate) fn heal_failed(history: &History) -> bool {
    any(history, |e| matches!(e, Event::HealFailed { .. }))
        && !any(history, |e| matches!(e, Event::Healed { .. }))
}

pub(crate) fn not_recovered(history: &History) -> bool {
    any(history, |e| matches!(e, Event::Confirmed { .. }))
        && !any(history, |e| matches!(e, Event::Recovered { .. }))
}

pub(crate) fn lost_at_the_balancer(history: &History) -> bool {
    // Until it is noticed, a dead node costs requests; nobody loses any ten seconds later.
    let lost = history.entries.iter().filter(|entry| match &entry.event {
        Event::Got { answer, .. } => matches!(answer, Answer::Failed(_)),
        _ => false,
    });
    let times: Vec<_> = lost.map(seatrial::journal::Entry::at).collect();
    let (first, last) = (times.first(), times.last());
    first
        .zip(last)
        .is_some_and(|(first, last)| last.as_secs() > first.as_secs() + 10)
}

pub(crate) fn action_not_seen(history: &History) -> bool {
    any(
        history,
        |e| matches!(e, Event::Action(one) if matches!(one.step, ActionStep::NotConfirmed(_))),
    )
}

pub(crate) fn request_lost(history: &History) -> bool {
    any(history, |e| {
        matches!(
            e,
            Event::Got {
                answer: Answer::Failed(_),
                ..
            }
        )
    })
}

pub(crate) fn trouble(history: &History) -> bool {
    any(history, |e| matches!(e, Event::Trouble { .. }))
}

pub(crate) fn gave_way(history: &History) -> bool {
    any(history, |e| matches!(e, Event::GaveWay { .. }))
}

pub(crate) fn wrong(history: &History) -> bool {
    any(history, |e| {
        matches!(
            e,
            Event::Got {
                answer: Answer::Wrong(_),
                ..
            }
        )
    })
}

pub(crate) fn half_a_page(history: &History) -> bool {
    any(history, |e| match e {
        Event::Got { answer, .. } => {
            matches!(answer, Answer::Failed(why) if why.contains("broke off"))
        }
        _ => false,
    })
}

pub(crate) fn silent_pages(history: &History) -> bool {
    let silent = |e: &Event| match e {
        Event::Got { via, answer, .. } => {
            via == "server-1" && matches!(answer, Answer::Failed(why) if why.contains("no answer"))
        }
        _ => false,
    };
    count(history, silent) > 20
}

pub(crate) fn no_way(history: &History) -> bool {
    any(history, |e| match e {
        Event::Got { answer, .. } => matches!(answer, Answer::Unasked(_)),
        _ => false,
    })
}

pub(crate) fn no_way_to_a_database(history: &History) -> bool {
    let unasked = |e: &Event| {
        matches!(e, Event::Steady(steady) if steady.cannot_tell
            && steady.probes.iter().any(|said| said.contains("there is no way to")))
    };
    any(history, unasked) && not_recovered(history)
}

pub(crate) fn rows_of_nobody(history: &History) -> bool {
    found(history).any(|(ranges, ..)| holds(ranges, 1_000_001))
}

pub(crate) fn refused_is_there(history: &History) -> bool {
    let is_there = |row: u64| found(history).any(|(ranges, ..)| holds(ranges, row));
    any(history, |e| match e {
        Event::Inserted { row, outcome, .. } => {
            matches!(outcome, Outcome::Refused(_)) && is_there(*row)
        }
        _ => false,
    })
}

pub(crate) fn no_table(history: &History) -> bool {
    any(history, |e| {
        matches!(
            e,
            Event::ReadBack {
                rows: Rows::NoTable,
                ..
            }
        )
    })
}

pub(crate) fn nobody_is_down(history: &History) -> bool {
    not_recovered(history)
        && !any(
            history,
            |e| matches!(e, Event::Node(one) if one.state == "down"),
        )
}

pub(crate) fn silent_engine(history: &History) -> bool {
    any(history, |e| match e {
        Event::Containers(look) => {
            look.node == "server-4" && matches!(look.seen, Err(ApiError::TimedOut(_)))
        }
        _ => false,
    })
}

pub(crate) fn left_behind(history: &History) -> bool {
    any(
        history,
        |e| matches!(e, Event::Residue(left) if !left.is_empty()),
    )
}

pub(crate) fn never_audited(history: &History) -> bool {
    !any(history, |e| matches!(e, Event::Residue(_)))
}

pub(crate) fn told_from_the_future(history: &History) -> bool {
    history.entries.iter().any(|entry| match &entry.event {
        Event::Task(task) => task
            .timestamp
            .is_some_and(|told| told.duration_since(entry.wall).as_secs() > 3000),
        _ => false,
    })
}

pub(crate) fn clock_jumped(history: &History) -> bool {
    let walls = history.entries.windows(2);
    gave_way(history)
        && walls
            .clone()
            .any(|two| two[1].wall.duration_since(two[0].wall).as_secs() > 3000)
}

pub(crate) fn panicked(history: &History) -> bool {
    any(
        history,
        |e| matches!(e, Event::Trouble { what } if what.contains("panicked")),
    )
}
