//! Small files for a machine, as the `tar` there takes them.

use crate::substrate::Trouble;

/// A file: its path, its text and its mode. A path with a slash at its end is a folder's.
pub(in crate::substrate) type File = (String, String, u32);

/// The archive of these files, for `tar -x`.
pub(in crate::substrate) fn pack(files: &[File]) -> Result<Vec<u8>, Trouble> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text, mode) in files {
        let mut header = tar::Header::new_gnu();
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        header.set_mode(*mode);
        header.set_size(text.len() as u64);
        archive
            .append_data(&mut header, path, text.as_bytes())
            .map_err(|error| Trouble(format!("`{path}` for a machine: {error}")))?;
    }
    archive
        .into_inner()
        .map_err(|error| Trouble(error.to_string()))
}
