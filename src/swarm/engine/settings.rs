//! What is set in a swarm: read whole, and put back where it differs.

use bollard::query_parameters::DeleteNodeOptions;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Engine;
use crate::journal::{ApiError, NodeSettings, Settings};

/// What an engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPlace {
    /// Its host's name.
    pub name: String,
    /// Its address in the swarm, if it is in one.
    pub address: Option<String>,
    /// The swarm's identity; only managers know it.
    pub swarm: String,
    /// Where it keeps everything.
    pub root: String,
}

impl Engine {
    /// What an engine says of itself.
    ///
    /// # Errors
    /// When it gives no usable answer.
    pub async fn own_place(&self) -> Result<OwnPlace, ApiError> {
        let about = self.read("info", "/info").await?;
        let name = about["Name"].as_str();
        let name = name.ok_or_else(|| self.odd("info", "it has no `Name`"))?;
        let swarm = &about["Swarm"];
        let address = swarm["NodeAddr"].as_str().filter(|one| !one.is_empty());
        let active = swarm["LocalNodeState"] == "active";
        Ok(OwnPlace {
            name: name.to_owned(),
            address: address.filter(|_| active).map(str::to_owned),
            swarm: swarm["Cluster"]["ID"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            root: about["DockerRootDir"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// Asks a manager for all that is set in its swarm. A node that is down has nothing set: it may
    /// be there under the same name once more.
    ///
    /// # Errors
    /// When it gives no usable answer.
    pub async fn settings(&self) -> Result<Settings, ApiError> {
        let what = "settings";
        let swarm = self.read(what, "/swarm").await?;
        let number = |path: &str| swarm.pointer(path).and_then(Value::as_i64);
        let heartbeat = number("/Spec/Dispatcher/HeartbeatPeriod");
        let history = number("/Spec/Orchestration/TaskHistoryRetentionLimit");
        let mut settings = Settings {
            heartbeat_ns: heartbeat.unwrap_or_default().unsigned_abs(),
            history: history.ok_or_else(|| self.odd(what, "the swarm has no history limit"))?,
            ..Settings::default()
        };
        for node in self.list(what, "/nodes").await? {
            if let Some((id, name)) = down(&node) {
                settings.down.insert(id.to_owned(), name.to_owned());
            } else if is_up(&node) {
                let set = node_settings(&node);
                let (name, set) = set.ok_or_else(|| self.odd(what, "half a node"))?;
                settings.nodes.insert(name, set);
            }
        }
        for service in self.list(what, "/services").await? {
            let spec = self.spec(what, &service)?;
            let name = spec["Name"].as_str().unwrap_or_default().to_owned();
            let digest = format!("{:x}", Sha256::digest(spec.to_string()));
            settings.services.insert(name, digest);
        }
        for network in self.list(what, "/networks").await? {
            if network["Scope"] == "swarm" {
                let name = network["Name"].as_str().unwrap_or_default();
                settings.networks.insert(name.to_owned());
            }
        }
        Ok(settings)
    }

    /// Asks a manager whether managers that start again stay locked until somebody has the key.
    ///
    /// # Errors
    /// When it gives no usable answer.
    pub async fn locks_managers(&self) -> Result<bool, ApiError> {
        let swarm = self.read("swarm", "/swarm").await?;
        Ok(locks_managers(&swarm))
    }

    /// Sets a node as it was, where it differs. True if it did.
    ///
    /// # Errors
    /// When there is no such node, or the manager takes no change of it.
    pub async fn restore_node(&self, name: &str, was: &NodeSettings) -> Result<bool, ApiError> {
        let what = "node";
        let nodes = self.list(what, "/nodes").await?;
        let node = nodes
            .into_iter()
            .find(|node| hostname(node) == Some(name) && is_up(node));
        let node = node.ok_or_else(|| self.odd(what, &format!("no node `{name}` is up")))?;
        if node_settings(&node).is_some_and(|(_, now)| now == *was) {
            return Ok(false);
        }
        let mut spec = self.spec(what, &node)?;
        let role = if was.manager { "manager" } else { "worker" };
        spec["Role"] = json!(role);
        spec["Availability"] = json!(was.availability);
        spec["Labels"] = json!(was.labels);
        let id = node["ID"].as_str().unwrap_or_default();
        let index = self.index(what, &node)?;
        let path = format!("/nodes/{id}/update?version={index}");
        self.write(what, &path, &spec).await?;
        Ok(true)
    }

    /// Removes what nodes that left, and that are up again, have left of themselves since then.
    /// True if there was anything.
    ///
    /// # Errors
    /// When the manager takes no change of it: one that managed has to be demoted first, and that
    /// takes the managers a while.
    pub async fn forget_doubles(&self, was: &Settings) -> Result<bool, ApiError> {
        let what = "node rm";
        let nodes = self.list(what, "/nodes").await?;
        let doubles = doubles(&nodes, was);
        for node in &doubles {
            let id = node["ID"].as_str().unwrap_or_default();
            let mut spec = self.spec(what, node)?;
            if spec["Role"] == "manager" {
                spec["Role"] = json!("worker");
                let index = self.index(what, node)?;
                let path = format!("/nodes/{id}/update?version={index}");
                self.write(what, &path, &spec).await?;
            }
            let options = DeleteNodeOptions { force: false };
            self.call(what, self.docker.delete_node(id, Some(options)))
                .await?;
        }
        Ok(!doubles.is_empty())
    }

    /// Sets a swarm's heartbeat and history as they were, where they differ. True if they did.
    ///
    /// # Errors
    /// When the manager takes no change of it.
    pub async fn restore_swarm(&self, was: &Settings) -> Result<bool, ApiError> {
        let what = "swarm";
        let swarm = self.read(what, "/swarm").await?;
        let old = self.spec(what, &swarm)?;
        let mut spec = old.clone();
        spec["Orchestration"]["TaskHistoryRetentionLimit"] = json!(was.history);
        spec["Dispatcher"]["HeartbeatPeriod"] = json!(was.heartbeat_ns);
        if spec == old {
            return Ok(false);
        }
        let path = format!("/swarm/update?version={}", self.index(what, &swarm)?);
        self.write(what, &path, &spec).await?;
        Ok(true)
    }

    async fn list(&self, what: &str, path: &str) -> Result<Vec<Value>, ApiError> {
        match self.read(what, path).await? {
            Value::Array(list) => Ok(list),
            _ => Err(self.odd(what, "it is no list")),
        }
    }
}

fn locks_managers(swarm: &Value) -> bool {
    let locks = swarm.pointer("/Spec/EncryptionConfig/AutoLockManagers");
    locks.and_then(Value::as_bool) == Some(true)
}

fn is_up(node: &Value) -> bool {
    node.pointer("/Status/State").and_then(Value::as_str) != Some("down")
}

/// The identity and name of a node that is down; one that never said its name is nobody's.
fn down(node: &Value) -> Option<(&str, &str)> {
    let id = node["ID"].as_str()?;
    hostname(node)
        .filter(|_| !is_up(node))
        .map(|name| (id, name))
}

/// The nodes that are down, were not down before, and are there under the same name once more.
fn doubles<'a>(nodes: &'a [Value], was: &Settings) -> Vec<&'a Value> {
    let up = nodes.iter().filter(|node| is_up(node));
    let up: Vec<&str> = up.filter_map(hostname).collect();
    let is_double = |node: &&Value| {
        down(node).is_some_and(|(id, name)| {
            was.nodes.contains_key(name) && !was.down.contains_key(id) && up.contains(&name)
        })
    };
    nodes.iter().filter(is_double).collect()
}

fn hostname(node: &Value) -> Option<&str> {
    node.pointer("/Description/Hostname")?.as_str()
}

/// A node's name, and what is set of it.
fn node_settings(node: &Value) -> Option<(String, NodeSettings)> {
    let spec = node.get("Spec")?;
    let labels = match spec.get("Labels") {
        None | Some(Value::Null) => Default::default(),
        Some(labels) => serde_json::from_value(labels.clone()).ok()?,
    };
    let settings = NodeSettings {
        manager: match spec["Role"].as_str()? {
            "manager" => true,
            "worker" => false,
            _ => return None,
        },
        availability: spec["Availability"].as_str()?.to_owned(),
        labels,
    };
    Some((hostname(node)?.to_owned(), settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_left_since_and_is_there_again_is_a_double() {
        let node = |id: &str, name: &str, state: &str| {
            json!({
                "ID": id,
                "Description": { "Hostname": name },
                "Status": { "State": state },
            })
        };
        let set = NodeSettings {
            manager: false,
            availability: "active".to_owned(),
            labels: Default::default(),
        };
        let was = Settings {
            nodes: ["a", "b"].map(|name| (name.to_owned(), set.clone())).into(),
            down: [("a0".to_owned(), "a".to_owned())].into(),
            ..Settings::default()
        };
        let nodes = [
            // Somebody else's, and none of ours to remove.
            node("a0", "a", "down"),
            node("a1", "a", "down"),
            node("a2", "a", "ready"),
            // It is not back.
            node("b1", "b", "down"),
            node("c1", "c", "down"),
            node("c2", "c", "ready"),
        ];
        assert_eq!(doubles(&nodes, &was), [&nodes[1]]);
    }

    #[test]
    fn a_swarm_says_whether_its_managers_lock() {
        let swarm = |set: Value| json!({ "Spec": { "EncryptionConfig": set } });
        assert!(locks_managers(&swarm(json!({ "AutoLockManagers": true }))));
        assert!(!locks_managers(&swarm(
            json!({ "AutoLockManagers": false })
        )));
        assert!(!locks_managers(&json!({ "Spec": {} })));
    }

    #[test]
    fn a_node_is_read_whole_or_not_at_all() {
        let node = json!({
            "ID": "x",
            "Description": { "Hostname": "server-3" },
            "Spec": { "Role": "manager", "Availability": "drain", "Labels": { "a": "b" } },
        });
        let (name, read) = node_settings(&node).expect("a node");
        assert_eq!((name.as_str(), read.manager), ("server-3", true));
        assert_eq!(
            (read.availability.as_str(), read.labels["a"].as_str()),
            ("drain", "b")
        );
        let mut odd = node.clone();
        odd["Spec"]["Role"] = json!("king");
        assert_eq!(node_settings(&odd), None);
        let mut bare = node;
        bare["Spec"]["Labels"] = Value::Null;
        assert!(node_settings(&bare).is_some_and(|(_, read)| read.labels.is_empty()));
    }
}
