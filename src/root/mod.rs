//! Publication: the one pointer to the newest root, and how a commit replaces it.
//!
//! Knows nothing of paths, bytes or users' errors: it hands edits to [`tree`](crate::tree) and
//! publishes what comes back.
//!
//! | module | what |
//! |---|---|
//! | `counted` | for the tree over counted nodes: the swapped pointer, how commits take turns, the graves |
//! | `over_versions` | the same doors for the tree whose objects are freed by version |
//! | `commit_lock` | whose turn it is to commit there |
//! | `version_cell` | the published pointer where objects are freed by version |
//! | `readers` | who reads which version |
//! | `lengths` | how long commits take: a sample |
//! | `left` | versions that handles held which are gone |

#[cfg(not(arcfs_tree = "counted"))]
pub mod commit_lock;
#[cfg(arcfs_tree = "counted")]
mod counted;
#[cfg_attr(
    not(any(test, feature = "internals")),
    allow(dead_code, reason = "the counted tree does not need it")
)]
pub mod left;
#[cfg(any(test, not(arcfs_tree = "counted")))]
pub mod lengths;
#[cfg(not(arcfs_tree = "counted"))]
mod over_versions;
#[cfg_attr(
    not(any(test, feature = "internals")),
    allow(dead_code, reason = "a counted root cell needs a part of it, or none")
)]
pub mod readers;
#[cfg_attr(
    not(any(test, feature = "internals")),
    allow(dead_code, reason = "a counted root cell needs a part of it, or none")
)]
pub mod version_cell;

#[cfg(arcfs_tree = "counted")]
use counted as publication;
#[cfg(not(arcfs_tree = "counted"))]
use over_versions as publication;

#[cfg(all(feature = "internals", arcfs_tree = "counted"))]
pub use counted::{Combining, CompareAndSwap, Protocol, RootCell, Serial};
pub use publication::{Graves, Publisher, RootGuard, Seed, SerialTurn, Version};
#[cfg(any(test, feature = "internals"))]
pub use version_cell::{Pin, VersionCell, Versioned, is_read};
