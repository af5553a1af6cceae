//! A version that is held.

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use super::node::Dir;
use super::versions::Versions;

/// All names, bytes and metadata of one version, for as long as this lives. O(1) to clone.
///
/// Whoever drops the last handle of a version waits for nobody: what only that version needed is freed then or, if
/// somebody commits at that moment, by them or by who comes next.
#[derive(Clone)]
pub struct Tree(Arc<Held>);

/// A snapshot of the store.
struct Held {
    versions: Arc<Versions>,
    root: NonNull<Dir>,
    /// The version in the store's own count.
    version: u64,
}

// SAFETY: what the root leads to is only read as long as the snapshot is held.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the handle is the last one, and what was borrowed from it is gone.
        unsafe { self.versions.let_go(self.version) };
    }
}

impl Tree {
    /// The handle of a version that was taken.
    ///
    /// # Safety
    ///
    /// The store took a snapshot of this version, for this handle, and this is its root directory.
    pub(super) unsafe fn new(versions: Arc<Versions>, root: NonNull<Dir>, version: u64) -> Self {
        Self(Arc::new(Held { versions, root, version }))
    }

    /// Whether both are the same version, by pointer.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.root == other.0.root
    }

    /// All versions of the filesystem that this is of.
    pub(super) fn versions(&self) -> &Arc<Versions> {
        &self.0.versions
    }

    /// Which version of them it is.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.version
    }

    /// Its root directory.
    pub(super) fn root(&self) -> NonNull<Dir> {
        self.0.root
    }
}

impl Deref for Tree {
    type Target = Dir;

    #[inline]
    fn deref(&self) -> &Dir {
        // SAFETY: the snapshot keeps alive what its root reaches, and nobody writes it (I1, I5).
        unsafe { self.0.root.as_ref() }
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
