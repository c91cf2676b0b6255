//! Containers that an engine is told to make for us: machines of a lab, not tasks of a swarm.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, Mount, MountType,
    MountVolumeOptions, NetworkConnectRequest, NetworkingConfig,
};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, KillContainerOptions, StartContainerOptions,
    StopContainerOptions,
};

use super::Engine;
use crate::journal::ApiError;

/// A container that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewContainer {
    /// Its name, and that of its volume.
    pub name: String,
    /// Its host name.
    pub hostname: String,
    /// What it is made of.
    pub image: String,
    /// The arguments; those of the image if empty.
    pub command: Vec<String>,
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// Labels, which its volume gets too.
    pub labels: BTreeMap<String, String>,
    /// Its first network, and its address there; none at all if missing.
    pub network: Option<(String, String)>,
    /// Where it has a volume of its own.
    pub volume: Option<String>,
    /// Where it has memory instead of files.
    pub memory: Vec<String>,
    /// What it may do.
    pub rights: Rights,
}

/// What a container may do to its kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rights {
    /// What containers usually may.
    #[default]
    Usual,
    /// Everything, by the engine's own word for it.
    Privileged,
    /// These capabilities, every device and every system call.
    Wide(Vec<String>),
}

/// What an engine says of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerState {
    /// It has processes, frozen or not.
    pub running: bool,
    /// They are frozen.
    pub paused: bool,
    /// Its address on each of its networks.
    pub addresses: BTreeMap<String, String>,
}

impl Engine {
    /// Makes a container, and does not start it.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn make_container(&self, new: &NewContainer) -> Result<(), ApiError> {
        let options = CreateContainerOptions {
            name: Some(new.name.clone()),
            ..Default::default()
        };
        let made = self.docker.create_container(Some(options), body(new));
        self.call("container create", made).await.map(drop)
    }

    /// Connects a container to one more network, with an address of the engine's choice.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn join_network(&self, network: &str, container: &str) -> Result<(), ApiError> {
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            ..Default::default()
        };
        let joined = self.docker.connect_network(network, request);
        self.call("network connect", joined).await
    }

    /// Starts a container; one that runs is left as it is.
    ///
    /// # Errors
    /// When the engine refuses, as where it has not the rights that the container is to have.
    pub async fn start_container(&self, container: &str) -> Result<(), ApiError> {
        let options = None::<StartContainerOptions>;
        let started = self.docker.start_container(container, options);
        already(self.call("container start", started).await)
    }

    /// Has a container end by itself, and returns when it has: after this many seconds it is
    /// killed.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn stop_container(&self, container: &str, seconds: u16) -> Result<(), ApiError> {
        let options = StopContainerOptions {
            t: Some(i32::from(seconds)),
            ..Default::default()
        };
        let stopped = self.docker.stop_container(container, Some(options));
        already(self.call("container stop", stopped).await)
    }

    /// Kills every process of a container. One that does not run is left as it is.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn kill_container(&self, container: &str) -> Result<(), ApiError> {
        let options = KillContainerOptions {
            signal: "SIGKILL".to_owned(),
        };
        let killed = self.docker.kill_container(container, Some(options));
        match self.call("container kill", killed).await {
            Err(ApiError::Refused { status: 409, .. }) => Ok(()),
            other => other,
        }
    }

    /// Freezes every process of a container, or lets them go on.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn pause_container(&self, container: &str, paused: bool) -> Result<(), ApiError> {
        match paused {
            true => {
                let call = self.docker.pause_container(container);
                self.call("container pause", call).await
            }
            false => {
                let call = self.docker.unpause_container(container);
                self.call("container unpause", call).await
            }
        }
    }

    /// What the engine says of a container.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn container_state(&self, container: &str) -> Result<ContainerState, ApiError> {
        let options = None::<InspectContainerOptions>;
        let asked = self.docker.inspect_container(container, options);
        let seen = self.call("container inspect", asked).await?;
        let state = seen.state.unwrap_or_default();
        let networks = seen.network_settings.and_then(|all| all.networks);
        let addresses = networks.unwrap_or_default().into_iter();
        let addresses = addresses.filter_map(|(network, end)| {
            let address = end.ip_address.filter(|address| !address.is_empty())?;
            Some((network, address))
        });
        Ok(ContainerState {
            running: state.running.unwrap_or_default(),
            paused: state.paused.unwrap_or_default(),
            addresses: addresses.collect(),
        })
    }
}

/// An order that was carried out before is no failure (status 304).
fn already(answer: Result<(), ApiError>) -> Result<(), ApiError> {
    match answer {
        Err(ApiError::Refused { status: 304, .. }) => Ok(()),
        other => other,
    }
}

/// The request for a container.
fn body(new: &NewContainer) -> ContainerCreateBody {
    let labels: HashMap<String, String> = new.labels.clone().into_iter().collect();
    let network = new.network.as_ref();
    let end = |address: &String| EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some(address.clone()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let env = new
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    ContainerCreateBody {
        hostname: Some(new.hostname.clone()).filter(|name| !name.is_empty()),
        image: Some(new.image.clone()),
        cmd: Some(new.command.clone()).filter(|words| !words.is_empty()),
        env: Some(env.collect()),
        labels: Some(labels.clone()),
        networking_config: network.map(|(name, address)| NetworkingConfig {
            endpoints_config: Some([(name.clone(), end(address))].into()),
        }),
        host_config: Some(HostConfig {
            network_mode: Some(network.map_or("none", |(name, _)| name).to_owned()),
            mounts: Some(
                new.volume
                    .iter()
                    .map(|at| volume(new, at, &labels))
                    .collect(),
            ),
            tmpfs: Some(
                new.memory
                    .iter()
                    .map(|at| (at.clone(), "exec".into()))
                    .collect(),
            ),
            ..rights(&new.rights)
        }),
        ..Default::default()
    }
}

/// A volume that is found by the container's labels.
fn volume(new: &NewContainer, at: &str, labels: &HashMap<String, String>) -> Mount {
    Mount {
        target: Some(at.to_owned()),
        source: Some(new.name.clone()),
        typ: Some(MountType::VOLUME),
        volume_options: Some(MountVolumeOptions {
            labels: Some(labels.clone()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// What `--privileged` does, or the same as far as an engine grants it: every system call, every
/// device, and nothing in `/proc` and `/sys` hidden (moby: `daemon/oci_linux.go`).
fn rights(rights: &Rights) -> HostConfig {
    let words = |all: &[&str]| Some(all.iter().map(|one| (*one).to_owned()).collect());
    match rights {
        Rights::Usual => HostConfig::default(),
        Rights::Privileged => HostConfig {
            privileged: Some(true),
            ..Default::default()
        },
        Rights::Wide(capabilities) => HostConfig {
            cap_add: Some(capabilities.clone()),
            security_opt: words(&["seccomp=unconfined", "apparmor=unconfined"]),
            device_cgroup_rules: words(&["a *:* rwm"]),
            masked_paths: Some(Vec::new()),
            readonly_paths: Some(Vec::new()),
            ..Default::default()
        },
    }
}
