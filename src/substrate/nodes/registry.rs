//! The image registry: filled from one node, and then the only place that has its images.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{BOOT, COMMAND, Nodes, all};
use crate::journal::ApiError;
use crate::plan::{Plan, Registry, interpolated};
use crate::scenario::Part;
use crate::substrate::Trouble;
use crate::wait::{Look, until};

/// How long one image may take to be pushed: an emulated machine packs a few MiB a second.
const PUSH: Duration = Duration::from_secs(600);

/// Where the registry keeps images: on the machine's state disk, which has the room.
const FOLDER: &str = "/var/lib/docker/registry";

/// The configuration of Debian's `docker-registry`, without its demand for a password.
fn configuration(registry: &Registry) -> String {
    let port = registry.port;
    format!(
        "version: 0.1\nlog:\n  level: warn\nstorage:\n  cache:\n    blobdescriptor: inmemory\n  \
         filesystem:\n    rootdirectory: {FOLDER}\n  delete:\n    enabled: true\nhttp:\n  \
         addr: :{port}\n"
    )
}

/// Takes the configuration and starts anew, as the user of Debian's unit.
fn take(start: &str) -> String {
    format!(
        "mkdir -p {FOLDER} && chown docker-registry: {FOLDER} && \
         cat > /etc/docker/registry/config.yml && {start} && sync"
    )
}

/// The images of a plan's stack that the registry serves: the name that nodes have each by from
/// the start, and the name in the registry.
fn images(
    plan: &Plan,
    registry: &Registry,
    variables: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, Trouble> {
    let mut images = Vec::new();
    for service in plan.services() {
        let name = interpolated(&service.image, variables).map_err(Trouble)?;
        let place = format!("{}/", registry.place());
        let Some(local) = name.strip_prefix(&place).map(str::to_owned) else {
            continue;
        };
        if images.iter().all(|(known, _)| *known != local) {
            images.push((local, name));
        }
    }
    Ok(images)
}

impl dyn Nodes + '_ {
    /// Starts the registry, fills it with the images that the stack names there, and removes them
    /// from every node, so that a node has one only after it has pulled it.
    pub(super) async fn fill_registry(&self, registry: &Registry) -> Result<(), Trouble> {
        let step = self.progress().step("fill the registry");
        let images = images(self.plan(), registry, self.variables())?;
        let text = configuration(registry);
        let take = take(self.kept()?.registry);
        self.sh_with(&registry.name, &take, text.as_bytes(), COMMAND)
            .await?;
        self.until_it_answers(&registry.name, Part::Registry, BOOT)
            .await?;
        for (local, name) in &images {
            self.push(local, name).await?;
        }
        let locals: Vec<&str> = images.iter().map(|(local, _)| local.as_str()).collect();
        if !locals.is_empty() {
            let forget = format!("docker image rm {}", locals.join(" "));
            let nodes = self.plan().node_names();
            all(nodes.map(|node| self.sh(node, &forget, COMMAND))).await?;
        }
        step.done();
        Ok(())
    }

    /// Whether the registry answers (`distribution`, "API version check": 200 and `{}`).
    pub(super) async fn registry_serves(&self, machine: &str, port: u16) -> Result<(), ApiError> {
        self.page_is(machine, port, "/v2/", "{}").await
    }

    /// Pushes one image from the first node. Every engine trusts the registry without TLS from the
    /// start. A slow machine may break off, so this is tried again.
    async fn push(&self, local: &str, name: &str) -> Result<(), Trouble> {
        let node = &self.plan().topology.nodes[0].name;
        let command =
            format!("docker tag {local} {name} && docker push -q {name} && docker image rm {name}");
        let look = || async {
            match self.sh(node, &command, PUSH).await {
                Ok(_) => Look::Holds(()),
                Err(trouble) => Look::NotYet(trouble.0),
            }
        };
        let what = format!("`{name}` to be in the registry");
        until(what, PUSH, Duration::from_secs(2), look)
            .await
            .map_err(|late| Trouble(late.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::substrate::nodes::balancer::tests::article;

    #[test]
    fn the_stack_says_which_images_the_registry_holds() {
        let plan = article("06-image-from-the-registry");
        let registry = plan.topology.registry.clone().expect("a registry");
        let variables = [("NGINX_IMAGE".to_owned(), "seatrial/nginx:1.22.1".to_owned())];
        let images = images(&plan, &registry, &variables.into()).expect("variables");
        let name = "192.168.150.28:5000/seatrial/nginx:1.22.1".to_owned();
        assert_eq!(images, [("seatrial/nginx:1.22.1".to_owned(), name)]);
        let plan = article("14-balancer");
        let none = super::images(&plan, &registry, &Default::default()).expect("variables");
        assert_eq!(none, []);
    }

    /// Nothing else tells engines to do without TLS: a node without these settings pulls nothing.
    #[test]
    fn the_recipes_trust_the_registry() {
        let plan = article("06-image-from-the-registry");
        let registry = plan.topology.registry.expect("a registry");
        let trust = format!("\"insecure-registries\": [\"{}\"]", registry.place());
        let machines = include_str!("../vm/recipe/system.sh");
        let containers = include_str!("../dind/recipe/node.sh");
        for recipe in [machines, containers] {
            assert!(recipe.contains(&trust), "{trust}");
        }
    }

    #[test]
    fn what_the_registry_is_told() {
        let plan = article("06-image-from-the-registry");
        let registry = plan.topology.registry.expect("a registry");
        insta::assert_snapshot!("registry", configuration(&registry));
    }
}
