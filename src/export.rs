//! Files out of a filesystem, as values.

use std::collections::BTreeMap;

use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{Named, read_content};
use crate::path;
use crate::tree::files::Files;
use crate::tree::held::Tree;

/// Which files an export takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Only files written since they were created empty, imported or copied: generation above 0.
    pub only_dirty: bool,
}

/// The files at or below a path, in tree order, found as they are asked for.
///
/// It holds what it goes through, so that what it yields is of one instant however long it takes.
#[derive(Debug)]
pub struct ExportIter {
    /// `None` where nothing stands at the path.
    files: Option<Files>,
}

impl ExportIter {
    /// The files at or below a path as `operation` was given it.
    pub(crate) fn of(
        tree: Tree,
        prefix: &str,
        options: ExportOptions,
        max_depth: usize,
        operation: &'static str,
    ) -> Result<Self> {
        let path = path::normalize(prefix, max_depth).named(operation, prefix)?;
        Ok(Self { files: Files::new(tree, &path, options.only_dirty).ok() })
    }
}

impl Iterator for ExportIter {
    type Item = (String, Content);

    fn next(&mut self) -> Option<Self::Item> {
        self.files.as_mut()?.next()
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
