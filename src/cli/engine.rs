//! The Docker engine that `dind` uses: the one that a `docker` client would.

use std::env::var_os;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use seatrial::substrate::dind::{self, DEFAULT_ENGINE};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::output;

/// Where that engine listens: `$DOCKER_HOST`, or the context that is chosen by `$DOCKER_CONTEXT`
/// or by `docker context use`, or the usual socket.
pub(super) fn address() -> anyhow::Result<String> {
    let said = |name| var_os(name).filter(|value: &OsString| !value.is_empty());
    let text = |value: OsString| value.to_string_lossy().into_owned();
    if let Some(host) = said("DOCKER_HOST").map(text) {
        if host.starts_with("tcp://") && said("DOCKER_TLS_VERIFY").is_some() {
            bail!("`{host}` wants TLS, which `dind` does not speak; forward its socket instead");
        }
        return Ok(host);
    }
    let home = said("HOME").map(|home| PathBuf::from(home).join(".docker"));
    let Some(config) = said("DOCKER_CONFIG").map(PathBuf::from).or(home) else {
        return Ok(DEFAULT_ENGINE.to_owned());
    };
    chosen(&config, said("DOCKER_CONTEXT").map(text))
}

/// Removes what was being tried on the engine when the user ended it, and says what is left.
pub(super) async fn give_up() {
    let Ok(address) = address() else { return };
    for why in dind::give_up(&address).await.failed {
        output::tell(format_args!(
            "error: {why}; `seatrial heal --all` tries again"
        ));
    }
}

/// Where the engine of a context listens (docker/cli: `cli/context/store`).
fn chosen(config: &Path, named: Option<String>) -> anyhow::Result<String> {
    let current = || {
        let text = std::fs::read(config.join("config.json")).ok()?;
        let config: Value = serde_json::from_slice(&text).ok()?;
        Some(config.get("currentContext")?.as_str()?.to_owned())
    };
    let context = named.or_else(current).unwrap_or_default();
    if context.is_empty() || context == "default" {
        return Ok(DEFAULT_ENGINE.to_owned());
    }
    let digest = format!("{:x}", Sha256::digest(&context));
    let about = config.join("contexts/meta").join(digest).join("meta.json");
    let text = std::fs::read(&about)
        .with_context(|| format!("there is no context `{context}`; see `docker context ls`"))?;
    let about: Value = serde_json::from_slice(&text)
        .with_context(|| format!("cannot read the context `{context}`"))?;
    match about["Endpoints"]["docker"]["Host"].as_str() {
        Some(host) => Ok(host.to_owned()),
        None => bail!("the context `{context}` names no engine; see `docker context inspect`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_says_where_its_engine_listens() {
        let config = tempfile::tempdir().expect("a folder");
        let address = |named: Option<&str>| chosen(config.path(), named.map(str::to_owned));
        assert_eq!(address(None).expect("the usual"), DEFAULT_ENGINE);
        let missing = address(Some("far")).expect_err("no such context");
        assert!(missing.to_string().contains("`far`"), "{missing}");
        let meta = config.path().join("contexts/meta");
        let meta = meta.join(format!("{:x}", Sha256::digest("far")));
        std::fs::create_dir_all(&meta).expect("a folder");
        let file = meta.join("meta.json");
        let host = r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://10.0.0.1:2375"}}}"#;
        std::fs::write(&file, host).expect("written");
        assert_eq!(address(Some("far")).expect("there"), "tcp://10.0.0.1:2375");
        let current = r#"{"currentContext":"far"}"#;
        std::fs::write(config.path().join("config.json"), current).expect("written");
        assert_eq!(address(None).expect("there"), "tcp://10.0.0.1:2375");
        assert_eq!(address(Some("default")).expect("the usual"), DEFAULT_ENGINE);
        std::fs::write(&file, "{}").expect("written");
        address(Some("far")).expect_err("no engine");
    }
}
