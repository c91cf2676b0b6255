//! How an engine in a machine is told to listen on the LAN.
//!
//! An engine wants TLS on every TCP port or on none, so with it the harness's own way in, on the
//! management network, becomes a socket of systemd that leads to the engine's Unix socket.

use crate::plan::Node;
use crate::scenario::Api;
use crate::substrate::nodes::api::{TLS, server_files};
use crate::substrate::nodes::certificate::Certificates;
use crate::substrate::nodes::file::File;

/// The engine as `recipe/system.sh` starts it, but for where it listens.
const ENGINE: &str = "/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock -H fd://";

/// Comes after the drop-in `api.conf` of `recipe/system.sh`, and so counts instead of it.
const DROP_IN: &str = "etc/systemd/system/docker.service.d/lan.conf";

/// The units that are the harness's way in, where an engine listens with TLS.
pub(super) const WAY_IN: &str = "seatrial-engine.socket seatrial-engine.service";

/// The harness's way in, beside an engine that wants TLS on every TCP port of its own.
const SOCKET: &str = "[Unit]\nDescription=the way in of the harness\n[Socket]\n\
    ListenStream=10.0.2.15:2375\nFreeBind=yes\n[Install]\nWantedBy=sockets.target\n";
const PROXY: &str = "[Unit]\nDescription=the way in of the harness\n\
    Requires=seatrial-engine.socket\n[Service]\nType=notify\n\
    ExecStart=/lib/systemd/systemd-socket-proxyd /run/docker.sock\n";

/// Restarts the engine with what its files say. The order is the article's: the engine must let go
/// of its port before a socket can take it.
pub(super) const RESTART: &str = "systemctl daemon-reload && \
    systemctl stop docker.service && \
    if test -e /etc/systemd/system/seatrial-engine.socket; then \
    systemctl enable --quiet --now seatrial-engine.socket; fi && \
    systemctl start docker.service && sync";

/// What an engine that listens on the LAN is given.
pub(super) fn engine_files(
    manager: &Node,
    api: Api,
    certificates: Option<&Certificates>,
) -> Vec<File> {
    let (address, port) = (&manager.address, api.port().unwrap_or_default());
    let drop_in = |listens: &str| {
        let text = format!("[Service]\nExecStart=\nExecStart={ENGINE} {listens}\n");
        (DROP_IN.to_owned(), text, 0o644)
    };
    let Some(certificates) = certificates else {
        return vec![drop_in(&format!(
            "-H tcp://10.0.2.15:2375 -H tcp://{address}:{port} --tls=false"
        ))];
    };
    let unit = |name: &str, text: &str| {
        let path = format!("etc/systemd/system/seatrial-engine.{name}");
        (path, text.to_owned(), 0o644)
    };
    let mut files = vec![
        drop_in(&format!("-H tcp://{address}:{port} {TLS}")),
        unit("socket", SOCKET),
        unit("service", PROXY),
    ];
    files.extend(server_files(certificates));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::substrate::nodes::api::tests::{certificates, manager_of, shown};
    use crate::substrate::nodes::balancer::tests::article;

    #[test]
    fn what_an_engine_with_tls_is_given() {
        let plan = article("15-managers-api-tls");
        let certificates = certificates(&plan);
        let files = engine_files(manager_of(&plan), plan.topology.api, Some(&certificates));
        insta::assert_snapshot!("engine-tls", shown(&files));
    }

    #[test]
    fn what_an_open_engine_is_given() {
        let plan = article("16-plain-api-port");
        let files = engine_files(manager_of(&plan), plan.topology.api, None);
        insta::assert_snapshot!("engine-plain", shown(&files));
    }
}
