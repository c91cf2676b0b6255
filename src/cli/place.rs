//! The places as they are written: a word each, or an inventory.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ground::{Engines, Ground, On};

/// A place that somebody names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// Virtual machines on this computer.
    Vm,
    /// Containers of a Docker engine.
    Dind,
    /// The swarm of this inventory.
    Hosts(PathBuf),
    /// A few lines of memory, for tests of the harness: never a verdict about Swarm.
    Sim,
}

impl Where {
    /// Which kind of place that is.
    pub(super) fn kind(&self) -> On {
        match self {
            Self::Vm => On::Vm,
            Self::Dind => On::Dind,
            Self::Hosts(_) => On::Hosts,
            Self::Sim => On::Sim,
        }
    }

    /// What there is of it with these engines; changes nothing.
    pub(super) fn ground(
        &self,
        engines: Engines,
        cache: &Path,
        fresh: bool,
    ) -> anyhow::Result<Ground> {
        match self {
            Self::Hosts(inventory) => Ground::lent(inventory, cache),
            other => Ok(Ground::with(other.kind(), engines, cache, fresh)),
        }
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(inventory) => write!(f, "hosts={}", inventory.display()),
            other => f.write_str(other.kind().name()),
        }
    }
}

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "vm" => Ok(Self::Vm),
            "dind" => Ok(Self::Dind),
            "sim" => Ok(Self::Sim),
            other => match other.strip_prefix("hosts=") {
                Some(file) if !file.is_empty() => Ok(Self::Hosts(file.into())),
                _ => Err("write `vm`, `dind`, or `hosts=FILE`".to_owned()),
            },
        }
    }
}

/// Where to run: a place by its name, or none for the cheapest that can do all that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice(pub(super) Option<Where>);

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self(None));
        }
        let named = text.parse().map(|named| Self(Some(named)));
        named.map_err(|_: String| "write `auto`, `vm`, `dind`, or `hosts=FILE`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_word_or_an_inventory() {
        assert_eq!("vm".parse(), Ok(Choice(Some(Where::Vm))));
        let hosts = Where::Hosts("a/b.toml".into());
        assert_eq!("hosts=a/b.toml".parse(), Ok(hosts.clone()));
        assert_eq!("hosts=a/b.toml".parse(), Ok(Choice(Some(hosts))));
        for wrong in ["", "hosts", "hosts=", "VM", "host=a"] {
            assert!(wrong.parse::<Choice>().is_err(), "{wrong}");
            assert!(wrong.parse::<Where>().is_err(), "{wrong}");
        }
        assert_eq!("auto".parse(), Ok(Choice(None)));
        assert!("auto".parse::<Where>().is_err());
    }
}
