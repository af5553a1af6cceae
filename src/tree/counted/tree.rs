//! A tree that is held, and iterators that hold the tree they go through.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::node::Dir;

/// All names, bytes and metadata of one version, for as long as this lives. O(1) to clone.
#[derive(Clone)]
pub struct Tree(Arc<Dir>);

impl Tree {
    /// The tree below a directory without a name.
    #[must_use]
    pub fn new(root: Dir) -> Self {
        Self(Arc::new(root))
    }

    /// A tree that was built node by node.
    #[cfg(feature = "image")]
    #[must_use]
    pub fn of(root: Arc<Dir>) -> Self {
        Self(root)
    }

    /// Which version it is, where objects know that.
    #[cfg(feature = "image")]
    #[must_use]
    #[expect(clippy::unused_self, reason = "in the other tree it depends on it")]
    pub fn number(&self) -> u64 {
        0
    }

    /// Whether both are the same version, by pointer.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether nobody else holds it; nobody can come to hold it then, if it is not published.
    #[must_use]
    pub fn is_held_here_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// The root directory, to be changed; copied if something else holds it.
    #[must_use]
    pub fn make_mut(&mut self) -> &mut Dir {
        Arc::make_mut(&mut self.0)
    }
}

impl Deref for Tree {
    type Target = Dir;

    #[inline]
    fn deref(&self) -> &Dir {
        &self.0
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
