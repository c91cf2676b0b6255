//! Where an engine listens, as `DOCKER_HOST` and contexts spell it.

use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::Duration;

use super::Engine;
use crate::journal::ApiError;

impl Engine {
    /// An engine by its address: `unix:///var/run/docker.sock` or `tcp://HOST:PORT`, without TLS.
    ///
    /// # Errors
    /// When there is no such place, or it cannot be reached this way.
    pub fn at(address: &str, deadline: Duration) -> Result<Self, ApiError> {
        if let Some(socket) = address.strip_prefix("unix://") {
            return Self::connect_unix(Path::new(socket), deadline);
        }
        let tcp = address.strip_prefix("tcp://");
        let Some(host) = tcp.or_else(|| address.strip_prefix("http://")) else {
            let what = format!(
                "`{address}` begins with neither `unix://` nor `tcp://`; forward its socket, for \
                 example with `ssh -L`"
            );
            return Err(ApiError::Unreachable(what));
        };
        let unknown = |why: String| ApiError::Unreachable(format!("`{address}`: {why}"));
        let mut found = host
            .trim_end_matches('/')
            .to_socket_addrs()
            .map_err(|error| unknown(error.to_string()))?;
        let first = found.next();
        let address = first.ok_or_else(|| unknown("it has no address".to_owned()))?;
        Self::connect(address, deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_a_socket_or_a_port() {
        let at = |address: &str| Engine::at(address, Duration::from_secs(1));
        at("tcp://127.0.0.1:2375").expect("a port");
        for wrong in [
            "ssh://me@there",
            "/var/run/docker.sock",
            "tcp://127.0.0.1",
            "",
        ] {
            let error = at(wrong).expect_err(wrong).to_string();
            assert!(error.contains(&format!("`{wrong}`")), "{error}");
        }
        at("unix:///nowhere/docker.sock").expect_err("no socket");
    }
}
