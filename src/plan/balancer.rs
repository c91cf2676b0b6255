//! The balancer's health check, and what follows from it for whoever asks the virtual address.

use serde::{Deserialize, Serialize};

use crate::units::{Share, Span};

/// The load balancer: HAProxy on a machine of its own, at a virtual address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balancer {
    /// The host name.
    pub name: String,
    /// The virtual address: `192.168.150.27`, as in the article.
    pub address: String,
    /// The pause between two checks of one node, and how long one check may take. HAProxy,
    /// `configuration.txt`, `inter` and `timeout check`; its default is 2s.
    pub inter: Span,
    /// Checks in a row that must fail before a node gets no connection any more: `fall`.
    pub fall: u8,
    /// Checks in a row that must succeed before it gets connections again: `rise`.
    pub rise: u8,
    /// How long a connection to a node may take to open: `timeout connect`.
    pub connect: Span,
    /// How often it is tried again, the last time on another node: `retries` and `redispatch`.
    pub retries: u8,
}

impl Balancer {
    /// The longest that a dead node may still be given connections. A check begins one pause after
    /// the one before it ended, and one that nobody answers takes as long as the pause. Of HAProxy
    /// 2.6.12 with this check, 2.6 s and 3.2 s were seen.
    pub fn notices_within(&self) -> Span {
        Span(self.inter.0 * 2 * u32::from(self.fall))
    }

    /// The longest time without an answer at the virtual address: every request before the dead
    /// node was noticed may have gone there, and the last of them waits for its connection.
    pub fn longest_gap(&self) -> Span {
        Span(self.notices_within().0 + self.connect.0)
    }

    /// The least share of requests that is answered when each of so many faults takes one of
    /// `nodes`, over a load of at least `shortest`: to a tenth of a percent, rounded down.
    pub(super) fn least_share(
        &self,
        nodes: usize,
        faults: usize,
        shortest: Span,
        patience: f64,
    ) -> Share {
        let nodes = u32::try_from(nodes.max(1)).unwrap_or(u32::MAX);
        let faults = u32::try_from(faults).unwrap_or(u32::MAX);
        let lost = self.longest_gap().stretched(patience).0.as_secs_f64() * f64::from(faults);
        let load = shortest.0.as_secs_f64().max(1.0) * f64::from(nodes);
        let share = (1.0 - lost / load).max(0.0);
        Share((share * 1000.0).floor() / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balancer() -> Balancer {
        Balancer {
            name: "balancer".into(),
            address: "192.168.150.27".into(),
            inter: Span::secs(1),
            fall: 2,
            rise: 2,
            connect: Span::secs(2),
            retries: 3,
        }
    }

    #[test]
    fn what_is_allowed_follows_from_the_health_check() {
        assert_eq!(balancer().notices_within(), Span::secs(4));
        assert_eq!(balancer().longest_gap(), Span::secs(6));
        let share = |faults, patience| balancer().least_share(4, faults, Span::secs(25), patience);
        assert_eq!(share(0, 1.0), Share(1.0));
        assert_eq!(share(1, 1.0), Share(0.94));
        assert_eq!(share(1, 2.0), Share(0.88));
        assert_eq!(share(99, 2.5), Share(0.0));
    }
}
