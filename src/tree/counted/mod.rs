//! The tree over counted nodes: what two versions share is shared by count.
//!
//! | module | what |
//! |---|---|
//! | `node`, `dir_map`, `tree` | the value |
//! | `apply` | what edits do to a root |
//! | `root` | what is published |
//! | `fork` | a root that nobody else sees |
//! | `copy` | whole subtrees, to be bound elsewhere |
//! | `grow` | trees out of a plan |

pub mod apply;
pub mod copy;
pub mod dir_map;
pub mod fork;
#[cfg(feature = "image")]
pub mod grow;
pub mod node;
pub mod root;
pub mod tree;

#[cfg(test)]
mod tests;

pub use root::Root;
