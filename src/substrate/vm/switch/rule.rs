//! Rules of the switch: which frames are dropped, delayed or lost, and what is counted of them.
//!
//! A frame is counted as sent before any rule is asked, and as delivered where it is handed over;
//! so a rule that does nothing shows in its own tally.

use etherparse::{SlicedPacket, TransportSlice};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use bytes::Bytes;

use crate::journal::Slowness;
use crate::plan::Direction;
use crate::substrate::{Kin, Tally};
use crate::units::Port;

/// Frames that a slow rule may hold before it drops further ones.
pub(super) const HOLD: usize = 16 * 1024;

/// A rule, its machines told by the switch's ports.
pub(super) struct Rule {
    pub(super) number: usize,
    pub(super) node: usize,
    /// Empty for everybody.
    pub(super) from: Vec<usize>,
    pub(super) direction: Direction,
    pub(super) port: Option<Port>,
    pub(super) effect: Effect,
    pub(super) tally: Tally,
}

/// What becomes of the frames that are meant.
pub(super) enum Effect {
    /// They pass.
    Nothing,
    /// They are dropped.
    Drop,
    /// They are held, and some are lost.
    Slow {
        how: Slowness,
        rng: Box<ChaCha8Rng>,
        line: mpsc::Sender<Held>,
    },
}

/// A frame that is held.
pub(super) struct Held {
    pub(super) due: Instant,
    pub(super) since: Instant,
    pub(super) to: usize,
    pub(super) frame: Bytes,
}

/// What a rule decides of one frame.
pub(super) enum Fate {
    Pass,
    Gone,
    Later(Duration),
}

impl Effect {
    /// Frames that are slow, by chances that this seed decides.
    pub(super) fn slow(how: Slowness, seed: u64, line: mpsc::Sender<Held>) -> Self {
        Self::Slow {
            how,
            rng: Box::new(ChaCha8Rng::seed_from_u64(seed)),
            line,
        }
    }
}

impl Rule {
    /// Whether a frame between two ports is one of the machine's, and then what it is to the rule.
    pub(super) fn means(&self, from: usize, to: usize, port: &mut Ports<'_>) -> Option<Kin> {
        let (other, out) = match self.node {
            node if node == from => (to, true),
            node if node == to => (from, false),
            _ => return None,
        };
        let pair = self.from.is_empty() || self.from.contains(&other);
        let flow = pair && self.port.is_none_or(|wanted| port.has(wanted));
        Some(Kin::of(self.direction, out, flow))
    }

    /// What becomes of a frame that is meant.
    pub(super) fn decide(&mut self) -> Fate {
        match &mut self.effect {
            Effect::Nothing => Fate::Pass,
            Effect::Drop => Fate::Gone,
            Effect::Slow { how, rng, .. } => {
                if rng.random_bool(how.loss.0.clamp(0.0, 1.0)) {
                    self.tally.lost += 1;
                    return Fate::Gone;
                }
                let (delay, jitter) = (how.delay.0, how.jitter.0);
                let span = jitter.as_secs_f64();
                let off = span * rng.random_range(-1.0..=1.0);
                let held = (delay.as_secs_f64() + off).max(0.0);
                match delay.is_zero() {
                    true => Fate::Pass,
                    false => Fate::Later(Duration::from_secs_f64(held)),
                }
            }
        }
    }

    /// Puts a frame where it is held; false when there is no room.
    pub(super) fn hold(&self, held: Held) -> bool {
        match &self.effect {
            Effect::Slow { line, .. } => line.try_send(held).is_ok(),
            Effect::Nothing | Effect::Drop => false,
        }
    }
}

/// The ports of a frame, read when somebody asks for the first time.
pub(super) struct Ports<'a> {
    frame: &'a [u8],
    read: Option<Option<(u16, u16, bool)>>,
}

impl<'a> Ports<'a> {
    pub(super) fn of(frame: &'a [u8]) -> Self {
        Self { frame, read: None }
    }

    /// True if the frame is from or to this port.
    fn has(&mut self, wanted: Port) -> bool {
        let frame = self.frame;
        let read = *self.read.get_or_insert_with(|| ports(frame));
        read.is_some_and(|(source, destination, udp)| {
            udp == wanted.udp && (source == wanted.number || destination == wanted.number)
        })
    }
}

