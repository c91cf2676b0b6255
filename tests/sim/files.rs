//! Every scenario that comes with Seatrial, acted out.
//!
//! A scenario whose steady state contradicts its own actions never passes anywhere; here that shows
//! within a second. Nothing here is a verdict about Swarm.

use std::path::PathBuf;

use rstest::rstest;
use seatrial::plan::{Options, Outcome, plan};
use seatrial::scenario::load;
use seatrial::substrate::Place;
use seatrial::substrate::sim::Sim;

use super::{passed, run_sim};

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_scenario_passes_where_everything_behaves(
    #[files("scenarios/**/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: PathBuf,
    #[values(false, true)] no_faults: bool,
) {
    let loaded = load(&path).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let options = Options {
        place: "sim".into(),
        capabilities: Sim::new().capabilities(),
        patience: 1.0,
        seed: 7,
        no_faults,
        environment: Default::default(),
    };
    let plan = match plan(&loaded, &options).unwrap_or_else(|mistakes| panic!("{mistakes}")) {
        Outcome::Ready(plan) => *plan,
        Outcome::Skipped { reason, .. } => panic!("{}: skipped: {reason}", path.display()),
    };
    let history = run_sim(&plan, None).await;
    passed(&history);
}
