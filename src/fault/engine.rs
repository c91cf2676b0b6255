//! `crash` and `restart`: a node's engine ends, and the next one starts; the machine stays.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{Fault, visited, watch};
use crate::journal::{Intent, NodeBefore};
use crate::substrate::{Inward, Lab, Trouble};
use crate::wait::Look;

/// An engine ended in one of two ways that are seen, and healed, alike.
pub(super) struct Engine {
    verb: &'static str,
    how: Inward,
}

/// The engine's process dies.
pub(super) const CRASH: Engine = Engine {
    verb: "crash",
    how: Inward::CrashEngine,
};

/// An orderly restart.
pub(super) const RESTART: Engine = Engine {
    verb: "restart",
    how: Inward::RestartEngine,
};

#[async_trait]
impl Fault for Engine {
    fn verb(&self) -> &'static str {
        self.verb
    }

    async fn survey(&self, lab: &dyn Lab, mut intent: Intent) -> Intent {
        for node in intent.targets.clone() {
            let engine = lab.vitals(&node).await.ok().and_then(|now| now.engine);
            let containers = lab.containers(&node).await.ok();
            let listed = containers.is_some();
            let running = containers.into_iter().flatten().filter(|one| one.running);
            let before = NodeBefore {
                // Without what ran before, nobody can see that it ended.
                engine: engine.filter(|_| listed),
                containers: running.map(|one| one.id).collect(),
            };
            let inside = intent.inside.get_or_insert_default();
            inside.before.insert(node, before);
        }
        intent
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        let ends = intent.targets.iter();
        let ends = ends.map(|node| lab.inward(node, &self.how));
        visited(join_all(ends).await)
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        watch::each(intent, |node| {
            let what = format!("another engine on `{node}`");
            let inside = intent.inside.as_ref();
            let before = inside.and_then(|inside| inside.before.get(node));
            watch::seen(what, deadline, move || look_new(lab, node, before))
        })
        .await
    }

    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        watch::each(intent, |node| async move {
            let started = lab.inward(node, &Inward::StartEngine).await;
            started.map_err(|trouble| trouble.0)?;
            let what = format!("the engine of `{node}`");
            watch::seen(what, deadline, || {
                watch::look_serving(lab, node, "runs, and")
            })
            .await
        })
        .await
    }
}

/// One look at a node on which another engine must run than before, and none of the containers that
/// ran then: without `live-restore` an engine ends them, at the latest when the next one starts.
async fn look_new(lab: &dyn Lab, node: &str, before: Option<&NodeBefore>) -> Look<String> {
    let known = before.and_then(|before| Some((before.engine.as_deref()?, &before.containers)));
    let Some((old, ran)) = known else {
        return Look::CannotTell(format!("nobody saw the engine of `{node}` before"));
    };
    let now = match lab.vitals(node).await {
        Ok(now) => now,
        Err(why) => return Look::CannotTell(why),
    };
    let Some(new) = now.engine else {
        return Look::NotYet(format!("no engine runs on `{node}` yet"));
    };
    if new == old {
        return Look::NotYet(format!("the engine of `{node}` is still the one of before"));
    }
    let containers = match lab.containers(node).await {
        Ok(containers) => containers,
        Err(error) => return Look::NotYet(format!("the engine of `{node}`: {error}")),
    };
    let survivor = containers
        .iter()
        .find(|one| one.running && ran.contains(&one.id));
    match survivor {
        Some(one) => Look::NotYet(format!("container `{}` still runs on `{node}`", one.id)),
        None => Look::Holds(format!(
            "the engine of `{node}` is another one than before, and none of the {} containers that \
             ran there runs on",
            ran.len()
        )),
    }
}
