//! Who goes first: an action waits for every earlier step, a fault for every earlier action, and
//! for the faults that are over by then as far as the plan can tell.

use tokio::time::Instant;

use super::trial::Trial;
use crate::plan::Plan;
use crate::wait;

/// One step of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// By its index in the plan.
    Action(usize),
    /// By its index in the plan.
    Fault(usize),
}

/// Waits for a step's hour, and until all that it waits for is over.
pub(super) async fn turn(trial: &Trial, step: Step, hour: Instant) {
    wait::pause_until(hour).await;
    let before = awaited(&trial.plan, step);
    let mut over = trial.steps_over();
    // The sender lives as long as the trial, which is borrowed here.
    let _ = over
        .wait_for(|over| before.iter().all(|step| over.contains(step)))
        .await;
}

/// The steps that must be over before this one: those that are earlier, actions before faults when
/// the time is the same. Faults may overlap each other where their times in the plan do.
fn awaited(plan: &Plan, step: Step) -> Vec<Step> {
    let place = |step: Step| {
        let at = match step {
            Step::Action(index) => plan.actions.get(index).map(|action| action.at.0),
            Step::Fault(index) => plan.faults.get(index).map(|fault| fault.at.0),
        };
        (at, step)
    };
    let actions = (0..plan.actions.len()).map(Step::Action);
    let faults = (0..plan.faults.len()).map(Step::Fault);
    let overlap = |other: Step| {
        let (Step::Fault(this), Step::Fault(other)) = (step, other) else {
            return false;
        };
        let both = plan.faults.get(this).zip(plan.faults.get(other));
        both.is_some_and(|(this, other)| other.at.0 + other.end.longest().0 > this.at.0)
    };
    let earlier = |other: &Step| place(*other) < place(step) && !overlap(*other);
    actions.chain(faults).filter(earlier).collect()
}
