//! `exercised`: the promise was really put to the test. Never `fail`: what was not exercised is
//! unknown.

use super::away;
use crate::journal::timeline::{Mark, Timeline, Window};
use crate::journal::{Answer, Event, History, Outcome, Phase};
use crate::verdict::wording::counted;
use crate::verdict::{Finding, Verdict};

/// Successes that each workload must have when there is no fault to overlap.
const FEWEST: u64 = 10;

/// One workload's acts: where in the record, and whether each succeeded.
struct Acts {
    name: String,
    acts: Vec<(Mark, bool)>,
    /// The last time that the server said that the whole table is gone: no insert can succeed
    /// then, and yet the workload is answered.
    gone: u64,
}

impl Acts {
    /// How many successes lie strictly between two entries.
    fn successes(&self, after: u64, before: u64) -> u64 {
        let good = |(mark, good): &&(Mark, bool)| *good && mark.seq > after && mark.seq < before;
        self.acts.iter().filter(good).count() as u64
    }

    /// True if anything was tried between two entries.
    fn tried(&self, after: u64, before: u64) -> bool {
        self.acts
            .iter()
            .any(|(mark, _)| mark.seq > after && mark.seq < before)
    }
}

/// Judges the run as a whole.
pub(super) fn check(history: &History, timeline: &Timeline) -> Finding {
    let mut lacks = Vec::new();
    let mut evidence = Vec::new();
    for (index, window) in timeline.faults.iter().enumerate() {
        let what = format!("fault {} ({})", index + 1, window.named());
        evidence.extend(window.evidence());
        if window.confirmed.is_none() {
            lacks.push(format!("{what} was not confirmed"));
        } else if window.not_confirmed.is_some() {
            lacks.push(format!("{what} was gone before it was healed"));
        } else if window.healed.is_none() {
            lacks.push(format!("{what} was not seen to be healed"));
        } else if is_late(window, timeline) {
            let asked = "the steady state was asked for";
            lacks.push(format!("{what} was healed only after {asked}"));
        }
        lacks.extend(away::unnoticed(history, window));
    }
    for (index, deed) in timeline.actions.iter().enumerate() {
        evidence.extend(deed.evidence());
        if deed.confirmed.is_none() {
            let why = match deed.words.as_str() {
                "" => String::new(),
                words => format!(": {words}"),
            };
            lacks.push(format!(
                "action {} ({}) was not seen{why}",
                index + 1,
                deed.named()
            ));
        }
    }
    let workloads = acts(history);
    for workload in &workloads {
        lacks.extend(idle(workload, timeline));
    }
    let planned = timeline.faults.len() as u64;
    let acted = timeline.actions.len() as u64;
    if planned + acted == 0 && workloads.is_empty() {
        match history
            .looks(0, u64::MAX)
            .iter()
            .find(|(_, look)| look.holds)
        {
            Some((mark, _)) => evidence.push(mark.seq),
            None => lacks.push("no fault, no workload, and no steady state".to_owned()),
        }
    }
    if !lacks.is_empty() {
        return Finding::new("exercised", Verdict::Unknown, lacks.join("; "), evidence);
    }
    let successes = workloads.iter().map(|workload| {
        let times = counted(workload.successes(0, u64::MAX), "time");
        format!("`{}` succeeded {times}", workload.name)
    });
    let said = match planned {
        0 if acted > 0 => format!("{} seen", counted(acted, "action")),
        0 => "no fault planned".to_owned(),
        _ => format!("{} confirmed and healed", counted(planned, "fault")),
    };
    let also = (planned > 0 && acted > 0).then(|| format!("{} seen", counted(acted, "action")));
    let said: Vec<String> = [said].into_iter().chain(also).chain(successes).collect();
    Finding::new("exercised", Verdict::Pass, said.join("; "), evidence)
}

/// True for a fault that was still in force when everybody looked whether all is well again: its
/// nodes were left out of that.
fn is_late(window: &Window, timeline: &Timeline) -> bool {
    let asked = timeline.phase(Phase::SteadyAfter);
    let late = window.healed.zip(asked);
    late.is_some_and(|(healed, asked)| healed.seq > asked.seq)
}

/// What a workload did not do.
fn idle(workload: &Acts, timeline: &Timeline) -> Vec<String> {
    let name = &workload.name;
    let (what, end) = if timeline.actions.is_empty() {
        ("fault", "heal")
    } else {
        ("fault or action", "fault or action")
    };
    let (Some(first), last) = ours(timeline) else {
        return too_few(workload).into_iter().collect();
    };
    let mut lacks = Vec::new();
    if workload.successes(0, first.seq) == 0 {
        lacks.push(format!("`{name}` had no success before the first {what}"));
    }
    for (index, window) in timeline.faults.iter().enumerate() {
        let Some(struck) = window.injected.or(window.confirmed) else {
            continue;
        };
        let healing = window.healing.map_or(u64::MAX, |mark| mark.seq);
        if !workload.tried(struck.seq, healing) {
            lacks.push(format!("`{name}` tried nothing during fault {}", index + 1));
        }
    }
    if let Some(last) = last
        && workload.successes(last.seq, u64::MAX) == 0
        && workload.gone <= last.seq
    {
        lacks.push(format!("`{name}` had no success after the last {end}"));
    }
    if lacks.is_empty() {
        lacks.extend(too_few(workload));
    }
    lacks
}

/// That a workload did next to nothing over the whole load.
fn too_few(workload: &Acts) -> Option<String> {
    let done = workload.successes(0, u64::MAX);
    let said = || {
        format!(
            "`{}` succeeded {} only",
            workload.name,
            counted(done, "time")
        )
    };
    (done < FEWEST).then(said)
}

/// The first moment that a fault or an action began, and the last that one of them was over; the
/// latter is missing while some fault is still in force.
fn ours(timeline: &Timeline) -> (Option<Mark>, Option<Mark>) {
    let (broken, healed) = timeline.broken_span();
    let (acting, seen) = timeline.changed_span();
    let earlier = broken.into_iter().chain(acting).min_by_key(|mark| mark.seq);
    let last = match (broken, healed) {
        (Some(_), None) => None,
        _ => healed.into_iter().chain(seen).max_by_key(|mark| mark.seq),
    };
    (earlier, last)
}

/// Every act of every workload of the plan.
fn acts(history: &History) -> Vec<Acts> {
    let names = history
        .plan
        .workloads
        .iter()
        .map(|workload| workload.name().to_owned());
    let mut all: Vec<Acts> = names
        .map(|name| Acts {
            name,
            acts: Vec::new(),
            gone: 0,
        })
        .collect();
    for entry in &history.entries {
        let (name, good, gone) = match &entry.event {
            // One that the harness did not make is none.
            Event::Got {
                answer: Answer::Unasked(_) | Answer::Unsent(_),
                ..
            } => continue,
            Event::Insert { workload, .. } => (workload, false, false),
            Event::Inserted {
                workload, outcome, ..
            } => {
                let gone = outcome.tells_that_the_table_is_gone();
                (workload, *outcome == Outcome::Acknowledged, gone)
            }
            Event::Got {
                workload, answer, ..
            } => (workload, *answer == Answer::Right, false),
            _ => continue,
        };
        if let Some(one) = all.iter_mut().find(|one| &one.name == name) {
            one.acts.push((entry.into(), good));
            if gone {
                one.gone = entry.seq;
            }
        }
    }
    all
}
