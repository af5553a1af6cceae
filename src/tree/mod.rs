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
//! | `edit`, `apply` | changes as data, and what they do to a root |

pub mod apply;
pub mod dir_map;
pub mod edit;
pub mod examine;
pub mod height;
pub mod holds;
pub mod lookup;
pub mod meta;
pub mod name;
pub mod node;
pub mod root;
