//! What clients of the services see, through one machine.

use std::time::Duration;

use super::Nodes;
use crate::journal::Answer;
use crate::remote::database::MySql;
use crate::remote::page;
use crate::substrate::{Database, PageRequest};

impl dyn Nodes + '_ {
    /// Asks a machine for a page.
    pub(in crate::substrate) async fn page(
        &self,
        machine: &str,
        port: u16,
        ask: &PageRequest,
    ) -> Answer {
        match self.address(machine, port).await {
            Ok(address) => page::get(address, ask).await,
            Err(trouble) => Answer::Unasked(trouble.0),
        }
    }

    /// Opens a session with a service's database, through its first published port.
    pub(in crate::substrate) async fn session(
        &self,
        machine: &str,
        service: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Database>, String> {
        let Some(service) = self.plan().service(service) else {
            return Err(format!("there is no service `{service}`"));
        };
        let Some(port) = service.published.first() else {
            return Err(format!("`{}` publishes no port", service.name));
        };
        let address = self.address(machine, *port).await;
        let address = address.map_err(|trouble| trouble.0)?;
        let session = MySql::connect(address, service.root_password.as_deref(), deadline).await?;
        Ok(Box::new(session))
    }
}
