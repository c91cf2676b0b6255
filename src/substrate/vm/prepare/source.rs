//! Where packages of a release come from, as words for `mmdebstrap`.

use super::release::Release;
use super::{Builder, cannot};
use crate::substrate::Trouble;

/// The folder of the keys of an unfinished release, in the folder that is built into.
const KEYS: &str = "keys";

/// The mirror that this computer takes its own packages from: `mmdebstrap` knows one for finished
/// releases, and wants to be told for others.
const MIRROR: &str = "apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' \
    'Component: main' > mirrors; grep -v -e security mirrors | head -n 1 > mirror; test -s mirror";

impl Builder<'_> {
    /// What `mmdebstrap` has to be told of a release: what to trust, and from where.
    pub(super) async fn source(&self, release: Release) -> Result<Source, Trouble> {
        if !release.is_unfinished() {
            return Ok(Source::default());
        }
        let fetch = [
            "--variant=extract",
            "--include=debian-archive-keyring",
            Release::KEYS_FROM.name(),
            "keys.tar",
        ];
        self.tool("keys", "mmdebstrap", &fetch).await?;
        let unpack = format!("mkdir -p {KEYS} && tar -C {KEYS} -xf keys.tar ./usr/share/keyrings");
        self.tool("keys-unpacked", "sh", &["-c", &unpack]).await?;
        self.tool("mirror", "sh", &["-c", MIRROR]).await?;
        let path = self.folder.join("mirror");
        let mirror =
            std::fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))?;
        let keys = self.folder.join(KEYS).join("usr/share/keyrings");
        Ok(Source::unfinished(
            release,
            &keys.display().to_string(),
            mirror.trim(),
        ))
    }
}

/// Words for `mmdebstrap`; none for a release that it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// Before the release's name.
    pub(super) options: Vec<String>,
    /// After the name of what is made.
    pub(super) lines: Vec<String>,
}

impl Source {
    /// One line of source, so that the security suite, which is not complete, is not asked for.
    fn unfinished(release: Release, keys: &str, mirror: &str) -> Self {
        Self {
            options: vec![
                format!("--keyring={keys}"),
                "--aptopt=Acquire::Check-Valid-Until \"false\"".to_owned(),
                // The keys may lie where only this user may read, as in the home of root.
                "--aptopt=APT::Sandbox::User \"root\"".to_owned(),
            ],
            lines: vec![format!("deb {mirror} {release} main")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_release_has_keys_and_a_source_of_its_own() {
        let source = Source::unfinished(Release::Forky, "/keys", "http://mirror/debian");
        assert_eq!(source.lines, ["deb http://mirror/debian forky main"]);
        assert_eq!(source.options[0], "--keyring=/keys");
        let unfinished = Release::ALL.map(Release::is_unfinished);
        assert_eq!(unfinished, [false, false, true]);
    }
}
