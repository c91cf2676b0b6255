//! Refusals about the claim, the machines and the workloads as a whole.

use super::Docket;
use crate::plan::topology::MOST_NODES;

impl Docket<'_> {
    pub(super) fn whole(&mut self) {
        let scenario = self.scenario();
        for (key, text) in [
            ("scenario", &scenario.scenario),
            ("because", &scenario.because),
        ] {
            if text.trim().is_empty() {
                self.refuse(key, format!("`{key}` is empty"), "write a sentence");
            }
        }
        self.cluster();
        self.share();
        for (index, workload) in scenario.workload.iter().enumerate() {
            let name = workload.name();
            if scenario.workload[..index]
                .iter()
                .any(|other| other.name() == name)
            {
                let title = format!("a second `{name}` workload");
                let help = "keep one of a kind: checks name a workload by its kind";
                self.refuse(&format!("workload[{index}].{name}"), title, help);
            }
        }
    }

    fn cluster(&mut self) {
        let cluster = &self.scenario().cluster;
        if cluster.managers == 0 {
            let help = "write `managers: 1` or more; 3 can spare one";
            self.refuse("cluster.managers", "a swarm needs a manager", help);
        }
        let nodes = usize::from(cluster.managers) + usize::from(cluster.workers);
        if nodes > MOST_NODES {
            let title = format!("{nodes} nodes are more than a lab has");
            self.refuse(
                "cluster",
                title,
                format!("write {MOST_NODES} nodes at the most"),
            );
        }
    }
}
