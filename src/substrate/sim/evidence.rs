//! What the simulated machines have to show: what runs on them, by their own word.

use std::fmt::Write as _;

use super::Sabotage;
use super::lab::SimLab;
use super::world::World;
use super::world::present;
use crate::substrate::Evidence;

impl SimLab {
    /// All that a machine has to show.
    pub(super) async fn shown(&self, machine: &str) -> Vec<Evidence> {
        if self.is(&Sabotage::EvidenceHangs(machine.to_owned())) {
            std::future::pending::<()>().await;
        }
        let text = present(&self.world).engine_log(machine);
        let name = "engine.log";
        vec![Evidence { name, text }]
    }

    /// What a container wrote last.
    pub(super) fn said_last(&self, container: &str) -> Vec<String> {
        let line = |i: u32| format!("{container}: line {i}");
        let mut lines: Vec<String> = (1..=20).map(line).collect();
        if self.is(&Sabotage::EvidenceTells) {
            let secrets = present(&self.world).secrets();
            lines.extend(secrets.lines().map(str::to_owned));
        }
        lines
    }
}

impl World {
    /// The containers of a node, one a line.
    fn engine_log(&self, name: &str) -> Result<String, String> {
        let Some(machine) = self.machine(name) else {
            return Err("a simulated machine without an engine has no log".to_owned());
        };
        let mut text = String::new();
        for one in self
            .containers(machine)
            .map_err(|error| error.to_string())?
        {
            let (id, service, slot) = (one.id, one.service, one.slot);
            let state = if one.running { "runs" } else { "has ended" };
            let _ = writeln!(text, "{id} of {service}.{slot} {state}");
        }
        if self.is(&Sabotage::EvidenceTells) {
            text += &self.secrets();
        }
        Ok(text)
    }

    /// What nobody must see, as logs could have it.
    fn secrets(&self) -> String {
        let services = self.plan.services();
        let passwords = services.filter_map(|service| service.root_password.as_deref());
        let mut text =
            "join --token SWMTKN-1-seatrial0planted-0secret 192.168.150.3:2377\n".to_owned();
        for password in passwords {
            let _ = writeln!(text, "mysql -u root -p{password}");
        }
        let (begin, end) = (
            "-----BEGIN EC PRIVATE KEY-----",
            "-----END EC PRIVATE KEY-----",
        );
        text + &format!("{begin}\nMHcCAQEEIPLANTED\n{end}\n")
    }
}
