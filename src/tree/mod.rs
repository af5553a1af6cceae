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
//! | `files`, `copy` | whole subtrees, to export and to copy |
//! | `cursor`, `trail` | what iterators are made of: a place in a directory, a path that grows and shrinks |
//! | `check` | the invariants, for tests |

pub mod apply;
#[cfg(any(test, feature = "internals"))]
pub mod check;
pub mod copy;
pub mod cursor;
pub mod diff;
pub mod dir_map;
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
pub mod read_dir;
pub mod root;
pub mod trail;
pub mod walk;

#[cfg(test)]
mod tests;
