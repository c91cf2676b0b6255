//! The packet filter in a node's network namespace: counts its frames on the LAN, and drops them.
//!
//! Its table is its own; the engine's rules are in others, and neither touches the other's. What
//! passed is counted by chains behind those that drop, so a rule that does nothing shows.

use std::collections::BTreeMap;

use crate::journal::Rule;
use crate::plan::Direction;
use crate::substrate::{Passage, Tally, Traffic, Trouble};
use crate::units::Port;

/// The card of the node's address, for the rules below. Before every other filter for what comes
/// in, and behind every other for what goes out (`nft(8)`, "priority").
fn head(address: &str) -> String {
    format!(
        "set -e; lan=$(ip -o -4 addr show to {address} | awk '{{print $2; exit}}'); \
         test \"$lan\"; "
    )
}

/// Frames of a node that are told from others, and dropped if a fault says so.
#[derive(Clone, Debug)]
pub(in crate::substrate) struct Flow {
    /// Addresses of those between whom and the node they go; empty for everybody.
    pub(in crate::substrate) peers: Vec<String>,
    pub(in crate::substrate) direction: Direction,
    pub(in crate::substrate) port: Option<Port>,
    pub(in crate::substrate) dropped: bool,
}

impl Flow {
    /// The frames of a rule, by the addresses of its nodes.
    pub(in crate::substrate) fn of(
        rule: &Rule,
        address: impl Fn(&String) -> Result<String, Trouble>,
        dropped: bool,
    ) -> Result<Self, Trouble> {
        if rule.slow.is_some() {
            let what = format!(
                "`{}`{rule}: a packet filter slows no frames down",
                rule.node
            );
            return Err(Trouble(what));
        }
        Ok(Self {
            peers: rule.from.iter().map(address).collect::<Result<_, _>>()?,
            direction: rule.direction,
            port: rule.port,
            dropped,
        })
    }
}

/// What the filter is to do.
#[derive(Clone, Debug, Default)]
pub(in crate::substrate) struct Orders {
    /// Addresses of those with whom frames count, and are dropped; empty for everybody.
    pub(in crate::substrate) peers: Vec<String>,
    /// Nothing comes in, and nothing goes out.
    pub(in crate::substrate) shut: bool,
    /// By the numbers of their rules.
    pub(in crate::substrate) flows: BTreeMap<usize, Flow>,
}

/// Puts the filter in place, once after each start of the node.
pub(in crate::substrate) fn raise(address: &str, orders: &Orders) -> String {
    let head = head(address);
    let rules = rules(orders);
    let counters = ["sent", "passed", "came", "entered"];
    let counters = counters.map(|name| format!(" counter {name} {{ }}\n"));
    let counters = counters.concat();
    format!(
        "{head}nft -f - <<END\n\
         table inet seatrial {{\n{counters} \
         chain arriving {{ type filter hook prerouting priority -450; }}\n \
         chain arrived {{ type filter hook prerouting priority -449; }}\n \
         chain leaving {{ type filter hook postrouting priority 450; }}\n \
         chain left {{ type filter hook postrouting priority 451; }}\n}}\n{rules}END\n"
    )
}

/// Gives it other orders. What was counted stays.
pub(in crate::substrate) fn set(address: &str, orders: &Orders) -> String {
    let head = head(address);
    let chains = ["arriving", "arrived", "leaving", "left"];
    let flush = chains.map(|chain| format!("flush chain inet seatrial {chain}\n"));
    let (flush, rules) = (flush.concat(), rules(orders));
    format!("{head}nft -f - <<END\n{flush}{rules}END\n")
}

