//! arcfs with its other tree.

pub use arcfs_twin as engine;

#[path = "side.rs"]
#[allow(clippy::duplicate_mod, reason = "the same driver, of another engine")]
mod side;
pub use side::World;
