//! What a node has to show when a run is over.

use super::lab::{DindLab, ELSEWHERE};
use crate::substrate::Evidence;
use crate::substrate::nodes::Nodes;

/// So many lines of an engine's log, its end: a run on a busy computer writes some hundreds.
const LINES: u16 = 5000;

impl DindLab {
    /// What a node's engine said, and what it knows of the swarm's networks. The kernel's log is
    /// that of the computer, and none of ours.
    pub(super) async fn shown(&self, name: &str) -> Vec<Evidence> {
        let Some(machine) = self.machines.get(name).filter(|_| name != ELSEWHERE) else {
            return Vec::new();
        };
        let said = self.dind.host().last_words(&machine.container, LINES).await;
        let networks = async {
            let engine = self.engine(name).await.map_err(|error| error.to_string())?;
            let networks = engine.overlay_networks().await;
            networks.map_err(|error| error.to_string())
        };
        vec![
            Evidence {
                name: "engine.log",
                text: said
                    .map(|lines| lines.join("\n") + "\n")
                    .map_err(|error| error.to_string()),
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
