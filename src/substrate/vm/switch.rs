//! The lab's LAN: an Ethernet switch inside the harness, one Unix socket a machine.
//!
//! A frame on the wire is its length, 4 bytes big-endian, and its bytes: the format of QEMU's
//! `-netdev stream` (`net/stream.c`). Cutting a node off is a rule here: exact, and gone with the
//! process.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::journal;
use crate::substrate::{Kin, Tally, Traffic};
use crate::wait;
use rule::{Effect, Fate, Held, Ports, Rule};

mod rule;

/// The largest frame that is passed on: QEMU's own limit (`NET_BUFSIZE` in `include/net/net.h`).
const FRAME_MAX: usize = 4096 + 65536;

/// The smallest frame that has a destination and a source.
const FRAME_MIN: usize = 14;

/// Frames that may wait for a machine before further ones are dropped, as a real switch does.
const QUEUE: usize = 1024;

/// A hardware address.
type Mac = [u8; 6];

/// The switch. Dropping it ends its tasks.
pub(super) struct Switch {
    shared: Arc<Mutex<Shared>>,
    tasks: JoinSet<()>,
}

/// What all ports share.
#[derive(Default)]
struct Shared {
    ports: Vec<Port>,
    learned: HashMap<Mac, usize>,
    rules: Vec<Rule>,
}

/// One socket of the switch.
#[derive(Default)]
struct Port {
    name: String,
    isolated: bool,
    traffic: Traffic,
    out: Option<mpsc::Sender<Bytes>>,
}

impl Switch {
    /// A switch without ports.
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::default(),
            tasks: JoinSet::new(),
        }
    }

    /// Adds a port for a machine. It may connect again whenever it is started anew.
    pub(super) fn add_port(&mut self, name: &str, socket: &Path) -> io::Result<()> {
        let listener = UnixListener::bind(socket)?;
        let shared = Arc::clone(&self.shared);
        let index = {
            let mut shared = lock(&shared);
            shared.ports.push(Port {
                name: name.to_owned(),
                ..Port::default()
            });
            shared.ports.len() - 1
        };
        self.tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(&shared, index, stream).await;
            }
        });
        Ok(())
    }

    /// Drops every frame to and from a machine, or lets them pass again.
    /// Returns false if there is no such machine.
    pub(super) fn isolate(&self, name: &str, isolated: bool) -> bool {
        let mut shared = lock(&self.shared);
        match shared.ports.iter_mut().find(|port| port.name == name) {
            Some(port) => {
                port.isolated = isolated;
                true
            }
            None => false,
        }
    }

    /// Puts a rule into force, or takes it out and goes on counting its frames.
    /// Returns false if a machine of it is not there.
    pub(super) fn impose(
        &mut self,
        number: usize,
        rule: &journal::Rule,
        in_force: bool,
        seed: u64,
    ) -> bool {
        let effect = match (&rule.slow, in_force) {
            (_, false) => Effect::Nothing,
            (None, true) => Effect::Drop,
            (Some(how), true) => Effect::slow(*how, seed, self.line(number)),
        };
        let mut shared = lock(&self.shared);
        let find = |name: &String| shared.ports.iter().position(|port| port.name == *name);
        let from: Option<Vec<usize>> = rule.from.iter().map(find).collect();
        let Some((node, from)) = find(&rule.node).zip(from) else {
            return false;
        };
        match shared.rules.iter_mut().find(|rule| rule.number == number) {
            Some(known) => known.effect = effect,
            None => shared.rules.push(Rule {
                number,
                node,
                from,
                direction: rule.direction,
                port: rule.port,
                effect,
                tally: Tally::default(),
            }),
        }
        true
    }

    /// What was counted of a rule's frames.
    pub(super) fn tally(&self, number: usize) -> Tally {
        let shared = lock(&self.shared);
        let rule = shared.rules.iter().find(|rule| rule.number == number);
        rule.map(|rule| rule.tally).unwrap_or_default()
    }

    /// Where the frames of a rule are held, in their order. It ends with the rule's sender, once
    /// the last of them is delivered.
    fn line(&mut self, number: usize) -> mpsc::Sender<Held> {
        let (line, mut frames) = mpsc::channel::<Held>(rule::HOLD);
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            while let Some(held) = frames.recv().await {
                wait::pause_until(held.due).await;
                let mut shared = lock(&shared);
                let delivered = shared.hand_over(held.to, &held.frame);
                let mut rules = shared.rules.iter_mut();
                if let Some(rule) = rules.find(|rule| rule.number == number && delivered) {
                    rule.tally.meant.delivered += 1;
                    rule.tally.held += held.since.elapsed();
                }
            }
        });
        line
    }

    /// Frames that a machine sent and how many of them reached somebody, and those for it.
    pub(super) fn frames(&self, name: &str) -> Traffic {
        let shared = lock(&self.shared);
        let port = shared.ports.iter().find(|port| port.name == name);
        port.map(|port| port.traffic).unwrap_or_default()
    }
}

