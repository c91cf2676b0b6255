//! Breaks a node, looks whether it is broken, and mends it.
//!
//! `prepare` changes nothing; its intent is journaled before `inject`. `heal` needs the intent
//! alone, so that another process can do it, and is right even when `inject` never ran or half ran.

use std::time::Duration;

use async_trait::async_trait;

use crate::journal::Intent;
use crate::substrate::{Lab, Trouble};

mod engine;
mod fill;
mod flow;
mod isolate;
mod pause;
mod power;
mod skew;
mod task;
mod watch;

/// How often a fault is looked at while it is being confirmed.
const PACE: Duration = Duration::from_millis(250);

/// One way to break nodes.
#[async_trait]
pub trait Fault: Send + Sync {
    /// The verb as a scenario spells it.
    fn verb(&self) -> &'static str;

    /// The intent to break these nodes; changes nothing.
    fn prepare(&self, fault: usize, targets: Vec<String>, chosen: String) -> Intent {
        let verb = self.verb().to_owned();
        Intent {
            fault,
            verb,
            targets,
            chosen,
            rule: None,
            witness: None,
            inside: None,
        }
    }

    /// Measures what the fault will change, and keeps it in the intent; changes nothing.
    async fn survey(&self, _: &dyn Lab, intent: Intent) -> Intent {
        intent
    }

    /// Breaks every target.
    ///
    /// # Errors
    /// When a target could not be broken; others may be.
    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble>;

    /// Looks until every target is seen to be broken; says what was seen.
    ///
    /// # Errors
    /// When that was not seen before the deadline; the last thing seen.
    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String>;

    /// Looks once, before the heal, whether a fault that something else could have undone has
    /// lasted.
    ///
    /// # Errors
    /// When it is gone, or nobody can tell; what was seen.
    async fn lasted(&self, _: &dyn Lab, _: &Intent) -> Result<(), String> {
        Ok(())
    }

    /// Mends every target, and looks until it is seen to be mended; says what was seen.
    /// Idempotent.
    ///
    /// # Errors
    /// When a target could not be mended, or was not seen to be; all of them are visited.
    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String>;
}

/// The fault that a scenario's or an intent's verb means.
pub fn of_verb(verb: &str) -> Option<&'static dyn Fault> {
    let all: [&'static dyn Fault; 11] = [
        &power::STOP,
        &power::KILL,
        &pause::Pause,
        &isolate::Isolate,
        &flow::DROP,
        &flow::SLOW,
        &engine::CRASH,
        &engine::RESTART,
        &task::KillTask,
        &skew::Skew,
        &fill::Fill,
    ];
    all.into_iter().find(|fault| fault.verb() == verb)
}

/// What became of orders to all targets: everything that went wrong.
fn visited(ends: Vec<Result<(), Trouble>>) -> Result<(), Trouble> {
    let errors: Vec<String> = ends
        .into_iter()
        .filter_map(Result::err)
        .map(|e| e.0)
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Trouble(errors.join("; ")))
    }
}
