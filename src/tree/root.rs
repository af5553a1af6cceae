//! The value that is published: a tree, what is held in it, and its version.

use std::sync::Arc;

use super::holds::Holds;
use super::meta::Timestamp;
use super::node::Dir;
use crate::error::{Error, ErrorKind};
use crate::fault::{self, Fault};

/// One state of a filesystem. Immutable once published.
#[derive(Clone, Debug)]
pub struct Root {
    /// All names, bytes and metadata.
    pub tree: Arc<Dir>,
    /// The paths open under a lock.
    pub holds: Holds,
    /// Grows with each publication.
    pub version: u64,
}

impl Root {
    /// An empty filesystem.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { tree: Arc::new(Dir::new(now, None)), holds: Holds::default(), version: 0 }
    }

    /// Files and directories, the root directory and files promised by holds included.
    #[must_use]
    pub fn nodes(&self) -> u64 {
        1 + self.tree.totals.nodes() + self.holds.reserved_nodes()
    }
}

/// What no tree may exceed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files and directories, the root included.
    pub max_nodes: u64,
    /// Components of a path.
    pub max_depth: usize,
}

impl Limits {
    /// Whether a root of `before` nodes may become one of `after`: only growth is refused.
    ///
    /// # Errors
    ///
    /// `NodeLimit`.
    pub fn allow_nodes(&self, before: u64, after: u64) -> Result<(), Error> {
        if after > before && after > self.max_nodes {
            return Err(Error::new(ErrorKind::NodeLimit { current: before, limit: self.max_nodes }));
        }
        Ok(())
    }

    /// The one choke point of node creation: as [`allow_nodes`](Self::allow_nodes), for a change
    /// that is about to be published.
    ///
    /// # Errors
    ///
    /// `NodeLimit`.
    pub fn admit_nodes(&self, before: u64, after: u64) -> Result<(), Error> {
        if after > before && fault::strikes(Fault::Node) {
            return Err(Error::new(ErrorKind::NodeLimit { current: before, limit: self.max_nodes }));
        }
        self.allow_nodes(before, after)
    }
}
