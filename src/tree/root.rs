//! The value that is published (a tree, what is held in it, and its version), and its limits.

pub use super::engine::Root;

use crate::error::{Error, ErrorKind};
use crate::fault::{self, Fault};

/// What no tree may exceed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files and directories, the root included.
    pub max_nodes: u64,
    /// Components of a path.
    pub max_depth: usize,
    /// Charged for each chunk, and for each name over 23 bytes, on top of its bytes.
    pub chunk_overhead: u64,
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
