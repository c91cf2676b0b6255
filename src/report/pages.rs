//! What became of each page's requests, in numbers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::journal::{Answer, Event, History};
use crate::plan::Workload;
use crate::verdict::wording::{count, counted};

/// One `get` workload's numbers.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Pages {
    /// The workload's name.
    pub(super) name: String,
    /// Requests that ended.
    pub(super) requests: u64,
    /// Answered with status 200 and the right body.
    pub(super) answered: u64,
    /// Answered with something else.
    pub(super) wrong: u64,
    /// Not answered.
    pub(super) lost: u64,
    /// Those not answered, by the node asked.
    pub(super) lost_on: BTreeMap<String, u64>,
}

impl Pages {
    /// One line.
    pub(super) fn line(&self) -> String {
        let wrong = match self.wrong {
            0 => String::new(),
            wrong => format!(", {} wrong", count(wrong)),
        };
        let on = self.lost_on.iter();
        let on: Vec<String> = on
            .map(|(node, lost)| format!("{} on {node}", count(*lost)))
            .collect();
        let on = if on.is_empty() {
            String::new()
        } else {
            format!(" ({})", on.join(", "))
        };
        format!(
            "{}: {}, {} answered{wrong}, {} lost{on}",
            self.name,
            counted(self.requests, "request"),
            count(self.answered),
            count(self.lost)
        )
    }
}

/// The numbers of every `get` workload of the plan.
pub(super) fn of(history: &History) -> Vec<Pages> {
    let workloads = history.plan.workloads.iter();
    let mut all: Vec<Pages> = workloads
        .filter(|workload| matches!(workload, Workload::Get { .. }))
        .map(|workload| Pages {
            name: workload.name().to_owned(),
            ..Pages::default()
        })
        .collect();
    for entry in &history.entries {
        let Event::Got {
            workload,
            via,
            answer,
            ..
        } = &entry.event
        else {
            continue;
        };
        let Some(pages) = all.iter_mut().find(|one| &one.name == workload) else {
            continue;
        };
        match answer {
            Answer::Right => pages.answered += 1,
            Answer::Wrong(_) => pages.wrong += 1,
            Answer::Unasked(_) | Answer::Unsent(_) => continue,
            Answer::Failed(_) => {
                pages.lost += 1;
                *pages.lost_on.entry(via.clone()).or_default() += 1;
            }
        }
        pages.requests += 1;
    }
    all
}