/// Source, destination, and whether it is UDP. A later fragment of a packet has none of them.
fn ports(frame: &[u8]) -> Option<(u16, u16, bool)> {
    match SlicedPacket::from_ethernet(frame).ok()?.transport? {
        TransportSlice::Tcp(tcp) => Some((tcp.source_port(), tcp.destination_port(), false)),
        TransportSlice::Udp(udp) => Some((udp.source_port(), udp.destination_port(), true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    /// A packet between two ports.
    fn packet(udp: bool, source: u16, destination: u16) -> Vec<u8> {
        let addressed = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([1; 4], [2; 4], 20);
        let mut bytes = Vec::new();
        let written = match udp {
            true => addressed.udp(source, destination).write(&mut bytes, b"x"),
            false => addressed
                .tcp(source, destination, 1, 1000)
                .write(&mut bytes, b"x"),
        };
        written.expect("a packet");
        bytes
    }

    #[test]
    fn a_port_is_known_on_either_side_and_by_its_protocol() {
        for (udp, source, destination, right) in [
            (true, 7946, 40000, true),
            (true, 40000, 7946, true),
            (true, 40000, 7947, false),
            (false, 7946, 7946, false),
        ] {
            let bytes = packet(udp, source, destination);
            assert_eq!(Ports::of(&bytes).has(Port::udp(7946)), right);
        }
        assert!(Ports::of(&packet(false, 2377, 9)).has(Port::tcp(2377)));
        for noise in [&[][..], &[0; 13], &[0xff; 60]] {
            assert!(!Ports::of(noise).has(Port::tcp(2377)));
        }
    }

    fn rule(direction: Direction, from: &[usize]) -> Rule {
        Rule {
            number: 0,
            node: 1,
            from: from.to_vec(),
            direction,
            port: None,
            effect: Effect::Drop,
            tally: Tally::default(),
        }
    }

    #[test]
    fn a_rule_means_its_direction_and_its_pair_and_no_other() {
        let half = rule(Direction::Out, &[3]);
        let (out, into) = (rule(Direction::Out, &[]), rule(Direction::In, &[]));
        let (pair, all) = (rule(Direction::Both, &[3]), rule(Direction::Both, &[]));
        for (rule, from, to, kin) in [
            (&out, 1, 2, Some(Kin::Meant)),
            (&out, 2, 1, Some(Kin::Opposite)),
            (&into, 2, 1, Some(Kin::Meant)),
            (&half, 3, 1, Some(Kin::Opposite)),
            (&half, 2, 1, Some(Kin::Rest)),
            (&pair, 2, 1, Some(Kin::Rest)),
            (&pair, 1, 3, Some(Kin::Meant)),
            (&pair, 3, 1, Some(Kin::Meant)),
            (&all, 2, 3, None),
        ] {
            assert_eq!(rule.means(from, to, &mut Ports::of(&[])), kin);
        }
    }

    #[test]
    fn the_same_seed_loses_the_same_frames_and_holds_them_as_long() {
        let how = Slowness {
            delay: crate::units::Span::millis(100),
            jitter: crate::units::Span::millis(20),
            loss: crate::units::Share(0.1),
            before_us: None,
        };
        let run = |seed| {
            let (line, _frames) = mpsc::channel(1);
            let mut rule = rule(Direction::Both, &[]);
            rule.effect = Effect::slow(how, seed, line);
            let fates: Vec<Option<Duration>> = (0..1000)
                .map(|_| match rule.decide() {
                    Fate::Later(held) => Some(held),
                    Fate::Pass | Fate::Gone => None,
                })
                .collect();
            (fates, rule.tally.lost)
        };
        let (fates, lost) = run(7);
        assert_eq!((&fates, lost), (&run(7).0, run(7).1));
        assert_ne!(fates, run(8).0);
        assert!((50..200).contains(&lost), "{lost} of 1000 lost");
        let mut held = fates.iter().flatten();
        assert!(held.all(|held| (80..=120).contains(&held.as_millis())));
    }
}
