//! The value that is published: a tree, what is held in it, and its version.

use super::node::Dir;
use super::tree::Tree;
use crate::tree::holds::Holds;
use crate::tree::meta::Timestamp;

/// One state of a filesystem. Immutable once published.
#[derive(Clone, Debug)]
pub struct Root {
    /// All names, bytes and metadata.
    pub tree: Tree,
    /// The paths open under a lock.
    pub holds: Holds,
    /// Grows with each publication.
    pub version: u64,
}

impl Root {
    /// An empty filesystem.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { tree: Tree::new(Dir::new(now, None)), holds: Holds::default(), version: 0 }
    }

    /// Files and directories, the root directory and files promised by holds included.
    #[must_use]
    pub fn nodes(&self) -> u64 {
        1 + self.tree.totals.nodes() + self.holds.reserved_nodes()
    }
}
