//! Reads scenario files, strictly: all mistakes of a file at once, each with its place.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Scenario;
use super::decode::Decoder;
use super::mistake::{Mistake, Mistakes, Source};
use super::yaml::{self, Dialect, Node};

/// The longest file that is read, in bytes; the longest honest one has some thousands.
const LONGEST: u64 = 1024 * 1024;

/// A scenario that was read, and where in its file each value was written.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// The file's name without its ending: `mariadb-nfs-survives-node-stop`.
    pub name: String,
    /// What it says.
    pub scenario: Scenario,
    source: Arc<Source>,
    root: Node,
}

impl Loaded {
    /// A mistake at a path such as `faults[0].do.stop`, or at the nearest one that was written.
    pub(crate) fn mistake(&self, path: &str, title: impl Into<String>) -> Mistake {
        Mistake::at(&self.source, &self.root.at(path).span, title)
    }

    /// A mistake at a path of the share, which may hold dots.
    pub(crate) fn share_mistake(&self, key: &str, title: impl Into<String>) -> Mistake {
        let entries = self.root.at("share").entries();
        let span = entries.iter().find(|(name, _)| name.text == key);
        let span = span.map_or(&self.root.span, |(name, _)| &name.span);
        Mistake::at(&self.source, span, title)
    }
}

/// Reads a scenario file.
///
/// # Errors
/// When the file cannot be read, or all that is wrong with what it says.
pub fn load(path: &Path) -> Result<Loaded, Mistakes> {
    if path.to_string_lossy().ends_with(".stack.yaml") {
        let title = format!("`{}` is a stack file, and no scenario", path.display());
        return Err(Mistake::nowhere(title)
            .help("name the scenario that deploys it")
            .into());
    }
    parse(path, &read_text(path)?)
}

/// Reads a scenario's text; the path is where its stack file is looked for.
///
/// # Errors
/// All that is wrong with what it says.
pub fn parse(path: &Path, text: &str) -> Result<Loaded, Mistakes> {
    let name = name_of(path)?;
    let source = source(path, text)?;
    let mut found = Vec::new();
    let root = match yaml::read(&source, Dialect::Plain, &mut found) {
        Ok(root) => root,
        Err(last) => {
            found.push(last);
            return Err(Mistakes::new(found));
        }
    };
    let mut decoder = Decoder::new(&source);
    let scenario = decoder.scenario(&root);
    found.append(&mut decoder.mistakes);
    match scenario {
        Some(scenario) if found.is_empty() => Ok(Loaded {
            path: path.to_owned(),
            name,
            scenario,
            source,
            root,
        }),
        _ => Err(Mistakes::new(found)),
    }
}

/// A file's text with its name, if it is not too long.
pub(crate) fn source(path: &Path, text: &str) -> Result<Arc<Source>, Mistake> {
    let name = path.display().to_string();
    if text.len() as u64 > LONGEST {
        return Err(too_long(path));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    Ok(Arc::new(Source { name, text }))
}

fn too_long(path: &Path) -> Mistake {
    Mistake::nowhere(format!("`{}` is longer than 1 MiB", path.display()))
}

/// The text of a file of bounded length.
pub(crate) fn read_text(path: &Path) -> Result<String, Mistake> {
    let failed = |error: std::io::Error| {
        Mistake::nowhere(format!("failed to read `{}`: {error}", path.display()))
    };
    // Opening a pipe would wait for somebody to write to it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Mistake::nowhere(format!(
            "`{}` is not a file",
            path.display()
        )));
    }
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LONGEST + 1)
        .read_to_end(&mut text)
        .map_err(failed)?;
    // Before anything else: it may have been cut within a character.
    if text.len() as u64 > LONGEST {
        return Err(too_long(path));
    }
    String::from_utf8(text).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + sound.iter().filter(|byte| **byte == b'\n').count();
        let title = format!(
            "`{}` is not UTF-8 text, from line {line} on",
            path.display()
        );
        Mistake::nowhere(title).help("save it as UTF-8")
    })
}

/// The scenario's name, which becomes part of a folder's name.
fn name_of(path: &Path) -> Result<String, Mistake> {
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fits) {
        return Ok(name.to_owned());
    }
    let title = format!("`{}` is no name for a scenario", path.display());
    Err(Mistake::nowhere(title).help("use letters, digits, `-`, `_` and `.`"))
}
