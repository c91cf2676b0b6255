//! `pull`: seen, not seen, refused, and told by nobody.

use std::sync::Arc;

use seatrial::action::{self, Ground};
use seatrial::check::check;
use seatrial::journal::{ActionIntent, ApiError, Before};
use seatrial::plan::{Change, Check, Plan};
use seatrial::scenario::Target;
use seatrial::substrate::sim::{Sabotage, Sim};
use seatrial::substrate::{Lab, PowerOff};
use seatrial::verdict::Verdict;
use seatrial::wait::Look;

use super::plans::{self, REMOTE, with_action};
use super::{outline, passed, run_sim};

fn pull(on: Target) -> Change {
    let image = REMOTE.to_owned();
    Change::Pull { image, on }
}

/// A plan whose nodes pull the image that its service runs.
fn pulling() -> Plan {
    let mut plan = with_action(plans::registered(), 10, pull(Target::EveryNode));
    plan.checks
        .retain(|check| !matches!(check, Check::Recovers { .. }));
    plan
}

#[tokio::test(start_paused = true)]
async fn a_pull_is_seen_by_the_engine_of_every_node() {
    let told = passed(&run_sim(&pulling(), None).await);
    let all = "the engine of each of `server-1`, `server-2`, `server-3`, `server-4`, `server-5` \
               lists `192.168.150.28:5000/nginx:1`";
    assert!(told.contains(all), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_pull_that_does_nothing_is_not_seen() {
    let history = run_sim(&pulling(), Some(Sabotage::OrderDoesNothing)).await;
    let judgement = check(&history);
    assert_eq!(judgement.verdict, Verdict::Unknown, "{}", outline(&history));
    let exercised = judgement
        .findings
        .iter()
        .find(|one| one.check == "exercised");
    let said = &exercised.expect("judged").summary;
    assert!(said.contains("lists no `192.168.150.28:5000/"), "{said}");
}

/// A swarm in which only `server-1` has pulled the image.
struct Pulling {
    lab: Arc<dyn Lab>,
    plan: Plan,
}

impl Pulling {
    async fn begun() -> Self {
        let plan = plans::registered();
        let lab = Sim::new().lab(&plan);
        let begun = Self { lab, plan };
        begun.act(&["server-1"]).await.expect("pulled");
        begun
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            lab: &*self.lab,
            plan: &self.plan,
            managers: vec!["server-1".to_owned()],
            nodes: self.plan.node_names().map(str::to_owned).collect(),
        }
    }

    async fn act(&self, on: &[&str]) -> Result<(), ApiError> {
        let action = action::of(&pull(Target::EveryNode)).expect("an action");
        action.act(&self.ground(), &intent(on)).await
    }

    async fn look(&self, on: &[&str]) -> Look<String> {
        let action = action::of(&pull(Target::EveryNode)).expect("an action");
        action.look(&self.ground(), &intent(on)).await
    }

    /// Why it could not be seen.
    async fn fits(&self, on: &[&str]) -> Result<(), String> {
        let action = action::of(&pull(Target::EveryNode)).expect("an action");
        let targets = intent(on).targets;
        let before = self.ground().before(&*action, &targets).await?;
        action.fits(&targets, &before)
    }

    async fn cut(&self, machine: &str) {
        let cut = self.lab.power_off(machine, PowerOff::Cut).await;
        cut.expect("off");
    }
}

fn intent(on: &[&str]) -> ActionIntent {
    ActionIntent {
        verb: "pull".to_owned(),
        targets: on.iter().map(|node| (*node).to_owned()).collect(),
        chosen: on.join(", "),
        before: Before::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_lacks_the_image_outweighs_whoever_cannot_be_asked() {
    let all = Pulling::begun().await;
    assert!(matches!(all.look(&["server-1"]).await, Look::Holds(_)));
    all.cut("server-5").await;
    let Look::CannotTell(why) = all.look(&["server-1", "server-5"]).await else {
        panic!("nobody can ask `server-5`")
    };
    assert!(why.contains("the engine of `server-5`"), "{why}");
    let Look::NotYet(why) = all.look(&["server-5", "server-4"]).await else {
        panic!("`server-4` lacks it")
    };
    assert!(why.contains("the engine of `server-4`"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_pull_changes_nothing_where_every_target_has_the_image() {
    let all = Pulling::begun().await;
    let already = all.fits(&["server-1"]).await.expect_err("it has it");
    assert!(already.contains("`server-1` has"), "{already}");
    assert_eq!(all.fits(&["server-1", "server-4"]).await, Ok(()));
    all.cut("server-4").await;
    let untold = all.fits(&["server-1", "server-4"]).await;
    assert!(untold.expect_err("no answer").contains("`server-4`"));
}

#[tokio::test(start_paused = true)]
async fn a_pull_without_a_registry_is_refused() {
    let all = Pulling::begun().await;
    all.cut("registry").await;
    let refused = all.act(&["server-4"]).await.expect_err("no registry");
    assert!(matches!(refused, ApiError::Refused { .. }), "{refused}");
    let look = all.look(&["server-4"]).await;
    assert!(matches!(look, Look::NotYet(_)), "{look:?}");
}
