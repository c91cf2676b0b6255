//! Every scenario that comes with Seatrial, acted out.
//!
//! A scenario whose steady state contradicts its own actions never passes anywhere; here that shows
//! within a second. Nothing here is a verdict about Swarm.

use std::path::PathBuf;

use rstest::rstest;
use seatrial::check::check;
use seatrial::substrate::sim::Sabotage;
use seatrial::verdict::Verdict;

use super::{passed, planned, run_sim};

/// What a scenario shows that this place does only when it is told to.
fn told_to(name: &str) -> Option<Sabotage> {
    match name {
        "13-two-databases-with-locks" => Some(Sabotage::SecondServerEnds),
        "13-two-databases-without-locks" => Some(Sabotage::LoseRow),
        _ => None,
    }
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_scenario_passes_where_everything_behaves(
    #[files("scenarios/**/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: PathBuf,
    #[values(false, true)] no_faults: bool,
) {
    let plan = planned(&path, no_faults);
    let sabotage = told_to(&plan.name);
    if sabotage.is_some() {
        let judgement = check(&run_sim(&plan, None).await);
        assert_eq!(
            judgement.verdict,
            Verdict::Fail,
            "a control that cannot fail"
        );
    }
    let history = run_sim(&plan, sabotage).await;
    passed(&history);
}
