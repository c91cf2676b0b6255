//! Refusals about the share: what it holds in the beginning, and what is written to it.

use std::collections::BTreeMap;

use super::Docket;
use crate::scenario::Write;

impl Docket<'_> {
    pub(super) fn share(&mut self) {
        let scenario = self.scenario();
        if scenario.cluster.nfs.is_none() && !scenario.share.is_empty() {
            let help = "write `nfs: v3` or `nfs: v4.2` in `cluster`, or remove `share`";
            self.refuse("share", "nothing exports this share", help);
        }
        if scenario.cluster.nfs.is_none() && scenario.cluster.export.is_some() {
            let help = "write `nfs: v3` or `nfs: v4.2` beside it, or remove it";
            self.refuse("cluster.export", "there is no share to export", help);
        }
        for (path, content) in &scenario.share {
            let inside = path.strip_suffix('/').unwrap_or(path);
            let parents = inside.match_indices('/').map(|(at, _)| &inside[..at]);
            let wrong = if leads_out(path) {
                Some(OUTSIDE)
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

    /// What is written is a file of the share, in a folder that is there, and holds something else
    /// by then. `held` is what the share holds at that time.
    pub(super) fn written(
        &mut self,
        aim: &str,
        write: &Write,
        held: &mut BTreeMap<String, String>,
    ) {
        let Write { path, content } = write;
        if self.scenario().cluster.nfs.is_none() {
            let help = "write `nfs: v3` or `nfs: v4.2` in `cluster`";
            self.refuse(aim, "nothing exports a share to write to", help);
            return;
        }
        let holds = |folder: &str| {
            let within = |known: &String| {
                let rest = known.strip_prefix(folder);
                rest.is_some_and(|rest| rest.starts_with('/'))
            };
            held.keys().any(within)
        };
        let wrong = if leads_out(path) {
            Some(OUTSIDE)
        } else if path.ends_with('/') || holds(path) {
            Some(("is a folder", "write the path of a file in it"))
        } else if let Some((folder, _)) = path.rsplit_once('/')
            && !holds(folder)
        {
            Some((
                "lies in no folder of the share",
                "write the folder, with a `/` at its end, under `share`",
            ))
        } else {
            None
        };
        if let Some((title, help)) = wrong {
            self.refuse(&format!("{aim}.path"), format!("`{path}` {title}"), help);
        } else if held.get(path) == Some(content) {
            let title = format!("`{path}` holds this already");
            let help = "write another text; what changes nothing is not seen";
            self.refuse(&format!("{aim}.content"), title, help);
        } else {
            held.insert(path.clone(), content.clone());
        }
    }
}

/// What is wrong with a path that [`leads_out`], and what to write instead.
const OUTSIDE: (&str, &str) = (
    "leads out of the share",
    "write a path inside of the share, such as `a/b`",
);

/// True for an absolute path, and for one with a part that no file of the share can have.
fn leads_out(path: &str) -> bool {
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.chars().any(char::is_control);
    let inside = path.strip_suffix('/').unwrap_or(path);
    inside.split('/').any(odd)
}
