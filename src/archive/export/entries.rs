//! Which nodes go into an archive, under which names, and how far the export has come.

use super::deflate::BLOCK;
use super::options::{ArchiveOptions, ArchiveProgress, ArchiveSummary, Progress};
use crate::content::Content;
use crate::error::{Error, Result};
use crate::ops::usage_of;
use crate::path;
use crate::snapshot::Snapshot;
use crate::tree::files::{Nodes, Select};
use crate::tree::lookup::{Miss, find};
use crate::tree::meta::Timestamp;
use crate::tree::node::NodeRef;

/// One file or directory of an archive.
#[derive(Debug)]
pub struct Entry {
    /// Its name there, relative and with `/` between components; that of a directory ends in one.
    pub name: String,
    /// When it was modified.
    pub modified: Timestamp,
    /// The bytes of a file; `None` for a directory.
    pub content: Option<Content>,
}

/// The entries of an archive in tree order, and the count of those that are done.
pub struct Entries<'s> {
    nodes: Nodes<'s>,
    /// The bytes of a path before the name in the archive.
    base: usize,
    /// What the filter said, a bit for each node.
    chosen: Option<Vec<u64>>,
    /// Nodes seen so far.
    seen: usize,
    done: ArchiveProgress,
    files: u64,
    progress: Option<Progress>,
    /// Bytes done that `progress` has not been told.
    untold: u64,
}

impl<'s> Entries<'s> {
    /// Finds what is to be exported and asks the filter.
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    pub fn new(snapshot: &'s Snapshot, options: ArchiveOptions) -> Result<Self> {
        let prefix = path::normalize(&options.prefix, snapshot.max_depth())?;
        let miss = |miss: Miss| Error::at(miss.into(), &prefix);
        let at = find(snapshot.tree(), &prefix).map_err(miss)?;
        let base = match (at.found, path::split_last(&prefix)) {
            (NodeRef::File(_), Some((_, name))) => prefix.len() - name.len(),
            (_, None) => 1,
            _ => prefix.len() + 1,
        };
        let select = Select { only_dirty: options.only_dirty, dirs: !options.only_dirty };
        let nodes = || Nodes::new(snapshot.tree(), &prefix, select).map_err(miss);

        let mut done = ArchiveProgress { entries: 0, total_entries: 0, bytes: 0, total_bytes: 0 };
        let mut chosen = None;
        if options.only_dirty || options.filter.is_some() {
            let mut filter = options.filter;
            let mut bits = Vec::new();
            for (number, (path, node)) in nodes()?.filter(|(path, _)| path.len() > base).enumerate() {
                if number % 64 == 0 {
                    bits.push(0_u64);
                }
                if filter.as_mut().is_none_or(|filter| filter(&path)) {
                    bits[number / 64] |= 1 << (number % 64);
                    done.total_entries += 1;
                    done.total_bytes += content_of(node).map_or(0, Content::len);
                }
            }
            chosen = Some(bits);
        } else {
            let usage = usage_of(&at);
            let top = u64::from(matches!(at.found, NodeRef::Dir(_)));
            done.total_entries = usage.files + usage.dirs - top;
            done.total_bytes = usage.bytes;
        }
        let nodes = nodes()?;
        Ok(Self { nodes, base, chosen, seen: 0, done, files: 0, progress: options.progress, untold: 0 })
    }

    /// Notes that so many bytes of a file are done.
    pub fn pass_bytes(&mut self, bytes: u64) {
        self.done.bytes += bytes;
        self.untold += bytes;
        if self.untold >= BLOCK as u64 {
            self.tell();
        }
    }

    /// Notes that an entry is done, its bytes having been noted.
    pub fn pass_entry(&mut self, is_file: bool) {
        self.done.entries += 1;
        self.files += u64::from(is_file);
        self.tell();
    }

    fn tell(&mut self) {
        self.untold = 0;
        if let Some(progress) = &mut self.progress {
            progress(self.done);
        }
    }

    /// Says what was done, once the archive of so many bytes has been written.
    pub fn finish(&mut self, written: u64) -> ArchiveSummary {
        let ArchiveProgress { entries, bytes, .. } = self.done;
        debug_assert_eq!((entries, bytes), (self.done.total_entries, self.done.total_bytes));
        self.tell();
        ArchiveSummary { files: self.files, dirs: entries - self.files, bytes, written }
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let (path, node) = self.nodes.next()?;
            if path.len() <= self.base {
                continue; // the directory at the top
            }
            let number = self.seen;
            self.seen += 1;
            if self.chosen.as_ref().is_some_and(|bits| bits[number / 64] & (1 << (number % 64)) == 0) {
                continue;
            }
            let mut name = path[self.base..].to_owned();
            let modified = match node {
                NodeRef::Dir(dir) => {
                    name.push('/');
                    dir.meta.modified
                }
                NodeRef::File(file) => file.meta.modified,
            };
            return Some(Entry { name, modified, content: content_of(node).cloned() });
        }
    }
}

fn content_of(node: NodeRef<'_>) -> Option<&Content> {
    node.as_file().map(|file| &file.content)
}
