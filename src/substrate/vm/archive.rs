//! Writes service images as the archive that `docker load` takes.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A service image: its root file system and its settings.
pub(in crate::substrate) struct ServiceImage {
    /// Name and tag.
    pub(in crate::substrate) name: String,
    /// The whole root file system, as a tar file.
    pub(in crate::substrate) root: PathBuf,
    /// The `config` object of the image's description.
    pub(in crate::substrate) config: Value,
}

/// An entry of a root file system: its path, and a digest of its header and content.
type Fingerprint = (PathBuf, [u8; 32]);

/// Writes an archive with these images, and returns each image's identity.
///
/// What all images hold alike becomes one layer below each image's own: an emulated engine takes
/// in about 2 MB a second, and most of a small Debian image is Debian.
pub(in crate::substrate) fn write(
    archive: &Path,
    images: &[ServiceImage],
) -> io::Result<BTreeMap<String, String>> {
    let shared = shared_by_all(images)?;
    let mut out = tar::Builder::new(File::create(archive)?);
    let (mut manifest, mut identities) = (Vec::new(), BTreeMap::new());
    let mut base = None;
    for image in images {
        let own = image.root.with_extension("own.tar");
        copy(&image.root, &own, |entry| !shared.contains(entry))?;
        let base = match &base {
            Some(base) => base,
            None => {
                let path = image.root.with_extension("base.tar");
                copy(&image.root, &path, |entry| shared.contains(entry))?;
                base.insert(append_layer(&mut out, &path)?)
            }
        };
        let layers = [base.clone(), append_layer(&mut out, &own)?];
        let description = description(image, &layers);
        let identity = format!("{:x}", Sha256::digest(description.as_bytes()));
        append(
            &mut out,
            &format!("{identity}.json"),
            description.as_bytes(),
        )?;
        manifest.push(json!({
            "Config": format!("{identity}.json"),
            "RepoTags": [image.name],
            "Layers": layers.map(|layer| layer_name(&layer)),
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

/// An image's description, as the image specification of Docker 1.2 has it.
fn description(image: &ServiceImage, layers: &[String]) -> String {
    let created = "1970-01-01T00:00:00Z";
    let diff_ids: Vec<String> = layers.iter().map(|l| format!("sha256:{l}")).collect();
    let step = json!({ "created": created, "created_by": "seatrial prepare" });
    json!({
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": image.config,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": vec![step; layers.len()],
    })
    .to_string()
}

/// Where a layer is in the archive.
fn layer_name(layer: &str) -> String {
    format!("{layer}/layer.tar")
}

/// Adds a layer, removes its file, and returns its digest.
fn append_layer(out: &mut tar::Builder<File>, path: &Path) -> io::Result<String> {
    let layer = sha256(path)?;
    out.append_file(layer_name(&layer), &mut File::open(path)?)?;
    std::fs::remove_file(path)?;
    Ok(layer)
}

/// The entries that every image holds alike.
fn shared_by_all(images: &[ServiceImage]) -> io::Result<HashSet<Fingerprint>> {
    let mut shared: Option<HashSet<Fingerprint>> = None;
    for image in images {
        let mut found = HashSet::new();
        let mut archive = tar::Archive::new(File::open(&image.root)?);
        for entry in archive.entries()? {
            found.insert(fingerprint(&mut entry?)?);
        }
        shared = Some(match shared {
            None => found,
            Some(before) => before.intersection(&found).cloned().collect(),
        });
    }
    Ok(shared.unwrap_or_default())
}

/// Copies the entries that are wanted. Folders are always copied: a layer that holds a file
/// without its folder would be given one with other rights.
fn copy(from: &Path, to: &Path, wanted: impl Fn(&Fingerprint) -> bool) -> io::Result<()> {
    let mut out = tar::Builder::new(File::create(to)?);
    let places: Vec<bool> = {
        let mut archive = tar::Archive::new(File::open(from)?);
        let mut places = Vec::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            let folder = entry.header().entry_type().is_dir();
            places.push(wanted(&fingerprint(&mut entry)?) || folder);
        }
        places
    };
    let mut archive = tar::Archive::new(File::open(from)?);
    for (entry, wanted) in archive.entries()?.zip(places) {
        let mut entry = entry?;
        if !wanted {
            continue;
        }
        let (path, mut header) = (entry.path()?.into_owned(), entry.header().clone());
        match entry.link_name()? {
            Some(target) => out.append_link(&mut header, &path, target)?,
            None => out.append_data(&mut header, &path, &mut entry)?,
        }
    }
    out.into_inner()?.flush()
}

/// What tells an entry from others. Hard links are refused: the file that one names could end up
/// in another layer, and no package of the recipes has any.
fn fingerprint(entry: &mut tar::Entry<'_, File>) -> io::Result<Fingerprint> {
    let (path, header) = (entry.path()?.into_owned(), entry.header().clone());
    if header.entry_type().is_hard_link() {
        return Err(io::Error::other(format!(
            "`{}` is a hard link, which layers cannot share",
            path.display()
        )));
    }
    let mut digest = Sha256::new();
    digest.update([header.entry_type().as_byte()]);
    for number in [
        u64::from(header.mode()?),
        header.uid()?,
        header.gid()?,
        header.mtime()?,
        entry.size(),
    ] {
        digest.update(number.to_le_bytes());
    }
    if let Some(target) = entry.link_name_bytes() {
        digest.update(&*target);
    }
    io::copy(entry, &mut digest)?;
    Ok((path, digest.finalize().into()))
}

/// Adds a small file.
fn append(out: &mut tar::Builder<File>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
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
pub(in crate::substrate) fn package_version(
    root: &Path,
    package: &str,
) -> io::Result<Option<String>> {
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

    /// A root file system with these files.
    fn image(folder: &Path, name: &str, files: &[(&str, &str)]) -> ServiceImage {
        let root = folder.join(format!("{name}.tar"));
        let mut out = tar::Builder::new(File::create(&root).expect("root"));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        out.append_data(&mut header, "etc", io::empty())
            .expect("a folder");
        for (path, content) in files {
            append(&mut out, path, content.as_bytes()).expect("a file");
        }
        out.into_inner().expect("root");
        ServiceImage {
            name: format!("{name}:1"),
            root,
            config: json!({ "Entrypoint": [name] }),
        }
    }

    /// What an archive holds: the names of its entries, and each layer's paths.
    fn listed(archive: &Path) -> Vec<(String, Vec<String>)> {
        let mut read = tar::Archive::new(File::open(archive).expect("archive"));
        let entries = read.entries().expect("entries").map(|entry| {
            let mut entry = entry.expect("entry");
            let name = entry.path().expect("path").display().to_string();
            let mut inner = Vec::new();
            if name.ends_with("/layer.tar") {
                let mut layer = tar::Archive::new(&mut entry);
                for file in layer.entries().expect("entries") {
                    let file = file.expect("entry");
                    inner.push(file.path().expect("path").display().to_string());
                }
            }
            (name, inner)
        });
        entries.collect()
    }

    #[test]
    fn what_images_hold_alike_is_in_the_archive_once() {
        let folder = tempfile::tempdir().expect("folder");
        let same = ("etc/debian_version", "12");
        let a = image(
            folder.path(),
            "a",
            &[same, ("etc/name", "a"), ("only-a", "")],
        );
        let b = image(folder.path(), "b", &[same, ("etc/name", "b")]);
        let archive = folder.path().join("images.out");
        let identities = write(&archive, &[a, b]).expect("archive");
        let listed = listed(&archive);
        let layers: Vec<&[String]> = listed
            .iter()
            .filter(|(name, _)| name.ends_with("/layer.tar"))
            .map(|(_, inner)| inner.as_slice())
            .collect();
        assert_eq!(
            layers,
            [
                &["etc".to_owned(), "etc/debian_version".into()][..],
                &["etc".to_owned(), "etc/name".into(), "only-a".into()][..],
                &["etc".to_owned(), "etc/name".into()][..],
            ]
        );
        let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["a:1", "b:1"] {
            let identity = identities[name].trim_start_matches("sha256:");
            assert!(names.contains(&format!("{identity}.json").as_str()));
        }
        assert_eq!(names.last(), Some(&"manifest.json"));
        let left = std::fs::read_dir(folder.path()).expect("folder").count();
        assert_eq!(left, 3, "only the roots and the archive are left");
    }

    #[test]
    fn a_hard_link_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let image = image(folder.path(), "a", &[("etc/name", "a")]);
        let mut out = tar::Builder::new(File::create(&image.root).expect("root"));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Link);
        header.set_size(0);
        out.append_link(&mut header, "etc/other", "etc/name")
            .expect("a link");
        out.into_inner().expect("root");
        let refused = write(&folder.path().join("images.out"), &[image]).expect_err("refused");
        assert!(refused.to_string().contains("`etc/other` is a hard link"));
    }
}
