//! The most that an engine grants a container: `--privileged`, or as many capabilities as start.

use super::Dind;
use super::left::{self, COMPUTER, SWARM};
use crate::leavings;
use crate::substrate::Trouble;
use crate::swarm::engine::{NewContainer, Rights};

/// Every capability of Linux 5.9 and later, without its `CAP_` (`include/uapi/linux/capability.h`).
const CAPABILITIES: &str = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID \
    SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER \
    SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE \
    SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN \
    SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE";

/// What no engine in a container can do without.
const NEEDED: [&str; 2] = ["SYS_ADMIN", "NET_ADMIN"];

/// Tries what the engine grants, with containers that do nothing.
pub(super) async fn widest(place: &Dind) -> Result<Rights, Trouble> {
    let step = place.progress.step("try what rights the engine grants");
    let name = leavings::name();
    let found = search(place, &name).await;
    let removed = left::remove(&place.address, &name).await;
    if let Some(why) = removed.failed.first() {
        return Err(Trouble(why.clone()));
    }
    let found = found?;
    step.done();
    Ok(found)
}

async fn search(place: &Dind, name: &str) -> Result<Rights, Trouble> {
    let mut number = 0;
    let mut last = String::new();
    let mut all = vec![Rights::Privileged];
    let mut granted = Vec::new();
    // Groups that start are granted whole; others are halved until the ones to blame are alone.
    while let Some(rights) = all.pop() {
        number += 1;
        match starts(place, name, number, &rights).await {
            Ok(()) if rights == Rights::Privileged => return Ok(rights),
            Ok(()) => granted.extend(names(&rights)),
            Err(why) => {
                last = why;
                match &rights {
                    Rights::Wide(group) if group.len() > 1 => {
                        let (first, second) = group.split_at(group.len() / 2);
                        all.extend([first, second].map(|half| Rights::Wide(half.to_vec())));
                    }
                    Rights::Wide(_) => {}
                    Rights::Privileged | Rights::Usual => {
                        let every = CAPABILITIES.split_whitespace().map(str::to_owned);
                        all.push(Rights::Wide(every.collect()));
                    }
                }
            }
        }
    }
    granted.sort();
    let lacking = NEEDED
        .into_iter()
        .find(|need| !granted.iter().any(|one| one == need));
    match lacking {
        None => Ok(Rights::Wide(granted)),
        Some(one) => Err(Trouble(format!(
            "the engine `{}` grants no container {one}, which an engine in it needs: {last}",
            place.address
        ))),
    }
}

fn names(rights: &Rights) -> Vec<String> {
    match rights {
        Rights::Wide(names) => names.clone(),
        Rights::Usual | Rights::Privileged => Vec::new(),
    }
}

/// Whether a container with these rights starts; why not.
async fn starts(place: &Dind, name: &str, number: u32, rights: &Rights) -> Result<(), String> {
    let labels = [
        (SWARM.to_owned(), name.to_owned()),
        (COMPUTER.to_owned(), left::computer()),
    ];
    let container = format!("{name}-rights-{number}");
    let new = NewContainer {
        name: container.clone(),
        image: place.images.facts.node.clone(),
        command: vec!["true".to_owned()],
        labels: labels.into(),
        rights: rights.clone(),
        ..Default::default()
    };
    let host = place.host();
    let tried = async {
        host.make_container(&new).await?;
        host.start_container(&container).await
    };
    tried.await.map_err(|error| error.to_string())
}
