//! The places as they are written: a word each, or an inventory.

use std::path::PathBuf;
use std::str::FromStr;

use super::ground::On;

/// Where to run, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// The cheapest place that can do all that the scenarios need.
    Auto,
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
    /// Which place that is, if it is said.
    pub(super) fn kind(&self) -> Option<On> {
        match self {
            Self::Auto => None,
            Self::Vm => Some(On::Vm),
            Self::Dind => Some(On::Dind),
            Self::Hosts(_) => Some(On::Hosts),
            Self::Sim => Some(On::Sim),
        }
    }
}

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "vm" => Ok(Self::Vm),
            "dind" => Ok(Self::Dind),
            "sim" => Ok(Self::Sim),
            other => match other.strip_prefix("hosts=") {
                Some(file) if !file.is_empty() => Ok(Self::Hosts(file.into())),
                _ => Err("write `auto`, `vm`, `dind`, or `hosts=FILE`".to_owned()),
            },
        }
    }
}

/// A place that is said, where none is chosen.
pub(super) fn said(text: &str) -> Result<Where, String> {
    match text.parse() {
        Ok(Where::Auto) | Err(_) => Err("write `vm`, `dind`, or `hosts=FILE`".to_owned()),
        said => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_word_or_an_inventory() {
        assert_eq!("vm".parse(), Ok(Where::Vm));
        assert_eq!(said("hosts=a/b.toml"), Ok(Where::Hosts("a/b.toml".into())));
        for wrong in ["", "hosts", "hosts=", "VM", "host=a"] {
            assert!(wrong.parse::<Where>().is_err(), "{wrong}");
            assert!(said(wrong).is_err(), "{wrong}");
        }
        assert_eq!("auto".parse(), Ok(Where::Auto));
        assert!(said("auto").is_err());
    }
}
