//! Networks, and whatever carries a label: found and removed by it alone.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkDisconnectRequest};
use bollard::query_parameters::{
    ListContainersOptions, ListNetworksOptions, ListVolumesOptions, RemoveContainerOptions,
    RemoveVolumeOptions,
};

use super::Engine;
use crate::journal::ApiError;
use crate::wait::{Look, until};

/// How long an engine may take to let go of a network whose containers are gone.
const RELEASE: Duration = Duration::from_secs(20);

/// The pace of asking for it.
const PACE: Duration = Duration::from_millis(250);

/// Something on an engine that carries a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labelled {
    /// What it is; containers come first, since the others are in use by them.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What can carry a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A container.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

impl std::fmt::Display for Labelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Container => "container",
            Kind::Network => "network",
            Kind::Volume => "volume",
        };
        write!(f, "{kind} `{}`", self.name)
    }
}

impl Engine {
    /// Makes a bridge that leads nowhere but to its containers and to the engine's own kernel.
    ///
    /// # Errors
    /// When the engine refuses, as where another network has these addresses.
    pub async fn make_network(
        &self,
        name: &str,
        subnet: Option<&str>,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            internal: Some(true),
            ipam: subnet.map(|subnet| Ipam {
                config: Some(vec![IpamConfig {
                    subnet: Some(subnet.to_owned()),
                    ..Default::default()
                }]),
                ..Default::default()
            }),
            labels: Some(labels.clone().into_iter().collect()),
            ..Default::default()
        };
        let made = self.docker.create_network(request);
        self.call("network create", made).await.map(drop)
    }

    /// Everything that carries a label: `NAME`, or `NAME=VALUE`.
    ///
    /// # Errors
    /// When the engine gives no usable answer.
    pub async fn labelled(&self, label: &str) -> Result<Vec<Labelled>, ApiError> {
        let filter: HashMap<String, Vec<String>> =
            [("label".to_owned(), vec![label.to_owned()])].into();
        let containers = self.docker.list_containers(Some(ListContainersOptions {
            all: true,
            filters: Some(filter.clone()),
            ..Default::default()
        }));
        let networks = self.docker.list_networks(Some(ListNetworksOptions {
            filters: Some(filter.clone()),
        }));
        let volumes = self.docker.list_volumes(Some(ListVolumesOptions {
            filters: Some(filter),
        }));
        let all = async { tokio::try_join!(containers, networks, volumes) };
        let (containers, networks, volumes) = self.call("what carries a label", all).await?;
        let mut found = Vec::new();
        for one in containers {
            let name = one.names.unwrap_or_default().into_iter().next();
            let name = name.unwrap_or_default().trim_start_matches('/').to_owned();
            found.push((Kind::Container, name, one.labels.unwrap_or_default()));
        }
        for one in networks {
            let name = one.name.unwrap_or_default();
            found.push((Kind::Network, name, one.labels.unwrap_or_default()));
        }
        for one in volumes.volumes.unwrap_or_default() {
            found.push((Kind::Volume, one.name, one.labels));
        }
        let mut found: Vec<Labelled> = found
            .into_iter()
            .map(|(kind, name, labels)| Labelled {
                kind,
                name,
                labels: labels.into_iter().collect(),
            })
            .collect();
        found.sort();
        Ok(found)
    }

    /// Removes something that carries a label, running or not. What is not there is removed.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn remove_labelled(&self, one: &Labelled) -> Result<(), ApiError> {
        let removed = match one.kind {
            Kind::Container => {
                let options = RemoveContainerOptions {
                    v: true,
                    force: true,
                    ..Default::default()
                };
                let call = self.docker.remove_container(&one.name, Some(options));
                self.call("container remove", call).await
            }
            Kind::Network => self.remove_used_network(&one.name).await,
            Kind::Volume => {
                let options = RemoveVolumeOptions { force: true };
                let call = self.docker.remove_volume(&one.name, Some(options));
                self.call("volume remove", call).await
            }
        };
        match removed {
            Err(ApiError::Refused { status: 404, .. }) => Ok(()),
            other => other,
        }
    }

    /// Removes a network, also one that the engine takes for used still: it forgets the end of a
    /// container a moment after the container, and one that it lost sight of never (moby: daemon
    /// "has active endpoints").
    async fn remove_used_network(&self, name: &str) -> Result<(), ApiError> {
        let look = || async {
            let call = self.docker.remove_network(name);
            match self.call("network remove", call).await {
                Err(ApiError::Refused {
                    status: 403,
                    message,
                }) => {
                    self.disconnect_all(name).await;
                    Look::NotYet(message)
                }
                other => Look::Holds(other),
            }
        };
        let what = format!("the end of the network `{name}`");
        match until(what, RELEASE, PACE, look).await {
            Ok(removed) => removed,
            Err(late) => Err(ApiError::Refused {
                status: 403,
                message: late.last,
            }),
        }
    }

    /// Takes whatever a network knows of off it, whether its container is there or not. Whether it
    /// helped shows when the network is removed.
    async fn disconnect_all(&self, network: &str) {
        let asked = self.docker.inspect_network(network, None);
        let Ok(seen) = self.call("network inspect", asked).await else {
            return;
        };
        for (id, end) in seen.containers.unwrap_or_default() {
            for container in [Some(id), end.name].into_iter().flatten() {
                let request = NetworkDisconnectRequest {
                    container,
                    force: Some(true),
                };
                let call = self.docker.disconnect_network(network, request);
                let _ = self.call("network disconnect", call).await;
            }
        }
    }
}