/// Locks what the ports share; a panic elsewhere does not stop the lab.
fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection until the machine closes it.
async fn serve(shared: &Mutex<Shared>, index: usize, stream: UnixStream) {
    let (reader, writer) = stream.into_split();
    let (sender, receiver) = mpsc::channel(QUEUE);
    lock(shared).ports[index].out = Some(sender);
    tokio::select! {
        _ = receive(shared, index, reader) => {}
        _ = send(receiver, writer) => {}
    }
    let mut shared = lock(shared);
    shared.ports[index].out = None;
    shared.learned.retain(|_, port| *port != index);
}

/// Reads frames and passes them on.
async fn receive(
    shared: &Mutex<Shared>,
    index: usize,
    mut reader: OwnedReadHalf,
) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(1 << 18);
    loop {
        if reader.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let mut shared = lock(shared);
        while let Some(frame) = take_frame(&mut buffer)? {
            shared.forward(index, &frame);
        }
        drop(shared);
        buffer.reserve(1 << 16);
    }
}

/// Writes frames, as many at once as are waiting.
async fn send(mut frames: mpsc::Receiver<Bytes>, mut writer: OwnedWriteHalf) -> io::Result<()> {
    let mut waiting = Vec::with_capacity(64);
    let mut buffer = BytesMut::with_capacity(1 << 17);
    while frames.recv_many(&mut waiting, 64).await > 0 {
        for frame in waiting.drain(..) {
            buffer.put_u32(u32::try_from(frame.len()).unwrap_or(0));
            buffer.put_slice(&frame);
        }
        writer.write_all_buf(&mut buffer).await?;
    }
    Ok(())
}

