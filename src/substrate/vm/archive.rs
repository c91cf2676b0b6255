//! Writes service images as the archive that `docker load` takes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A service image: one layer and its settings.
pub(super) struct ServiceImage {
    /// Name and tag.
    pub(super) name: String,
    /// The layer: the whole root file system, as a tar file.
    pub(super) layer: PathBuf,
    /// The `config` object of the image's description.
    pub(super) config: Value,
}

/// Writes an archive with these images, and returns each image's identity.
pub(super) fn write(
    archive: &Path,
    images: &[ServiceImage],
) -> io::Result<BTreeMap<String, String>> {
    let mut out = tar::Builder::new(File::create(archive)?);
    let (mut manifest, mut identities) = (Vec::new(), BTreeMap::new());
    for image in images {
        let layer = sha256(&image.layer)?;
        let description = json!({
            "architecture": "amd64",
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": image.config,
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "seatrial prepare" }],
        })
        .to_string();
        let identity = format!("{:x}", Sha256::digest(description.as_bytes()));
        append(
            &mut out,
            &format!("{identity}.json"),
            description.as_bytes(),
        )?;
        let layer_name = format!("{layer}/layer.tar");
        out.append_file(&layer_name, &mut File::open(&image.layer)?)?;
        manifest.push(json!({
            "Config": format!("{identity}.json"),
            "RepoTags": [image.name],
            "Layers": [layer_name],
        }));
        identities.insert(image.name.clone(), format!("sha256:{identity}"));
    }
    append(
        &mut out,
        "manifest.json",
        Value::Array(manifest).to_string().as_bytes(),
    )?;
    out.into_inner()?.flush()?;
    Ok(identities)
}

/// Adds a small file.
fn append(out: &mut tar::Builder<File>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    out.append_data(&mut header, name, bytes)
}

/// A file's digest, in hexadecimal.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut digest)?;
    Ok(format!("{:x}", digest.finalize()))
}

/// The version of a Debian package that a root file system holds, without epoch and revision:
/// `10.11.14`.
pub(super) fn package_version(root: &Path, package: &str) -> io::Result<Option<String>> {
    let mut archive = tar::Archive::new(File::open(root)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.ends_with("var/lib/dpkg/status") {
            let mut status = String::new();
            entry.read_to_string(&mut status)?;
            return Ok(version_in(&status, package));
        }
    }
    Ok(None)
}

/// Finds a package's version in dpkg's status file.
fn version_in(status: &str, package: &str) -> Option<String> {
    let wanted = format!("Package: {package}");
    let paragraph = status
        .split("\n\n")
        .find(|text| text.lines().any(|line| line == wanted))?;
    let version = paragraph
        .lines()
        .find_map(|line| line.strip_prefix("Version: "))?;
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let upstream = version.split(['-', '+', '~']).next()?;
    Some(upstream.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_loses_its_epoch_and_its_revision() {
        let status = "Package: a\nVersion: 9\n\nPackage: mariadb\nVersion: 1:10.11.14-0+deb12u2\n";
        assert_eq!(version_in(status, "mariadb").as_deref(), Some("10.11.14"));
        assert_eq!(version_in(status, "a").as_deref(), Some("9"));
        assert_eq!(version_in(status, "nginx"), None);
    }

    #[test]
    fn an_archive_says_what_is_in_it() {
        let folder = tempfile::tempdir().expect("folder");
        let layer = folder.path().join("layer");
        std::fs::write(&layer, b"layer").expect("layer");
        let archive = folder.path().join("images.tar");
        let image = ServiceImage {
            name: "a:1".into(),
            layer,
            config: json!({}),
        };
        let identities = write(&archive, &[image]).expect("archive");
        let mut names = Vec::new();
        let mut read = tar::Archive::new(File::open(&archive).expect("archive"));
        for entry in read.entries().expect("entries") {
            names.push(
                entry
                    .expect("entry")
                    .path()
                    .expect("path")
                    .display()
                    .to_string(),
            );
        }
        let identity = identities["a:1"].trim_start_matches("sha256:");
        assert_eq!(names[0], format!("{identity}.json"));
        assert!(names[1].ends_with("/layer.tar"));
        assert_eq!(names[2], "manifest.json");
    }
}
