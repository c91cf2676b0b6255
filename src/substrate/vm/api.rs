//! The managers' API on the LAN: with TLS and client certificates, or open to anybody.
//!
//! The engines that listen are those that users run: `dockerd` itself does TLS. It then wants TLS
//! on every TCP port, so the harness's own way in, on the management network, becomes a socket of
//! systemd that leads to the engine's Unix socket.

use super::certificate::{Certificates, Pair};
use super::lab::{BOOT, COMMAND, VmLab, all};
use crate::journal::Event;
use crate::plan::{Node, Plan, Role};
use crate::scenario::Api;
use crate::substrate::Trouble;
use crate::substrate::nodes::{Ran, STRANGER};

/// The engine as `recipe/system.sh` starts it, but for where it listens.
const ENGINE: &str = "/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock -H fd://";

/// Comes after the drop-in `api.conf` of `recipe/system.sh`, and so counts instead of it.
const DROP_IN: &str = "etc/systemd/system/docker.service.d/lan.conf";

/// Where an engine finds its certificates.
const CERTIFICATES: &str = "etc/docker/tls";

/// Where the `docker` client of a machine looks for its own, if nobody says otherwise.
const CLIENT: &str = "root/.docker";

/// The units that are the harness's way in, where an engine listens with TLS.
pub(super) const WAY_IN: &str = "seatrial-engine.socket seatrial-engine.service";

/// The harness's way in, beside an engine that wants TLS on every TCP port of its own.
const SOCKET: &str = "[Unit]\nDescription=the way in of the harness\n[Socket]\n\
    ListenStream=10.0.2.15:2375\nFreeBind=yes\n[Install]\nWantedBy=sockets.target\n";
const PROXY: &str = "[Unit]\nDescription=the way in of the harness\n\
    Requires=seatrial-engine.socket\n[Service]\nType=notify\n\
    ExecStart=/lib/systemd/systemd-socket-proxyd /run/docker.sock\n";

/// Unpacks files, and restarts the engine with what they say. The order is the article's: the
/// engine must let go of its port before a socket can take it.
const RESTART: &str = "tar -x -C / && systemctl daemon-reload && \
    systemctl stop docker.service && \
    if test -e /etc/systemd/system/seatrial-engine.socket; then \
    systemctl enable --quiet --now seatrial-engine.socket; fi && \
    systemctl start docker.service && sync";

/// A small file for a guest: path from its root, text, and mode.
type File = (String, String, u32);

impl VmLab {
    /// Has every manager listen on the LAN, and sees who is let in.
    pub(super) async fn open_api(&self) -> Result<(), Trouble> {
        let api = self.plan.topology.api;
        if api.is_closed() {
            return Ok(());
        }
        let step = self.vm.progress.step("open the managers' API");
        let certificates = match api {
            Api::Tls => Some(Certificates::make(&addresses(&self.plan))?),
            Api::Closed | Api::Plain => None,
        };
        let certificates = certificates.as_ref();
        let opens = managers(&self.plan).map(|manager| async move {
            let archive = archive(&engine_files(manager, api, certificates))?;
            let agent = &self.machine(&manager.name)?.agent;
            agent.sh_with(RESTART, &archive, BOOT).await?;
            self.nodes().engine_answers(&manager.name).await
        });
        all(opens).await?;
        if let Some(certificates) = certificates {
            let archive = archive(&client_files(certificates))?;
            let archive = &archive;
            // Any machine may be the remote one that a `docker` client runs on.
            let hands = self.machines.values().map(|machine| async move {
                machine.agent.sh_with("tar -x -C /", archive, COMMAND).await
            });
            all(hands).await?;
        }
        self.nodes().settled().await?;
        self.try_api().await?;
        step.done();
        Ok(())
    }

