//! Machines that try each other's ports by the LAN.

use std::time::Duration;

use super::Nodes;
use crate::substrate::{Dialled, Knock};
use crate::units::Port;

/// How long the command may take on an emulated machine; it ends itself before this.
const COMMAND: Duration = Duration::from_secs(30);

/// Seconds that a guest tries. Linux repeats a lost SYN after 1 s and 3 s.
const TRIES_S: u32 = 4;

impl dyn Nodes + '_ {
    /// Tries a port of an address on the LAN from a machine's own kernel.
    pub(in crate::substrate) async fn dialled(
        &self,
        from: &str,
        address: &str,
        port: Port,
    ) -> Result<Dialled, String> {
        let ran = self.run(from, &command(address, port), b"", COMMAND).await;
        let ran = ran.map_err(|trouble| trouble.0)?;
        Ok(dialled(&ran.out, &ran.err))
    }
}

/// Connects three times, and prints for each the outcome, its beginning and its end; or sends
/// datagrams. A command for `bash`, whose `/dev/tcp` needs no tool and whose clock no process.
fn command(address: &str, port: Port) -> String {
    let Port { number, udp } = port;
    let work = match udp {
        true => format!(
            "for i in 1 2 3 4 5 6 7 8 9 10; do echo seatrial > /dev/udp/{address}/{number}; done"
        ),
        false => format!(
            "for i in 1 2 3; do s=$EPOCHREALTIME; \
             if : 3<>/dev/tcp/{address}/{number}; then w=accepted; else w=failed; fi; \
             echo $w $s $EPOCHREALTIME; done"
        ),
    };
    format!("LC_ALL=C timeout {TRIES_S} bash -c '{work}'")
}

/// What the tries came to. Only a refusal in the kernel's own words counts as an answer.
fn dialled(out: &str, err: &str) -> Dialled {
    let refused = err.contains("refused");
    let micros = |time: &str| time.replace('.', "").parse::<u64>().ok();
    let tries = out.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let answer = match words.next()? {
            "accepted" => Knock::Accepted,
            "failed" if refused => Knock::Refused,
            _ => return None,
        };
        let (began, ended) = (micros(words.next()?)?, micros(words.next()?)?);
        Some((answer, Duration::from_micros(ended.saturating_sub(began))))
    });
    let tries: Vec<(Knock, Duration)> = tries.collect();
    Dialled {
        answer: tries.last().map(|(answer, _)| *answer),
        took: tries.iter().map(|(_, took)| *took).min(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(port: Port) -> Dialled {
        let mut shell = std::process::Command::new("sh");
        let ran = shell.args(["-c", &command("127.0.0.1", port)]).output();
        let ran = ran.expect("a shell");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        dialled(&text(&ran.stdout), &text(&ran.stderr))
    }

    #[test]
    fn an_answer_is_told_from_a_refusal_and_timed() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = Port::tcp(open.local_addr().expect("an address").port());
        let seen = dial(port);
        assert_eq!(seen.answer, Some(Knock::Accepted));
        assert!(seen.took.is_some_and(|took| took < Duration::from_secs(2)));
        drop(open);
        assert_eq!(dial(port).answer, Some(Knock::Refused));
    }

    #[test]
    fn whoever_says_nothing_gave_no_answer() {
        let unreachable = "bash: connect: No route to host\n";
        for (out, err) in [
            ("", ""),
            ("failed 1.000001 4.000001\n", unreachable),
            ("accepted x y\n", ""),
        ] {
            assert_eq!(dialled(out, err), Dialled::default(), "{out}{err}");
        }
        let open = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let port = Port::udp(open.local_addr().expect("an address").port());
        assert_eq!(dial(port), Dialled::default());
        let mut datagram = [0; 16];
        let (length, _) = open.recv_from(&mut datagram).expect("a datagram");
        assert_eq!(&datagram[..length], b"seatrial\n");
    }
}
