//! What a scenario puts on the share, as `tar -x` takes it.

use std::collections::BTreeMap;

use crate::substrate::Trouble;

/// Paths, folders with a `/` at their end, and what the files hold.
pub(in crate::substrate) fn archive(share: &BTreeMap<String, String>) -> Result<Vec<u8>, Trouble> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in share {
        let mut header = tar::Header::new_gnu();
        let folder = path.ends_with('/');
        header.set_entry_type(if folder {
            tar::EntryType::Directory
        } else {
            tar::EntryType::Regular
        });
        header.set_mode(if folder { 0o755 } else { 0o644 });
        header.set_size(if folder { 0 } else { content.len() as u64 });
        let bytes = if folder { &[][..] } else { content.as_bytes() };
        archive
            .append_data(&mut header, path, bytes)
            .map_err(|error| Trouble(format!("`{path}` of the share: {error}")))?;
    }
    archive
        .into_inner()
        .map_err(|error| Trouble(error.to_string()))
}

/// What is made at the top of the share, which nobody else may have there.
pub(in crate::substrate) fn tops(share: &BTreeMap<String, String>) -> Vec<&str> {
    let tops = share.keys().filter_map(|path| path.split('/').next());
    let mut tops: Vec<&str> = tops.filter(|top| !top.is_empty()).collect();
    tops.dedup();
    tops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tops_of_a_share_are_each_named_once() {
        let share = [("a/b/", ""), ("a/c", "x"), ("d", "y")];
        let share = share.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(tops(&share.into()), ["a", "d"]);
    }
}