    /// Asks every manager from the storage machine, which is no node: with the client certificate
    /// it must be let in, and without one it must not.
    async fn try_api(&self) -> Result<(), Trouble> {
        let agent = &self.machine("storage")?.agent;
        let mut lines = Vec::new();
        for manager in managers(&self.plan) {
            let (with, without) = asks(&manager.address, self.plan.topology.api);
            let said = agent.sh(&with, COMMAND).await?;
            lines.push(format!("{}: {with}: {}", manager.name, said.trim()));
            let Some(without) = without else { continue };
            let ran = agent.run(&without, b"", COMMAND).await?;
            let said = refusal(&ran).map_err(|why| Trouble(format!("`{}` {why}", manager.name)))?;
            lines.push(format!("{}: {without}: {said}", manager.name));
        }
        if let Some(journal) = &self.journal {
            let source = "managers' API".to_owned();
            journal.record(Event::Excerpt { source, lines })?;
        }
        Ok(())
    }
}

/// The managers of a plan.
fn managers(plan: &Plan) -> impl Iterator<Item = &Node> {
    let nodes = plan.topology.nodes.iter();
    nodes.filter(|node| node.role == Role::Manager)
}

/// The addresses that a client may ask a manager by: its own, that of a worker, which may be
/// promoted, and the virtual address.
fn addresses(plan: &Plan) -> Vec<&str> {
    let nodes = plan.topology.nodes.iter().map(|node| node.address.as_str());
    let balancer = plan.topology.balancer.iter();
    nodes
        .chain(balancer.map(|balancer| balancer.address.as_str()))
        .collect()
}

/// The commands that ask a manager who it is: as a client that may, and as one that may not.
fn asks(address: &str, api: Api) -> (String, Option<String>) {
    let port = api.port().unwrap_or_default();
    let ask = |how: &str| {
        format!("docker --host tcp://{address}:{port} {how}version -f '{{{{.Server.Version}}}}'")
    };
    match api {
        Api::Tls => {
            let stranger = format!("DOCKER_CERT_PATH=/{STRANGER} {}", ask("--tlsverify "));
            (ask("--tlsverify "), Some(stranger))
        }
        Api::Closed | Api::Plain => (ask(""), None),
    }
}

/// The words with which a client was turned away for want of a certificate. Any other failure
/// says nothing about the engine.
fn refusal(ran: &Ran) -> Result<String, String> {
    let last = ran.err.trim().lines().last().unwrap_or_default();
    if ran.code == 0 {
        Err("lets in a client without a certificate".to_owned())
    } else if last.contains("tls: ") && last.contains("certificate") {
        Ok(last.to_owned())
    } else {
        Err(format!("could not be asked without a certificate: {last}"))
    }
}

/// What an engine that listens on the LAN is given.
fn engine_files(manager: &Node, api: Api, certificates: Option<&Certificates>) -> Vec<File> {
    let (address, port) = (&manager.address, api.port().unwrap_or_default());
    let drop_in = |listens: &str| {
        let text = format!("[Service]\nExecStart=\nExecStart={ENGINE} {listens}\n");
        (DROP_IN.to_owned(), text, 0o644)
    };
    let Some(Certificates {
        authority, server, ..
    }) = certificates
    else {
        return vec![drop_in(&format!(
            "-H tcp://10.0.2.15:2375 -H tcp://{address}:{port} --tls=false"
        ))];
    };
    let unit = |name: &str, text: &str| {
        let path = format!("etc/systemd/system/seatrial-engine.{name}");
        (path, text.to_owned(), 0o644)
    };
    let mut files = vec![
        drop_in(&format!(
            "-H tcp://{address}:{port} --tlsverify --tlscacert=/{CERTIFICATES}/ca.pem \
             --tlscert=/{CERTIFICATES}/cert.pem --tlskey=/{CERTIFICATES}/key.pem"
        )),
        unit("socket", SOCKET),
        unit("service", PROXY),
    ];
    files.extend(pair_files(CERTIFICATES, authority, server));
    files
}

/// What a machine is given whose `docker` client may ask the managers.
fn client_files(certificates: &Certificates) -> Vec<File> {
    let mut files = pair_files(CLIENT, &certificates.authority, &certificates.client);
    let authority = certificates.authority.clone();
    files.push((format!("{STRANGER}/ca.pem"), authority, 0o444));
    files
}

