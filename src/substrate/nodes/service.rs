//! What clients of the services see, through one machine.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::Nodes;
use crate::journal::Answer;
use crate::remote::database::MySql;
use crate::remote::page;
use crate::substrate::{Database, NoSession, PageRequest, Trouble};

/// The part of a request's time that the harness may take to find its way.
const WAY: f64 = 0.9;

impl dyn Nodes + '_ {
    /// Asks a machine for a page.
    pub(in crate::substrate) async fn page(
        &self,
        machine: &str,
        port: u16,
        ask: &PageRequest,
    ) -> Answer {
        match way(self.address(machine, port), ask.within).await {
            Ok(address) => page::get(address, ask).await,
            Err(why) => Answer::Unasked(why),
        }
    }

    /// Opens a session with a service's database, through its first published port.
    pub(in crate::substrate) async fn session(
        &self,
        machine: &str,
        service: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Database>, NoSession> {
        let Some(service) = self.plan().service(service) else {
            let why = format!("there is no service `{service}`");
            return Err(NoSession::Unasked(why));
        };
        let Some(port) = service.published.first() else {
            let why = format!("`{}` publishes no port", service.name);
            return Err(NoSession::Unasked(why));
        };
        let way = way(self.address(machine, *port), deadline).await;
        let address = way.map_err(NoSession::Unasked)?;
        let session = MySql::connect(address, service.root_password.as_deref(), deadline).await;
        Ok(Box::new(session.map_err(NoSession::Failed)?))
    }
}

/// Where a machine is reached, or why the harness has no way there. A way is given up before
/// whoever asks gives up, and takes the harness's trouble for the node's silence.
async fn way(
    address: impl Future<Output = Result<SocketAddr, Trouble>>,
    deadline: Duration,
) -> Result<SocketAddr, String> {
    let most = deadline.mul_f64(WAY);
    match timeout(most, address).await {
        Ok(found) => found.map_err(|trouble| trouble.0),
        Err(_) => Err(format!("no way there was found within {most:.1?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn a_way_that_is_never_found_is_told_before_whoever_asks_gives_up() {
        let hangs = timeout(DEADLINE, way(pending(), DEADLINE)).await;
        let said = "no way there was found within 1.8s".to_owned();
        assert_eq!(hangs, Ok(Err(said)));
        let fails = way(ready(Err(Trouble("no route".to_owned()))), DEADLINE).await;
        assert_eq!(fails, Err("no route".to_owned()));
    }
}
