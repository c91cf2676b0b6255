//! `write`: what a file of the share holds.
//!
//! It is written on the storage machine, and seen when every node reads it where it has the share
//! mounted: each has caches of its own.

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::timeout;

use super::{ANSWER, Action, Ground, already};
use crate::journal::{ActionIntent, ApiError, Before};
use crate::substrate::Order;
use crate::wait::Look;

/// Another content.
pub(super) struct Write {
    pub(super) path: String,
    pub(super) content: String,
}

impl Ground<'_> {
    /// What a node reads in a file of the share; none if it is not there.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn read(&self, node: &str, path: &str) -> Result<Option<String>, String> {
        timeout(ANSWER, self.lab.shared_file(node, path))
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {ANSWER:?}")))
    }

    /// What the first node that can reads in a file of the share.
    ///
    /// # Errors
    /// When none can.
    pub(super) async fn first_read(&self, path: &str) -> Result<Option<String>, String> {
        let mut last = "no node is left to read the share".to_owned();
        for node in &self.nodes {
            match self.read(node, path).await {
                Ok(read) => return Ok(read),
                Err(why) => last = format!("`{node}` cannot read `{path}`: {why}"),
            }
        }
        Err(last)
    }
}

#[async_trait]
impl Action for Write {
    fn file(&self) -> Option<&str> {
        Some(&self.path)
    }

    fn fits(&self, _: &[String], before: &Before) -> Result<(), String> {
        already(before.file.as_ref() == Some(&self.content), || {
            format!("`{}` holds this already", self.path)
        })
    }

    async fn act(&self, ground: &Ground<'_>, _: &ActionIntent) -> Result<(), ApiError> {
        let storage = ground.plan.topology.storage.as_ref();
        let storage = storage.map(|storage| storage.name.as_str());
        let none = || ApiError::NotUnderstood("there is no storage machine".to_owned());
        let order = Order::Write {
            path: self.path.clone(),
            content: self.content.clone(),
        };
        ground.lab.order(storage.ok_or_else(none)?, &order).await
    }

    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String> {
        let path = &self.path;
        let reads = ground.nodes.iter().map(|node| ground.read(node, path));
        let reads = ground.nodes.iter().zip(join_all(reads).await);
        let (mut wrong, mut silent) = (Vec::new(), Vec::new());
        for (node, read) in reads {
            match read {
                Ok(Some(read)) if read == self.content => {}
                Ok(None) => wrong.push(format!("`{node}` sees no `{path}`")),
                Ok(read) if read == intent.before.file => {
                    wrong.push(format!("`{node}` still reads the old `{path}`"));
                }
                Ok(_) => wrong.push(format!("`{node}` reads something else in `{path}`")),
                Err(why) => silent.push(format!("`{node}` cannot read `{path}`: {why}")),
            }
        }
        // What is known to be wrong outweighs what nobody can see.
        if !wrong.is_empty() {
            return Look::NotYet(wrong.join("; "));
        }
        if !silent.is_empty() {
            return Look::CannotTell(silent.join("; "));
        }
        if ground.nodes.is_empty() {
            return Look::CannotTell("no node is left to read the share".to_owned());
        }
        let nodes = ground.nodes.join("`, `");
        Look::Holds(format!("`{nodes}` read the new `{path}`"))
    }
}
