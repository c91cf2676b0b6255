//! Faults beside each other, after each other, and with nobody to see recovery.

use std::time::Duration;

use seatrial::journal::History;
use seatrial::journal::timeline::{Timeline, Window};
use seatrial::plan::{Check, FaultEnd};
use seatrial::scenario::{FaultAction, Part, Target};
use seatrial::units::Span;

use super::plans::{self, with_fault};
use super::{outline, passed, run_sim};

fn windows(history: &History) -> Vec<Window> {
    Timeline::of(history).faults
}

/// A machine takes longer to boot than the plan has between the end of one and the next.
#[tokio::test(start_paused = true)]
async fn what_follows_in_the_plan_waits_for_what_is_over_by_then() {
    let plan = with_fault(plans::web(), 10, FaultAction::Stop(Target::Manager));
    let mut plan = with_fault(plan, 30, FaultAction::Stop(Target::Manager));
    for fault in &mut plan.faults {
        fault.end = FaultEnd::After(Span::secs(20));
    }
    let history = run_sim(&plan, None).await;
    let windows = windows(&history);
    let (healed, begun) = (windows[0].healed, windows[1].injecting);
    let apart = healed.zip(begun);
    let apart = apart.is_some_and(|(healed, begun)| healed.seq < begun.seq);
    assert!(apart, "{}", outline(&history));
}

#[tokio::test(start_paused = true)]
async fn a_heal_waits_until_what_was_struck_meanwhile_is_over() {
    // Its loss is over at once.
    let registry = FaultAction::Kill(Target::Part(Part::Registry));
    let host = FaultAction::Kill(Target::HostOf("nginx".to_owned()));
    let plan = with_fault(plans::beside_a_registry(), 10, registry);
    let history = run_sim(&with_fault(plan, 16, host), None).await;
    passed(&history);
    let windows = windows(&history);
    let begun = windows[1].injecting.zip(windows[0].recovered);
    let meanwhile = begun.is_some_and(|(begun, recovered)| begun.seq > recovered.seq);
    assert!(meanwhile, "{}", outline(&history));
    let waited = windows[0].healing.zip(windows[1].recovered);
    let waited = waited.is_some_and(|(healing, recovered)| healing.seq > recovered.seq);
    assert!(waited, "{}", outline(&history));
}

/// It would be over before any manager has noticed it.
#[tokio::test(start_paused = true)]
async fn without_a_steady_state_a_fault_lasts_as_long_as_it_may() {
    let host = Target::HostOf("mariadb".to_owned());
    let mut plan = with_fault(plans::database(), 10, FaultAction::Isolate(host.into()));
    plan.steady.clear();
    plan.checks
        .retain(|one| !matches!(one, Check::Recovers { .. }));
    let history = run_sim(&plan, None).await;
    let window = &windows(&history)[0];
    assert_eq!(window.recovered, None, "{}", outline(&history));
    let lasted = window.healing.zip(window.injected);
    let lasted = lasted.map(|(healing, injected)| healing.at - injected.at);
    assert!(lasted >= Some(Duration::from_secs(119)), "{lasted:?}");
}
