//! `pull`: what nodes have before they need it.

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{Action, Ground, already, within};
use crate::journal::{ActionIntent, ApiError, Before};
use crate::substrate::Order;
use crate::wait::Look;

/// Nodes' own engines pull an image.
pub(super) struct Pull {
    pub(super) image: String,
}

#[async_trait]
impl Action for Pull {
    fn image(&self) -> Option<&str> {
        Some(&self.image)
    }

    fn fits(&self, targets: &[String], before: &Before) -> Result<(), String> {
        let has = |target: &String| before.holders.contains(target);
        already(targets.iter().all(has), || {
            format!("`{}` has `{}` already", targets.join("`, `"), self.image)
        })
    }

    async fn act(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Result<(), ApiError> {
        let pulls = intent.targets.iter().map(|node| async move {
            let order = Order::Pull {
                node: node.clone(),
                image: self.image.clone(),
            };
            ground.order(&order).await
        });
        join_all(pulls).await.into_iter().collect()
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let image = &self.image;
        let asked = intent
            .targets
            .iter()
            .map(|node| async move { (node, within(ground.lab.has_image(node, image)).await) });
        let mut untold = None;
        for (node, has) in join_all(asked).await {
            match has {
                Ok(true) => {}
                Ok(false) => {
                    return Look::NotYet(format!("the engine of `{node}` lists no `{image}`"));
                }
                Err(error) => untold = Some(format!("the engine of `{node}`: {error}")),
            }
        }
        match untold {
            Some(why) => Look::CannotTell(why),
            None => {
                let nodes = intent.targets.join("`, `");
                Look::Holds(format!("the engine of each of `{nodes}` lists `{image}`"))
            }
        }
    }
}
