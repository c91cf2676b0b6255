//! The managers' API on the LAN, with TLS and client certificates, or open to anybody: who is let
//! in is tried. The engines that listen are those that users run: `dockerd` itself does TLS.

use std::collections::BTreeSet;

use super::certificate::{Certificates, Pair};
use super::file::{File, pack};
use super::{BOOT, COMMAND, Nodes, Ran, STRANGER, all};
use crate::journal::Event;
use crate::plan::{Node, Plan, Role};
use crate::scenario::Api;
use crate::substrate::Trouble;

/// Where the `docker` client of a machine looks for its own certificate, if nobody says otherwise.
const CLIENT: &str = "root/.docker";

/// Where an engine finds its certificates.
const CERTIFICATES: &str = "etc/docker/tls";

/// The arguments of an engine that lets in only clients with a certificate.
pub(in crate::substrate) const TLS: &str = "--tlsverify --tlscacert=/etc/docker/tls/ca.pem \
    --tlscert=/etc/docker/tls/cert.pem --tlskey=/etc/docker/tls/key.pem";

impl dyn Nodes + '_ {
    /// Has every manager listen on the LAN, and sees who is let in.
    pub(super) async fn open_api(&self) -> Result<(), Trouble> {
        let api = self.plan().topology.api;
        if api.is_closed() {
            return Ok(());
        }
        let step = self.progress().step("open the managers' API");
        let certificates = match api {
            Api::Tls => Some(Certificates::make(&addresses(self.plan()))?),
            Api::Closed | Api::Plain => None,
        };
        let certificates = certificates.as_ref();
        let opens = managers(self.plan()).map(|manager| async move {
            self.listen(manager, api, certificates).await?;
            self.engine_answers(&manager.name).await
        });
        all(opens).await?;
        if let Some(certificates) = certificates {
            let archive = pack(&client_files(certificates))?;
            let archive = &archive;
            // Any machine may be the remote one that a `docker` client runs on.
            let machines = self.plan().topology.machines();
            let machines: BTreeSet<&str> = machines.chain([self.elsewhere()]).collect();
            let hands = machines.into_iter().map(|machine| async move {
                self.sh_with(machine, "tar -x -C /", archive, COMMAND).await
            });
            all(hands).await?;
        }
        self.settled().await?;
        self.try_api().await?;
        step.done();
        Ok(())
    }

    /// Has a manager's engine listen on the LAN, and starts it anew.
    async fn listen(
        &self,
        manager: &Node,
        api: Api,
        certificates: Option<&Certificates>,
    ) -> Result<(), Trouble> {
        let kept = self.kept()?;
        let archive = pack(&(kept.listens)(manager, api, certificates))?;
        let command = format!("tar -x -C / && {}", kept.engine);
        let told = self.sh_with(&manager.name, &command, &archive, BOOT);
        told.await.map(drop)
    }

    /// Asks every manager from a machine that is no node: with the client certificate
    /// it must be let in, and without one it must not.
    async fn try_api(&self) -> Result<(), Trouble> {
        let mut lines = Vec::new();
        for manager in managers(self.plan()) {
            let (with, without) = asks(&manager.address, self.plan().topology.api);
            let said = self.sh(self.elsewhere(), &with, COMMAND).await?;
            lines.push(format!("{}: {with}: {}", manager.name, said.trim()));
            let Some(without) = without else { continue };
            let ran = self.run(self.elsewhere(), &without, b"", COMMAND).await?;
            let said = refusal(&ran).map_err(|why| Trouble(format!("`{}` {why}", manager.name)))?;
            lines.push(format!("{}: {without}: {said}", manager.name));
        }
        if let Some(journal) = self.journal() {
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

/// The certificate that an engine shows, and the authority of those that it lets in.
pub(in crate::substrate) fn server_files(certificates: &Certificates) -> Vec<File> {
    let Certificates {
        authority, server, ..
    } = certificates;
    pair_files(CERTIFICATES, authority, server)
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

#[cfg(test)]
pub(in crate::substrate) mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::substrate::nodes::balancer::tests::article;

    /// Files as text, without what differs from lab to lab.
    pub(in crate::substrate) fn shown(files: &[File]) -> String {
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

    /// Certificates for the managers of a plan.
    pub(in crate::substrate) fn certificates(plan: &Plan) -> Certificates {
        Certificates::make(&addresses(plan)).expect("certificates")
    }

    /// Its first manager.
    pub(in crate::substrate) fn manager_of(plan: &Plan) -> &Node {
        managers(plan).next().expect("a manager")
    }

    #[test]
    fn what_a_client_is_given_and_asks() {
        let plan = article("15-managers-api-tls");
        assert!(addresses(&plan).contains(&"192.168.150.27"));
        let client = shown(&client_files(&certificates(&plan)));
        insta::assert_snapshot!("client-tls", client);
        let (with, without) = asks(&manager_of(&plan).address, plan.topology.api);
        let without = without.expect("another");
        insta::assert_snapshot!("asks-tls", format!("{with}\n{without}"));
    }

    #[test]
    fn an_engine_looks_where_its_certificates_are() {
        let plan = article("15-managers-api-tls");
        for (path, _, _) in server_files(&certificates(&plan)) {
            assert!(TLS.contains(&format!("=/{path}")), "{path}");
        }
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
    fn an_archive_keeps_keys_from_others() {
        let files = [("etc/key.pem".to_owned(), "secret".to_owned(), 0o400)];
        let bytes = pack(&files).expect("an archive");
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
