//! Refusals about the claim, the machines, the share and the workloads as a whole.

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

    fn share(&mut self) {
        let scenario = self.scenario();
        if scenario.cluster.nfs.is_none() && !scenario.share.is_empty() {
            let help = "write `nfs: v3` or `nfs: v4.2` in `cluster`, or remove `share`";
            self.refuse("share", "nothing exports this share", help);
        }
        for (path, content) in &scenario.share {
            let inside = path.strip_suffix('/').unwrap_or(path);
            let odd =
                |part: &str| matches!(part, "" | "." | "..") || part.chars().any(char::is_control);
            let parents = inside.match_indices('/').map(|(at, _)| &inside[..at]);
            let wrong = if inside.split('/').any(odd) {
                Some((
                    "leads out of the share",
                    "write a path inside of the share, such as `a/b`",
                ))
            } else if path.ends_with('/') && !content.is_empty() {
                Some((
                    "is a folder and has a text",
                    "write `\"\"`, or a path without the last `/`",
                ))
            } else if parents
                .into_iter()
                .any(|parent| scenario.share.contains_key(parent))
            {
                Some((
                    "lies in a file",
                    "write the file's path with a `/` at its end",
                ))
            } else if path.ends_with('/') && scenario.share.contains_key(inside) {
                Some(("is a file too", "keep one of them"))
            } else {
                None
            };
            if let Some((title, help)) = wrong {
                let mistake = self.loaded.share_mistake(path, format!("`{path}` {title}"));
                self.mistakes.push(mistake.help(help));
            }
        }
    }
}
