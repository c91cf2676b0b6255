//! The machines of a lab that are no nodes, and what of theirs the nodes use. Each keeps its server
//! by itself, see `recipe/node.sh`; one that is ended is started anew.

use super::inward::RESTART;
use super::lab::DindLab;
use crate::plan::{Node, Storage};
use crate::scenario::Api;
use crate::substrate::Trouble;
use crate::substrate::nodes::api::{TLS, server_files};
use crate::substrate::nodes::certificate::Certificates;
use crate::substrate::nodes::file::File;
use crate::substrate::nodes::part::Servers;

/// Succeeds while the server of the storage machine takes requests of both versions.
pub(super) const EXPORTS: &str =
    "rpcinfo -T tcp 127.0.0.1 nfs 3 > /dev/null && rpcinfo -T tcp 127.0.0.1 nfs 4 > /dev/null";

/// How they are kept. The export is there from the start.
pub(super) const SERVERS: Servers = Servers {
    export: "true",
    exports: EXPORTS,
    balancer: "(pkill -x haproxy || true)",
    registry: "(pkill -x docker-registry || true)",
    listens: engine_files,
    engine: RESTART,
};

/// What a node's first process reads before it starts the engine.
const LISTEN: &str = "etc/seatrial/listen";

impl DindLab {
    /// Mounts the share on every node, and has each mount it again when it starts.
    pub(super) async fn mount_all(&self, storage: &Storage) -> Result<(), Trouble> {
        let Storage {
            address,
            export,
            mount,
            options,
            ..
        } = storage;
        let line = format!("{address}:{export} {mount} nfs {options} 0 0\n");
        let keep = "cat > /etc/fstab";
        self.nodes().mount_share(storage, keep, &line).await
    }
}

/// What an engine that listens on the LAN is given. The harness's own way in is its Unix socket.
fn engine_files(manager: &Node, api: Api, certificates: Option<&Certificates>) -> Vec<File> {
    let (address, port) = (&manager.address, api.port().unwrap_or_default());
    let how = match certificates {
        Some(_) => TLS,
        None => "--tls=false",
    };
    let listen = format!("-H tcp://{address}:{port} {how}\n");
    let mut files = vec![(LISTEN.to_owned(), listen, 0o644)];
    files.extend(certificates.into_iter().flat_map(server_files));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::substrate::nodes::api::tests::{certificates, manager_of, shown};
    use crate::substrate::nodes::balancer::tests::article;

    #[test]
    fn what_an_engine_on_the_lan_is_given() {
        let plan = article("15-managers-api-tls");
        let own = certificates(&plan);
        let files = engine_files(manager_of(&plan), Api::Tls, Some(&own));
        insta::assert_snapshot!("engine-tls", shown(&files));
        let files = engine_files(manager_of(&plan), Api::Plain, None);
        insta::assert_snapshot!("engine-plain", shown(&files));
    }

    #[test]
    fn the_node_reads_what_it_is_given() {
        assert!(include_str!("recipe/node.sh").contains(&format!("< /{LISTEN}")));
    }
}
