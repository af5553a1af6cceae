//! Files out of a filesystem, as values.

use std::collections::BTreeMap;

use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::read_content;
use crate::snapshot::Snapshot;
use crate::tree::files::Files;

/// Which files an export takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Only files written since they were created empty, imported or copied: generation above 0.
    pub only_dirty: bool,
}

/// The files at or below a path of one snapshot, in tree order, found as they are asked for.
///
/// It holds the snapshot, so that what it yields is of one instant however long it takes.
#[derive(Debug)]
pub struct ExportIter {
    files: Option<Files>,
    _snapshot: Snapshot,
}

impl ExportIter {
    pub(crate) fn new(snapshot: Snapshot, path: &str, options: ExportOptions) -> Self {
        let files = Files::new(snapshot.tree(), path, options.only_dirty).ok();
        Self { files, _snapshot: snapshot }
    }
}

impl Iterator for ExportIter {
    type Item = (String, Content);

    fn next(&mut self) -> Option<Self::Item> {
        let (path, file) = self.files.as_mut()?.next()?;
        Some((path, file.content.clone()))
    }
}

impl std::iter::FusedIterator for ExportIter {}

/// All files of an export with copies of their bytes, which are outside the quota.
pub(crate) fn export_tree(files: ExportIter) -> Result<BTreeMap<String, Vec<u8>>> {
    files
        .map(|(path, content)| {
            let mut bytes = Vec::new();
            read_content(&content, &mut bytes).map_err(|error| error.during("export_tree").on(&path))?;
            Ok((path, bytes))
        })
        .collect()
}

/// A copy of the bytes of one content, if they are not too many.
pub(crate) fn export_bytes(content: &Content, max_size: Option<u64>) -> Result<Vec<u8>> {
    if let Some(max_size) = max_size.filter(|max_size| content.len() > *max_size) {
        let detail = format!("the file has {} bytes, and at most {max_size} were asked for", content.len());
        return Err(Error::new(ErrorKind::InvalidInput).because(detail));
    }
    content.to_vec()
}
