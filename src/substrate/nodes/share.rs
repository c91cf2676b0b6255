//! The share: filled on the storage machine, mounted on every node as the article does.

use std::collections::BTreeMap;

use super::file::{File, pack};
use super::{COMMAND, Nodes, all};
use crate::journal::Event;
use crate::plan::{SHARE, STORAGE, Storage};
use crate::substrate::Trouble;

impl dyn Nodes + '_ {
    /// Fills the share on the storage machine.
    pub(in crate::substrate) async fn fill_share(&self, storage: &Storage) -> Result<(), Trouble> {
        let bytes = pack(&files(&self.plan().share))?;
        let command = format!("tar -x -C {}", storage.export);
        let filled = self.sh_with(&storage.name, &command, &bytes, COMMAND);
        filled.await.map(drop)
    }

    /// Mounts the share on every node, and journals what was mounted. `keep` is the command that
    /// has a node mount it again when it starts, by this standard input.
    pub(in crate::substrate) async fn mount_share(
        &self,
        storage: &Storage,
        keep: &str,
        input: &str,
    ) -> Result<(), Trouble> {
        let Storage {
            address,
            export,
            mount,
            options,
            ..
        } = storage;
        let command = format!(
            "{keep} && mount -t nfs -o {options} {address}:{export} {mount} && \
             findmnt -n -o SOURCE,FSTYPE,OPTIONS --types nfs,nfs4 {mount}"
        );
        let command = &command;
        let mounts = self.plan().node_names().map(|node| async move {
            let seen = self.sh_with(node, command, input.as_bytes(), COMMAND);
            Ok(format!("{node}: {}", seen.await?.trim()))
        });
        let lines = all(mounts).await?;
        if let Some(journal) = self.journal() {
            let source = "mounts".to_owned();
            journal.record(Event::Excerpt { source, lines })?;
        }
        Ok(())
    }
}

/// The command that mounts the share by each version once, with this `mount`, and unmounts it.
pub(in crate::substrate) fn rehearsal(mount: &str) -> String {
    format!(
        "set -e; for version in 3 4.2; do \
         {mount} -t nfs -o vers=$version {STORAGE}:{SHARE} /mnt; umount /mnt; done"
    )
}

/// What a scenario puts there, by path; folders have a slash at their end.
pub(in crate::substrate) fn files(share: &BTreeMap<String, String>) -> Vec<File> {
    let mode = |path: &str| if path.ends_with('/') { 0o755 } else { 0o644 };
    let files = share.iter();
    files
        .map(|(path, text)| (path.clone(), text.clone(), mode(path)))
        .collect()
}

/// What is made at the top of the share, which nobody else may have there.
pub(in crate::substrate) fn tops(share: &BTreeMap<String, String>) -> Vec<&str> {
    let tops = share.keys().filter_map(|path| path.split('/').next());
    let mut tops: Vec<&str> = tops.filter(|top| !top.is_empty()).collect();
    tops.dedup();
    tops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tops_of_a_share_are_each_named_once() {
        let share = [("a/b/", ""), ("a/c", "x"), ("d", "y")];
        let share = share.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(tops(&share.into()), ["a", "d"]);
    }
}
