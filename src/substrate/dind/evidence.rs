//! What a machine has to show when a run is over.

use super::lab::DindLab;
use crate::substrate::Evidence;
use crate::substrate::nodes::Nodes;
use crate::substrate::nodes::part::part;

/// So many lines of an engine's log, its end: a run on a busy computer writes some hundreds.
const LINES: u16 = 5000;

impl DindLab {
    /// What a machine's server said, and what an engine knows of the swarm's networks. The kernel's
    /// log is that of the computer, and none of ours.
    pub(super) async fn shown(&self, name: &str) -> Vec<Evidence> {
        let Some(machine) = self.machines.get(name) else {
            return Vec::new();
        };
        let said = self.dind.host().last_words(&machine.container, LINES).await;
        let said = said.map(|lines| lines.join("\n") + "\n");
        let said = said.map_err(|error| error.to_string());
        if part(name).is_some() {
            return vec![Evidence {
                name: "console.log",
                text: said,
            }];
        }
        let networks = async {
            let engine = self.engine(name).await.map_err(|error| error.to_string())?;
            let networks = engine.overlay_networks().await;
            networks.map_err(|error| error.to_string())
        };
        vec![
            Evidence {
                name: "engine.log",
                text: said,
            },
            Evidence {
                name: "networks.json",
                text: networks.await,
            },
        ]
    }

    /// Writes down what each machine said.
    pub(super) async fn keep_last_words(&self) {
        let Some(folder) = &self.console else {
            return;
        };
        if std::fs::create_dir_all(folder).is_err() {
            return;
        }
        for (name, machine) in &self.machines {
            let host = self.dind.host();
            if let Ok(lines) = host.last_words(&machine.container, 2000).await {
                let _ = std::fs::write(folder.join(format!("{name}.log")), lines.join("\n"));
            }
        }
    }
}
