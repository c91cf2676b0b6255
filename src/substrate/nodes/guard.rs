//! A node's packet filter as the harness knows it: what it is to do, and all that it counted.

use tokio::sync::Mutex;

use super::wall::{self, Flow, Orders};
use super::{COMMAND, Nodes};
use crate::substrate::{Tally, Traffic, Trouble};

/// The packet filter of one node.
pub(in crate::substrate) struct Guard {
    node: String,
    /// The node's address on the LAN, whose card is watched.
    pub(in crate::substrate) address: String,
    known: Mutex<Known>,
}

/// What is known of it.
#[derive(Default)]
struct Known {
    orders: Orders,
    /// Counted before the last start, which made the filter anew.
    before: Traffic,
    /// The last answer since.
    last: Traffic,
}

impl Guard {
    /// That of a node that does not run. `peers` are those with whom its frames count, and are
    /// dropped; none for everybody.
    pub(in crate::substrate) fn new(node: &str, address: &str, peers: Vec<String>) -> Self {
        let orders = Orders {
            peers,
            ..Orders::default()
        };
        let known = Known {
            orders,
            ..Known::default()
        };
        Self {
            node: node.to_owned(),
            address: address.to_owned(),
            known: Mutex::new(known),
        }
    }

    /// Puts the filter in place after a start of the node, with all that it is to do.
    pub(in crate::substrate) async fn raise(&self, nodes: &dyn Nodes) -> Result<(), Trouble> {
        let command = wall::raise(&self.address, &self.begins_anew().await);
        nodes.sh(&self.node, &command, COMMAND).await.map(drop)
    }

    /// Nothing comes in or goes out, or everything does.
    pub(in crate::substrate) async fn shut(
        &self,
        nodes: &dyn Nodes,
        shut: bool,
    ) -> Result<(), Trouble> {
        self.change(nodes, |orders| orders.shut = shut).await
    }

    /// Tells the frames of a flow from others, and drops them or lets them pass.
    pub(in crate::substrate) async fn watch(
        &self,
        nodes: &dyn Nodes,
        number: usize,
        flow: Flow,
    ) -> Result<(), Trouble> {
        let change = |orders: &mut Orders| {
            orders.flows.insert(number, flow);
        };
        self.change(nodes, change).await
    }

    async fn change(
        &self,
        nodes: &dyn Nodes,
        change: impl FnOnce(&mut Orders),
    ) -> Result<(), Trouble> {
        let mut known = self.known.lock().await;
        let mut orders = known.orders.clone();
        change(&mut orders);
        let command = wall::set(&self.address, &orders);
        nodes.sh(&self.node, &command, COMMAND).await?;
        known.orders = orders;
        Ok(())
    }

    /// All that was counted since the lab began; without an answer, what was known.
    pub(in crate::substrate) async fn counted(&self, nodes: &dyn Nodes) -> Traffic {
        let said = nodes.sh(&self.node, wall::COUNTED, COMMAND).await;
        let now = said.ok().and_then(|said| wall::counted(&said));
        self.count(now).await
    }

    /// What was known last, of a node that cannot be asked.
    pub(in crate::substrate) async fn last(&self) -> Traffic {
        self.count(None).await
    }

    /// What was counted of a flow since its node started; none if it knows no such flow, nothing
    /// if nobody can tell.
    pub(in crate::substrate) async fn tally(
        &self,
        nodes: &dyn Nodes,
        number: usize,
    ) -> Option<Tally> {
        let knows = self.known.lock().await.orders.flows.contains_key(&number);
        if !knows {
            return None;
        }
        let said = nodes.sh(&self.node, wall::COUNTED, COMMAND).await;
        Some(said.map_or_else(|_| Tally::default(), |said| wall::tally(&said, number)))
    }

    /// The node starts, and its filter counts from 0 again. What the filter is to do.
    async fn begins_anew(&self) -> Orders {
        let mut known = self.known.lock().await;
        let last = std::mem::take(&mut known.last);
        known.before = known.before.and(last);
        known.orders.clone()
    }

    async fn count(&self, answer: Option<Traffic>) -> Traffic {
        let mut known = self.known.lock().await;
        known.last = answer.unwrap_or(known.last);
        known.before.and(known.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::substrate::Passage;

    #[tokio::test]
    async fn what_was_counted_outlives_a_restart_and_silence() {
        let guard = Guard::new("server-3", "192.168.150.3", Vec::new());
        let counted = |sent, delivered| Traffic {
            out: Passage { sent, delivered },
            into: Passage {
                sent: 2 * sent,
                delivered: 2 * delivered,
            },
        };
        assert_eq!(guard.count(None).await, Traffic::default());
        assert_eq!(guard.count(Some(counted(7, 5))).await, counted(7, 5));
        assert_eq!(guard.count(None).await, counted(7, 5));
        assert!(!guard.begins_anew().await.shut);
        assert_eq!(guard.count(None).await, counted(7, 5));
        assert_eq!(guard.count(Some(counted(2, 2))).await, counted(9, 7));
    }
}