/// Takes a whole frame from the front of what was read, if there is one.
fn take_frame(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some(header) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*header) as usize;
    if length > FRAME_MAX {
        let what = format!("a frame of {length} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length).freeze()))
}

impl Shared {
    /// Learns where the source is, and passes the frame to where the destination is, or to all.
    fn forward(&mut self, from: usize, frame: &Bytes) {
        self.ports[from].traffic.out.sent += 1;
        if frame.len() < FRAME_MIN || self.ports[from].isolated {
            return;
        }
        let (destination, source) = (mac(&frame[0..6]), mac(&frame[6..12]));
        self.learned.insert(source, from);
        let known = self.learned.get(&destination).copied();
        let delivered = match known.filter(|_| destination[0] & 1 == 0) {
            Some(to) => to != from && self.pass(from, to, frame),
            None => {
                let others = (0..self.ports.len()).filter(|to| *to != from);
                others.filter(|to| self.pass(from, *to, frame)).count() > 0
            }
        };
        self.ports[from].traffic.out.delivered += u64::from(delivered);
    }

    /// Lets every rule count and decide, and hands the frame over, or has it held.
    fn pass(&mut self, from: usize, to: usize, frame: &Bytes) -> bool {
        self.ports[to].traffic.into.sent += 1;
        if self.rules.is_empty() {
            return self.hand_over(to, frame);
        }
        let mut ports = Ports::of(frame);
        let rules = self.rules.iter();
        let means: Vec<Option<Kin>> = rules.map(|rule| rule.means(from, to, &mut ports)).collect();
        let (mut gone, mut later) = (false, None);
        for (index, (rule, meant)) in self.rules.iter_mut().zip(&means).enumerate() {
            let Some(kin) = *meant else { continue };
            rule.tally.passage(kin).sent += 1;
            if kin == Kin::Meant && !gone {
                match rule.decide() {
                    Fate::Pass => {}
                    Fate::Gone => gone = true,
                    Fate::Later(held) => later = later.or(Some((index, held))),
                }
            }
        }
        if gone {
            return false;
        }
        let since = Instant::now();
        let held = later.map(|(index, held)| {
            let frame = frame.clone();
            let due = since + held;
            let held = Held {
                due,
                since,
                to,
                frame,
            };
            (index, self.rules[index].hold(held))
        });
        let delivered = match held {
            Some((_, held)) => held,
            None => self.hand_over(to, frame),
        };
        let holder = held.map(|(index, _)| index);
        let counted = self.rules.iter_mut().zip(means).enumerate();
        for (index, (rule, meant)) in counted {
            if let Some(kin) = meant
                && holder != Some(index)
            {
                rule.tally.passage(kin).delivered += u64::from(delivered);
            }
        }
        delivered
    }

    /// Puts a frame into a port's queue, unless the machine is cut off or the queue is full.
    fn hand_over(&mut self, to: usize, frame: &Bytes) -> bool {
        let port = &mut self.ports[to];
        let out = port.out.as_ref().filter(|_| !port.isolated);
        let delivered = out.is_some_and(|out| out.try_send(frame.clone()).is_ok());
        port.traffic.into.delivered += u64::from(delivered);
        delivered
    }
}

/// The frames of a stream that comes in reads of this size, each passed on, and how many bytes are
/// kept in the end.
#[cfg(any(test, fuzzing))]
pub(super) fn swallow(stream: &[u8], cut: usize) -> (Vec<Bytes>, usize) {
    let (mut buffer, mut taken) = (BytesMut::new(), Vec::new());
    let mut shared = Shared::default();
    shared.ports.resize_with(2, Port::default);
    for read in stream.chunks(cut) {
        buffer.extend_from_slice(read);
        loop {
            match take_frame(&mut buffer) {
                Ok(Some(frame)) => {
                    shared.forward(0, &frame);
                    taken.push(frame);
                }
                Ok(None) => break,
                Err(_) => return (taken, buffer.len()),
            }
        }
    }
    (taken, buffer.len())
}

/// A hardware address from its six bytes.
fn mac(bytes: &[u8]) -> Mac {
    let mut mac = [0; 6];
    mac.copy_from_slice(bytes);
    mac
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use tokio::time::timeout;

    use super::*;
    use crate::plan::Direction;
    use crate::substrate::Passage;

    /// A machine on the switch.
    struct Card {
        stream: UnixStream,
        mac: Mac,
    }

    impl Card {
        async fn plug(folder: &Path, name: &str, last: u8) -> Self {
            let stream = UnixStream::connect(folder.join(name)).await.expect("port");
            Self {
                stream,
                mac: [0x52, 0x54, 0, 0x5e, 0, last],
            }
        }

        async fn send(&mut self, to: Mac, payload: &[u8]) {
            let frame = [&to[..], &self.mac, &[0x88, 0xb5], payload].concat();
            let mut bytes = u32::try_from(frame.len())
                .expect("short")
                .to_be_bytes()
                .to_vec();
            bytes.extend(frame);
            self.stream.write_all(&bytes).await.expect("write");
        }

        async fn receive(&mut self) -> Option<Vec<u8>> {
            let read = async {
                let length = self.stream.read_u32().await.expect("length");
                let mut frame = vec![0; length as usize];
                self.stream.read_exact(&mut frame).await.expect("frame");
                frame[14..].to_vec()
            };
            timeout(Duration::from_millis(300), read).await.ok()
        }
    }

    const ALL: Mac = [0xff; 6];

    async fn three() -> (tempfile::TempDir, Switch, [Card; 3]) {
        let folder = tempfile::tempdir().expect("folder");
        let mut switch = Switch::new();
        for name in ["a", "b", "c"] {
            switch
                .add_port(name, &folder.path().join(name))
                .expect("port");
        }
        let mut cards = [
            Card::plug(folder.path(), "a", 1).await,
            Card::plug(folder.path(), "b", 2).await,
            Card::plug(folder.path(), "c", 3).await,
        ];
        // Until everybody has heard everybody, a port may not be served yet.
        for from in 0..3 {
            for to in (0..3).filter(|to| *to != from) {
                loop {
                    cards[from].send(ALL, b"hello").await;
                    if cards[to].receive().await.is_some() {
                        break;
                    }
                }
            }
        }
        for card in &mut cards {
            while card.receive().await.is_some() {}
        }
        (folder, switch, cards)
    }

    #[tokio::test]
    async fn a_known_destination_gets_the_frame_alone() {
        let (_folder, switch, [mut a, mut b, mut c]) = three().await;
        let to = b.mac;
        a.send(to, b"for b").await;
        assert_eq!(b.receive().await.as_deref(), Some(&b"for b"[..]));
        assert_eq!(c.receive().await, None);
        let Traffic { out, into } = switch.frames("a");
        assert_eq!((out.sent, into.sent), (out.delivered, into.delivered));
    }

    #[tokio::test]
    async fn an_isolated_machine_neither_sends_nor_receives() {
        let (_folder, switch, [mut a, mut b, mut c]) = three().await;
        assert!(switch.isolate("b", true));
        let before = switch.frames("b");
        b.send(a.mac, b"from b").await;
        a.send(b.mac, b"for b").await;
        assert_eq!(a.receive().await, None);
        assert_eq!(b.receive().await, None);
        let Traffic { out, into } = switch.frames("b").since(before);
        let vain = Passage {
            sent: 1,
            delivered: 0,
        };
        assert_eq!(
            (out, into),
            (vain, vain),
            "one each way, and neither passes"
        );
        a.send(c.mac, b"others go on").await;
        assert!(c.receive().await.is_some());
        assert!(switch.isolate("b", false));
        b.send(a.mac, b"back").await;
        assert_eq!(a.receive().await.as_deref(), Some(&b"back"[..]));
        assert!(!switch.isolate("nobody", true));
    }

    fn rule(direction: Direction, from: &[&str]) -> journal::Rule {
        journal::Rule {
            node: "b".to_owned(),
            from: from.iter().map(|name| (*name).to_owned()).collect(),
            direction,
            port: None,
            slow: None,
            witness: "a".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_cut_of_one_direction_lets_the_other_pass() {
        let (_folder, mut switch, [mut a, mut b, _c]) = three().await;
        assert!(switch.impose(4, &rule(Direction::Out, &[]), true, 7));
        b.send(a.mac, b"from b").await;
        a.send(b.mac, b"for b").await;
        assert_eq!(a.receive().await, None);
        assert_eq!(b.receive().await.as_deref(), Some(&b"for b"[..]));
        let tally = switch.tally(4);
        assert_eq!((tally.meant.sent, tally.meant.delivered), (1, 0));
        assert_eq!((tally.opposite.sent, tally.opposite.delivered), (1, 1));
        assert_eq!(tally.rest, Passage::default());
        assert!(switch.impose(4, &rule(Direction::Out, &[]), false, 7));
        b.send(a.mac, b"again").await;
        assert!(a.receive().await.is_some());
        assert_eq!(switch.tally(4).meant.delivered, 1, "it counts on");
    }

    #[tokio::test]
    async fn a_cut_pair_leaves_all_others() {
        let (_folder, mut switch, [mut a, mut b, mut c]) = three().await;
        assert!(switch.impose(0, &rule(Direction::Both, &["a"]), true, 7));
        b.send(ALL, b"to all").await;
        assert_eq!(a.receive().await, None);
        assert!(c.receive().await.is_some());
        assert!(!switch.impose(1, &rule(Direction::Both, &["nobody"]), true, 7));
    }

    #[tokio::test]
    async fn a_slow_frame_arrives_later_and_is_counted_then() {
        let (_folder, mut switch, [mut a, mut b, _c]) = three().await;
        let mut slow = rule(Direction::In, &[]);
        slow.slow = Some(journal::Slowness {
            delay: crate::units::Span::millis(120),
            jitter: crate::units::Span::default(),
            loss: crate::units::Share(0.0),
            before_us: None,
        });
        assert!(switch.impose(0, &slow, true, 7));
        let began = Instant::now();
        a.send(b.mac, b"one").await;
        a.send(b.mac, b"two").await;
        assert_eq!(b.receive().await.as_deref(), Some(&b"one"[..]));
        assert!(began.elapsed() >= Duration::from_millis(120));
        assert_eq!(b.receive().await.as_deref(), Some(&b"two"[..]));
        let tally = switch.tally(0);
        assert_eq!((tally.meant.sent, tally.meant.delivered), (2, 2));
        assert!(tally.mean_hold() >= Duration::from_millis(120));
    }

    #[test]
    fn a_frame_is_taken_only_when_it_is_whole() {
        let mut buffer = BytesMut::from(&[0, 0, 0, 3, 1, 2][..]);
        assert!(take_frame(&mut buffer).expect("short").is_none());
        buffer.extend_from_slice(&[3, 9]);
        assert_eq!(
            take_frame(&mut buffer).expect("whole").as_deref(),
            Some(&[1, 2, 3][..])
        );
        assert_eq!(buffer.len(), 1);
        let mut absurd = BytesMut::from(&[0xff, 0xff, 0xff, 0xff, 0][..]);
        assert!(take_frame(&mut absurd).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 4000,
            rng_seed: RngSeed::Fixed(7),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// However a stream is cut into reads, its frames are the same, and no more is kept than
        /// was read.
        #[test]
        fn a_stream_that_may_be_anything_never_panics(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8),
            noise in prop::collection::vec(any::<u8>(), 0..40),
            cut in 1_usize..50,
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                stream.extend(u32::try_from(frame.len()).expect("short").to_be_bytes());
                stream.extend(frame);
            }
            stream.extend(&noise);
            let (taken, kept) = swallow(&stream, cut);
            prop_assert!(taken.iter().zip(&frames).all(|(taken, frame)| taken == frame));
            prop_assert!(taken.len() >= frames.len());
            prop_assert!(kept <= stream.len());
        }
    }
}