/// The beginnings of rules for what leaves and what arrives.
type Ways = [&'static str; 2];

/// Of the chains that count first and then drop.
const BEFORE: Ways = [
    "add rule inet seatrial leaving oifname \"$lan\"",
    "add rule inet seatrial arriving iifname \"$lan\"",
];

/// Of those that count what is left.
const AFTER: Ways = [
    "add rule inet seatrial left oifname \"$lan\"",
    "add rule inet seatrial arrived iifname \"$lan\"",
];

/// All in one transaction: there is no moment without rules.
fn rules(orders: &Orders) -> String {
    let whole = Flow {
        peers: orders.peers.clone(),
        direction: Direction::Both,
        port: None,
        dropped: orders.shut,
    };
    let mut rules = String::new();
    for (ways, names) in [(BEFORE, ["sent", "came"]), (AFTER, ["passed", "entered"])] {
        // What leaves comes first.
        for (way, name) in meant(&whole, ways).iter().zip(names) {
            rules += &format!("{way} counter name {name}\n");
        }
    }
    for (number, flow) in &orders.flows {
        for name in ["meant", "done", "back", "all"] {
            rules += &format!("add counter inet seatrial {name}{number}\n");
        }
        for (ways, name) in [(BEFORE, "meant"), (AFTER, "done")] {
            for meant in meant(flow, ways) {
                rules += &format!("{meant} counter name {name}{number}\n");
            }
        }
        for way in opposite(flow).iter().flat_map(|flow| meant(flow, AFTER)) {
            rules += &format!("{way} counter name back{number}\n");
        }
        for way in AFTER {
            rules += &format!("{way} counter name all{number}\n");
        }
    }
    // Behind all that counts before.
    let flows = orders.flows.values().chain([&whole]);
    for meant in flows
        .filter(|flow| flow.dropped)
        .flat_map(|flow| meant(flow, BEFORE))
    {
        rules += &format!("{meant} drop\n");
    }
    rules
}

/// The flow of the same pair and port that goes the other way, of one that goes one way.
fn opposite(flow: &Flow) -> Option<Flow> {
    let direction = match flow.direction {
        Direction::In => Direction::Out,
        Direction::Out => Direction::In,
        Direction::Both => return None,
    };
    Some(Flow {
        direction,
        ..flow.clone()
    })
}

/// The beginnings of rules for the frames of a flow.
fn meant(flow: &Flow, [out, into]: Ways) -> Vec<String> {
    let ways = [
        (out, "daddr", Direction::In),
        (into, "saddr", Direction::Out),
    ];
    let ways = ways.into_iter().filter(|(.., not)| flow.direction != *not);
    let mut all = Vec::new();
    for (way, peer, _) in ways {
        let pair = match flow.peers.is_empty() {
            true => way.to_owned(),
            false => format!("{way} ip {peer} {{ {} }}", flow.peers.join(", ")),
        };
        let Some(Port { number, udp }) = flow.port else {
            all.push(pair);
            continue;
        };
        let of = if udp { "udp" } else { "tcp" };
        all.push(format!("{pair} {of} sport {number}"));
        // Gossip is from and to the same port, and counts once.
        all.push(format!("{pair} {of} sport != {number} {of} dport {number}"));
    }
    all
}

/// Takes the filter away with all that it counted, if it is there.
pub(in crate::substrate) const RAZE: &str = "nft delete table inet seatrial 2> /dev/null || true";

/// Asks for what was counted.
pub(in crate::substrate) const COUNTED: &str = "nft list counters table inet seatrial";

/// Reads what was counted; none if it is not understood.
pub(in crate::substrate) fn counted(said: &str) -> Option<Traffic> {
    let passage = |sent, delivered| {
        Some(Passage {
            sent: packets(said, sent)?,
            delivered: packets(said, delivered)?,
        })
    };
    Some(Traffic {
        out: passage("sent", "passed")?,
        into: passage("came", "entered")?,
    })
}

/// Reads what was counted of a rule's frames; nothing where it is not understood.
pub(in crate::substrate) fn tally(said: &str, number: usize) -> Tally {
    let read = |name: &str| packets(said, &format!("{name}{number}"));
    let read = ["meant", "done", "back", "all"].map(read);
    let [Some(sent), Some(delivered), Some(back), Some(all)] = read else {
        return Tally::default();
    };
    // What is not meant is counted where it passed, and only there.
    let passed = |count| Passage {
        sent: count,
        delivered: count,
    };
    Tally {
        meant: Passage { sent, delivered },
        opposite: passed(back),
        rest: passed(all.saturating_sub(delivered + back)),
        ..Tally::default()
    }
}

/// The packets of one counter.
fn packets(said: &str, name: &str) -> Option<u64> {
    let (_, after) = said.split_once(&format!("counter {name} {{"))?;
    let (_, after) = after.split_once("packets ")?;
    after.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_read_or_nothing_is() {
        let counter =
            |name: &str, n: u64| format!("\tcounter {name} {{\n\t\tpackets {n} bytes 420\n\t}}\n");
        let all = [("passed", 7), ("sent", 12), ("entered", 3), ("came", 4)];
        let said = all.map(|(name, n)| counter(name, n)).concat();
        let passage = |sent, delivered| Passage { sent, delivered };
        let right = Traffic {
            out: passage(12, 7),
            into: passage(4, 3),
        };
        assert_eq!(
            counted(&format!("table inet seatrial {{\n{said}}}\n")),
            Some(right)
        );
        for (name, _) in all {
            assert_eq!(counted(&said.replace(name, "other")), None, "{name}");
        }
        for broken in ["", "counter sent { packets 1 bytes 2 }", "counter sent {"] {
            assert_eq!(counted(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_node_that_is_shut_off_sends_in_vain_and_hears_nothing() {
        let mut orders = Orders {
            shut: true,
            ..Orders::default()
        };
        let shut = set("192.168.150.3", &orders);
        assert!(shut.contains("leaving oifname \"$lan\" drop"));
        assert!(shut.contains("arriving iifname \"$lan\" drop"));
        orders.shut = false;
        let open = set("192.168.150.3", &orders);
        assert!(!open.contains(" drop"));
        for (way, name) in [
            ("leaving oifname", "sent"),
            ("left oifname", "passed"),
            ("arriving iifname", "came"),
            ("arrived iifname", "entered"),
        ] {
            let counted = format!("{way} \"$lan\" counter name {name}\n");
            assert!(open.contains(&counted), "{open}");
        }
    }

    #[test]
    fn a_node_that_is_shut_off_from_its_peers_is_reached_by_everybody_else() {
        let orders = Orders {
            peers: vec!["10.0.0.4".to_owned(), "10.0.0.5".to_owned()],
            shut: true,
            flows: BTreeMap::new(),
        };
        let shut = set("10.0.0.3", &orders);
        let (out, into) = (
            "ip daddr { 10.0.0.4, 10.0.0.5 }",
            "ip saddr { 10.0.0.4, 10.0.0.5 }",
        );
        assert!(shut.contains(&format!("leaving oifname \"$lan\" {out} counter name sent")));
        assert!(shut.contains(&format!("left oifname \"$lan\" {out} counter name passed")));
        assert!(shut.contains(&format!("leaving oifname \"$lan\" {out} drop\n")));
        assert!(shut.contains(&format!("arriving iifname \"$lan\" {into} drop\n")));
        assert_eq!(shut.matches(" drop\n").count(), 2, "{shut}");
    }

    fn flow(direction: Direction, port: Option<Port>, dropped: bool) -> Orders {
        let flow = Flow {
            peers: vec!["192.168.150.12".to_owned()],
            direction,
            port,
            dropped,
        };
        Orders {
            flows: [(7, flow)].into(),
            ..Orders::default()
        }
    }

    #[test]
    fn a_flow_is_struck_one_way_or_both_and_by_its_port_alone() {
        let one_way = set("192.168.150.3", &flow(Direction::In, None, true));
        assert!(one_way.contains("arriving iifname \"$lan\" ip saddr { 192.168.150.12 } drop\n"));
        assert_eq!(one_way.matches(" drop\n").count(), 1, "{one_way}");
        let back = "left oifname \"$lan\" ip daddr { 192.168.150.12 } counter name back7\n";
        assert!(one_way.contains(back), "{one_way}");
        assert_eq!(one_way.matches("name back7").count(), 1, "{one_way}");
        let port = Some(Port::udp(7946));
        let both = set("192.168.150.3", &flow(Direction::Both, port, true));
        assert_eq!(both.matches(" drop\n").count(), 4, "{both}");
        assert!(!both.contains("name back7"), "{both}");
        assert!(both.contains("ip daddr { 192.168.150.12 } udp sport 7946 counter"));
        let lifted = set("192.168.150.3", &flow(Direction::Both, port, false));
        assert!(!lifted.contains("drop") && lifted.contains("counter name done7"));
    }

    #[test]
    fn what_passed_is_counted_behind_all_that_drops() {
        let dropped = set("192.168.150.3", &flow(Direction::Both, None, true));
        for (name, chains) in [
            ("meant7", ["leaving", "arriving"]),
            ("done7", ["left", "arrived"]),
        ] {
            let lines = dropped
                .lines()
                .filter(|line| line.ends_with(&format!("name {name}")));
            let lines: Vec<&str> = lines.collect();
            assert_eq!(lines.len(), 2, "{dropped}");
            for (line, chain) in lines.into_iter().zip(chains) {
                assert!(line.contains(&format!(" {chain} ")), "{dropped}");
            }
        }
        let last = dropped.rfind("counter name meant7");
        assert!(dropped.find(" drop\n") > last, "{dropped}");
    }

    #[test]
    fn what_is_meant_is_told_from_the_rest_or_nothing_is() {
        let counter = |name: &str, n: u64| format!("counter {name} {{ packets {n} bytes 1 }} ");
        let said = counter("meant7", 5)
            + &counter("done7", 2)
            + &counter("back7", 3)
            + &counter("all7", 9);
        let read = tally(&said, 7);
        assert_eq!((read.meant.sent, read.meant.delivered), (5, 2));
        assert_eq!((read.opposite.delivered, read.rest.delivered), (3, 4));
        assert_eq!(tally(&said, 8), Tally::default());
        assert_eq!(tally(&said.replace("done7", "gone7"), 7), Tally::default());
    }
}
