//! The Debian releases that engines come from, and what is different about each.

use std::fmt;
use std::str::FromStr;

/// A Debian release with its engine and kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// Docker 20.10.24, Linux 6.1.
    #[default]
    Bookworm,
    /// Docker 26.1.5, Linux 6.12.
    Trixie,
    /// Docker 28.5.2, Linux 7.
    Forky,
}

/// What the system disk of a machine holds besides Debian's minimum.
const SYSTEM_PACKAGES: &str = "systemd,systemd-sysv,udev,dbus,linux-image-cloud-amd64,\
    initramfs-tools,zstd,docker.io,nfs-common,nfs-kernel-server,rpcbind,qemu-guest-agent,\
    iproute2,iptables,nftables,kmod,ca-certificates,procps,haproxy,docker-registry,openssh-server";

impl Release {
    /// All, the oldest engine first.
    pub const ALL: [Self; 3] = [Self::Bookworm, Self::Trixie, Self::Forky];

    /// Its name, as Debian's archive has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Forky => "forky",
        }
    }

    /// What its system disk holds besides Debian's minimum. From trixie on the client is a package
    /// of its own, and nodes deploy stacks by it; and so is `hwclock`, without which QEMU's guest
    /// agent sets no clock.
    pub(super) fn packages(self) -> String {
        match self {
            Self::Bookworm => SYSTEM_PACKAGES.to_owned(),
            Self::Trixie | Self::Forky => format!("{SYSTEM_PACKAGES},util-linux-extra,docker-cli"),
        }
    }

    /// True for a release that the tools of this computer may not know: its keys come with the
    /// `debian-archive-keyring` of [`Release::KEYS_FROM`], its indices may be older than they say,
    /// and its archive of security updates is not complete.
    pub(super) fn is_unfinished(self) -> bool {
        self == Self::Forky
    }

    /// Where the keys of an unfinished release are.
    pub(super) const KEYS_FROM: Self = Self::Trixie;
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join("`, `");
            format!("`{text}` is no release whose engine is known: write one of `{names}`")
        })
    }
}
