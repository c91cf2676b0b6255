//! What is seen of single flows on the LAN.

use std::time::Duration;

use super::Knock;
use crate::plan::Direction;

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

impl Passage {
    /// Counts one more frame.
    pub(super) fn count(&mut self, delivered: bool) {
        self.sent += 1;
        self.delivered += u64::from(delivered);
    }

    /// What was counted after an earlier look.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(before.sent),
            delivered: self.delivered.saturating_sub(before.delivered),
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            delivered: self.delivered + other.delivered,
        }
    }
}

/// All frames of one machine on the LAN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Those that it sent.
    pub out: Passage,
    /// Those that others sent to it.
    pub into: Passage,
}

impl Traffic {
    /// What was counted after an earlier look.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            out: self.out.since(before.out),
            into: self.into.since(before.into),
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            out: self.out.and(other.out),
            into: self.into.and(other.into),
        }
    }
}

/// What a frame to or from the machine of a rule is to the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kin {
    /// The rule means it.
    Meant,
    /// Of the same pair and port, it goes the way that the rule leaves alone.
    Opposite,
    /// Any other.
    Rest,
}

impl Kin {
    /// What a frame is that leaves the rule's machine or not, and is of the pair and port that the
    /// rule is about or not.
    pub(super) fn of(direction: Direction, out: bool, flow: bool) -> Self {
        let way = match direction {
            Direction::In => !out,
            Direction::Out => out,
            Direction::Both => true,
        };
        match (flow, way) {
            (true, true) => Self::Meant,
            (true, false) => Self::Opposite,
            (false, _) => Self::Rest,
        }
    }
}

/// What the LAN counted of the machine of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The frames that the rule means.
    pub meant: Passage,
    /// Those of the same pair and port that go the other way, where the rule means one.
    pub opposite: Passage,
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
        Self {
            meant: self.meant.since(before.meant),
            opposite: self.opposite.since(before.opposite),
            rest: self.rest.since(before.rest),
            lost: self.lost.saturating_sub(before.lost),
            held: self.held.saturating_sub(before.held),
        }
    }

    /// What is counted of frames of one kind.
    pub(super) fn passage(&mut self, kin: Kin) -> &mut Passage {
        match kin {
            Kin::Meant => &mut self.meant,
            Kin::Opposite => &mut self.opposite,
            Kin::Rest => &mut self.rest,
        }
    }

    /// For how long a delivered frame had been held, on average.
    pub fn mean_hold(&self) -> Duration {
        let delivered = u32::try_from(self.meant.delivered).unwrap_or(u32::MAX);
        self.held.checked_div(delivered).unwrap_or_default()
    }
}
