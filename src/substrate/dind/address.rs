//! Whether the machines have their addresses to themselves: the engine's own computer may be in a
//! LAN of the same addresses, and answers before them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::lab::{DindLab, ELSEWHERE};
use crate::plan::LAN;
use crate::substrate::Trouble;
use crate::substrate::nodes::{COMMAND, all};
use crate::wait::{Look, until};

/// How long machines that are on may take to be found in their LAN: none takes a second.
const FOUND: Duration = Duration::from_secs(20);

/// Prints the hardware addresses of a machine.
const CARDS: &str = "cat /sys/class/net/*/address";

impl DindLab {
    /// Returns once every machine was found at its own address.
    pub(super) async fn has_its_addresses(&self) -> Result<(), Trouble> {
        let others = self.machines.iter().filter(|(name, _)| *name != ELSEWHERE);
        let cards = others.map(|(name, machine)| async move {
            let cards = self.nodes().sh(name, CARDS, COMMAND).await?;
            Ok((machine.guard.address.clone(), cards))
        });
        let cards: BTreeMap<String, String> = all(cards).await?.into_iter().collect();
        // A datagram to a port where nobody listens has its addressee looked for.
        let find: Vec<String> = (cards.keys())
            .map(|address| format!("echo | socat -u - UDP:{address}:9"))
            .collect();
        let find = format!("{}; ip -o neigh show", find.join("; "));
        let look = || async {
            match self.nodes().sh(ELSEWHERE, &find, COMMAND).await {
                Ok(seen) => strangers(&seen, &cards).map_or(Look::Holds(()), Look::NotYet),
                Err(trouble) => Look::CannotTell(trouble.0),
            }
        };
        let pace = Duration::from_millis(250);
        until("the machines in their LAN", FOUND, pace, look)
            .await
            .map_err(|late| Trouble(late.to_string()))
    }
}

/// The first address that is not answered by a card of its machine, and by whom it is.
fn strangers(seen: &str, cards: &BTreeMap<String, String>) -> Option<String> {
    let neighbours: BTreeMap<&str, &str> = seen
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((
                words.next()?,
                words.skip_while(|word| *word != "lladdr").nth(1)?,
            ))
        })
        .collect();
    cards.iter().find_map(|(address, own)| {
        let Some(card) = neighbours.get(address.as_str()) else {
            return Some(format!("nobody answers at {address}"));
        };
        let known = own.lines().any(|line| line.trim() == *card);
        (!known).then(|| {
            format!(
                "{address} is answered by {card}, which is none of its machine: the engine's \
                 computer must have no address in {LAN}"
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::its_own("192.168.150.3 dev eth0 lladdr 02:42:c0:a8:96:03 REACHABLE\n", None)]
    #[case::among_others(
        "172.20.0.1 dev eth1 lladdr 02:42:00:00:00:01 STALE\n\
         192.168.150.3 dev eth0 lladdr 02:42:c0:a8:96:03 STALE\n",
        None
    )]
    #[case::nobody(
        "192.168.150.3 dev eth0  FAILED\n",
        Some("nobody answers at 192.168.150.3")
    )]
    #[case::nothing("", Some("nobody answers at 192.168.150.3"))]
    #[case::a_stranger(
        "192.168.150.3 dev eth0 lladdr 02:42:91:da:2d:f8 REACHABLE\n",
        Some("192.168.150.3 is answered by 02:42:91:da:2d:f8, which is none of its machine")
    )]
    fn who_answers_is_known_by_the_card(#[case] seen: &str, #[case] told: Option<&str>) {
        let cards = "00:00:00:00:00:00\n02:42:c0:a8:96:03\n02:42:ac:14:00:02\n";
        let cards = [("192.168.150.3".to_owned(), cards.to_owned())].into();
        let found = strangers(seen, &cards);
        match told {
            None => assert_eq!(found, None),
            Some(told) => assert!(
                found.clone().unwrap_or_default().starts_with(told),
                "{found:?}"
            ),
        }
    }
}
