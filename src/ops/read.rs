//! Operations that read: each works on one root and takes no lock.

use crate::content::{self, Content};
use crate::error::{Error, ErrorKind, Result};
use crate::tree::lookup::{At, Miss, find};
use crate::tree::node::{NodeRef, Totals};
use crate::usage::{Stats, Usage};
use crate::volume::Volume;

/// A copy of more bytes takes long enough to be thought about: a file larger than this is read from
/// its content, not under the guard of the root, and by a task not where other tasks wait for it.
pub const SMALL: u64 = 1 << 20;

impl Volume {
    /// Looks a path up in the current root and hands what it finds to `view`.
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    #[inline]
    pub fn view<T>(&self, path: &str, view: impl FnOnce(At<'_>) -> Result<T>) -> Result<T> {
        let path = self.normalize(path)?;
        let root = self.load();
        match find(&root.tree, &path) {
            Ok(at) => view(at),
            Err(miss) => Err(Error::at(miss.into(), &path)),
        }
        .map_err(|error| error.on(&path))
    }

    /// As [`view`](Self::view), for calls that answer yes or no.
    #[inline]
    pub fn test(&self, path: &str, test: impl FnOnce(NodeRef<'_>) -> bool) -> bool {
        let Ok(path) = self.normalize(path) else { return false };
        find(&self.load().tree, &path).is_ok_and(|at| test(at.found))
    }

    /// Replaces what is in `out` by the bytes of a file.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view); `IsADirectory`, `AllocationFailed`.
    pub fn read_into(&self, path: &str, out: &mut Vec<u8>) -> Result<()> {
        match self.read_small(path, out)? {
            Some(content) => read_content(&content, out).map_err(|error| error.on(path)),
            None => Ok(()),
        }
    }

    /// As [`read_into`](Self::read_into), but the content of a file of more than [`SMALL`] bytes
    /// comes back instead of being copied.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view); `IsADirectory`, `AllocationFailed`.
    pub fn read_small(&self, path: &str, out: &mut Vec<u8>) -> Result<Option<Content>> {
        self.view(path, |at| {
            let content = file_content(&at)?;
            if content.len() > SMALL {
                return Ok(Some(content.clone()));
            }
            read_content(content, out)?;
            Ok(None)
        })
    }

    /// The content of a file, shared.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view); `IsADirectory`.
    pub fn content(&self, path: &str) -> Result<Content> {
        self.view(path, |at| file_content(&at).cloned())
    }

    /// Whether a directory stands at a path, or why none does.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view); `NotADirectory`.
    pub fn look_for_dir(&self, path: &str) -> Result<()> {
        self.view(path, |at| match at.found {
            NodeRef::Dir(_) => Ok(()),
            NodeRef::File(_) => Err(Error::new(Miss::NotADirectory.into())),
        })
    }

    /// The figures of the whole filesystem.
    pub fn stats(&self) -> Stats {
        let resources = &self.resources;
        resources.graves.sweep();
        let (totals, snapshots) = (self.load().tree.totals, resources.snapshots.get());
        // Read after the tree: what is published meanwhile is in the sum and not in the tree, so
        // the difference is never too small by it.
        let used = resources.quota.used();
        let quota = resources.quota.limit();
        Stats {
            used_bytes: used,
            quota_bytes: quota,
            free_bytes: quota.saturating_sub(used),
            payload_bytes: totals.bytes,
            file_count: u64::from(totals.files),
            dir_count: u64::from(totals.dirs) + 1,
            chunk_count: self.account().chunks_alive(),
            chunk_overhead: self.config.chunk_overhead,
            node_overhead: self.config.node_overhead,
            pinned_bytes: used.saturating_sub(totals.charged).saturating_sub(resources.drafts.get()),
            open_handles: resources.handles.get(),
            snapshots,
        }
    }
}

/// The content of what was found, if it is a file.
///
/// # Errors
///
/// `IsADirectory`.
pub fn file_content<'a>(at: &At<'a>) -> Result<&'a Content> {
    match at.found {
        NodeRef::File(file) => Ok(&file.content),
        NodeRef::Dir(_) => Err(Error::new(ErrorKind::IsADirectory)),
    }
}

/// Replaces what is in `out` by the bytes of `content`.
///
/// # Errors
///
/// `AllocationFailed`.
pub fn read_content(content: &Content, out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    let requested = content.len();
    let len =
        usize::try_from(requested).map_err(|_| Error::new(ErrorKind::AllocationFailed { requested }))?;
    content::reserve(out, len)?;
    content.copy_into(out)
}

/// What a subtree adds up to, the node at its top included.
#[must_use]
pub fn usage_of(at: &At<'_>) -> Usage {
    match at.found {
        NodeRef::File(file) => Usage { bytes: file.content.len(), files: 1, dirs: 0 },
        NodeRef::Dir(dir) => {
            let Totals { bytes, files, dirs, .. } = dir.totals;
            Usage { bytes, files: u64::from(files), dirs: u64::from(dirs) + 1 }
        }
    }
}
