//! Saves a few lines of what failed, for people.

use std::time::Duration;

use tokio::time::timeout;

use super::redact::Redact;
use super::trial::{Trial, lock};
use crate::journal::{Event, TaskSeen};

/// Containers that are quoted at a time, the latest first.
const CONTAINERS: usize = 3;

/// Lines that are quoted of each, the last ones.
const LINES: usize = 10;

/// How long one container's log may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Journals the last words of the tasks that ended badly.
pub(super) async fn last_words(trial: &Trial) {
    let redact = Redact::of(&trial.plan);
    for task in ended_badly(trial) {
        let (Some(node), Some(container)) = (&task.node, &task.container) else {
            continue;
        };
        let asked = trial.lab.last_words(node, container);
        let Ok(lines) = timeout(ANSWER, asked).await else {
            continue;
        };
        if lines.is_empty() {
            continue;
        }
        // A key goes over several lines, and is no longer known for one once some are cut off.
        let shown = redact.text(&lines.join("\n"));
        let mut lines: Vec<String> = shown.lines().map(str::to_owned).collect();
        let lines = lines.split_off(lines.len().saturating_sub(LINES));
        let (service, id) = (&task.service, &task.id);
        let said = redact.text(&task.message);
        let source = format!("`{service}` on `{node}`, task {id}: {said}");
        trial.tell(Event::Excerpt { source, lines });
    }
}

/// The latest tasks that failed or were rejected.
fn ended_badly(trial: &Trial) -> Vec<TaskSeen> {
    let merged = lock(&trial.merged);
    let mut ended: Vec<TaskSeen> = merged
        .tasks()
        .filter(|task| matches!(task.state.as_str(), "failed" | "rejected"))
        .cloned()
        .collect();
    ended.sort_by_key(|task| std::cmp::Reverse((task.timestamp, task.index)));
    ended.truncate(CONTAINERS);
    ended
}
