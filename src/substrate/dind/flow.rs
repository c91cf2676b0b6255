//! Single flows of a node, dropped by its packet filter.

use super::lab::DindLab;
use super::wall::{self, Flow};
use crate::journal::Rule;
use crate::substrate::nodes::COMMAND;
use crate::substrate::{Tally, Trouble};

impl DindLab {
    /// Puts a rule into a node's filter, or has it count only.
    pub(super) async fn set_rule(
        &self,
        number: usize,
        rule: &Rule,
        in_force: bool,
    ) -> Result<(), Trouble> {
        let node = &rule.node;
        if rule.slow.is_some() {
            let what = format!("`{node}`{rule}: `dind` slows no frames down");
            return Err(Trouble(what));
        }
        let machine = self.machine(node)?;
        let peers = rule.from.iter().map(|peer| {
            let peer = self.machine(peer)?;
            Ok::<String, Trouble>(peer.address.clone())
        });
        let flow = Flow {
            peers: peers.collect::<Result<_, _>>()?,
            direction: rule.direction,
            port: rule.port,
            dropped: in_force,
        };
        let mut wall = machine.wall.lock().await;
        let mut orders = wall.orders.clone();
        orders.flows.insert(number, flow);
        let command = wall::set(&machine.address, &orders);
        self.nodes().sh(node, &command, COMMAND).await?;
        wall.orders = orders;
        Ok(())
    }

    /// What was counted of a rule's frames since its node started; nothing if nobody can tell.
    pub(super) async fn counted_of(&self, number: usize) -> Tally {
        for (name, machine) in &self.machines {
            let known = machine.wall.lock().await.orders.flows.contains_key(&number);
            if known {
                let said = self.nodes().sh(name, wall::COUNTED, COMMAND).await;
                return said.map_or_else(|_| Tally::default(), |said| wall::tally(&said, number));
            }
        }
        Tally::default()
    }
}
