//! Puts service images into the nodes, so that no engine has to pull one.

use std::collections::BTreeSet;

use super::lab::DindLab;
use crate::journal::ApiError;
use crate::substrate::Trouble;
use crate::substrate::nodes::{BOOT, Nodes, all};

impl DindLab {
    /// Loads the service images that the plan's stacks name into every node.
    pub(super) async fn load(&self) -> Result<(), Trouble> {
        let wanted = self
            .plan
            .services()
            .map(|service| self.nodes().image(&service.image));
        let wanted: Result<BTreeSet<String>, ApiError> = wanted.collect();
        let wanted = wanted.map_err(|error| Trouble(error.to_string()))?;
        let place = self
            .plan
            .topology
            .registry
            .as_ref()
            .map(|one| one.place() + "/");
        for image in &wanted {
            // What the registry is to serve is pushed there from a node.
            let place = place.as_deref().unwrap_or_default();
            let image = image.strip_prefix(place).unwrap_or(image);
            let archive = self.dind.images.service(image).ok_or_else(|| {
                Trouble(format!(
                    "no image is called `{image}` here; see `seatrial prepare`"
                ))
            })?;
            let step = self
                .dind
                .progress
                .step(format!("load `{image}` into every node"));
            let loads = self.plan.node_names().map(|node| async {
                let engine = self.engine(node).await;
                let engine = engine.map_err(|error| Trouble(error.to_string()))?;
                super::load(&engine.with_deadline(BOOT), &archive).await
            });
            all(loads).await?;
            step.done();
        }
        Ok(())
    }
}
