//! What is seen of single flows on the LAN.

use std::time::Duration;

use super::Knock;

/// What became of trying a port of a machine from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialled {
    /// The last answer; none when nothing came back.
    pub answer: Option<Knock>,
    /// The quickest answer, from the first packet on.
    pub took: Option<Duration>,
}

/// Frames that were sent, and those of them that were delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// They left their sender.
    pub sent: u64,
    /// They reached the machine that they are for.
    pub delivered: u64,
}

/// What the LAN counted of the machine of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The frames that the rule means.
    pub meant: Passage,
    /// All others to and from its machine.
    pub rest: Passage,
    /// Frames that are meant, and were lost by chance.
    pub lost: u64,
    /// For how long those that were delivered had been held, all together.
    pub held: Duration,
}

impl Tally {
    /// What was counted after an earlier look.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        let passage = |now: Passage, then: Passage| Passage {
            sent: now.sent.saturating_sub(then.sent),
            delivered: now.delivered.saturating_sub(then.delivered),
        };
        Self {
            meant: passage(self.meant, before.meant),
            rest: passage(self.rest, before.rest),
            lost: self.lost.saturating_sub(before.lost),
            held: self.held.saturating_sub(before.held),
        }
    }

    /// For how long a delivered frame had been held, on average.
    pub fn mean_hold(&self) -> Duration {
        let delivered = u32::try_from(self.meant.delivered).unwrap_or(u32::MAX);
        self.held.checked_div(delivered).unwrap_or_default()
    }
}
