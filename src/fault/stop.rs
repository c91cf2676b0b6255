//! `stop`: the node shuts itself down; healed by starting it.

use std::time::Duration;

use async_trait::async_trait;

use super::{Fault, power};
use crate::journal::Intent;
use crate::substrate::{Lab, PowerOff, Trouble};

/// A clean shutdown.
pub(super) struct Stop;

#[async_trait]
impl Fault for Stop {
    fn verb(&self) -> &'static str {
        "stop"
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        power::off(lab, intent, PowerOff::Shutdown).await
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        power::seen_off(lab, intent, deadline).await
    }

    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        power::on(lab, intent, deadline).await
    }
}
