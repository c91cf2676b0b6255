//! The shared folder, as machines export and mount it.

use super::lab::{COMMAND, VmLab, all};
use crate::plan::Storage;
use crate::substrate::Trouble;
use crate::substrate::nodes::share::rehearsal;

/// Has the storage machine export its folder; right also when it does already.
pub(super) const EXPORT: &str =
    "mkdir -p /data/docker-nfs && systemctl start nfs-server && exportfs -ra";

impl VmLab {
    /// Mounts the share on every node by each version once, and unmounts it: what the first mount
    /// has to load takes an emulated node half a minute, which every stack would wait for.
    pub(super) async fn rehearse_mounts(&self) -> Result<(), Trouble> {
        let rehearsal = rehearsal("mount");
        let nodes = self.plan.node_names().map(|node| {
            let rehearsal = &rehearsal;
            async move {
                let agent = &self.machine(node)?.agent;
                agent.sh(rehearsal, COMMAND).await.map(drop)
            }
        });
        all(nodes).await.map(drop)
    }

    /// Mounts the share on every node as the article does, with a unit.
    pub(super) async fn mount_all(&self, storage: &Storage) -> Result<(), Trouble> {
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
        let keep = format!(
            "cat > /etc/systemd/system/{name} && mkdir -p {wanted} && \
             ln -sf ../{name} {wanted}/{name}"
        );
        self.nodes().mount_share(storage, &keep, &unit).await
    }
}
