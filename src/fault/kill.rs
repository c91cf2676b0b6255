//! `kill`: the node loses its power; healed by giving it power.

use std::time::Duration;

use async_trait::async_trait;

use super::{Fault, power};
use crate::journal::Intent;
use crate::substrate::{Lab, PowerOff, Trouble};

/// A power cut.
pub(super) struct Kill;

#[async_trait]
impl Fault for Kill {
    fn verb(&self) -> &'static str {
        "kill"
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        power::off(lab, intent, PowerOff::Cut).await
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
