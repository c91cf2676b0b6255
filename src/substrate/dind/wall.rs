//! The packet filter in a node's network namespace: counts its frames on the LAN, and drops them.
//!
//! Its table is its own; the engine's rules are in others, and neither touches the other's.

/// What a node sent, and what of it passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) sent: u64,
    pub(super) passed: u64,
}

/// The card of the node's address, for the rules below. Before every other filter for what comes
/// in, and behind every other for what goes out (`nft(8)`, "priority").
fn head(address: &str) -> String {
    format!(
        "set -e; lan=$(ip -o -4 addr show to {address} | awk '{{print $2; exit}}'); \
         test \"$lan\"; "
    )
}

/// Puts the filter in place, once after each start of the node.
pub(super) fn raise(address: &str, shut: bool) -> String {
    let head = head(address);
    let rules = rules(shut);
    format!(
        "{head}nft -f - <<END\n\
         table inet seatrial {{\n counter sent {{ }}\n counter passed {{ }}\n \
         chain arriving {{ type filter hook prerouting priority -450; }}\n \
         chain leaving {{ type filter hook postrouting priority 450; }}\n}}\n{rules}END\n"
    )
}

/// Shuts the node off from the LAN, or opens it again. What was counted stays.
pub(super) fn set(address: &str, shut: bool) -> String {
    let head = head(address);
    let rules = rules(shut);
    format!(
        "{head}nft -f - <<END\n\
         flush chain inet seatrial arriving\nflush chain inet seatrial leaving\n{rules}END\n"
    )
}

/// All in one transaction: there is no moment without rules.
fn rules(shut: bool) -> String {
    let leaving = "add rule inet seatrial leaving oifname \"$lan\"";
    let arriving = "add rule inet seatrial arriving iifname \"$lan\"";
    match shut {
        true => format!("{leaving} counter name sent drop\n{arriving} drop\n"),
        false => format!("{leaving} counter name sent counter name passed\n"),
    }
}

/// Asks for what was counted.
pub(super) const COUNTED: &str = "nft list counters table inet seatrial";

/// Reads what was counted; none if it is not understood.
pub(super) fn counted(said: &str) -> Option<Counted> {
    let packets = |name: &str| {
        let (_, after) = said.split_once(&format!("counter {name} {{"))?;
        let (_, after) = after.split_once("packets ")?;
        after.split_whitespace().next()?.parse().ok()
    };
    Some(Counted {
        sent: packets("sent")?,
        passed: packets("passed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_read_or_nothing_is() {
        let said = "table inet seatrial {\n\tcounter passed {\n\t\tpackets 7 bytes 420\n\t}\n\
                    \tcounter sent {\n\t\tpackets 12 bytes 999\n\t}\n}\n";
        let right = Counted {
            sent: 12,
            passed: 7,
        };
        assert_eq!(counted(said), Some(right));
        for broken in ["", "counter sent { packets 1 bytes 2 }", "counter sent {"] {
            assert_eq!(counted(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_node_that_is_shut_off_sends_in_vain_and_hears_nothing() {
        let shut = set("192.168.150.3", true);
        assert!(shut.contains("counter name sent drop"));
        assert!(shut.contains("arriving iifname \"$lan\" drop"));
        let open = set("192.168.150.3", false);
        assert!(!open.contains(" drop") && open.contains("counter name passed"));
    }
}