/// A certificate, its key and the authority to trust, under the names that Docker gives them.
fn pair_files(folder: &str, authority: &str, pair: &Pair) -> Vec<File> {
    let file = |name: &str, text: &str, mode| (format!("{folder}/{name}"), text.to_owned(), mode);
    vec![
        file("ca.pem", authority, 0o444),
        file("cert.pem", &pair.certificate, 0o444),
        file("key.pem", &pair.key, 0o400),
    ]
}

/// Files as `tar -x` takes them; it makes the folders.
fn archive(files: &[File]) -> Result<Vec<u8>, Trouble> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(text.len() as u64);
        archive
            .append_data(&mut header, path, text.as_bytes())
            .map_err(|error| Trouble(format!("`{path}` for a guest: {error}")))?;
    }
    archive
        .into_inner()
        .map_err(|error| Trouble(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::substrate::vm::balancer::tests::article;

    /// Files as text, without what differs from lab to lab.
    fn shown(files: &[File]) -> String {
        let mut shown = String::new();
        for (path, text, mode) in files {
            let text = if path.ends_with(".pem") {
                text.lines().next().unwrap_or_default()
            } else {
                text.trim_end()
            };
            let _ = writeln!(shown, "== /{path} {mode:o}\n{text}");
        }
        shown
    }

    #[test]
    fn what_an_engine_with_tls_is_given() {
        let plan = article("15-managers-api-tls");
        assert!(addresses(&plan).contains(&"192.168.150.27"));
        let certificates = Certificates::make(&addresses(&plan)).expect("certificates");
        let manager = managers(&plan).next().expect("a manager");
        let files = engine_files(manager, plan.topology.api, Some(&certificates));
        insta::assert_snapshot!("engine-tls", shown(&files));
        let client = shown(&client_files(&certificates));
        insta::assert_snapshot!("client-tls", client);
        let (with, without) = asks(&manager.address, plan.topology.api);
        let without = without.expect("another");
        insta::assert_snapshot!("asks-tls", format!("{with}\n{without}"));
    }

    #[test]
    fn only_a_refusal_for_want_of_a_certificate_is_one() {
        let ran = |code, err: &str| {
            refusal(&Ran {
                code,
                out: String::new(),
                err: err.to_owned(),
            })
        };
        // In the words of the `docker` client of 20.10.24 at a `dockerd --tlsverify`.
        let turned_away = "the server probably has client authentication (--tlsverify) enabled; \
                           check your TLS client certification settings: Get \
                           \"https://127.0.0.1:2376/v1.24/version\": remote error: tls: bad \
                           certificate";
        assert!(ran(1, turned_away).is_ok());
        assert!(ran(0, "").expect_err("let in").contains("lets in"));
        let no_file = "unable to resolve docker endpoint: open /nonexistent/ca.pem: no such file";
        assert!(
            ran(1, no_file)
                .expect_err("no answer")
                .contains("could not be asked")
        );
        assert!(ran(1, "connection refused").is_err());
        assert!(ran(2, "panic: runtime error: index out of range").is_err());
    }

    #[test]
    fn what_an_open_engine_is_given() {
        let plan = article("16-plain-api-port");
        let manager = managers(&plan).next().expect("a manager");
        let files = engine_files(manager, plan.topology.api, None);
        insta::assert_snapshot!("engine-plain", shown(&files));
    }

    #[test]
    fn an_archive_keeps_keys_from_others() {
        let files = [("etc/key.pem".to_owned(), "secret".to_owned(), 0o400)];
        let bytes = archive(&files).expect("an archive");
        let mut read = tar::Archive::new(bytes.as_slice());
        let mut entries = read.entries().expect("entries");
        let entry = entries.next().expect("one").expect("whole");
        assert_eq!(entry.header().mode().expect("a mode"), 0o400);
        assert_eq!(
            entry.path().expect("a path").display().to_string(),
            "etc/key.pem"
        );
        assert!(entries.next().is_none());
    }
}
