//! The pure core: names and nodes, looking them up, changing them, walking them.
//!
//! Knows nothing of threads, atomics, clocks, quota policy or publication: a function here takes
//! a tree and gives back an answer or another tree.
//!
//! | module | what |
//! |---|---|
//! | `name`, `meta`, `node`, `dir_map` | the value |
//! | `lookup` | paths to nodes |
//! | `holds` | the paths open under a lock |
//! | `edit`, `examine`, `apply` | changes as data, when they are refused, what they do to a root |
//! | `metadata`, `read_dir`, `walk`, `glob`, `diff` | what users read from a tree |
//! | `plan` | trees as they are to be, out of which all versions are made at once |
//! | `files`, `copy` | whole subtrees, to export and to copy |
//! | `held` | a tree that is held, as iterators do that leave this module |
//! | `trail` | a path that grows and shrinks |
//! | `check` | the invariants, for tests |
//! | `counted`, `stamped` | two ways to keep the value and to change it: nodes that are shared by count, or objects that are freed by version; one of them is built (`--cfg arcfs_tree`) |
//! | `versioned` | the store of the second |

#[cfg(any(test, feature = "internals"))]
pub mod check;
pub mod copy;
#[cfg(arcfs_tree = "counted")]
pub mod counted;
pub mod diff;
pub mod edit;
pub mod examine;
pub mod files;
pub mod glob;
pub mod height;
pub mod holds;
pub mod lookup;
pub mod meta;
pub mod metadata;
pub mod name;
pub mod node;
#[cfg(feature = "image")]
pub mod plan;
pub mod read_dir;
pub mod root;
#[cfg(not(arcfs_tree = "counted"))]
pub mod stamped;
pub mod trail;
#[cfg_attr(
    not(feature = "internals"),
    allow(dead_code, unused_imports, reason = "tests use more of it, the tree over counted nodes nothing")
)]
pub mod versioned;
pub mod walk;

#[cfg(arcfs_tree = "counted")]
use counted as engine;
pub use engine::{dir_map, fork, tree as held};
#[cfg(not(arcfs_tree = "counted"))]
use stamped as engine;
