//! Where images, snapshots and the kept swarm are.

use std::env::var_os;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, bail};

/// The variable that names the cache folder.
pub(super) const VARIABLE: &str = "SEATRIAL_CACHE";

/// The cache folder: `$SEATRIAL_CACHE`, or `seatrial` in `$XDG_CACHE_HOME` or in `~/.cache`.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    let chosen = choose(var_os(VARIABLE), var_os("XDG_CACHE_HOME"), var_os("HOME"));
    let Some(folder) = chosen else {
        bail!("there is no home folder to keep images in: set `{VARIABLE}`");
    };
    std::path::absolute(&folder).with_context(|| format!("no such place: `{}`", folder.display()))
}

/// The first that says where. The XDG rules ignore a relative path.
fn choose(
    ours: Option<OsString>,
    caches: Option<OsString>,
    home: Option<OsString>,
) -> Option<PathBuf> {
    let said = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    said(ours)
        .or_else(|| {
            let caches = said(caches).filter(|path| path.is_absolute())?;
            Some(caches.join("seatrial"))
        })
        .or_else(|| Some(said(home)?.join(".cache").join("seatrial")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_says_where_is_the_cache() {
        let chosen = |ours: &str, caches: &str, home: &str| {
            let path = choose(Some(ours.into()), Some(caches.into()), Some(home.into()));
            path.map(|path| path.display().to_string())
        };
        assert_eq!(chosen("here", "/x", "/h").as_deref(), Some("here"));
        assert_eq!(chosen("", "/x", "/h").as_deref(), Some("/x/seatrial"));
        let home = Some("/h/.cache/seatrial");
        assert_eq!(chosen("", "relative", "/h").as_deref(), home);
        assert_eq!(chosen("", "", "/h").as_deref(), home);
        assert_eq!(choose(None, None, None), None);
    }
}
