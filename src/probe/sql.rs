//! `sql`: a statement succeeds through every node that we did not break.

use std::time::Duration;

use tokio::time::timeout;

use super::Miss;
use crate::substrate::Lab;
use crate::units::Span;
use crate::wait::Look;

/// Opens a session of its own through each node and runs the statement.
pub(super) async fn observe(
    lab: &dyn Lab,
    service: &str,
    query: &str,
    within: Duration,
    nodes: &[String],
) -> Look<String> {
    super::through_each(&format!("sql {service}"), nodes, |node| async move {
        let attempt = async {
            let mut session = lab.database(&node, service, within).await?;
            Ok::<_, Miss>(session.query(query, within).await?)
        };
        timeout(within, attempt)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {}", Span(within)).into()))
    })
    .await
}
