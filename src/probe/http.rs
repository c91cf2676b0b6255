//! `http`: a page has the right body through every node that we did not break.

use tokio::time::timeout;

use super::Miss;
use crate::journal::Answer;
use crate::substrate::{Lab, PageRequest};
use crate::units::Span;
use crate::wait::Look;

/// Asks each node once, on a fresh connection.
pub(super) async fn observe(
    lab: &dyn Lab,
    port: u16,
    page: &PageRequest,
    nodes: &[String],
) -> Look<String> {
    super::through_each(&format!("http :{port}"), nodes, |node| async move {
        match timeout(page.within, lab.get(&node, port, page)).await {
            Ok(Answer::Right) => Ok(()),
            Ok(Answer::Wrong(what)) => Err(format!("wrong answer: {what}").into()),
            Ok(Answer::Failed(why)) => Err(why.into()),
            Ok(Answer::Unasked(why) | Answer::Unsent(why)) => Err(Miss { why, asked: false }),
            Err(_) => Err(format!("no answer within {}", Span(page.within)).into()),
        }
    })
    .await
}
