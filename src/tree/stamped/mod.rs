//! The tree over objects that know when they were born: nothing in it is counted.
//!
//! Directories, files and names are objects of one [`Store`](crate::tree::versioned::Store); what a
//! commit replaces is freed when no snapshot and no reader can reach it any more. Bytes alone are
//! counted ([`Content`](crate::Content)), because they are shared with who reads and between copies.
//!
//! | module | what |
//! |---|---|
//! | `node`, `dir_map` | the objects, as they are lent to who reads |
//! | `new` | what edits bring: files, directories, names and trees, with what pays for them |
//! | `versions` | the store, the published root, who holds which version |
//! | `tree` | a version that is held |
//! | `fork` | a root that nobody else sees |
//! | `apply`, `graft` | what edits do to a root |
//! | `grow` | all versions of a filesystem out of a plan |
//!
//! A node that is lent is safe to read for as long as it is lent: it comes from a pinned root or from a
//! held version, whose objects are neither written nor freed (I1, I8, I9 in `versioned`).
#![allow(unsafe_code, reason = "lends what the store keeps alive: each module says by which rule")]

pub mod apply;
pub mod dir_map;
pub mod fork;
mod graft;
#[cfg(feature = "image")]
pub mod grow;
pub mod new;
pub mod node;
pub mod tree;
pub mod versions;

#[cfg(test)]
mod tests;

pub use versions::Root;
