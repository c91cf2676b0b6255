//! The shared folder: filled on the storage machine, mounted on every node as the article does.

use futures_util::future::join_all;

use super::lab::{COMMAND, VmLab, all};
use crate::journal::Event;
use crate::plan::Storage;
use crate::substrate::Trouble;
use crate::substrate::nodes::share::archive;

/// Has the storage machine export its folder; right also when it does already.
pub(super) const EXPORT: &str =
    "mkdir -p /data/docker-nfs && systemctl start nfs-server && exportfs -ra";

/// Where the storage machine is, and what it exports, in every topology.
pub(super) const STORAGE: &str = "192.168.150.2";

impl VmLab {
    /// Mounts the share on every node by each version once, and unmounts it: what the first mount
    /// has to load takes an emulated node half a minute, which every stack would wait for.
    pub(super) async fn rehearse_mounts(&self) -> Result<(), Trouble> {
        let rehearsal = format!(
            "set -e; for version in 3 4.2; do \
             mount -t nfs -o vers=$version {STORAGE}:/data/docker-nfs /mnt; umount /mnt; done"
        );
        let nodes = self.plan.node_names().map(|node| {
            let rehearsal = &rehearsal;
            async move {
                let agent = &self.machine(node)?.agent;
                agent.sh(rehearsal, COMMAND).await.map(drop)
            }
        });
        all(nodes).await.map(drop)
    }

    /// Fills the share on the storage machine.
    pub(super) async fn fill_share(&self, storage: &Storage) -> Result<(), Trouble> {
        let bytes = archive(&self.plan.share)?;
        let command = format!("tar -x -C {}", storage.export);
        self.machine(&storage.name)?
            .agent
            .sh_with(&command, &bytes, COMMAND)
            .await
            .map(|_| ())
    }

    /// Mounts the share on a node as the article does, with a unit, and returns what was mounted.
    async fn mount(&self, node: &str, storage: &Storage) -> Result<String, Trouble> {
        let Storage {
            address,
            export,
            mount,
            options,
            ..
        } = storage;
        let unit = format!(
            "[Unit]\nDescription=NFS Mount 01\n[Mount]\nWhat={address}:{export}\nWhere={mount}\n\
             Type=nfs\nOptions={options}\n[Install]\nWantedBy=multi-user.target\n"
        );
        let name = format!("{}.mount", mount.trim_start_matches('/').replace('/', "-"));
        // The unit is for the next boot; mounting by hand spares an emulated systemd a reload.
        let wanted = "/etc/systemd/system/multi-user.target.wants";
        let command = format!(
            "cat > /etc/systemd/system/{name} && mkdir -p {wanted} && \
             ln -sf ../{name} {wanted}/{name} && \
             mount -t nfs -o {options} {address}:{export} {mount} && \
             findmnt -n -o SOURCE,FSTYPE,OPTIONS --types nfs,nfs4 {mount}"
        );
        let agent = &self.machine(node)?.agent;
        let seen = agent.sh_with(&command, unit.as_bytes(), COMMAND).await?;
        Ok(format!("{node}: {}", seen.trim()))
    }

    /// Mounts the share on every node, and journals what was mounted.
    pub(super) async fn mount_all(&self, storage: &Storage) -> Result<(), Trouble> {
        let mounts = join_all(self.plan.node_names().map(|node| self.mount(node, storage))).await;
        let lines = mounts.into_iter().collect::<Result<Vec<_>, _>>()?;
        if let Some(journal) = &self.journal {
            journal.record(Event::Excerpt {
                source: "mounts".into(),
                lines,
            })?;
        }
        Ok(())
    }
}
